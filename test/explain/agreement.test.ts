// The walk against the kernel: random rules, routes and flows, and the two never lead different ways.
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import type { FlowWords } from '../../src/explain/flow.ts';
import type { Outcome } from '../../src/explain/walk.ts';
import { Kernel } from './support/kernel.ts';

vi.setConfig({ testTimeout: 180_000, hookTimeout: 30_000 });

let kernel: Kernel;
beforeAll(async () => {
  kernel = await Kernel.create();
});
afterAll(() => kernel.close());

const WORLDS = {
  4: {
    destinations: ['198.51.100.1', '198.51.100.200', '192.0.2.77', '10.1.2.3', '192.0.2.10'],
    prefixes: ['default', '198.51.100.0/24', '198.51.100.128/25', '10.0.0.0/8', '10.1.2.3', '192.0.2.64/26'],
    selectors: ['192.0.2.10', '192.0.2.0/24', '203.0.113.10', '10.9.0.0/16', '0.0.0.0/1', '198.51.100.0/24'],
    sources: ['192.0.2.10', '203.0.113.10', '10.9.0.7', undefined],
    gateways: ['via 192.0.2.1 dev v0', 'via 203.0.113.1 dev v1', 'dev w0'],
  },
  6: {
    destinations: [
      '2001:db8:64::1',
      '2001:db8:64:8000::1',
      '2001:db8:1::77',
      '2001:db8:a:1::3',
      '2001:db8:1::10',
    ],
    prefixes: [
      'default',
      '2001:db8:64::/48',
      '2001:db8:64:8000::/49',
      '2001:db8:a::/48',
      '2001:db8:a:1::3',
      '2001:db8:1::40/122',
    ],
    selectors: [
      '2001:db8:1::10',
      '2001:db8:1::/64',
      '2001:db8:2::10',
      '2001:db8:9::/48',
      '::/1',
      '2001:db8:64::/48',
    ],
    sources: ['2001:db8:1::10', '2001:db8:2::10', '2001:db8:9::7', undefined],
    gateways: ['via 2001:db8:1::1 dev v0', 'via 2001:db8:2::1 dev v1', 'dev w0'],
  },
} as const;

type FamilyNumber = keyof typeof WORLDS;

const TABLES = [100, 101, 102] as const;
const PRIORITIES = [100, 200, 300, 400, 500, 32_766, 40_000] as const;

const maybe = (arbitrary: fc.Arbitrary<string>): fc.Arbitrary<string> =>
  fc.oneof({ weight: 3, arbitrary: fc.constant('') }, { weight: 1, arbitrary });

function ruleOf(family: FamilyNumber): fc.Arbitrary<string> {
  const { selectors } = WORLDS[family];
  const selector = fc.constantFrom(...selectors);
  const lookup = fc
    .tuple(
      fc.constantFrom(...TABLES, 254),
      maybe(fc.constantFrom('0', '24', '25', '48', '49').map((n) => ` suppress_prefixlength ${n}`)),
    )
    .map(([table, suppress]) => `lookup ${table}${suppress}`);
  const action = fc.oneof(
    { weight: 8, arbitrary: lookup },
    { weight: 2, arbitrary: fc.constantFrom(...PRIORITIES).map((n) => `goto ${n}`) },
    { weight: 1, arbitrary: fc.constantFrom('blackhole', 'unreachable', 'prohibit', 'nop') },
  );
  return fc
    .record({
      not: maybe(fc.constant('not')),
      from: maybe(selector.map((each) => `from ${each}`)),
      to: maybe(selector.map((each) => `to ${each}`)),
      iif: maybe(fc.constantFrom('lo', 'w0', 'gone').map((each) => `iif ${each}`)),
      oif: maybe(fc.constant('oif v1')),
      fwmark: maybe(fc.constantFrom('0x1', '0x100/0xf00', '0/0xf00').map((each) => `fwmark ${each}`)),
      tos: maybe(fc.constant('tos 0x10')),
      protocol: maybe(fc.constantFrom('tcp', 'udp').map((each) => `ipproto ${each}`)),
      sport: maybe(fc.constantFrom('1000', '1-2000').map((each) => `sport ${each}`)),
      dport: maybe(fc.constantFrom('443', '400-500').map((each) => `dport ${each}`)),
      uid: maybe(fc.constantFrom('0-10', '5-10').map((each) => `uidrange ${each}`)),
      priority: fc.constantFrom(...PRIORITIES),
      action,
    })
    .map(({ not, priority, action: act, ...others }) => {
      return `rule add ${[not, ...Object.values(others)].filter((each) => each !== '').join(' ')} prio ${priority} ${act}`;
    });
}

function routeOf(family: FamilyNumber): fc.Arbitrary<string> {
  const { prefixes, gateways } = WORLDS[family];
  const multipath = `nexthop ${gateways[0]} weight 3 nexthop ${gateways[1]} weight 1`;
  return fc
    .record({
      prefix: fc.constantFrom(...prefixes),
      way: fc.oneof(
        { weight: 6, arbitrary: fc.constantFrom(...gateways, multipath) },
        { weight: 2, arbitrary: fc.constantFrom('unreachable', 'blackhole', 'prohibit', 'throw') },
      ),
      table: fc.constantFrom(...TABLES, 254),
      metric: fc.constantFrom('', ' metric 7', ' metric 2000'),
    })
    .map(({ prefix, way, table, metric }) => {
      const refuses = /^[a-z]+$/.test(way);
      return refuses
        ? `route add ${way} ${prefix} table ${table}${metric}`
        : `route add ${prefix} table ${table}${metric} ${way}`;
    });
}

