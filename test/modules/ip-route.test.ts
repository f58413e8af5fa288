// ip_route against this kernel, in a network namespace of its own, with the ip of iproute2 and that of BusyBox.
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ipRoute } from '../../src/modules/network/ip-route.ts';
import { complaints } from './support/lint.ts';
import type { PrivateMachine } from './support/private-machine.ts';
import { everything, IP, routedMachine, WORLDS } from './support/routed-machine.ts';
import { controller } from './support/this-machine.ts';

type Args = Parameters<typeof ipRoute.prepare>[0];

/** Arguments, and how the kernel has them: the line of iproute2, without what is not of the route. */
const SIMPLE: readonly (readonly [string, Args, string])[] = [
  ['a gateway', { dest: '203.0.113.0/24', via: '192.0.2.1' }, '203.0.113.0/24 via 192.0.2.1 dev e0'],
  [
    'all words',
    {
      dest: 'default',
      via: '198.51.100.1',
      dev: 'e1',
      src: '198.51.100.10',
      table: 801,
      metric: 7,
      proto: 201,
    },
    'default via 198.51.100.1 dev e1 proto ours src 198.51.100.10 metric 7',
  ],
  [
    'names of the host',
    { dest: '10.1.0.0/16', via: '192.0.2.1', table: 'uplink', proto: 'static' },
    '10.1.0.0/16 via 192.0.2.1 dev e0 proto static',
  ],
  [
    'a link',
    { dest: '10.2.0.0/16', dev: 'e0', table: 801, src: '192.0.2.10' },
    '10.2.0.0/16 dev e0 scope link src 192.0.2.10',
  ],
  [
    'a gateway outside of all networks',
    { dest: '10.3.0.1/32', via: '10.99.0.1', dev: 'e0', onlink: true, table: 801 },
    '10.3.0.1 via 10.99.0.1 dev e0 onlink',
  ],
  ['nowhere', { dest: '10.4.0.0/16', type: 'blackhole', table: 801 }, 'blackhole 10.4.0.0/16'],
  [
    'a last resort',
    { dest: 'default', type: 'unreachable', metric: 4278198272, table: 801 },
    'unreachable default metric 4278198272',
  ],
  ['prohibited', { dest: '10.5.0.0/16', type: 'prohibit' }, 'prohibit 10.5.0.0/16'],
  ['another table', { dest: '10.6.0.0/16', type: 'throw', table: 801 }, 'throw 10.6.0.0/16'],
  [
    'IPv6 and a gateway',
    { dest: '2001:DB8:5:0::/48', via: '2001:db8::1', table: 801, proto: 'ours' },
    '2001:db8:5::/48 via 2001:db8::1 dev e0 proto ours metric 1024',
  ],
  [
    'IPv6 and a gateway of the link',
    { dest: 'default', via: 'fe80::1', dev: 'e1', table: 801, src: '2001:db8:1::10' },
    'default via fe80::1 dev e1 src 2001:db8:1::10 metric 1024',
  ],
  [
    'IPv6 and a link',
    { dest: '2001:db8:6::/48', dev: 'e1', metric: 50, table: 801 },
    '2001:db8:6::/48 dev e1 metric 50',
  ],
  [
    'IPv6 and nowhere',
    { dest: 'default', family: 'inet6', type: 'unreachable', metric: 9, table: 801 },
    'unreachable default dev lo metric 9',
  ],
];

const BEYOND_BUSYBOX: typeof SIMPLE = [
  [
    'two ways',
    {
      dest: 'default',
      table: 802,
      nexthops: [
        { via: '192.0.2.1', dev: 'e0', weight: 2 },
        { via: '198.51.100.1', dev: 'e1' },
      ],
    },
    'default nexthop via 192.0.2.1 dev e0 weight 2 nexthop via 198.51.100.1 dev e1 weight 1',
  ],
  [
    'two ways of IPv6',
    {
      dest: '2001:db8:7::/48',
      table: 802,
      nexthops: [
        { via: '2001:db8::1', dev: 'e0', weight: 2 },
        { via: '2001:db8:1::1', dev: 'e1' },
      ],
    },
    '2001:db8:7::/48 metric 1024 nexthop via 2001:db8::1 dev e0 weight 2 nexthop via 2001:db8:1::1 dev e1 weight 1',
  ],
  [
    'a tos',
    { dest: '10.7.0.0/16', via: '192.0.2.1', tos: 0x28, table: 802 },
    '10.7.0.0/16 tos AF11 via 192.0.2.1 dev e0',
  ],
  [
    'a gateway of IPv6',
    { dest: '10.8.0.0/16', via: '2001:db8::1', dev: 'e0', table: 802 },
    '10.8.0.0/16 via inet6 2001:db8::1 dev e0',
  ],
  ['a large table', { dest: '10.9.0.0/16', dev: 'e0', table: 70000 }, '10.9.0.0/16 dev e0 scope link'],
];

