// split-access, ecmp and snat-rr on one host: they get along, survive what happens to hosts, say what somebody else
// has damaged, and put it right.
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createLab } from '../../src/lab/create-lab.ts';
import { countCallers, type FlowSource } from '../../src/lab/flows.ts';
import type { Lab } from '../../src/lab/lab.ts';
import { internetAddress } from '../../src/lab/plan.ts';
import { fleetAddresses, POOLS } from './support/addresses.ts';
import { changesOf, fairlead, PROJECT } from './support/fairlead.ts';
import { figure, freshPorts, RoleLab, SNAPSHOT } from './support/role-lab.ts';

const ROLES = ['split-access', 'ecmp', 'snat-rr'] as const;
const VARIABLES = {
  split_access_track: true,
  ecmp_nat: 'masquerade',
  snat_rr_pools: POOLS,
  snat_rr_from: 'any',
  snat_rr_manage_addresses: true,
};
const CLIENT: FlowSource = { lan: 'edge-1' };

let lab: Lab;
let role: RoleLab;
let before: string;

beforeAll(async () => {
  lab = await createLab({ name: 'test-all-roles', hostCount: 1, lan: true, owner: 'this-process' });
  role = new RoleLab(lab);
  before = await role.onHost('edge-1', SNAPSHOT);
});

afterAll(async () => {
  await lab.down();
});

/** Both links are used, on each its addresses by turns; what comes in by each link is answered; none is spoofed. */
async function expectEverythingWorks(): Promise<void> {
  const spoofedBefore = await role.spoofed();
  for (const from of [CLIENT, { host: 'edge-1' }]) {
    for (const family of ['IPv4', 'IPv6'] as const) {
      const callers = countCallers(
        await lab.flows(from, {
          addresses: [internetAddress(10, family)],
          count: 120,
          atOnce: 20,
          protocol: 'tcp',
          localPorts: freshPorts(120),
          timeoutMs: 3000,
        }),
      );
      for (const { sources } of POOLS) {
        const ours = sources.filter((address) => address.includes(':') === (family === 'IPv6'));
        const counts = ours.map((address) => callers[address] ?? 0);
        expect(Math.min(...counts), JSON.stringify(callers)).toBeGreaterThan(0);
        expect(Math.max(...counts) - Math.min(...counts), JSON.stringify(callers)).toBeLessThanOrEqual(1);
      }
      expect(Object.keys(callers)).toHaveLength(4);
    }
  }
  const addresses = [...fleetAddresses(lab.hosts, 'isp1'), ...fleetAddresses(lab.hosts, 'isp2')];
  const answers = await lab.probe({ addresses, count: 20 });
  expect(answers.map(({ ok }) => ok)).toEqual(addresses.map(() => 20));
  expect(await role.spoofed()).toBe(spoofedBefore);
}

/** The exit status of each role's status, and what they all said. */
async function statuses(): Promise<{ readonly codes: readonly number[]; readonly said: string }> {
  const all = await Promise.all(ROLES.map((name) => role.script('edge-1', name, 'status')));
  return { codes: all.map(({ exitCode }) => exitCode), said: all.map(({ said }) => said).join('') };
}

