// The promise of ecmp, with packets: new flows are spread over the links as their weights say, none with a wrong
// source, none moved by a reload; a link that fails, however it fails, loses its flows only and gets new ones back.
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createLab } from '../../src/lab/create-lab.ts';
import type { FlowOrder, FlowSource } from '../../src/lab/flows.ts';
import type { Lab } from '../../src/lab/lab.ts';
import { bareAddress, internetAddress, type LabHost } from '../../src/lab/plan.ts';
import { fairlead, PROJECT } from './support/fairlead.ts';
import { figure, freshPorts, linksOf, RoleLab, SNAPSHOT, secondsUntil } from './support/role-lab.ts';
import { fitOf } from './support/statistics.ts';

const LINKS = ['isp1', 'isp2', 'isp3'] as const;
const HOST: FlowSource = { host: 'edge-1' };
const CLIENT: FlowSource = { lan: 'edge-1' };
const ROUTER = { ecmp_nat: 'masquerade' };
/** Out after two rounds of at most two seconds, back after two. */
const PROBER = {
  ecmp_probe_targets: [internetAddress(200, 'IPv4'), internetAddress(200, 'IPv6')],
  ecmp_probe_interval_s: 1,
  ecmp_probe_timeout_s: 1,
  ecmp_probe_down: 2,
  ecmp_probe_up: 2,
};
const PROBER_BOUND_S = 8;
/** With l4 the kernel takes what the receiving device says of a forwarded packet; in a lab that is a new roll of dice each time. */
const HASHED_BY_THE_PACKET = {
  ecmp_hash: 'custom',
  ecmp_hash_fields: ['src', 'dst', 'proto', 'sport', 'dport'],
};
const THE_SAME_PORTS = Array.from({ length: 1000 }, (_, at) => 10_000 + at);

let lab: Lab;
let role: RoleLab;
let host: LabHost;
/** The kernel without the roles. */
let before: string;

beforeAll(async () => {
  lab = await createLab({
    name: 'test-ecmp',
    hostCount: 1,
    providers: 3,
    lan: true,
    owner: 'this-process',
  });
  role = new RoleLab(lab);
  host = lab.host('edge-1');
});

afterAll(async () => {
  await lab.down();
});

/** Always the same flows, and on kernels that let us choose it (6.11) always the same hash: no luck in it. */
async function flows(family: 'IPv4' | 'IPv6', localPorts: readonly number[]): Promise<FlowOrder> {
  await role.onHost('edge-1', 'sysctl -qw net.ipv4.fib_multipath_hash_seed=7 2>/dev/null || :');
  return {
    addresses: [internetAddress(10, family)],
    count: localPorts.length,
    atOnce: 50,
    protocol: 'tcp',
    localPorts,
    timeoutMs: 3000,
  };
}

/** 60 flows that answer, all of both families, and by these links alone. */
async function goBy(from: FlowSource, ...links: readonly string[]): Promise<boolean> {
  for (const family of ['IPv4', 'IPv6'] as const) {
    const results = await lab.flows(from, await flows(family, freshPorts(60)));
    const used = new Set<string>();
    for (const result of results) {
      if (result.kind === 'failed') return false;
      const { address } = result.caller;
      const link = host.links.find((each) =>
        [bareAddress(each.address), bareAddress(each.address6)].includes(address),
      );
      used.add(link?.name ?? address);
    }
    if (links.some((name) => !used.has(name)) || used.size !== links.length) return false;
  }
  return true;
}

