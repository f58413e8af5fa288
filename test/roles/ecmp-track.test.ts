// The chains and sets of ecmp: their exact text, their repair, and that other people's rules stay.
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { addIpv6, ECMP_WORLDS, ecmp, ISP1, ISP2_6, snapshot } from './support/ecmp.ts';
import { ISP2 } from './support/split-access.ts';
import { TestHost } from './support/test-host.ts';

const BOTH = { split_access_links: [ISP1, ISP2_6] };
const UNMARKED = '-m connmark --mark 0x0/0xff00000';

let host: TestHost;
beforeEach(async () => {
  const [world] = ECMP_WORLDS;
  if (world === undefined) throw new Error('no world');
  host = await TestHost.create(world);
  addIpv6(host);
});
afterEach(() => host.close());

/** The lines of all tables in which our name occurs. */
function ours(program = 'iptables'): readonly string[] {
  return host
    .sh(`${program}-save`)
    .split('\n')
    .filter((line) => line.includes('fairlead') && !line.startsWith(':'));
}

function start(variables: Parameters<typeof ecmp>[0]): void {
  host.install(ecmp(variables));
  expect(host.script('start')).toMatchObject({ status: 0 });
  expect(host.script('status')).toMatchObject({ status: 0 });
  expect(host.script('start')).toEqual({ status: 0, stdout: '', stderr: '' });
}

