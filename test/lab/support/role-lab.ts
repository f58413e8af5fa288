// What the lab tests of the roles share: commands on hosts that must succeed, a picture of the kernel, playbook runs
// with variables, and figures for whoever reads the log.
import { join } from 'node:path';
import { expect } from 'vitest';
import { countCallers, type FlowOrder, type FlowSource } from '../../../src/lab/flows.ts';
import type { Lab } from '../../../src/lab/lab.ts';
import { bareAddress, type LabHost, type LabLink } from '../../../src/lab/plan.ts';
import { changesOf, fairlead, PROJECT } from './fairlead.ts';

/**
 * Everything that a role may touch, as the kernel tells it once its addresses are settled. Routes' lifetimes count down and
 * are left out; those of IPv6 come in the order in which the links came up at boot.
 */
export const SNAPSHOT = `
for attempt in 1 2 3 4 5 6 7 8 9 10; do
  ip -o address | grep -q ' tentative' || break
  sleep 0.5
done
ip rule; ip -6 rule
ip -4 route show table all; ip -6 route show table all | sed 's/ expires [0-9]*sec//' | sort
ip -o address | sed 's/ *valid_lft.*//'
iptables-save | sed '/^#/d; s/ \\[[0-9]*:[0-9]*\\]$//'; ip6tables-save | sed '/^#/d; s/ \\[[0-9]*:[0-9]*\\]$//'
nft list tables; ipset list -n
for file in $(find /proc/sys/net/ipv4/conf /proc/sys/net/ipv6/conf /proc/sys/net/ipv4/fib_* /proc/sys/net/ipv6/fib_* -type f | sort); do
  printf '%s ' "$file"; cat "$file" 2>/dev/null || echo unreadable
done`;

export class RoleLab {
  readonly lab: Lab;

  constructor(lab: Lab) {
    this.lab = lab;
  }

  /** Fails the test where the script does. */
  async onHost(host: string, script: string): Promise<string> {
    const { exitCode, stdout, stderr } = await this.lab.inHost(host, ['sh', '-c', script]);
    expect({ script, exitCode, stdout, stderr }).toMatchObject({ script, exitCode: 0 });
    return stdout;
  }

  /** Exit status and output of a boot script's action. */
  async script(host: string, role: string, action: string): Promise<{ exitCode: number; said: string }> {
    const script = `/etc/init.d/fairlead-${role}`;
    const { exitCode, stdout, stderr } = await this.lab.inHost(host, [script, action]);
    return { exitCode, said: stdout + stderr };
  }

  /** A hook's own reload runs in the background, and would repair what a test is about to break. */
  async hooksAreDone(host: string): Promise<void> {
    await this.onHost(
      host,
      `while pgrep -f '[/]etc/init.d/fairlead-[a-z-]* (reload|status)' >/dev/null; do sleep 0.05; done`,
    );
  }

  /** Runs the project's playbook of that name; the number of changes. Fails the test where the run does. */
  async run(playbook: string, variables: object = {}): Promise<number> {
    const path = join(PROJECT, `playbooks/${playbook}.yml`);
    const run = await fairlead(this.lab, 'run', path, '-e', JSON.stringify(variables));
    expect({ exitCode: run.exitCode, stdout: run.stdout, stderr: run.stderr }).toMatchObject({
      exitCode: 0,
      stderr: '',
    });
    return changesOf(run) ?? Number.NaN;
  }

  async spoofed(): Promise<number> {
    const counts = await Promise.all(
      this.lab.plan.providers.map(({ name }) => this.lab.spoofedPackets(name)),
    );
    return counts.reduce((total, each) => total + each, 0);
  }

  /** How many flows arrived by which link, by the address they came from; all of them answered, none spoofed. */
  async split(from: FlowSource, order: FlowOrder, links: readonly LabLink[]): Promise<readonly number[]> {
    const spoofedBefore = await this.spoofed();
    const callers = { ...countCallers(await this.lab.flows(from, order)) };
    const counts = links.map((link) => {
      const addresses = [bareAddress(link.address), bareAddress(link.address6)];
      return addresses.reduce((total, address) => {
        const count = callers[address] ?? 0;
        delete callers[address];
        return total + count;
      }, 0);
    });
    expect(callers).toEqual({});
    expect(await this.spoofed()).toBe(spoofedBefore);
    return counts;
  }
}

let lastPort = 20_000;

/**
 * Ports that no flow of these tests has had for a while. Of one that was just in use conntrack may still know the
 * connection, and its address with it, without asking any rule again.
 */
export function freshPorts(count: number): readonly number[] {
  lastPort = lastPort + count > 60_000 ? 20_000 : lastPort;
  lastPort += count;
  return Array.from({ length: count }, (_, at) => lastPort - at);
}

export function linksOf(host: LabHost, ...names: readonly string[]): readonly LabLink[] {
  return names.map((name) => {
    const link = host.links.find((each) => each.name === name);
    if (link === undefined) throw new Error(`${host.name} has no link ${name}`);
    return link;
  });
}

/** For the log: a claim's figure. */
export function figure(text: string): void {
  console.info(`    ${text}`);
}

/** Resolves with the seconds that passed until it holds; fails the test after so many. */
export async function secondsUntil(
  holds: () => Promise<boolean>,
  { withinS, what }: { readonly withinS: number; readonly what: string },
): Promise<number> {
  const began = performance.now();
  for (;;) {
    const good = await holds();
    const seconds = (performance.now() - began) / 1000;
    if (good) return seconds;
    expect(seconds, `${what} within ${withinS} s`).toBeLessThan(withinS);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