describe('ecmp on a router with three providers', () => {
  it('is set up with split-access by one playbook, and a second run changes nothing', async () => {
    before = await role.onHost('edge-1', SNAPSHOT);
    expect(await role.run('ecmp', ROUTER)).toBe(4);
    expect(await role.run('ecmp', ROUTER)).toBe(0);
  });

  for (const [title, weights] of [
    ['two links, 1:1', { isp1: 1, isp2: 1, isp3: 0 }],
    ['two links, 3:1', { isp1: 3, isp2: 1, isp3: 0 }],
    ['three links, 1:2:3', { isp1: 1, isp2: 2, isp3: 3 }],
  ] as const) {
    it(`spreads 1,000 connections as the weights say: ${title}`, async () => {
      const names = LINKS.filter((name) => weights[name] > 0);
      for (const [who, from, hash] of [
        ['local', HOST, {}],
        ['forwarded', CLIENT, HASHED_BY_THE_PACKET],
      ] as const) {
        await role.run('ecmp', { ...ROUTER, ecmp_weights: weights, ...hash });
        for (const family of ['IPv4', 'IPv6'] as const) {
          const counts = await role.split(from, await flows(family, THE_SAME_PORTS), linksOf(host, ...names));
          const { chiSquare, bound } = fitOf({ counts, weights: names.map((name) => weights[name]) });
          figure(
            `${title}, ${who} ${family}: ${counts.join(' / ')}, chi-square ${chiSquare.toFixed(2)} < ${bound}`,
          );
          expect(counts.reduce((sum, each) => sum + each, 0)).toBe(1000);
          expect(chiSquare).toBeLessThan(bound);
        }
      }
    });
  }

  it('says before a change how many flows it will move', async () => {
    const words = [
      'run',
      '--check',
      join(PROJECT, 'playbooks/ecmp.yml'),
      '-e',
      JSON.stringify(ROUTER),
    ] as const;
    const check = await fairlead(lab, ...words);
    expect({ exitCode: check.exitCode, stderr: check.stderr }).toEqual({ exitCode: 3, stderr: '' });
    // From shares of 1/6, 2/6, 3/6 to a third each.
    expect(check.stdout).toContain('moves 333 of 1000 flows (IPv4); moves 333 of 1000 flows (IPv6)');
  });

  it('answers what comes in by each link, itself and for the server behind it', async () => {
    const server = host.lan;
    if (server === undefined) throw new Error('a lab with a LAN');
    await role.onHost(
      'edge-1',
      `iptables -t nat -A PREROUTING -p tcp --dport 8080 -j DNAT --to-destination ${server.client}:7777
      ip6tables -t nat -A PREROUTING -p tcp --dport 8080 -j DNAT --to-destination '[${server.client6}]:7777'`,
    );
    const addresses = host.links.flatMap((link) => [bareAddress(link.address), bareAddress(link.address6)]);
    const spoofedBefore = await role.spoofed();
    for (const port of [7777, 8080]) {
      const results = await lab.probe({ addresses, port, count: 100 });
      expect(results.map(({ ok }) => ok)).toEqual(addresses.map(() => 100));
      figure(`port ${port}: 100 of 100 connections to each of ${addresses.length} addresses`);
    }
    expect(await role.spoofed()).toBe(spoofedBefore);
    await role.onHost(
      'edge-1',
      `iptables -t nat -D PREROUTING -p tcp --dport 8080 -j DNAT --to-destination ${server.client}:7777
      ip6tables -t nat -D PREROUTING -p tcp --dport 8080 -j DNAT --to-destination '[${server.client6}]:7777'`,
    );
  });

  it('moves no flow and loses no packet in 100 reloads', async () => {
    const held = await Promise.all(
      [HOST, CLIENT].flatMap((from) =>
        (['IPv4', 'IPv6'] as const).map((family) =>
          lab.holdConnections(from, { address: internetAddress(10, family), count: 10 }),
        ),
      ),
    );
    const ping = lab.inHost('edge-1', [
      'ping',
      '-q',
      '-i',
      '0.002',
      '-c',
      '5000',
      internetAddress(10, 'IPv4'),
    ]);
    await role.onHost(
      'edge-1',
      'i=0; while [ $i -lt 100 ]; do /etc/init.d/fairlead-ecmp reload || exit 1; i=$((i + 1)); done',
    );
    const { stdout } = await ping;
    const reports = (await Promise.all(held.map((each) => each.stop()))).flat();
    expect(stdout).toContain('5000 packets transmitted, 5000 received');
    expect(reports).toHaveLength(40);
    expect(reports.filter(({ broken }) => broken !== null)).toEqual([]);
    expect(reports.filter(({ providers }) => providers.length !== 1)).toEqual([]);
    expect(new Set(reports.flatMap(({ providers }) => providers)).size).toBeGreaterThan(1);
    figure('100 reloads: 0 of 5000 pings lost, 40 open connections kept, each on its link');
  });

  it('holds after a power cut', async () => {
    const bootId = await role.onHost('edge-1', 'cat /proc/sys/kernel/random/boot_id');
    await lab.reboot('edge-1');
    expect(await role.onHost('edge-1', 'cat /proc/sys/kernel/random/boot_id')).not.toBe(bootId);
    expect(await goBy(CLIENT, ...LINKS)).toBe(true);
    expect(await goBy(HOST, ...LINKS)).toBe(true);
  });
});