describe('the rules', () => {
  test('of tracking', () => {
    start({ ...BOTH, ecmp_track: true });
    const expected = [
      '-A PREROUTING -j fairlead-ecmp-in',
      '-A OUTPUT -j fairlead-ecmp-own',
      '-A POSTROUTING -j fairlead-ecmp-out',
      `-A fairlead-ecmp-in -i v0 -m conntrack --ctdir ORIGINAL ${UNMARKED} -j CONNMARK --set-xmark 0x100000/0xff00000`,
      `-A fairlead-ecmp-in -i v1 -m conntrack --ctdir ORIGINAL ${UNMARKED} -j CONNMARK --set-xmark 0x200000/0xff00000`,
      '-A fairlead-ecmp-in -i v0 -j RETURN',
      '-A fairlead-ecmp-in -i v1 -j RETURN',
      '-A fairlead-ecmp-in -m connmark ! --mark 0x0/0xff00000 -j CONNMARK --restore-mark --nfmask 0xff00000 --ctmask 0xff00000',
      `-A fairlead-ecmp-out -o v0 -m conntrack --ctdir ORIGINAL ${UNMARKED} -j CONNMARK --set-xmark 0x100000/0xff00000`,
      `-A fairlead-ecmp-out -o v1 -m conntrack --ctdir ORIGINAL ${UNMARKED} -j CONNMARK --set-xmark 0x200000/0xff00000`,
      '-A fairlead-ecmp-own -m connmark ! --mark 0x0/0xff00000 -j CONNMARK --restore-mark --nfmask 0xff00000 --ctmask 0xff00000',
    ];
    expect(ours()).toEqual(expected);
    expect(ours('ip6tables')).toEqual(expected);
  });

  test('of affinity', () => {
    start({ ...BOTH, ecmp_affinity: 'client', ecmp_affinity_s: 600 });
    const affinity = (lines: readonly string[]) => lines.filter((line) => /match-set|add-set/.test(line));
    const expected = (set: string) => [
      ...[1, 2].map(
        (n) =>
          `-A fairlead-ecmp-in ${UNMARKED} -m mark --mark 0x0/0xff00000 -m set --match-set ${set}-${n} src,dst,dst -j MARK --set-xmark 0x${n}00000/0xff00000`,
      ),
      ...[0, 1].map(
        (n) =>
          `-A fairlead-ecmp-out -o v${n} -m addrtype ! --src-type LOCAL -m conntrack --ctstate NEW --ctdir ORIGINAL -j SET --add-set ${set}-${n + 1} src,dst,dst --exist`,
      ),
    ];
    expect(affinity(ours())).toEqual(expected('fairlead-ecmp'));
    expect(affinity(ours('ip6tables'))).toEqual(expected('fairlead-ecmp6'));
    expect(host.sh('ipset list -t fairlead-ecmp-2')).toMatch(
      /hash:ip,port,ip[\s\S]*family inet .*timeout 600/,
    );
    expect(host.sh('ipset list -t fairlead-ecmp6-2')).toMatch(
      /hash:ip,port,ip[\s\S]*family inet6 .*timeout 600/,
    );
  });

  test.each([
    [
      'masquerade',
      [],
      [
        '-o v0 -m addrtype ! --src-type LOCAL -j MASQUERADE',
        '-o v1 -m addrtype ! --src-type LOCAL -j MASQUERADE',
      ],
      2,
    ],
    [
      'snat',
      ['10.9.0.7/24', '10.1.2.3/32'],
      [
        '-s 10.9.0.0/24 -o v0 -m addrtype ! --src-type LOCAL -j SNAT --to-source 192.0.2.10',
        '-s 10.1.2.3/32 -o v0 -m addrtype ! --src-type LOCAL -j SNAT --to-source 192.0.2.10',
        '-s 10.9.0.0/24 -o v1 -m addrtype ! --src-type LOCAL -j SNAT --to-source 203.0.113.10',
        '-s 10.1.2.3/32 -o v1 -m addrtype ! --src-type LOCAL -j SNAT --to-source 203.0.113.10',
      ],
      0,
    ],
    [
      'snat',
      ['0.0.0.0/0', '2001:db8:9::1/64'],
      [
        '-o v0 -m addrtype ! --src-type LOCAL -j SNAT --to-source 192.0.2.10',
        '-o v1 -m addrtype ! --src-type LOCAL -j SNAT --to-source 203.0.113.10',
      ],
      2,
    ],
  ])('of NAT: %s from %j', (ecmp_nat, ecmp_nat_from, expected, of6) => {
    start({ ...BOTH, ecmp_nat, ecmp_nat_from });
    const nat = (program: string) =>
      ours(program).flatMap((line) => /^-A fairlead-ecmp-nat (.*)/.exec(line)?.[1] ?? []);
    expect(nat('iptables')).toEqual(expected);
    expect(nat('ip6tables')).toHaveLength(of6);
    expect(ours()).toContain('-A PREROUTING -j fairlead-ecmp-in');
  });

  test('of NAT without tracking, where that is said', () => {
    start({ ...BOTH, ecmp_nat: 'masquerade', ecmp_track: false });
    expect(ours().filter((line) => !line.includes('nat'))).toEqual([]);
  });

  test('number the links as split-access does, in the bits that are given', () => {
    start({
      split_access_links: [{ ...ISP1, table: 810 }, ISP2],
      ecmp_track: true,
      ecmp_mark_mask: '0xf000',
    });
    expect(host.rules()).toContain('11010: from all fwmark 0xa000/0xf000 lookup 810 proto 223');
    expect(ours()[3]).toContain('--set-xmark 0xa000/0xf000');
  });
});

