// What ip, iptables-save and nft print, to data. The texts are recorded: iproute2 6.1, BusyBox 1.35, iptables 1.8.9.
import { describe, expect, test } from 'vitest';
import { prefixText } from '../../src/explain/address.ts';
import { parseRoutes, routeText } from '../../src/explain/ip-route.ts';
import { parseRules } from '../../src/explain/ip-rule.ts';
import { parseKernelAnswer } from '../../src/explain/kernel-answer.ts';
import { ownerOf, parseNames, tableText } from '../../src/explain/names.ts';

const NAMES = parseNames(['table #', 'table 801\tisp1', 'protocol 77 mine', 'protocol 222\tfairlead # ours']);

describe('ip rule', () => {
  const rule = (line: string) => parseRules([line], 4, NAMES)[0];

  test.each([
    [
      '10000:\tfrom all lookup 254 suppress_prefixlength 0 proto 222',
      'from all lookup main suppress_prefixlength 0',
    ],
    [
      '10002:\tnot from 10.0.0.0/8 iif v0 ipproto ipproto-6 sport 10-20 lookup 77',
      'not from 10.0.0.0/8 iif v0 ipproto tcp sport 10-20 lookup 77',
    ],
    ['10101:\tfrom 192.0.2.10 lookup 801', 'from 192.0.2.10 lookup 801 (isp1)'],
    ['10101:\tfrom 192.0.2.10 lookup isp1 ', 'from 192.0.2.10 lookup 801 (isp1)'],
    [
      '10003:\tfrom all tos 0x10 oif nope [detached] uidrange 5-6 goto 11900',
      'from all tos 0x10 oif nope [detached] uidrange 5-6 goto 11900',
    ],
    ['10005:\tfrom 9.0.0.0/8 6', 'from 9.0.0.0/8 blackhole'],
    ['10005:\tfrom 9.0.0.0/8 lookup unspec blackhole', 'from 9.0.0.0/8 blackhole'],
    ['10007:\tfrom all nop', 'from all nop'],
  ])('%s', (line, text) => {
    expect(rule(line)).toMatchObject({ priority: Number(/^\d+/.exec(line)), text, unknown: [] });
  });

  test('selectors, to data', () => {
    expect(
      rule('5:\tnot from all fwmark 0x100000/0xff00000 iif v0 ipproto udp dport 443 lookup 801 proto 222'),
    ).toMatchObject({
      isInverted: true,
      from: undefined,
      fwmark: { value: 0x100000, mask: 0xff00000 },
      iif: 'v0',
      ipProtocol: 17,
      dport: { first: 443, last: 443 },
      action: { kind: 'lookup', table: 801 },
      protocol: 222,
    });
    expect(rule('5:\tfrom all fwmark 0x1 goto 9 [unresolved]')).toMatchObject({
      fwmark: { value: 1, mask: 0xffffffff },
      action: { kind: 'goto', priority: 9 },
    });
  });

  test('what is not known is kept by name', () => {
    expect(rule('5:\tfrom all tun_id 7 lookup 254')?.unknown).toEqual(['tun_id 7']);
    expect(rule('5:\tfrom all sport 0x10/0xf0 lookup 254')?.unknown).toEqual(['sport 0x10/0xf0']);
    expect(rule('5:\tfrom all lookup [l3mdev-table]')?.unknown).toEqual(['l3mdev']);
    expect(rule('5:\tfrom all lookup no-such-table')?.action).toEqual({
      kind: 'unknown',
      word: 'lookup no-such-table',
    });
  });

  test('lines that are no rules are left out', () => {
    expect(parseRules(['', 'Error: argument', '\tx'], 4, NAMES)).toEqual([]);
  });
});

