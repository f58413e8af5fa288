// ip_rule against this kernel, in a network namespace of its own, with the ip of iproute2, that of BusyBox, and one that
// stands in for kernels that know no owners and add rules twice.
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ipRule } from '../../src/modules/network/ip-rule.ts';
import { complaints } from './support/lint.ts';
import { PrivateMachine } from './support/private-machine.ts';
import { everything, IP, routedMachine, WORLDS } from './support/routed-machine.ts';
import { controller } from './support/this-machine.ts';

type Args = Parameters<typeof ipRule.prepare>[0];

/** Arguments, and how iproute2 prints the rule. */
const SIMPLE: readonly (readonly [string, Args, string])[] = [
  ['a source', { priority: 100, from: '192.0.2.10', table: 801 }, '100: from 192.0.2.10 lookup uplink'],
  [
    'a source and a destination',
    { priority: 101, from: '192.0.2.0/24', to: '10.0.0.0/8', table: 'uplink' },
    '101: from 192.0.2.0/24 to 10.0.0.0/8 lookup uplink',
  ],
  [
    'main without its default',
    { priority: 102, table: 'main', suppress_prefixlength: 0 },
    '102: from all lookup main suppress_prefixlength 0',
  ],
  [
    'a mark',
    { priority: 103, fwmark: '256/0xFF00', table: 801 },
    '103: from all fwmark 0x100/0xff00 lookup uplink',
  ],
  [
    'a mark and a device',
    { priority: 104, fwmark: 7, iif: 'e0', table: 801 },
    '104: from all fwmark 0x7 iif e0 lookup uplink',
  ],
  ['no mark', { priority: 105, fwmark: '0/0xff', table: 801 }, '105: from all fwmark 0/0xff lookup uplink'],
  [
    'a device that is not there',
    { priority: 106, iif: 'e9', table: 9 },
    '106: from all iif e9 [detached] lookup 9',
  ],
  ['IPv6', { priority: 107, from: '2001:DB8::/32', table: 801 }, '107: from 2001:db8::/32 lookup uplink'],
  ['IPv6 of all', { priority: 108, family: 'inet6', from: 'all', table: 9 }, '108: from all lookup 9'],
];

const BEYOND_BUSYBOX: typeof SIMPLE = [
  [
    'an owner',
    { priority: 120, from: '192.0.2.10', table: 801, proto: 'ours' },
    '120: from 192.0.2.10 lookup uplink proto ours',
  ],
  [
    'the rest',
    { priority: 121, not: true, from: '192.0.2.0/24', table: 9 },
    '121: not from 192.0.2.0/24 lookup 9',
  ],
  ['a bound socket', { priority: 122, oif: 'e0', table: 9 }, '122: from all oif e0 lookup 9'],
  [
    'ports',
    { priority: 123, ipproto: 'tcp', sport: 80, dport: '1000-2000', table: 9 },
    '123: from all ipproto tcp sport 80 dport 1000-2000 lookup 9',
  ],
  [
    'a protocol by number',
    { priority: 124, ipproto: 253, table: 9 },
    '124: from all ipproto ipproto-253 lookup 9',
  ],
  ['a protocol by name', { priority: 125, ipproto: 'sctp', table: 9 }, '125: from all ipproto sctp lookup 9'],
  ['nowhere', { priority: 126, from: '10.0.0.1', action: 'blackhole' }, '126: from 10.0.0.1 blackhole'],
  ['refusal', { priority: 127, from: '10.0.0.1', action: 'unreachable' }, '127: from 10.0.0.1 unreachable'],
  [
    'prohibition',
    { priority: 128, to: '10.0.0.1', action: 'prohibit' },
    '128: from all to 10.0.0.1 prohibit',
  ],
  ['a large table', { priority: 129, from: '10.0.0.1', table: 70000 }, '129: from 10.0.0.1 lookup 70000'],
];