describe('drift is told and repaired', () => {
  const everything = { ...BOTH, ecmp_affinity: 'client', ecmp_nat: 'masquerade' };

  test.each([
    [
      'a chain is emptied',
      'iptables -t mangle -F fairlead-ecmp-out',
      'missing chain -4 mangle fairlead-ecmp-out',
    ],
    [
      'a jump is gone',
      'iptables -t nat -D POSTROUTING -j fairlead-ecmp-nat',
      'missing jump -4 nat POSTROUTING',
    ],
    [
      'a jump is there twice',
      'ip6tables -t mangle -I OUTPUT -j fairlead-ecmp-own',
      'changed jump -6 mangle OUTPUT',
    ],
    [
      'a rule is gone',
      'ip rule del priority 11002',
      'missing rule -4 11002 from all fwmark 0x200000/0xff00000 lookup 802',
    ],
    ['all is flushed', 'nft flush ruleset', 'missing chain -6 nat fairlead-ecmp-nat'],
  ])('%s', (_title, act, told) => {
    start(everything);
    const before = snapshot(host);
    host.sh(act);
    expect(host.script('status')).toMatchObject({ status: 4, stdout: expect.stringContaining(told) });
    expect(host.script('reload')).toMatchObject({ status: 0 });
    expect(host.script('status')).toMatchObject({ status: 0 });
    expect(snapshot(host)).toBe(before);
  });

  test('a set is gone, or is another one', () => {
    start(everything);
    const before = snapshot(host);
    host.sh('nft flush ruleset; ipset destroy fairlead-ecmp-1');
    expect(host.script('status').stdout).toContain('missing set fairlead-ecmp-1 inet\n');
    expect(host.script('reload')).toMatchObject({ status: 0 });
    expect(snapshot(host)).toBe(before);
    host.install(ecmp({ ...everything, ecmp_affinity_s: 60 }));
    expect(host.script('status').stdout).toContain('changed set fairlead-ecmp6-2 inet6\n');
    expect(host.script('reload')).toMatchObject({ status: 0 });
    expect(host.sh('ipset list -t')).not.toContain('timeout 1200');
    expect(snapshot(host)).toBe(before);
  });

  test('what is no longer wanted goes, and stop leaves nothing', () => {
    host.sh('iptables -t nat -A POSTROUTING -o v1 -j MASQUERADE; ipset create fairlead-ecmp-mine hash:ip');
    const before = snapshot(host);
    start(everything);
    host.install(ecmp(BOTH));
    expect(host.script('status')).toMatchObject({
      status: 4,
      stdout: expect.stringContaining('surplus set'),
    });
    expect(host.script('reload')).toMatchObject({ status: 0 });
    expect(ours().concat(ours('ip6tables'))).toEqual([]);
    expect(host.sh('ipset list -n')).toBe('fairlead-ecmp-mine\n');
    expect(host.rules()).toEqual([
      '11000: from all lookup main suppress_prefixlength 0 proto 223',
      '11900: from all lookup 901 proto 223',
    ]);
    expect(host.script('stop')).toMatchObject({ status: 0 });
    expect(snapshot(host)).toBe(before);
  });
});

test.each([
  ['tracking', { ecmp_track: true }],
  ['NAT', { ecmp_nat: 'snat', ecmp_track: false }],
])('links that share a device are refused with %s, and taken without', (_title, variables) => {
  const links = { split_access_links: [ISP1, { ...ISP2, device: 'v0' }] };
  host.sh('ip address add 203.0.113.10/24 dev v0');
  host.install(ecmp({ ...links, ...variables }));
  const before = snapshot(host);
  for (const action of ['check', 'start']) {
    expect(host.script(action)).toMatchObject({
      status: 6,
      stderr: 'fairlead-ecmp: links isp1 and isp2 share v0: TRACK and NAT cannot tell them apart there\n',
    });
  }
  expect(snapshot(host)).toBe(before);
  start(links);
  expect(host.routes(901).slice(1)).toEqual([
    'nexthop via 192.0.2.1 dev v0 weight 1',
    'nexthop via 203.0.113.1 dev v0 weight 1',
  ]);
});

test.each([
  ['0x10000', 'MARK_MASK=0x10000 has no room for the number 2'],
  ['0xffffffff', 'MARK_MASK=0xffffffff leaves no bit to others'],
])('a mask of marks that will not do is refused: %s', (ecmp_mark_mask, told) => {
  host.install(ecmp({ ecmp_track: true, ecmp_mark_mask }));
  expect(host.script('check')).toMatchObject({ status: 6, stderr: expect.stringContaining(told) });
});

test.each(['iptables-nft', 'iptables-legacy'])('%s', (ecmp_iptables) => {
  // A table of iptables-legacy that was once looked at stays.
  if (ecmp_iptables === 'iptables-legacy')
    host.sh('for table in mangle nat; do iptables-legacy -t $table -S; ip6tables-legacy -t $table -S; done');
  const before = snapshot(host);
  start({ ...BOTH, ecmp_affinity: 'client', ecmp_nat: 'masquerade', ecmp_iptables });
  expect(ours(ecmp_iptables).length).toBeGreaterThan(10);
  host.sh(`${ecmp_iptables} -t mangle -F fairlead-ecmp-in`);
  expect(host.script('status')).toMatchObject({ status: 4 });
  expect(host.script('reload')).toMatchObject({ status: 0 });
  expect(host.script('stop')).toMatchObject({ status: 0 });
  expect(snapshot(host)).toBe(before);
});
