// A lab with playbooks made up on the spot, for what the guard promises: the host is reachable afterwards, and as it was.
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { expect } from 'vitest';
import type { RunEvent } from '../../../src/event.ts';
import { createLab } from '../../../src/lab/create-lab.ts';
import type { Lab } from '../../../src/lab/lab.ts';
import type { Captured } from '../../../src/lab/namespaces.ts';
import { MAIN } from './fairlead.ts';
import { type Outage, type Target, watchOutage } from './outage.ts';
import { figure, RoleLab, SNAPSHOT, secondsUntil } from './role-lab.ts';

/**
 * What SNAPSHOT does not see: nft's tables but those of iptables, and those of the old kind, which, once somebody has looked
 * at them, stay there with nothing in them.
 */
const OTHER_FILTERS = `nft list tables | grep -Ev ' ip6? (filter|nat|mangle|raw|security)$' |
  while read -r _ family name; do nft list table "$family" "$name" | sed 's/counter packets [0-9]* bytes [0-9]*/counter/'; done
iptables-legacy-save 2>/dev/null | sed '/^[*#C]/d; / ACCEPT /d'
ip6tables-legacy-save 2>/dev/null | sed '/^[*#C]/d; / ACCEPT /d'`;

/** Seconds: short, for tests wait for it. */
export const WINDOW_S = 8;

export class GuardLab {
  readonly lab: Lab;
  readonly role: RoleLab;
  /** Of the lab, unless a test has another way to its hosts. */
  inventory: string;
  /** Where the inventory leads to; of the first host. */
  target: Target;
  readonly #folder = mkdtempSync(join(tmpdir(), 'fairlead-guard-'));
  #runs = 0;

  private constructor(lab: Lab) {
    this.lab = lab;
    this.inventory = lab.paths.inventory;
    this.target = { address: lab.hosts[0]?.managementAddress ?? '', port: 22 };
    this.role = new RoleLab(lab);
  }

  static async create(name: string, options: Parameters<typeof createLab>[0] = {}): Promise<GuardLab> {
    return new GuardLab(
      await createLab({ hostCount: 1, ...options, name: `test-guard-${name}`, owner: 'this-process' }),
    );
  }

  async down(): Promise<void> {
    rmSync(this.#folder, { recursive: true });
    await this.lab.down();
  }

  /** A file beside the playbooks. */
  write(name: string, text: string): string {
    const path = join(this.#folder, name);
    writeFileSync(path, text);
    return path;
  }

  /** A play of these tasks (YAML, not indented) on all hosts, guarded for WINDOW_S; its path. */
  playbook(tasks: string, { guard = `${WINDOW_S}s`, keys = '' } = {}): string {
    const indented = tasks.trim().replaceAll('\n', '\n    ');
    return this.write('play.yml', `- hosts: all\n  guard: ${guard}\n${keys}  tasks:\n    ${indented}\n`);
  }

  run(playbook: string, ...words: readonly string[]): Promise<Captured> {
    return this.fairlead('run', playbook, ...words);
  }

  /** `fairlead COMMAND -i INVENTORY WORDS…` */
  fairlead(command: string, ...words: readonly string[]): Promise<Captured> {
    return this.lab.inController([process.execPath, MAIN, command, '-i', this.inventory, ...words]);
  }

  /** The same in the background, so that it can be killed. */
  start(playbook: string, ...words: readonly string[]): RunUnderway {
    const base = join(this.#folder, `run-${++this.#runs}`);
    return new RunUnderway(this.lab, base, ['run', '-i', this.inventory, playbook, ...words]);
  }

  /** A run, and when nobody else got in meanwhile. */
  async runWatched(playbook: string): Promise<Captured & Outage> {
    const outage = watchOutage(this.lab, this.target);
    const run = await this.run(playbook);
    await this.reachable(5);
    return { ...run, ...(await outage()) };
  }

  /** Everything that a role may touch, and these files. */
  async picture(host: string, ...files: readonly string[]): Promise<string> {
    const more = files.map((file) => `ls -ld ${file}; cat ${file} || :`).join('\n');
    // Among routes that are alike but for their device the order says nothing.
    const lines = await this.role.onHost(host, `${SNAPSHOT}\n${OTHER_FILTERS}\n${more}`);
    return lines.split('\n').sort().join('\n');
  }

  /** Resolves with the seconds until a new connection gets in. */
  reachable(withinS: number): Promise<number> {
    return secondsUntil(async () => (await this.fairlead('exec', 'all', 'true')).exitCode === 0, {
      withinS,
      what: 'a new connection gets in',
    });
  }

  /** The journal of the host's guard. */
  journal(host: string): Promise<string> {
    return this.role.onHost(host, 'cat /var/lib/fairlead/guard/journal 2>/dev/null || :');
  }
}

/** A controller at work, whose events can be waited for, and who can be killed. */
export class RunUnderway {
  /** Resolves when it has ended, in whatever way. */
  readonly ended: Promise<Captured>;
  readonly #base: string;

  constructor(lab: Lab, base: string, words: readonly string[]) {
    this.#base = base;
    const script = 'echo $$ >"$0.pid"; exec "$@" --output json >"$0.events"';
    this.ended = lab.inController(['sh', '-c', script, base, process.execPath, MAIN, ...words]);
  }

  events(): readonly RunEvent[] {
    const path = `${this.#base}.events`;
    if (!existsSync(path)) return [];
    const lines = readFileSync(path, 'utf8').split('\n').slice(0, -1);
    return lines.map((line) => JSON.parse(line));
  }

  async until(what: string, holds: (event: RunEvent) => boolean): Promise<void> {
    await secondsUntil(async () => this.events().some(holds), { withinS: 30, what });
  }

  /** SIGKILL. */
  async kill(): Promise<void> {
    this.signal('SIGKILL');
    await this.ended;
  }

  signal(signal: NodeJS.Signals): void {
    process.kill(Number(readFileSync(`${this.#base}.pid`, 'utf8')), signal);
  }
}

/** What came of a run that was rolled back. */
export function expectRolledBack(run: Captured, reason: RegExp): void {
  expect({ exitCode: run.exitCode, stdout: run.stdout, stderr: run.stderr }).toMatchObject({ exitCode: 1 });
  // Not what is told of an earlier run.
  const said = run.stdout.replace(/^\S+ +earlier .*\n/gm, '');
  expect(said).toMatch(/rolled back/);
  expect(said).toMatch(reason);
  expect(said).not.toMatch(/not as before|could not be put back/);
}

/** Seconds from the last change until a host has to be reachable again. */
export const PROMISE_S = WINDOW_S + 10;

/**
 * One row of the fault matrix on a lab of one host: tasks that cut it off. The run fails and says why, the host is
 * reachable in time and as it was, to the byte.
 */
export async function expectComesBack(
  guard: GuardLab,
  tasks: string,
  { reason, files = [] }: { readonly reason: RegExp; readonly files?: readonly string[] },
): Promise<void> {
  const name = guard.lab.hosts[0]?.name ?? '';
  const before = await guard.picture(name, ...files);
  const run = await guard.runWatched(guard.playbook(tasks));
  expectRolledBack(run, reason);
  expect(run.failed).toBeGreaterThan(0);
  expect(await guard.picture(name, ...files)).toBe(before);
  const seconds = run.overAfterMs / 1000;
  expect(seconds).toBeLessThan(PROMISE_S);
  figure(`cut off until ${seconds.toFixed(1)} s after the run began, then as before; window ${WINDOW_S} s`);
}