describe.each(WORLDS)('under %s with the ip of %s', (shell, ip) => {
  let machine: PrivateMachine;
  const apply = (args: Args) => machine.apply(ipRoute, args);
  const absent = (args: Args) => apply({ ...args, state: 'absent' });
  const show = (table: string | number, family = '-4 -6') =>
    machine
      .say(`for family in ${family}; do ${IP} -o $family route show table ${table} 2>/dev/null || :; done`)
      .split('\n')
      .map((line) =>
        line
          .replaceAll(/\\|pref medium|proto boot/g, ' ')
          .replaceAll(/\s+/g, ' ')
          .trim(),
      );

  beforeAll(async () => {
    machine = await routedMachine({ shell, ip });
  });
  afterAll(() => machine.stop());

  const possible = ip === 'busybox' ? SIMPLE : [...SIMPLE, ...BEYOND_BUSYBOX];
  describe.each(possible)('%s', (_case, args, line) => {
    const table = args.table ?? 'main';

    test('is added once', () => {
      expect(show(table)).not.toContain(line);
      expect(apply(args)).toMatchObject({ verdict: { kind: 'change' }, conclusion: { kind: 'changed' } });
      expect(show(table)).toContain(line);
      const before = everything(machine);
      expect(apply(args).verdict.kind).toBe('unchanged');
      expect(everything(machine)).toBe(before);
    });

    test('comes back where somebody deleted it, and its program may run twice', () => {
      machine.say(`${IP} ${deletion(args)}`);
      const { script = '' } = apply(args);
      expect(show(table)).toContain(line);
      const before = everything(machine);
      expect(machine.run(script)).toMatchObject({ exitCode: 0, stderr: '' });
      expect(everything(machine)).toBe(before);
    });

    test('goes once, and nothing else does', () => {
      const before = show(table);
      expect(absent(args)).toMatchObject({ verdict: { kind: 'change' }, conclusion: { kind: 'changed' } });
      expect(show(table)).toEqual(
        before.filter((each) => each !== line).concat(before.length === 1 ? [''] : []),
      );
      expect(absent(args).verdict.kind).toBe('unchanged');
      apply(args);
    });
  });

  test.each([
    ['another gateway', 'via 192.0.2.2'],
    ['another device', 'via 198.51.100.1'],
    ['no gateway', 'dev e1'],
    ['a source address', 'via 192.0.2.1 src 192.0.2.10'],
    ['another type', 'unreachable'],
  ])('%s is put right in one step', (_case, damage) => {
    const args: Args = { dest: '10.20.0.0/16', via: '192.0.2.1', table: 803 };
    const [type, words] = damage === 'unreachable' ? ['unreachable', ''] : ['', damage];
    machine.say(`${IP} route replace ${type} 10.20.0.0/16 ${words} table 803`);
    const { verdict, conclusion, script } = apply(args);
    expect(verdict).toMatchObject({ kind: 'change', message: expect.stringMatching(/^replace 10\.20/) });
    expect(conclusion).toEqual({ kind: 'changed' });
    expect(script).toContain('route replace 10.20.0.0/16');
    expect(script).not.toContain('route del');
    expect(show(803, '-4')).toEqual(['10.20.0.0/16 via 192.0.2.1 dev e0']);
    expect(apply(args).verdict.kind).toBe('unchanged');
  });

  test('a route with another metric stands beside it', () => {
    const args: Args = { dest: '10.21.0.0/16', via: '192.0.2.1', table: 804 };
    apply(args);
    apply({ ...args, metric: 5, via: '192.0.2.2' });
    expect(show(804, '-4')).toHaveLength(2);
    expect(apply(args).verdict.kind).toBe('unchanged');
    expect(absent({ ...args, metric: 5, via: '192.0.2.2' }).conclusion?.kind).toBe('changed');
    expect(show(804, '-4')).toEqual(['10.21.0.0/16 via 192.0.2.1 dev e0']);
  });

  test('of several in one place the wanted one stays alone', () => {
    const args: Args = { dest: '10.22.0.0/16', via: '192.0.2.1', table: 805 };
    for (const via of ['192.0.2.9', '192.0.2.1', '192.0.2.8']) {
      machine.say(`${IP} route append 10.22.0.0/16 via ${via} table 805`);
    }
    expect(apply(args).conclusion?.kind).toBe('changed');
    expect(show(805, '-4')).toEqual(['10.22.0.0/16 via 192.0.2.1 dev e0']);
    expect(apply(args).verdict.kind).toBe('unchanged');
  });

  test('absent takes whatever leads there, and leaves other places', () => {
    machine.say(`${IP} route add 10.23.0.0/16 via 192.0.2.1 table 806 metric 5
${IP} route add blackhole 10.23.0.0/16 table 806 metric 6
${IP} route add 10.23.0.0/24 via 192.0.2.1 table 806`);
    expect(absent({ dest: '10.23.0.0/16', table: 806 }).conclusion?.kind).toBe('changed');
    expect(show(806, '-4')).toEqual(['10.23.0.0/24 via 192.0.2.1 dev e0']);
    expect(absent({ dest: '10.23.0.0/24', via: '192.0.2.2', table: 806 }).verdict.kind).toBe('unchanged');
  });

  test('of nothing is absent from a table that there is not', () => {
    expect(absent({ dest: 'default', table: 999 }).verdict.kind).toBe('unchanged');
    expect(absent({ dest: 'default', dev: 'e9', table: 999 }).verdict.kind).toBe('unchanged');
  });

  test('what is only looked at stays as it is', () => {
    const before = everything(machine);
    const wanted = ipRoute.prepare({ dest: '10.66.0.0/16', via: '192.0.2.1' }, controller());
    machine.run(ipRoute.inspect(wanted).script ?? '');
    expect(everything(machine)).toBe(before);
  });

  test.each([
    ['a device', { dest: 'default', dev: 'e9' }, { message: 'there is no device e9' }],
    [
      'a table',
      { dest: 'default', dev: 'e0', table: 'uplnk' },
      {
        message: 'the host knows no table uplnk',
        hint: 'write its number, or name it in /etc/iproute2/rt_tables first',
      },
    ],
    ['a proto', { dest: 'default', dev: 'e0', proto: 'mine' }, { message: 'the host knows no proto mine' }],
  ])('%s that the host does not know is a failure before anything is changed', (_case, args, failure) => {
    const before = everything(machine);
    expect(apply(args).verdict).toMatchObject({ kind: 'failed', ...failure });
    expect(everything(machine)).toBe(before);
  });

  test('a gateway that is on no link is a failure with a hint', () => {
    expect(apply({ dest: '10.30.0.0/16', via: '172.31.9.9' }).conclusion).toMatchObject({
      kind: 'failed',
      message: expect.stringMatching(/invalid gateway|unreachable/),
      hint: expect.stringContaining('onlink: true'),
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

    test('several ways, which it does not print, are replaced and deleted all the same', () => {
      const ways = 'nexthop via 192.0.2.1 nexthop via 198.51.100.1';
      machine.say(`${IP} route add 10.24.0.0/16 table 807 ${ways}`);
      expect(apply({ dest: '10.24.0.0/16', via: '192.0.2.1', table: 807 }).conclusion?.kind).toBe('changed');
      expect(show(807, '-4')).toEqual(['10.24.0.0/16 via 192.0.2.1 dev e0']);
      machine.say(`${IP} route replace 10.24.0.0/16 table 807 ${ways}`);
      expect(absent({ dest: '10.24.0.0/16', table: 807 }).conclusion?.kind).toBe('changed');
      expect(show(807, '-4')).toEqual(['']);
    });
  } else {
    test('another proto is put right where it is said, and left alone where not', () => {
      const args: Args = { dest: '10.25.0.0/16', via: '192.0.2.1', table: 808 };
      machine.say(`${IP} route add 10.25.0.0/16 via 192.0.2.1 table 808 proto 99`);
      expect(apply(args).verdict.kind).toBe('unchanged');
      expect(apply({ ...args, proto: 'ours' }).conclusion?.kind).toBe('changed');
      expect(show(808, '-4')).toEqual(['10.25.0.0/16 via 192.0.2.1 dev e0 proto ours']);
    });

    test('a weight, a way more and a way less are put right', () => {
      const args: Args = {
        dest: 'default',
        table: 809,
        nexthops: [{ via: '192.0.2.1', weight: 3 }, { via: '198.51.100.1' }],
      };
      apply(args);
      const [good = ''] = show(809, '-4');
      for (const ways of [
        'nexthop via 192.0.2.1 weight 2 nexthop via 198.51.100.1',
        'nexthop via 192.0.2.1 weight 3',
        'nexthop via 192.0.2.1 weight 3 nexthop via 198.51.100.1 nexthop via 198.51.100.2',
      ]) {
        machine.say(`${IP} route replace default table 809 ${ways}`);
        expect(apply(args).conclusion?.kind).toBe('changed');
        expect(show(809, '-4')).toEqual([good]);
        expect(apply(args).verdict.kind).toBe('unchanged');
      }
    });

    test("the kernel's own route of a network on another device stays", () => {
      expect(apply({ dest: 'fe80::/64', dev: 'lo', metric: 256 }).conclusion?.kind).toBe('changed');
      expect(show('main', '-6').filter((line) => line.startsWith('fe80::/64'))).toHaveLength(5);
      expect(absent({ dest: 'fe80::/64', dev: 'lo', metric: 256 }).conclusion?.kind).toBe('changed');
      expect(show('main', '-6').filter((line) => line.startsWith('fe80::/64'))).toHaveLength(4);
    });

    test('any valid route is there after it was asked for, asked for again it is unchanged, and it goes', {
      timeout: 60_000,
    }, () => {
      fc.assert(
        fc.property(anyRoute, (args) => {
          const bare = { ...args, table: 900 };
          const { verdict, conclusion } = apply(bare);
          expect(verdict).toMatchObject({ kind: 'change' });
          expect(conclusion).toEqual({ kind: 'changed' });
          expect(apply(bare).verdict).toMatchObject({ kind: 'unchanged' });
          expect(absent(bare).conclusion).toEqual({ kind: 'changed' });
          expect(show(900)).toEqual(['']);
        }),
        { numRuns: 25 },
      );
    });

    test('whatever was in its place, a valid route takes it', { timeout: 60_000 }, () => {
      fc.assert(
        fc.property(anyRoute, anyRoute, (first, second) => {
          const same = { family: second.family, dest: second.dest, metric: second.metric, tos: second.tos };
          const rival = { ...first, ...same, table: 900 };
          const args = { ...second, table: 900 };
          if (first.family === second.family) apply(rival as Args);
          apply(args);
          expect(apply(args).verdict).toMatchObject({ kind: 'unchanged' });
          expect(show(900)).toHaveLength(1);
          absent({ dest: args.dest, table: 900, family: args.family ?? 'inet', tos: args.tos ?? 0 });
          expect(show(900)).toEqual(['']);
        }),
        { numRuns: 25 },
      );
    });
  }
});

/** Words after /run/ip that delete what the arguments ask for. */
function deletion({ dest, family, table, metric, tos, type, via = '' }: Args): string {
  const flag = family === 'inet6' || `${dest}${dest === 'default' ? via : ''}`.includes(':') ? '-6' : '-4';
  const slot = [
    tos === undefined ? '' : `tos 0x${tos.toString(16)}`,
    metric === undefined ? '' : `metric ${metric}`,
  ].join(' ');
  return `${flag} route del ${type ?? ''} ${dest} table ${table ?? 'main'} ${slot}`;
}

/** Routes of all supported forms that the machine's networks allow. */
const NETWORKS = {
  inet: { gateways: ['192.0.2.1', '192.0.2.77', '198.51.100.3'], sources: ['192.0.2.10', '198.51.100.10'] },
  inet6: {
    gateways: ['2001:db8::1', '2001:db8:0:0::77', '2001:DB8:1::3'],
    sources: ['2001:db8::10', '2001:db8:1::10'],
  },
} as const;

function deviceOf(gateway: string): 'e0' | 'e1' {
  return /^(192\.0\.2\.|2001:db8:(0:0)?:)/i.test(gateway) ? 'e0' : 'e1';
}

const optional = <T>(values: fc.Arbitrary<T>) => fc.option(values, { nil: undefined });

const anyRoute: fc.Arbitrary<Args> = fc.constantFrom('inet' as const, 'inet6' as const).chain((family) => {
  const { gateways, sources } = NETWORKS[family];
  const dest =
    family === 'inet'
      ? fc.oneof(
          fc.constant('default'),
          fc
            .tuple(fc.nat(255), fc.nat(255), fc.integer({ min: 16, max: 32 }))
            .map(([a, b, length]) => (length === 32 ? `10.${a}.${b}.1` : `10.${a}.0.0/${length}`)),
        )
      : fc.oneof(
          fc.constant('default'),
          fc
            .tuple(fc.nat(0xffff), fc.integer({ min: 48, max: 128 }))
            .map(([a, length]) =>
              length === 128 ? `2001:DB8:9:${a.toString(16)}::5` : `2001:db8:${a.toString(16)}:0::/${length}`,
            ),
        );
  const gateway = fc.constantFrom(...gateways);
  const way = fc
    .tuple(gateway, fc.boolean(), fc.boolean())
    .map(([via, dev, onlink]) =>
      onlink ? { via, dev: deviceOf(via), onlink } : dev ? { via, dev: deviceOf(via) } : { via },
    );
  const ways = fc.oneof(
    way,
    fc.constantFrom('e0', 'e1').map((dev) => ({ dev })),
    fc
      .tuple(
        fc.uniqueArray(gateway, { minLength: 2, maxLength: 3 }),
        fc.array(fc.integer({ min: 1, max: 256 })),
      )
      .map(([vias, weights]) => ({
        nexthops: vias.map((via, index) => ({ via, dev: deviceOf(via), weight: weights[index] ?? 1 })),
      })),
  );
  const nowhere = fc
    .constantFrom('blackhole' as const, 'unreachable' as const, 'prohibit' as const, 'throw' as const)
    .map((type) => ({ type }));
  return fc
    .record({
      dest,
      leads: fc.oneof(
        { weight: 3, arbitrary: fc.tuple(ways, optional(fc.constantFrom(...sources))) },
        nowhere,
      ),
      metric: optional(fc.integer({ min: 0, max: 0xffffffff })),
      tos: family === 'inet' ? optional(fc.constantFrom(0, 4, 8, 0x10, 0x1c)) : fc.constant(undefined),
      proto: optional(fc.oneof(fc.integer({ min: 4, max: 255 }), fc.constantFrom('static', 'ours', 'bgp'))),
    })
    .map(({ dest: to, leads, metric, tos, proto }) => {
      const [where, src] = Array.isArray(leads) ? leads : [leads, undefined];
      const said = { family, dest: to, ...where, src, metric, tos, proto };
      return Object.fromEntries(Object.entries(said).filter(([, value]) => value !== undefined)) as Args;
    });
});

test('its programs are taken by shellcheck', () => {
  const nexthops = [{ via: '192.0.2.1', dev: 'e0' }, { dev: "it's" }];
  const wanted = ipRoute.prepare({ dest: 'default', nexthops, table: 'my table' }, controller());
  expect(complaints(ipRoute.inspect(wanted).script ?? '')).toBe('');
  const commands = [
    ['replace', 'default', 'dev', "it's"],
    ['del', 'default'],
  ];
  expect(complaints(ipRoute.change(wanted, { commands }).script)).toBe('');
});

test('a host without ip is told so', () => {
  const wanted = ipRoute.prepare({ dest: 'default', dev: 'e0' }, controller());
  const output = { exitCode: 5, stdout: '', stderr: 'there is no ip on this host\n' };
  expect(ipRoute.decide(wanted, { files: new Map(), output })).toEqual({
    kind: 'failed',
    message: 'there is no ip on this host',
  });
});
