// Tracking, with real packets: a forwarded port on the second link's address, answered by a server behind the host.
//
//   client 198.51.100.1 ── outside ─┬─ p0 ══ v0 (default route) ─┐
//                                   └─ p1 ══ v1 ─────────────────┴─ host ── w0 10.9.0.1 ══ 10.9.0.2 server
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { splitAccess } from './support/split-access.ts';
import { TestHost, WORLDS } from './support/test-host.ts';

const BACKENDS = ['iptables', 'iptables-nft', 'iptables-legacy'] as const;
const worlds = WORLDS.filter(({ title }) => title === 'dash' || title.includes('BusyBox ip'));

describe.each(WORLDS.slice(0, 1))('forwarded ports, $title', (world) => {
  let host: TestHost;

  beforeEach(async () => {
    host = await TestHost.create(world);
    await addServer(host);
  });
  afterEach(() => host.close());

  test('are lost on the second link without tracking', () => {
    host.install(splitAccess());
    host.script('start');
    expect(answer(host, '192.0.2.10')).toBe('served');
    expect(answer(host, '203.0.113.10')).toBe('');
  });

  test.each([
    ['kernel as it comes', 0, {}],
    ['main not first', 0, { split_access_main_first: false }],
    ['strict reverse path filter made loose', 1, {}],
    ['strict reverse path filter kept', 1, { split_access_rp_filter: 'strict_src_valid_mark' }],
  ])('are answered by the link they came in by: %s', (_title, filter, variables) => {
    for (const device of ['v0', 'v1', 'w0']) host.set(device, 'rp_filter', filter);
    host.install(splitAccess({ split_access_track: true, ...variables }));
    expect(host.script('start')).toMatchObject({ status: 0 });
    expect(answer(host, '192.0.2.10')).toBe('served');
    expect(answer(host, '203.0.113.10')).toBe('served');
  });

  test('a strict reverse path filter that is not touched loses them: the setting matters', () => {
    host.set('v1', 'rp_filter', 1);
    host.install(splitAccess({ split_access_track: true, split_access_rp_filter: 'untouched' }));
    host.script('start');
    expect(answer(host, '203.0.113.10')).toBe('');
  });
});

describe.each(worlds)('the chain, $title', (world) => {
  let host: TestHost;

  beforeEach(async () => {
    host = await TestHost.create(world);
  });
  afterEach(() => host.close());

  test.each(BACKENDS)('of %s: set up, repaired and taken away, other rules stay', (iptables) => {
    host.install(splitAccess({ split_access_track: true, split_access_iptables: iptables }));
    host.sh(`for tables in ${iptables} ip6${iptables.slice(2)}; do
      $tables -t mangle -A PREROUTING -i v0 -j MARK --set-mark 7
    done`);
    const before = host.snapshot();
    host.script('start');
    const applied = host.snapshot();
    expect(applied).toContain('--set-xmark 0x200000/0xff00000');
    expect(host.script('status')).toMatchObject({ status: 0 });
    const chain = 'fairlead-split-access';
    for (const [act, told] of [
      [`-F ${chain}`, `missing chain -4 mangle ${chain}`],
      [`-D OUTPUT -j ${chain}`, `missing jump -4 mangle OUTPUT -j ${chain}`],
      [`-I PREROUTING -j ${chain}`, `changed jump -4 mangle PREROUTING -j ${chain} | there 2 times`],
      [`-A FORWARD -i v0 -j ${chain}`, `surplus jump -4 mangle FORWARD -i v0 -j ${chain}`],
      ['-N fairlead-split-access-old', 'surplus chain -4 mangle fairlead-split-access-old'],
    ]) {
      host.sh(`${iptables} -t mangle ${act}`);
      expect(host.script('status')).toMatchObject({
        status: 4,
        stdout: `fairlead-split-access: ${told}\n`,
      });
      expect(host.script('reload')).toMatchObject({ status: 0 });
      expect(host.snapshot()).toBe(applied);
    }
    expect(host.script('stop')).toMatchObject({ status: 0 });
    expect(host.snapshot()).toBe(before);
  });

  test('links that share a device are told apart by address', () => {
    host.sh('ip address add 203.0.113.11/24 dev v1');
    host.install(
      splitAccess({
        split_access_track: true,
        split_access_links: [
          { name: 'a', device: 'v1', address: '203.0.113.10/24', gateway: '203.0.113.1' },
          { name: 'b', device: 'v1', address: '203.0.113.11/24', gateway: '203.0.113.2' },
        ],
      }),
    );
    expect(host.script('start')).toMatchObject({ status: 0 });
    expect(host.script('status')).toMatchObject({ status: 0 });
    expect(host.sh('iptables-save -t mangle')).toMatch(
      /-d 203\.0\.113\.10\/32 -i v1 .* 0x100000\/0xff00000\n.*-d 203\.0\.113\.11\/32 -i v1 .* 0x200000\/0xff00000\n/,
    );
  });

  test.each([
    [
      'a mask without room',
      { split_access_mark_mask: '0x10000' },
      'MARK_MASK=0x10000 has no room for the number 2',
    ],
    [
      'a strict filter where main cannot come first',
      { split_access_rp_filter: 'strict_src_valid_mark', split_access_main_first: false },
      'RP_FILTER=strict_src_valid_mark needs main first',
    ],
  ])('%s is refused', (_title, variables, told) => {
    host.install(splitAccess({ split_access_track: true, ...variables }));
    const before = host.snapshot();
    expect(host.script('check')).toMatchObject({ status: 6, stderr: expect.stringContaining(told) });
    expect(host.script('start')).toMatchObject({ status: 6 });
    expect(host.snapshot()).toBe(before);
  });
});

/** A server behind the host, its port 80 forwarded from both links. */
async function addServer(host: TestHost): Promise<void> {
  const server = await host.addNeighbour('w0');
  host.sh(`ip address add 10.9.0.1/24 dev w0
    echo 1 >/proc/sys/net/ipv4/ip_forward
    iptables -t nat -A PREROUTING -p tcp --dport 80 -j DNAT --to-destination 10.9.0.2`);
  host.outer.sh(`ip address add 198.51.100.1/32 dev lo
    ip address add 192.0.2.1/24 dev p0
    ip address add 203.0.113.1/24 dev p1
    for device in all p0 p1; do echo 1 >/proc/sys/net/ipv4/conf/$device/rp_filter; done`);
  server.sh('ip address add 10.9.0.2/24 dev eth0; ip route add default via 10.9.0.1');
  await server.serve(80, 'served');
}

/** What a client far away gets from port 80 of the address; empty: nothing within two seconds. */
function answer(host: TestHost, address: string): string {
  return host.outer.sh(`nc -w 2 -s 198.51.100.1 ${address} 80 </dev/null || :`).trim();
}