describe('a link that fails', () => {
  beforeAll(async () => {
    await role.run('ecmp', { ...ROUTER, ...PROBER });
    expect(await goBy(CLIENT, ...LINKS)).toBe(true);
  });

  it('by its carrier is avoided without any help', async () => {
    await role.onHost('edge-1', 'read -r _ prober _ </run/fairlead-ecmp.prober && kill -STOP "$prober"');
    await lab.unplug('edge-1', 'isp2');
    const out = await secondsUntil(() => goBy(CLIENT, 'isp1', 'isp3'), { withinS: 5, what: 'out' });
    await lab.plug('edge-1', 'isp2');
    const back = await secondsUntil(() => goBy(CLIENT, ...LINKS), { withinS: 5, what: 'back' });
    await role.onHost('edge-1', 'read -r _ prober _ </run/fairlead-ecmp.prober && kill -CONT "$prober"');
    figure(`carrier lost: avoided after ${out.toFixed(1)} s, back after ${back.toFixed(1)} s`);
  });

  const failures: readonly (readonly [string, () => Promise<unknown>, () => Promise<unknown>])[] = [
    ['because its gateway is silent', () => lab.silenceGateway('isp2'), () => lab.wakeGateway('isp2')],
    [
      'behind its gateway',
      () => lab.inProvider('isp2', ['ip', 'link', 'set', 'internet', 'down']),
      () =>
        lab.inProvider('isp2', [
          'sh',
          '-ec',
          `ip link set internet up
          ip address replace ${transit('isp2', 'transit6')}/64 dev internet nodad
          ip route replace default via ${transit('isp2', 'transit', 1)} dev internet
          ip -6 route replace default via ${transit('isp2', 'transit6', 1)} dev internet`,
        ]),
    ],
  ];
  for (const [title, fail, recover] of failures) {
    it(`${title} is taken out by the prober and put back`, async () => {
      const [kept] = await Promise.all([
        lab.holdConnections(CLIENT, { address: internetAddress(10, 'IPv4'), count: 20 }),
      ]);
      await fail();
      const out = await secondsUntil(() => goBy(CLIENT, 'isp1', 'isp3'), {
        withinS: PROBER_BOUND_S,
        what: 'out',
      });
      expect(await goBy(HOST, 'isp1', 'isp3')).toBe(true);
      const { exitCode, said } = await role.script('edge-1', 'ecmp', 'status');
      expect({ exitCode, said }).toMatchObject({ exitCode: 0, said: expect.stringMatching(/isp2.*dead/) });
      await recover();
      const back = await secondsUntil(() => goBy(CLIENT, ...LINKS), {
        withinS: PROBER_BOUND_S,
        what: 'back',
      });
      const reports = await kept.stop();
      const elsewhere = reports.filter(({ providers }) => !providers.includes('isp2'));
      expect(elsewhere.length).toBeGreaterThan(0);
      expect(elsewhere.filter(({ broken }) => broken !== null)).toEqual([]);
      expect(elsewhere.filter(({ providers }) => providers.length !== 1)).toEqual([]);
      figure(
        `${title}: out after ${out.toFixed(1)} s, back after ${back.toFixed(1)} s; ${elsewhere.length} connections on the other links untouched`,
      );
    });
  }

  it('is never taken out with all the others', async () => {
    for (const name of LINKS) await lab.silenceGateway(name);
    await secondsUntil(
      async () => {
        const { said } = await role.script('edge-1', 'ecmp', 'status');
        const count = (pattern: RegExp) => [...said.matchAll(pattern)].length;
        const kept = count(/: dead, used because all are/g);
        return kept >= 2 && kept + count(/: dead \(prober/g) === 6;
      },
      { withinS: PROBER_BOUND_S * 2, what: 'all dead, some kept' },
    );
    expect(await role.onHost('edge-1', 'ip route show table 901')).toContain('default');
    for (const name of LINKS) await lab.wakeGateway(name);
    await secondsUntil(() => goBy(CLIENT, ...LINKS), { withinS: PROBER_BOUND_S * 2, what: 'back' });
  });
});

describe('stop', () => {
  const stop = (name: string) =>
    role.onHost(
      'edge-1',
      `/etc/init.d/fairlead-${name} stop 2>/dev/null && ! /etc/init.d/fairlead-${name} status`,
    );

  it('of each leaves the other whole, and of both what was there before them', async () => {
    await lab.reboot('edge-1');
    await role.hooksAreDone('edge-1');
    await stop('ecmp');
    expect((await role.script('edge-1', 'split-access', 'status')).exitCode).toBe(0);
    await stop('split-access');
    expect(await role.onHost('edge-1', SNAPSHOT)).toBe(before);
    await role.onHost(
      'edge-1',
      'for name in split-access ecmp; do /etc/init.d/fairlead-$name start 2>/dev/null || exit 1; done',
    );
    await stop('split-access');
    expect((await role.script('edge-1', 'ecmp', 'status')).exitCode).toBe(0);
    await stop('ecmp');
    expect(await role.onHost('edge-1', SNAPSHOT)).toBe(before);
  });
});

function transit(provider: string, which: 'transit' | 'transit6', end: 0 | 1 = 0): string {
  return lab.plan.providers.find(({ name }) => name === provider)?.[which][end] ?? '';
}
