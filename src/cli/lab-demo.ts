// fairlead lab demo: the whole story on a lab of its own. Replies are lost, a playbook is run, none is lost,
// every host is rebooted, still none is lost, a second run changes nothing, and a mistake that cuts a host off is undone.
import { join } from 'node:path';
import { createLab } from '../lab/create-lab.ts';
import type { Lab } from '../lab/lab.ts';
import { type LabStatus, labStatus } from '../lab/lab-status.ts';
import { attach, capture } from '../lab/namespaces.ts';
import { PACKAGE_FOLDER } from '../package.ts';
import type { CliContext } from './context.ts';

const PLAYBOOK = join(PACKAGE_FOLDER, 'playbooks', 'split-access.yml');
const CUT_OFF = join(PACKAGE_FOLDER, 'playbooks', 'cut-off.yml');
const CONNECTIONS = 25;

/** 0 where everything held, else 1. */
export async function labDemo(context: CliContext, options: { readonly hostCount: number }): Promise<number> {
  const demo = new Demo(context, await startLab(context, options.hostCount));
  try {
    return (await demo.tell()) ? 0 : 1;
  } finally {
    await demo.end();
  }
}

/** What there is to see without root or Linux: the files that the same playbook would put on its hosts. */
export function renderInstead(context: CliContext): Promise<number> {
  const inventory = join(PACKAGE_FOLDER, 'inventories', 'lab', 'hosts.yml');
  return attach([...context.fairlead, 'render', '-i', inventory, '--limit', 'edge-1', PLAYBOOK]);
}

async function startLab(context: CliContext, hostCount: number): Promise<Lab> {
  context.out(
    `${hostCount} hosts on two providers that drop spoofed packets, each with its own sshd and network\n`,
  );
  return createLab({ name: `demo-${process.pid}`, hostCount, owner: 'this-process' });
}

class Demo {
  readonly #context: CliContext;
  readonly #lab: Lab;

  constructor(context: CliContext, lab: Lab) {
    this.#context = context;
    this.#lab = lab;
  }

  /** False as soon as something is not as it should be. */
  async tell(): Promise<boolean> {
    const { out } = this.#context;
    const all = this.#lab.hosts.length;
    this.#heading('before: replies to the second provider leave by the first, which drops them');
    const before = await this.#prove();
    if (before.answered === before.sent) return this.#wrong('every address answers already');

    this.#heading('fairlead run playbooks/split-access.yml');
    if ((await attach(this.#run(PLAYBOOK))) !== 0) return false;

    this.#heading('after');
    if (!(await this.#holds())) return false;

    this.#heading('every host loses power and boots');
    const started = performance.now();
    await Promise.all(this.#lab.hosts.map((host) => this.#lab.reboot(host.name)));
    out(`${all} hosts rebooted in ${((performance.now() - started) / 1000).toFixed(1)} s\n`);
    if (!(await this.#holds())) return false;

    this.#heading('the same run again');
    const second = await capture(this.#run(PLAYBOOK));
    out(second.stdout);
    this.#context.err(second.stderr);
    if (second.exitCode !== 0) return false;
    if (!/\b0 changed\b/.test(second.stdout)) return this.#wrong('the second run changed something');

    const [{ name: victim } = { name: '' }] = this.#lab.hosts;
    this.#heading(`a mistake: playbooks/cut-off.yml drops every packet of ${victim}`);
    const mistake = await capture(this.#run(CUT_OFF, '--limit', victim));
    out(mistake.stdout);
    this.#context.err(mistake.stderr);
    if (mistake.exitCode !== 1 || !/rolled back, as it was before/.test(mistake.stdout))
      return this.#wrong(`${victim} did not come back`);
    if (!(await this.#holds())) return false;
    out('\nTry it yourself: fairlead lab up, fairlead lab --help\n');
    return true;
  }

  async end(): Promise<void> {
    await this.#lab.down();
  }

  #run(...words: readonly string[]): Parameters<typeof attach>[0] {
    return this.#lab.controllerCommand([
      ...this.#context.fairlead,
      'run',
      '-i',
      this.#lab.paths.inventory,
      ...words,
    ]);
  }

  async #holds(): Promise<boolean> {
    const { sent, answered, spoofed } = await this.#prove();
    if (answered < sent) return this.#wrong(`${sent - answered} of ${sent} connections were lost`);
    return spoofed === 0 || this.#wrong(`${spoofed} packets left with the wrong source`);
  }

  /** Connects to every address of every host and tells how it went. */
  async #prove(): Promise<{ sent: number; answered: number; spoofed: number }> {
    // Replies that were lost before are still sent again for a while.
    const counts = await Promise.all(
      this.#lab.plan.providers.map(({ name }) => this.#lab.spoofedPackets(name)),
    );
    const spoofedBefore = counts.reduce((sum, each) => sum + each, 0);
    const status = await labStatus(this.#lab, CONNECTIONS);
    const spoofed = status.spoofed.reduce((sum, each) => sum + each.packets, 0) - spoofedBefore;
    const results = status.hosts.flatMap((host) => host.reachable);
    const answered = results.reduce((sum, each) => sum + each.ok, 0);
    const sent = results.reduce((sum, each) => sum + each.ok + each.failed, 0);
    this.#context.out(this.#table(status));
    this.#context.out(`${answered} of ${sent} connections answered, ${spoofed} packets dropped as spoofed\n`);
    return { sent, answered, spoofed };
  }

  /** A row per host, a column per provider and address family. */
  #table(status: LabStatus): string {
    const columns = this.#lab.plan.providers.flatMap(({ name }) => [`${name} IPv4`, `${name} IPv6`]);
    const rows = status.hosts.map(({ name, reachable }) => [
      name,
      ...reachable.map(({ ok, failed }) => `${ok} of ${ok + failed}`),
    ]);
    return [['', ...columns], ...rows]
      .map(
        (row) =>
          `${row
            .map((cell) => cell.padEnd(11))
            .join('')
            .trimEnd()}\n`,
      )
      .join('');
  }

  #heading(text: string): void {
    this.#context.out(`\n== ${text}\n`);
  }

  #wrong(what: string): false {
    this.#context.err(`error: ${what}\n`);
    return false;
  }
}