describe.each(WORLDS)('under %s with the ip of %s', (shell, ip) => {
  let machine: PrivateMachine;
  const apply = (args: Args) => machine.apply(ipRule, args);
  const absent = (args: Args) => apply({ ...args, state: 'absent' });
  const show = () =>
    machine
      .say(`for family in -4 -6; do ${IP} -o $family rule show; done`)
      .split('\n')
      .map((line) => line.replaceAll(/\s+/g, ' ').trim());

  beforeAll(async () => {
    machine = await routedMachine({ shell, ip });
  });
  afterAll(() => machine.stop());

  const possible = ip === 'busybox' ? SIMPLE : [...SIMPLE, ...BEYOND_BUSYBOX];
  describe.each(possible)('%s', (_case, args, line) => {
    test('is added once, and its program may run twice', () => {
      const { verdict, conclusion, script = '' } = apply(args);
      expect(verdict.kind).toBe('change');
      expect(conclusion).toEqual({ kind: 'changed' });
      expect(show()).toContain(line);
      const before = everything(machine);
      expect(apply(args).verdict.kind).toBe('unchanged');
      expect(machine.run(script)).toMatchObject({ exitCode: 0, stderr: '' });
      expect(everything(machine)).toBe(before);
    });

    test('comes back where somebody changed it', () => {
      const family = show().indexOf(line) > show().lastIndexOf('0: from all lookup local') ? '-6' : '-4';
      machine.say(
        `${IP} ${family} rule del priority ${args.priority}; ${IP} ${family} rule add priority ${args.priority} to ${family === '-4' ? '10.255.0.0/16' : '2001:db8:255::/48'} lookup 254`,
      );
      expect(apply(args).conclusion).toEqual({ kind: 'changed' });
      expect(show()).toContain(line);
      machine.say(`${IP} ${family} rule del priority ${args.priority} lookup main`);
      if (!show().includes(line)) apply(args);
    });

    test('goes once, and nothing else does', () => {
      const before = show();
      const { conclusion, script = '' } = absent(args);
      expect(conclusion).toEqual({ kind: 'changed' });
      expect(show()).toEqual(before.filter((each) => each !== line));
      expect(absent(args).verdict.kind).toBe('unchanged');
      expect(machine.run(script)).toMatchObject({ exitCode: 0, stderr: '' });
      expect(show()).toEqual(before.filter((each) => each !== line));
    });
  });

  test('what is only looked at stays as it is', () => {
    const before = everything(machine);
    const wanted = ipRule.prepare({ priority: 5, table: 5 }, controller());
    machine.run(ipRule.inspect(wanted).script ?? '');
    expect(everything(machine)).toBe(before);
  });

  test('a table that the host does not know is a failure', () => {
    expect(apply({ priority: 5, table: 'uplnk' }).verdict).toEqual({
      kind: 'failed',
      message: 'the host knows no table uplnk',
      hint: 'write its number, or name it in /etc/iproute2/rt_tables first',
    });
  });

  if (ip === 'busybox') {
    test.each(BEYOND_BUSYBOX)('%s is refused in plain words', (_case, args) => {
      const before = everything(machine);
      expect(apply(args).verdict).toMatchObject({
        kind: 'failed',
        message: expect.stringMatching(/^the ip of this host is BusyBox's, and that cannot do /),
        hint: 'install the package iproute2 on the host',
      });
      expect(everything(machine)).toBe(before);
    });
  } else {
    test('rules of other owners are other rules', () => {
      const args: Args = { priority: 200, from: '10.0.0.1', table: 9 };
      for (const proto of [77, 78])
        machine.say(`${IP} rule add priority 200 from 10.0.0.1 lookup 9 protocol ${proto}`);
      expect(absent(args).verdict).toMatchObject({
        kind: 'unchanged',
        message: 'it is there with proto 77, which is another rule',
      });
      expect(apply(args).conclusion?.kind).toBe('changed');
      const lines = () => show().filter((line) => line.startsWith('200:'));
      expect(lines()).toHaveLength(3);
      expect(apply({ ...args, proto: 78 }).verdict.kind).toBe('unchanged');
      // The kernel would delete the first of them.
      expect(absent(args).conclusion?.kind).toBe('changed');
      expect(lines()).toEqual([
        '200: from 10.0.0.1 lookup 9 proto 77',
        '200: from 10.0.0.1 lookup 9 proto 78',
      ]);
      expect(absent({ ...args, proto: 78 }).conclusion?.kind).toBe('changed');
      expect(lines()).toEqual(['200: from 10.0.0.1 lookup 9 proto 77']);
    });

    test('a deletion that would hit another rule is refused', () => {
      machine.say(
        `${IP} rule add priority 201 from 10.0.0.1 iif e0 lookup 9; ${IP} rule add priority 201 from 10.0.0.1 lookup 9`,
      );
      const before = everything(machine);
      expect(absent({ priority: 201, from: '10.0.0.1', table: 9 }).verdict).toMatchObject({
        kind: 'failed',
        message:
          'ip would delete another rule in its place, which has the same priority and stands before it: priority 201 from 10.0.0.1 iif e0 lookup 9',
      });
      expect(everything(machine)).toBe(before);
    });

    test.each([
      ['a narrower source', 'from 10.0.0.1 lookup 9', { table: 9 }],
      ['a tos', 'from 10.0.0.1 tos 0x10 lookup 9', { from: '10.0.0.1', table: 9 }],
      ['the opposite', 'not from 10.0.0.1 lookup 9', { from: '10.0.0.1', table: 9 }],
    ])('%s in the same place, which the kernel takes for it, is a failure in words', (_case, there, args) => {
      machine.say(`${IP} rule add priority 202 ${there}`);
      expect(apply({ priority: 202, ...args }).verdict).toMatchObject({
        kind: 'failed',
        message: expect.stringMatching(
          /^the kernel takes it for a rule of the same priority that is there: /,
        ),
        hint: 'give it another priority',
      });
      machine.say(`${IP} rule del priority 202`);
    });

    test('any valid rule is there after it was asked for, asked for again it is unchanged, and it goes', {
      timeout: 60_000,
    }, () => {
      const before = everything(machine);
      fc.assert(
        fc.property(anyRule, (args) => {
          try {
            expect(apply(args)).toMatchObject({
              verdict: { kind: 'change' },
              conclusion: { kind: 'changed' },
            });
            expect(apply(args).verdict).toMatchObject({ kind: 'unchanged' });
            expect(absent(args).conclusion).toEqual({ kind: 'changed' });
            expect(everything(machine)).toBe(before);
          } finally {
            const flag = args.family === 'inet6' ? '-6' : '-4';
            machine.run(`while ${IP} ${flag} rule del priority ${args.priority} 2>/dev/null; do :; done`);
          }
        }),
        { numRuns: 25 },
      );
    });
  }
});

const optional = <T>(values: fc.Arbitrary<T>) => fc.option(values, { nil: undefined });
const number16 = fc.integer({ min: 1, max: 65534 });
const port = fc.oneof(
  number16,
  fc.tuple(number16, number16).map(([a, b]) => `${Math.min(a, b)}-${Math.max(a, b)}`),
);
const device = fc.constantFrom('e0', 'e1', 'lo', 'gone');

function prefixes(family: 'inet' | 'inet6'): fc.Arbitrary<string> {
  const inet = fc
    .tuple(fc.nat(255), fc.integer({ min: 16, max: 32 }))
    .map(([a, length]) => (length === 32 ? `10.${a}.3.4` : `10.${a}.0.0/${length}`));
  const inet6 = fc
    .tuple(fc.nat(0xffff), fc.integer({ min: 32, max: 127 }))
    .map(([a, length]) => (length === 127 ? `2001:DB8:0:${a.toString(16)}::9` : `2001:0db8::/${length}`));
  return family === 'inet' ? inet : inet6;
}

const anyRule: fc.Arbitrary<Args> = fc.constantFrom('inet' as const, 'inet6' as const).chain((family) =>
  fc
    .record({
      // Nobody else has rules there.
      priority: fc.integer({ min: 1000, max: 32000 }),
      not: optional(fc.boolean()),
      from: optional(fc.oneof(prefixes(family), fc.constant('all'))),
      to: optional(prefixes(family)),
      iif: optional(device),
      oif: optional(device),
      fwmark: optional(
        fc.oneof(
          fc.integer({ min: 1, max: 0xffffffff }),
          fc.constantFrom('0x0/0xff', '0x100/0xff00', '7/0xffffffff'),
        ),
      ),
      transport: optional(
        fc.record({ ipproto: fc.constantFrom('tcp', 17, 'sctp'), sport: port, dport: port }),
      ),
      goal: fc.oneof(
        fc.record({
          table: fc.oneof(fc.integer({ min: 1, max: 0xffffffff }), fc.constantFrom('main', 'uplink')),
          suppress_prefixlength: optional(fc.nat(family === 'inet' ? 32 : 128)),
        }),
        fc
          .constantFrom('blackhole' as const, 'unreachable' as const, 'prohibit' as const)
          .map((action) => ({ action })),
      ),
      proto: optional(fc.oneof(fc.integer({ min: 3, max: 255 }), fc.constantFrom('static', 'ours'))),
    })
    .map(({ transport, goal, ...rest }) => {
      const said = Object.entries({ family, ...rest, ...transport, ...goal });
      return Object.fromEntries(said.filter(([, value]) => value !== undefined)) as unknown as Args;
    }),
);

/** An ip that shows no owner of a rule, and gives each a new one: so the kernel takes what it has already. */
const OLD_KERNEL = `#!/bin/sh
case "$*" in
*'rule show'*) ${IP} "$@" | sed 's/ proto [^ ]*//' ;;
*'rule add'*)
  read -r last </run/last
  echo $((last + 1)) >/run/last
  exec ${IP} "$@" protocol "$last"
  ;;
*) exec ${IP} "$@" ;;
esac
`;

describe('where rules have no owner and may be there twice', () => {
  let machine: PrivateMachine;
  const args: Args = { priority: 100, from: '192.0.2.10', table: 9 };
  const count = () => machine.say(`${IP} rule show | grep -c '^100:' || :`);

  beforeAll(async () => {
    machine = await PrivateMachine.start({
      shell: 'dash',
      setup: `cp /bin/ip ${IP}
echo 100 >/run/last
cat >/run/old <<'END'
${OLD_KERNEL}END
chmod 755 /run/old
mount --bind /run/old /bin/ip`,
    });
  });
  afterAll(() => machine.stop());

  test('a rule is added once, even by a program that runs twice', () => {
    const { conclusion, script = '' } = machine.apply(ipRule, args);
    expect(conclusion).toEqual({ kind: 'changed' });
    expect(machine.run(script)).toMatchObject({ exitCode: 0, stderr: '' });
    expect(count()).toBe('1');
    expect(machine.apply(ipRule, args).verdict.kind).toBe('unchanged');
  });

  test('what is there more than once stays once, or goes whole', () => {
    for (let copies = 0; copies < 2; copies++)
      machine.say('ip rule add priority 100 from 192.0.2.10 lookup 9');
    expect(count()).toBe('3');
    expect(machine.apply(ipRule, args).verdict).toMatchObject({
      message: 'delete what is there twice: priority 100 from 192.0.2.10 lookup 9',
    });
    expect(count()).toBe('1');
    machine.say('ip rule add priority 100 from 192.0.2.10 lookup 9');
    expect(machine.apply(ipRule, { ...args, state: 'absent' }).conclusion).toEqual({ kind: 'changed' });
    expect(count()).toBe('0');
  });

  test('an owner is a failure in words', () => {
    expect(machine.apply(ipRule, { ...args, proto: 77 }).verdict).toMatchObject({
      kind: 'failed',
      message: 'rules on this host say not whose they are: proto needs kernel 4.17 and an iproute2 as new',
    });
  });
});

test('its programs are taken by shellcheck', () => {
  const wanted = ipRule.prepare({ priority: 1, table: 'my table', iif: "it's" }, controller());
  expect(complaints(ipRule.inspect(wanted).script ?? '')).toBe('');
  const commands = [
    ['add', 'priority', '1', 'iif', "it's"],
    ['del', 'priority', '1'],
  ];
  expect(complaints(ipRule.change(wanted, { commands }).script)).toBe('');
});
