// snat-rr with real packets: which address a service outside sees, by each backend.
import type { ChildProcess } from 'node:child_process';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  addClient,
  BACKENDS,
  Conversation,
  call,
  counts,
  createSnatHost,
  OUTSIDE6,
  pool,
  SOURCES,
  SOURCES6,
  serve,
  snatRr,
  tally,
} from './support/snat-rr.ts';
import { type TestHost, WORLDS } from './support/test-host.ts';

const [DASH] = WORLDS;
if (DASH === undefined) throw new Error('no world');
const MEMBERS = Array.from({ length: 30 }, (_, i) => `10.9.0.${2 + i}`);
const equally = (count: number, sources = SOURCES) =>
  Object.fromEntries(sources.map((address) => [address, count]));

describe.each(BACKENDS)('by %s', (backend) => {
  let host: TestHost;
  let server: ChildProcess;

  beforeEach(async () => {
    host = await createSnatHost(DASH);
    server = await serve(host.outer);
  });
  afterEach(() => {
    server.kill('SIGKILL');
    host.close();
  });

  const start = (variables = {}) => {
    host.install(snatRr({ snat_rr_backend: backend, ...variables }));
    expect(host.script('start')).toMatchObject({ status: 0 });
  };

  test('300 connections over 3 sources are 100, 100 and 100, in turns', () => {
    expect(counts(host, { count: 3 })).toEqual({ '192.0.2.10': 3 });
    start();
    const [heard = []] = call(host.inner, { count: 300 });
    expect(tally(heard)).toEqual(equally(100));
    expect(heard.slice(0, 3)).toEqual(heard.slice(297));
    expect(new Set(heard.slice(0, 3)).size).toBe(3);
  });

  test('16 clients at once get the same within 1', () => {
    start();
    const seen = Object.values(counts(host, { count: 320, parallel: 16 }));
    expect(seen.reduce((sum, n) => sum + n)).toBe(320);
    expect(Math.max(...seen) - Math.min(...seen)).toBeLessThanOrEqual(1);
    expect(seen).toHaveLength(3);
  });

  test.each<[string, readonly number[]]>([
    ['2:1', [2, 1]],
    ['3:2:1', [3, 2, 1]],
    ['40:20:20, which is 2:1:1,', [40, 20, 20]],
  ])('weights of %s are exact', (_title, weights) => {
    const sources = weights.map((weight, i) => ({ address: SOURCES[i] ?? '', weight }));
    start(pool(...sources));
    const sum = weights.reduce((a, b) => a + b);
    const [heard = []] = call(host.inner, { count: 120 });
    expect(tally(heard)).toEqual(
      Object.fromEntries(sources.map(({ address, weight }) => [address, (weight * 120) / sum])),
    );
    const heaviest = Math.max(...weights) * 2 > sum;
    expect(heard.some((address, i) => i > 0 && address === heard[i - 1])).toBe(heaviest);
  });

  test('of DNS and HTTP by turns each is balanced, but not where protocols are not split: the parity trap', () => {
    const twoSources = pool(...SOURCES.slice(0, 2));
    start(twoSources);
    const pattern = ['udp', 'tcp'] as const;
    for (const heard of call(host.inner, { count: 60, pattern }))
      expect(tally(heard)).toEqual(equally(30, SOURCES.slice(0, 2)));
    start({ ...twoSources, snat_rr_split_by_protocol: false });
    const [dns = [], http = []] = call(host.inner, { count: 60, pattern });
    expect(Object.values(tally(dns))).toEqual([60]);
    expect(Object.values(tally(http))).toEqual([60]);
    expect(dns[0]).not.toBe(http[0]);
  });

  test('IPv6 takes turns too', () => {
    start(pool(...SOURCES, ...SOURCES6));
    expect(counts(host, { count: 90, to: OUTSIDE6 })).toEqual(equally(30, SOURCES6));
    expect(counts(host, { count: 30 })).toEqual(equally(10));
  });

  test('established connections stay on their address, whatever is reloaded', async () => {
    start();
    const conversation = new Conversation(host);
    try {
      const address = await conversation.heard();
      expect(SOURCES).toContain(address);
      for (const variables of [
        { snat_rr_split_by_protocol: false },
        pool(...SOURCES.slice().reverse()),
        pool('192.0.2.12'),
      ]) {
        host.install(snatRr({ snat_rr_backend: backend, ...variables }));
        expect(host.script('reload')).toMatchObject({ status: 0 });
        expect(await conversation.ask()).toBe(address);
      }
    } finally {
      conversation.close();
    }
  });

  test('excluded addresses and destinations are left as they are: not one connection is changed', () => {
    host.sh('ip address add 192.0.2.20/24 dev v0');
    host.outer.sh('ip address add 198.51.100.77/32 dev lo');
    start({ snat_rr_exclude_sources: ['192.0.2.20'], snat_rr_exclude_destinations: ['198.51.100.64/26'] });
    expect(counts(host, { count: 50, from: ['192.0.2.20'] })).toEqual({ '192.0.2.20': 50 });
    expect(counts(host, { count: 50, to: '198.51.100.77' })).toEqual({ '192.0.2.10': 50 });
    expect(counts(host, { count: 30 })).toEqual(equally(10));
  });

  test('a connection bound to a source takes its turn, or keeps it where told', () => {
    start();
    expect(counts(host, { count: 30, from: ['192.0.2.12'] })).toEqual(equally(10));
    start({ snat_rr_keep_bound: true });
    expect(counts(host, { count: 30, from: ['192.0.2.12'] })).toEqual({ '192.0.2.12': 30 });
    expect(counts(host, { count: 30 })).toEqual(equally(10));
    const own = {
      name: 'isp1',
      device: 'v0',
      sources: ['192.0.2.10', '192.0.2.12'],
      own_address: '192.0.2.10',
    };
    start({ snat_rr_keep_bound: true, snat_rr_pools: [own] });
    expect(counts(host, { count: 30 })).toEqual(equally(15, own.sources));
    expect(counts(host, { count: 30, from: ['192.0.2.12'] })).toEqual({ '192.0.2.12': 30 });
  });

  test('whose connections: the own ones, those of others, all, or those of networks', async () => {
    const client = await addClient(host);
    host.outer.sh('ip route add 10.9.0.0/24 via 192.0.2.10');
    const seen = (from: unknown) => {
      start({ snat_rr_from: from });
      return [counts(host, { count: 6 }), counts(client, { count: 6 })];
    };
    const [own, forwarded, turns] = [{ '192.0.2.10': 6 }, { '10.9.0.2': 6 }, equally(2)];
    expect(seen('local')).toEqual([turns, forwarded]);
    expect(seen('forwarded')).toEqual([own, turns]);
    expect(seen('any')).toEqual([turns, turns]);
    expect(seen(['10.9.0.0/24'])).toEqual([own, turns]);
    expect(seen(['192.0.2.10', '2001:db8::/32'])).toEqual([turns, forwarded]);
    expect(seen(['0.0.0.0/0'])).toEqual([turns, turns]);
  });

  test('with affinity a client keeps its address, and clients are spread', async () => {
    const client = await addClient(host, MEMBERS.length);
    start({ snat_rr_from: 'any', snat_rr_affinity: 'client', snat_rr_seed: 7 });
    const [first = []] = call(client, { count: MEMBERS.length, from: MEMBERS });
    const [again = []] = call(client, { count: MEMBERS.length, from: MEMBERS });
    expect(again).toEqual(first);
    expect(Object.keys(tally(first))).toEqual(SOURCES);
    expect(Object.keys(counts(host, { count: 20 }))).toHaveLength(1);
    host.sh('ip address del 192.0.2.12/24 dev v0');
    expect(host.script('reload')).toMatchObject({ status: 0 });
    const [less = []] = call(client, { count: MEMBERS.length, from: MEMBERS });
    expect(Object.keys(tally(less))).toEqual(['192.0.2.11', '192.0.2.13']);
    first.forEach((address, i) => {
      if (address !== '192.0.2.12') expect(less[i]).toBe(address);
    });
  });

  test('each device has its own pool', () => {
    host.outer.sh('ip address add 198.51.100.2/32 dev lo');
    host.sh('ip address add 203.0.113.11/24 dev v1; ip route add 198.51.100.2 via 203.0.113.1');
    start({
      snat_rr_pools: [
        { name: 'isp1', device: 'v0', sources: SOURCES },
        { name: 'isp2', device: 'v1', sources: ['203.0.113.10', '203.0.113.11'] },
      ],
    });
    expect(counts(host, { count: 30 })).toEqual(equally(10));
    expect(counts(host, { count: 30, to: '198.51.100.2' })).toEqual({
      '203.0.113.10': 15,
      '203.0.113.11': 15,
    });
  });
});