function flowOf(family: FamilyNumber): fc.Arbitrary<FlowWords> {
  const { destinations, sources } = WORLDS[family];
  return fc
    .record({
      to: fc.constantFrom(...destinations),
      from: fc.constantFrom(...sources),
      proto: fc.constantFrom('tcp', 'udp'),
      sport: fc.constantFrom(undefined, '1000', '3000'),
      dport: fc.constantFrom(undefined, '443', '80'),
      mark: fc.constantFrom('0', '1', '0x101'),
    })
    .map(({ from, sport, dport, ...words }) => ({
      ...words,
      ...(from !== undefined && { from }),
      // Random rules may know no way back to it.
      ...(from !== undefined && /9.*7$/.test(from) && { iif: 'w0' }),
      ...(sport !== undefined && { sport }),
      ...(dport !== undefined && { dport }),
    }));
}

/** Each thing that a rule can come to, at least once. */
function everything(family: FamilyNumber): [string[], string[], FlowWords[]] {
  const { destinations, selectors, sources, gateways } = WORLDS[family];
  return [
    [
      `rule add from ${selectors[2]} prio 100 lookup 100`,
      'rule add prio 100 goto 300',
      'rule add prio 300 lookup 100',
      'rule add prio 400 lookup 101 suppress_prefixlength 0',
      'rule add prio 40000 prohibit',
    ],
    ['route add throw default table 100', `route add default table 101 ${gateways[0]}`],
    [
      { to: destinations[0], from: sources[0] },
      { to: destinations[2], from: sources[0] },
    ],
  ];
}

/** What was found before: two routes of one prefix and metric, one of which refuses; a user's rule, forwarded. */
const EXAMPLES: Readonly<Record<FamilyNumber, [string[], string[], FlowWords[]][]>> = {
  4: [],
  6: [
    [
      ['rule add from ::/1 prio 100 lookup 100'],
      ['route add default table 100 via 2001:db8:1::1 dev v0', 'route add unreachable default table 100'],
      [{ to: '2001:db8:64::1', from: '2001:db8:1::10' }],
    ],
    [
      ['rule add from ::/1 uidrange 0-10 prio 100 lookup 100'],
      ['route add 2001:db8:a::/48 table 100 via 2001:db8:1::1 dev v0'],
      [{ to: '2001:db8:a:1::3', from: '2001:db8:9::7', iif: 'w0' }],
    ],
  ],
};

/** What the kernel answers where it refuses (fib4_rule_action, fib6_rule_action, fib_props). */
function refusalOf(outcome: Outcome): string {
  if (outcome.kind === 'nothing') return 'network-unreachable';
  if (outcome.kind !== 'refused') return 'none';
  const errors: Readonly<Record<string, string>> = { blackhole: 'invalid', prohibit: 'prohibited' };
  const unreachable = outcome.rule.action.kind === 'lookup' ? 'host-unreachable' : 'network-unreachable';
  return errors[outcome.how] ?? unreachable;
}

describe.each([4, 6] as const)('IPv%i', (family) => {
  test('for random rules, routes and flows the walk ends where the kernel does', () => {
    const seen = new Map<string, number>();
    fc.assert(
      fc.property(
        fc.array(ruleOf(family), { minLength: 1, maxLength: 8 }),
        fc.array(routeOf(family), { minLength: 3, maxLength: 12 }),
        fc.array(flowOf(family), { minLength: 4, maxLength: 4 }),
        (rules, routes, flows) => {
          set(family, [...routes, ...rules]);
          for (const words of flows) {
            for (const { agreement, walk, answer, steps } of kernel.explain(words).lookups) {
              expect({ words, agreement: agreement.kind, answer, steps }).toMatchObject({
                agreement: 'agree',
              });
              // The rest of what a refusal of what comes in may be is for other causes than rules.
              const refusal = answer?.kind === 'refused' ? answer.error : 'none';
              const isFree = agreement.kind === 'agree' && agreement.remark !== undefined;
              if (walk.packet.iif === 'lo' && !isFree) expect(refusal).toBe(refusalOf(walk.outcome));
              seen.set(walk.outcome.kind, (seen.get(walk.outcome.kind) ?? 0) + 1);
              for (const { came } of steps) seen.set(came, (seen.get(came) ?? 0) + 1);
            }
          }
        },
      ),
      { numRuns: 40, examples: [everything(family), ...EXAMPLES[family]] },
    );
    // A test that never leaves the beaten track proves nothing.
    const kinds = ['route', 'refused', 'found', 'missed', 'suppressed', 'thrown', 'jumped', 'no-match'];
    expect(kinds.filter((kind) => (seen.get(kind) ?? 0) === 0)).toEqual([]);
  });
});

/** Drops what the last round left, then adds these; what the kernel does not take is left out. */
function set(family: FamilyNumber, lines: readonly string[]): void {
  const batch = [
    'rule flush',
    'rule add prio 0 lookup local',
    'rule add prio 32766 lookup main',
    ...[...TABLES].map((table) => `route flush table ${table}`),
    ...WORLDS[family].prefixes.flatMap((prefix) =>
      ['', ' metric 7', ' metric 2000', ' metric 1024'].map(
        (metric) =>
          `route flush ${prefix === 'default' ? 'exact default' : `exact ${prefix}`} table 254${metric}`,
      ),
    ),
    ...lines,
  ];
  kernel.sh(`ip -${family} -force -batch - >/dev/null 2>&1 <<'END' || :\n${batch.join('\n')}\nEND`);
}
