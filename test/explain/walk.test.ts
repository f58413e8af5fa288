// Each selector and each action, without a kernel; agreement.test.ts has the kernel.
import { describe, expect, test } from 'vitest';
import { agreementOf } from '../../src/explain/agreement.ts';
import { type FlowWords, parseFlow } from '../../src/explain/flow.ts';
import { parseRoutes } from '../../src/explain/ip-route.ts';
import { parseRules } from '../../src/explain/ip-rule.ts';
import { parseKernelAnswer } from '../../src/explain/kernel-answer.ts';
import { parseNames } from '../../src/explain/names.ts';
import { packetOf } from '../../src/explain/packet.ts';
import { cameText } from '../../src/explain/sentences.ts';
import { walk } from '../../src/explain/walk.ts';

const NAMES = parseNames([]);
const ROUTES = [
  'default via 192.0.2.1 dev v0',
  '192.0.2.0/24 dev v0',
  'default via 203.0.113.1 dev v1 table 100',
  'throw 10.0.0.0/8 table 100',
  'default via 203.0.113.1 dev v1 table 101 dead linkdown',
  'unreachable default table 102',
];

interface Asked {
  readonly words?: Partial<FlowWords>;
  readonly iif?: string;
  readonly routes?: readonly string[];
}

function walked(rules: readonly string[], { words = {}, iif = 'lo', routes = ROUTES }: Asked = {}) {
  const tables = {
    rules: parseRules([...rules, '32766: from all lookup main'], 4, NAMES),
    routes: parseRoutes(routes, 4, NAMES),
    ignoresLinkDown: (device: string) => device === 'v9',
  };
  return walk(tables, packetOf(parseFlow({ to: '198.51.100.1', ...words }), iif));
}

const said = (rules: readonly string[], asked?: Asked) =>
  walked(rules, asked).steps.map(({ came }) => cameText(came));

describe('a selector that does not match says why', () => {
  test.each([
    ['from 192.0.2.10', {}, 'no source address is chosen yet'],
    ['from 192.0.2.10', { words: { from: '203.0.113.10' } }, 'the source is 203.0.113.10'],
    ['to 10.0.0.0/8', {}, 'it is not for 10.0.0.0/8'],
    ['fwmark 0x100/0xf00', { words: { mark: '0x203' } }, 'the mark is 0x203'],
    ['iif v0', {}, 'the host itself sends it'],
    ['iif v0', { iif: 'v1' }, 'it comes in by v1'],
    ['iif v1 [detached]', { iif: 'v1' }, 'it comes in by v1'],
    ['oif v0', {}, 'it is bound to no device'],
    ['tos 0x10', {}, 'its TOS is 0'],
    ['ipproto udp', {}, 'it is tcp'],
    ['sport 5-6', { words: { sport: '7' } }, 'the source port is 7'],
    ['dport 443', {}, 'no destination port was given'],
    ['uidrange 5-6', {}, 'it is asked for user 0'],
    ['not to 198.51.100.0/24', {}, 'it is for all others (not)'],
  ] as const)('%s', (selector, asked, why) => {
    const from = /^(not|from)/.test(selector) ? '' : 'from all ';
    expect(said([`5: ${from}${selector} lookup 100`], asked)).toEqual([
      `no: ${why}`,
      'default via 192.0.2.1 dev v0',
    ]);
  });
});

describe('a selector that matches leads on', () => {
  test.each([
    ['from 0.0.0.0/1', {}],
    ['from 192.0.2.10', { words: { from: '192.0.2.10' } }],
    ['from all to 198.51.100.0/24', {}],
    ['from all fwmark 0x100/0xf00', { words: { mark: '0x103' } }],
    ['from all iif lo', {}],
    ['from all iif v1', { iif: 'v1' }],
    ['from all ipproto tcp sport 5-9 dport 443', { words: { sport: '7', dport: '443' } }],
    ['from all uidrange 0-6', {}],
    ['not from all to 10.0.0.0/8', {}],
  ])('%s', (selector, asked) => {
    expect(said([`5: ${selector} lookup 100`], asked)).toEqual(['default via 203.0.113.1 dev v1']);
  });
});