describe('ip route', () => {
  test('with its nexthops, on lines of their own or behind backslashes', () => {
    const lines = [
      'default table 901 proto 223 ',
      '\tnexthop via 192.0.2.1 dev v0 weight 3 ',
      '\tnexthop via 203.0.113.1 dev v1 weight 1 dead linkdown ',
    ];
    const [route, ...more] = parseRoutes(lines, 4, NAMES);
    expect(more).toEqual([]);
    expect(route).toMatchObject({
      table: 901,
      type: 'unicast',
      protocol: 223,
      nexthops: [
        { via: '192.0.2.1', device: 'v0', weight: 3, isDead: false },
        { via: '203.0.113.1', device: 'v1', weight: 1, isDead: true, isLinkDown: true },
      ],
    });
    expect(parseRoutes([lines.join('\\')], 4, NAMES)).toEqual([route]);
  });

  test.each([
    ['default via 192.0.2.1 dev v0 ', 4, 254, 'default via 192.0.2.1 dev v0'],
    ['default via inet6 fe80::1 dev v0 table 77 ', 4, 77, 'default via fe80::1 dev v0'],
    ['7 default table 801 proto 222 metric 2147483647 ', 4, 801, 'unreachable default metric 2147483647'],
    ['unreachable default table 801  metric -1 ', 4, 801, 'unreachable default metric 4294967295'],
    ['9 10.0.0.0/8 table isp1 ', 4, 801, 'throw 10.0.0.0/8'],
    ['2 192.0.2.10 dev v0 table 255 proto 2 scope 254 src 192.0.2.10 ', 4, 255, 'local 192.0.2.10'],
    ['default nhid 7000 via 192.0.2.1 dev v0 onlink ', 4, 254, 'default via 192.0.2.1 dev v0'],
    ['default table 901 ', 4, 901, 'default'],
    ['2001:db8:1::/64 dev v0 proto 2 metric 256 pref medium', 6, 254, '2001:db8:1::/64 dev v0 metric 256'],
  ] as const)('%s', (line, family, table, text) => {
    const [route] = parseRoutes([line], family, NAMES);
    expect(route && { table: route.table, text: routeText(route) }).toEqual({ table, text });
  });

  test('IPv6 routes for some sources only', () => {
    const [route] = parseRoutes(['default from 2001:db8:1::/64 via fe80::1 dev v0 metric 1024'], 6, NAMES);
    expect(route?.from && prefixText(route.from)).toBe('2001:db8:1::/64');
  });
});

describe('ip route get', () => {
  const answer = (line: string, tellsTables = true) => parseKernelAnswer([line], NAMES, { tellsTables });

  test.each([
    [
      '198.51.100.1 from 203.0.113.10 via 203.0.113.1 dev v1 table isp1 uid 0 \\    cache ',
      { via: '203.0.113.1', device: 'v1', table: 801 },
    ],
    [
      '198.51.100.1 via 192.0.2.1 dev v0 src 192.0.2.10 uid 0 \\    cache ',
      { table: 254, source: '192.0.2.10' },
    ],
    [
      'local 192.0.2.10 dev lo table local src 192.0.2.10 uid 0 \\    cache <local> ',
      { type: 'local', device: 'lo' },
    ],
    ['198.51.100.1 via 192.0.2.9 dev v0 \\    cache <redirected>', { isRedirected: true }],
  ])('%s', (line, wanted) => {
    expect(answer(line)).toMatchObject({ kind: 'route', ...wanted });
  });

  test('of BusyBox, which names no table', () => {
    expect(answer('198.51.100.1 via 192.0.2.1 dev v0  src 192.0.2.10 ', false)).toMatchObject({
      table: undefined,
    });
  });

  test.each([
    ['RTNETLINK answers: Network is unreachable', 'network-unreachable'],
    ['ip: RTNETLINK answers: No route to host', 'host-unreachable'],
    ['RTNETLINK answers: Invalid cross-device link', 'wrong-device'],
    ['RTNETLINK answers: Permission denied', 'prohibited'],
    [
      'unreachable 2001:db8::1 from :: dev lo table unspec proto kernel error -101 pref medium',
      'host-unreachable',
    ],
    ['sh: ip: not found', 'other'],
  ])('%s', (line, error) => {
    expect(answer(line)).toMatchObject({ kind: 'refused', error });
  });
});

test('names: of tables and of whom a rule belongs to', () => {
  expect([254, 801, 5].map((table) => tableText(table, NAMES))).toEqual(['main', '801 (isp1)', '5']);
  expect([222, 223, 77, 99, 0, undefined].map((protocol) => ownerOf(protocol, NAMES))).toEqual([
    'split-access',
    'ecmp',
    'mine',
    'protocol 99',
    undefined,
    undefined,
  ]);
});