describe('three roles on one host', () => {
  it('come by one playbook, and a second run changes nothing', async () => {
    await role.run('multihomed', VARIABLES);
    expect(await role.run('multihomed', VARIABLES)).toBe(0);
    await expectEverythingWorks();
  });

  it('hold after a power cut', async () => {
    const bootId = await role.onHost('edge-1', 'cat /proc/sys/kernel/random/boot_id');
    await lab.reboot('edge-1');
    expect(await role.onHost('edge-1', 'cat /proc/sys/kernel/random/boot_id')).not.toBe(bootId);
    await expectEverythingWorks();
    expect(await role.run('multihomed', VARIABLES)).toBe(0);
  });

  for (const device of ['isp1', 'isp2']) {
    it(`are put right by their hooks after ifdown and ifup of ${device}`, async () => {
      await lab.bounce('edge-1', device, 'ifupdown');
      await role.hooksAreDone('edge-1');
      expect((await statuses()).codes).toEqual([0, 0, 0]);
      await expectEverythingWorks();
    });
  }

  const damages: readonly (readonly [string, string, readonly string[]])[] = [
    [
      'a flushed table of split-access',
      'ip route flush table 801',
      ['fairlead-split-access: missing route -4 default via 192.0.2.1 dev isp1'],
    ],
    [
      'a flushed table of ecmp',
      'ip route flush table 901; ip -6 route flush table 901',
      ['fairlead-ecmp: missing route -4 default', 'fairlead-ecmp: missing route -6 default'],
    ],
    [
      'a deleted rule',
      'ip rule del priority 11900',
      ['fairlead-ecmp: missing rule -4 11900 from all lookup 901'],
    ],
    [
      'a deleted jump',
      'iptables -t nat -D POSTROUTING -j fairlead-snat-rr',
      ['fairlead-snat-rr: missing jump -4 nat POSTROUTING -j fairlead-snat-rr'],
    ],
    [
      'a rule that comes before ours',
      'iptables -t nat -I POSTROUTING -o isp1 -j MASQUERADE',
      ['fairlead-snat-rr: changed jump -4 nat POSTROUTING'],
    ],
    [
      'nft flush ruleset',
      'nft flush ruleset',
      [
        'fairlead-split-access: missing chain -4 mangle fairlead-split-access',
        'fairlead-ecmp: missing chain -4 mangle fairlead-ecmp',
        'fairlead-snat-rr: missing chain -4 nat fairlead-snat-rr',
        'fairlead-snat-rr: missing chain -6 nat fairlead-snat-rr',
      ],
    ],
    [
      "another tool's iptables-restore without --noflush",
      "printf '*nat\\n:POSTROUTING ACCEPT [0:0]\\n-A POSTROUTING -o lo -j ACCEPT\\nCOMMIT\\n' | iptables-restore",
      ['fairlead-snat-rr: missing chain -4 nat fairlead-snat-rr', 'fairlead-ecmp: missing chain -4 nat'],
    ],
    [
      'a setting that somebody changed',
      'sysctl -qw net.ipv4.fib_multipath_hash_policy=0',
      ['fairlead-ecmp: missing setting ipv4/fib_multipath_hash_policy 1'],
    ],
  ];
  for (const [title, damage, told] of damages) {
    it(`say and repair ${title}`, async () => {
      const whole = await role.onHost('edge-1', SNAPSHOT);
      await role.onHost('edge-1', damage);
      const { codes, said } = await statuses();
      expect(Math.max(...codes)).toBe(4);
      for (const line of told) expect(said).toContain(line);
      for (const name of ROLES) await role.onHost('edge-1', `/etc/init.d/fairlead-${name} reload`);
      expect((await statuses()).codes).toEqual([0, 0, 0]);
      if (!title.includes('tool') && !title.includes('before')) {
        expect((await role.onHost('edge-1', SNAPSHOT)).split('\n').sort()).toEqual(whole.split('\n').sort());
      }
      await expectEverythingWorks();
      await role.onHost('edge-1', 'iptables -t nat -D POSTROUTING -o isp1 -j MASQUERADE 2>/dev/null || :');
    });
  }

  it('are repaired by a run of the playbook too', async () => {
    await role.onHost('edge-1', 'ip rule del priority 10101; nft flush ruleset');
    expect(await role.run('multihomed', VARIABLES)).toBe(3);
    await expectEverythingWorks();
  });

  it('are verified on request, without a change, and what differs is a failure', async () => {
    const verify = () => {
      const playbook = join(PROJECT, 'playbooks/multihomed.yml');
      const variables = JSON.stringify(VARIABLES);
      return fairlead(lab, 'run', playbook, '--tags', 'verify', '-e', variables);
    };
    const good = await verify();
    expect({ exitCode: good.exitCode, changes: changesOf(good) }).toEqual({ exitCode: 0, changes: 0 });
    await role.onHost('edge-1', 'ip rule del priority 11900');
    const bad = await verify();
    expect(bad.exitCode).toBe(1);
    expect(bad.stdout).toContain('missing rule -4 11900 from all lookup 901');
    await role.onHost('edge-1', '/etc/init.d/fairlead-ecmp reload');
  });

  it('break no open connection while one after the other is reloaded', async () => {
    const held = await lab.holdConnections(CLIENT, { address: internetAddress(10, 'IPv4'), count: 20 });
    for (let round = 0; round < 10; round++) {
      for (const name of ROLES) await role.onHost('edge-1', `/etc/init.d/fairlead-${name} reload`);
    }
    const reports = await held.stop();
    expect(reports.filter(({ broken, providers }) => broken !== null || providers.length !== 1)).toEqual([]);
    figure('30 reloads: 20 of 20 open connections kept');
  });

  it('are stopped one by one, the others stay whole, and in the end the kernel is as it was', async () => {
    await lab.reboot('edge-1');
    await role.hooksAreDone('edge-1');
    for (const [at, name] of ROLES.entries()) {
      await role.onHost('edge-1', `/etc/init.d/fairlead-${name} stop 2>/dev/null`);
      expect((await statuses()).codes).toEqual(ROLES.map((_, index) => (index <= at ? 3 : 0)));
    }
    expect(await role.onHost('edge-1', SNAPSHOT)).toBe(before);
  });
});