describe('a rule', () => {
  test.each([
    ['lookup 254 suppress_prefixlength 0', 'only its default would match: suppressed'],
    ['lookup 55', 'no route to it in there'],
    ['lookup 101', 'its route is dead: default via 203.0.113.1 dev v1'],
    ['nop', 'does nothing'],
    ['goto 3', 'does nothing'],
    ['goto 7 [unresolved]', 'does nothing'],
    ['tun_id 7 lookup 100', 'not judged: "tun_id 7" cannot be judged from here'],
  ])('%s leads on', (action, text) => {
    expect(said([`5: from all ${action}`])).toEqual([text, 'default via 192.0.2.1 dev v0']);
  });

  test('throw leads on', () => {
    expect(said(['5: from all lookup 100'], { words: { to: '10.1.1.1' } })[0]).toBe(
      'throw 10.0.0.0/8: on to the next rule',
    );
  });

  test('goto passes by what is between', () => {
    expect(said(['5: from all goto 9', '6: from all blackhole', '9: from all lookup 100'])).toEqual([
      'yes: on to rule 9',
      'default via 203.0.113.1 dev v1',
    ]);
  });

  test.each([
    ['blackhole', 'refuses: blackhole'],
    ['prohibit', 'refuses: prohibit'],
    ['lookup 102', 'its route refuses: unreachable'],
    ['lookup 102 suppress_prefixlength 0', 'its route refuses: unreachable'],
  ])('%s ends it', (action, text) => {
    expect(said([`5: from all ${action}`])).toEqual([text]);
  });

  test('the longest prefix wins, then the smallest metric; routes without carrier are passed by where that counts', () => {
    const routes = [
      'default via 192.0.2.1 dev v0',
      '198.51.100.0/24 via 192.0.2.3 dev v0 metric 9',
      '198.51.100.0/24 via 192.0.2.4 dev v0 metric 5',
      '198.51.100.1 via 192.0.2.5 dev v9 linkdown',
    ];
    expect(said([], { routes })).toEqual(['198.51.100.0/24 via 192.0.2.4 dev v0 metric 5']);
    expect(said([], { routes: ['198.51.100.1 via 192.0.2.5 dev v8 linkdown'] })).toEqual([
      '198.51.100.1 via 192.0.2.5 dev v8',
    ]);
  });
});

describe('the kernel says otherwise', () => {
  const compared = (rules: readonly string[], answer: string, iif = 'lo') =>
    agreementOf(walked(rules, { iif }), parseKernelAnswer([answer], NAMES, { tellsTables: true }));

  test.each([
    ['198.51.100.1 via 192.0.2.1 dev v0', 'agree'],
    ['198.51.100.1 via 192.0.2.1 dev v0 table 100', 'differ'],
    ['198.51.100.1 via 192.0.2.2 dev v0', 'differ'],
    ['198.51.100.1 via 192.0.2.1 dev v1', 'differ'],
    ['local 198.51.100.1 dev lo table local', 'differ'],
    ['RTNETLINK answers: Network is unreachable', 'differ'],
    ['', 'silent'],
  ])('%s: %s', (answer, kind) => {
    expect(compared([], answer).kind).toBe(kind);
  });

  test('and names what could not be judged as a possible reason', () => {
    expect(
      compared(['5: from all tun_id 7 lookup 100'], '198.51.100.1 via 203.0.113.1 dev v1 table 100'),
    ).toEqual({
      kind: 'differ',
      why: 'the kernel sends it via 203.0.113.1 dev v1, by table 100, and a rule that could not be judged may be why',
    });
  });

  test('what is dropped on its way in is no disagreement', () => {
    expect(compared([], 'RTNETLINK answers: Invalid cross-device link', 'v1')).toEqual({
      kind: 'dropped',
      why: 'the reverse path filter (rp_filter) drops what comes in by v1 from there',
    });
  });

  test('nor is a route that refuses, or none at all, where the kernel refuses', () => {
    expect(compared(['5: from all lookup 102'], 'RTNETLINK answers: No route to host').kind).toBe('agree');
    expect(compared(['5: from all lookup 102'], '198.51.100.1 via 192.0.2.1 dev v0').kind).toBe('differ');
  });
});
