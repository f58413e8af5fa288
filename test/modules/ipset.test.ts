// ipset against this kernel, in a network namespace of its own.
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ArgumentError } from '../../src/modules/module.ts';
import { ipset } from '../../src/modules/network/ipset.ts';
import { complaints } from './support/lint.ts';
import { PrivateMachine } from './support/private-machine.ts';
import { controller, SHELLS } from './support/this-machine.ts';

type Args = Parameters<typeof ipset.prepare>[0];

describe.each(SHELLS)('under %s', (shell) => {
  let machine: PrivateMachine;
  const apply = (args: Args) => machine.apply(ipset, args);
  /** Sorted, without what the kernel chooses. */
  const save = (name: string) =>
    machine
      .say(`ipset save ${name}`)
      .split('\n')
      .map((line) => line.replace(/ bucketsize \d+ initval 0x\w+/, ''))
      .toSorted();
  const everything = () =>
    machine.say(
      "ipset save | sed -e 's/ initval 0x[0-9a-f]*//' -e '/^add/s/ timeout [1-9][0-9]*/ timeout -/' | sort; iptables-save | sed '/^#/d'; ipset list -n",
    );

  beforeAll(async () => {
    machine = await PrivateMachine.start({ shell });
  });
  afterAll(() => machine.stop());

  describe.each<readonly [string, Args, readonly string[], string]>([
    [
      'addresses',
      { name: 'addresses', type: 'hash:ip', entries: ['192.0.2.1', '192.0.2.2/32'] },
      [
        'add addresses 192.0.2.1',
        'add addresses 192.0.2.2',
        'create addresses hash:ip family inet hashsize 1024 maxelem 65536',
      ],
      'del addresses 192.0.2.2',
    ],
    [
      'networks of IPv6',
      { name: 'networks', type: 'hash:net', family: 'inet6', entries: ['2001:DB8:0:1::5/64', '2001:db8::7'] },
      [
        'add networks 2001:db8:0:1::/64',
        'add networks 2001:db8::7',
        'create networks hash:net family inet6 hashsize 1024 maxelem 65536',
      ],
      'flush networks',
    ],
    [
      'all options',
      {
        name: 'options',
        type: 'hash:net',
        timeout: 300,
        maxelem: 100,
        hashsize: 100,
        comment: true,
        counters: true,
        entries: [
          { entry: '10.0.0.0/8', timeout: 0, comment: 'our own; $HOME `x` \\' },
          { entry: '10.9.0.0/16', timeout: 0, nomatch: true },
        ],
      },
      [
        'add options 10.0.0.0/8 timeout 0 packets 0 bytes 0 comment "our own; $HOME `x` \\"',
        'add options 10.9.0.0/16 timeout 0 nomatch packets 0 bytes 0',
        'create options hash:net family inet hashsize 128 maxelem 100 timeout 300 counters comment',
      ],
      'add -exist options 10.0.0.0/8 timeout 0 comment other',
    ],
    [
      'addresses with ports',
      { name: 'ports', type: 'hash:ip,port', entries: ['192.0.2.1,80', '192.0.2.1,udp:53'] },
      [
        'add ports 192.0.2.1,tcp:80',
        'add ports 192.0.2.1,udp:53',
        'create ports hash:ip,port family inet hashsize 1024 maxelem 65536',
      ],
      'del ports 192.0.2.1,udp:53',
    ],
    [
      'networks with interfaces',
      { name: 'faces', type: 'hash:net,iface', entries: ['0.0.0.0/0,eth0', '10.0.0.0/8,physdev:eth1'] },
      [
        'add faces 0.0.0.0/0,eth0',
        'add faces 10.0.0.0/8,physdev:eth1',
        'create faces hash:net,iface family inet hashsize 1024 maxelem 65536',
      ],
      'destroy faces',
    ],
    [
      'a bitmap',
      { name: 'bits', type: 'bitmap:ip', range: '192.0.2.0/24', entries: ['192.0.2.9'] },
      ['add bits 192.0.2.9', 'create bits bitmap:ip range 192.0.2.0-192.0.2.255'],
      'del bits 192.0.2.9',
    ],
    [
      'a bitmap of ports',
      { name: 'portbits', type: 'bitmap:port', range: '0-1023', entries: ['80'] },
      ['add portbits 80', 'create portbits bitmap:port range 0-1023'],
      'destroy portbits',
    ],
    [
      'addresses with their cards',
      {
        name: 'cards',
        type: 'bitmap:ip,mac',
        range: '192.0.2.0-192.0.2.9',
        entries: ['192.0.2.1,aa:BB:cc:dd:ee:ff'],
      },
      ['add cards 192.0.2.1,AA:BB:CC:DD:EE:FF', 'create cards bitmap:ip,mac range 192.0.2.0-192.0.2.9'],
      'flush cards',
    ],
    [
      'a list of sets',
      { name: 'sets', type: 'list:set', size: 3, entries: ['addresses', 'options'] },
      ['add sets addresses', 'add sets options', 'create sets list:set size 4'],
      'del sets options',
    ],
  ])('%s', (_case, args, lines, damage) => {
    test('are made and filled once, and the program may run twice', () => {
      if (args.type === 'list:set') {
        apply({ name: 'addresses', type: 'hash:ip' });
        apply({ name: 'options', type: 'hash:ip' });
      }
      const { verdict, conclusion, script = '' } = apply(args);
      expect(verdict.kind).toBe('change');
      expect(conclusion).toEqual({ kind: 'changed' });
      expect(save(args.name)).toEqual(lines);
      const before = everything();
      expect(apply(args).verdict).toEqual({ kind: 'unchanged', fields: { name: args.name } });
      expect(machine.run(script)).toMatchObject({ exitCode: 0, stderr: '' });
      expect(everything()).toBe(before);
    });

    test('come back where somebody changed them', () => {
      machine.say(`ipset ${damage}`);
      expect(apply(args).conclusion).toEqual({ kind: 'changed' });
      expect(save(args.name)).toEqual(lines);
    });

    test('are emptied once, and destroyed once', () => {
      expect(apply({ name: args.name, state: 'flushed' }).conclusion).toEqual({ kind: 'changed' });
      expect(save(args.name)).toEqual(lines.filter((line) => line.startsWith('create')));
      expect(apply({ name: args.name, state: 'flushed' }).verdict.kind).toBe('unchanged');
      const { conclusion, script = '' } = apply({ ...args, state: 'absent' });
      expect(conclusion).toEqual({ kind: 'changed' });
      expect(machine.run(`ipset save ${args.name}`).stderr).toContain('does not exist');
      expect(apply({ name: args.name, state: 'absent' }).verdict.kind).toBe('unchanged');
      expect(apply({ name: args.name, state: 'flushed' }).verdict.kind).toBe('unchanged');
      expect(machine.run(script)).toMatchObject({ exitCode: 0, stderr: '' });
      if (args.name !== 'sets') apply({ name: 'addresses', type: 'hash:ip' });
    });
  });

  test('foreign entries stay, unless the list is all there is to be', () => {
    machine.say('ipset create some hash:ip; ipset add some 10.0.0.1; ipset add some 10.0.0.2');
    const args: Args = { name: 'some', type: 'hash:ip', entries: ['10.0.0.2', '10.0.0.3'] };
    expect(apply(args).verdict).toMatchObject({ message: 'add 10.0.0.3 to some' });
    expect(save('some').slice(0, 3)).toEqual(['add some 10.0.0.1', 'add some 10.0.0.2', 'add some 10.0.0.3']);
    expect(apply(args).verdict.kind).toBe('unchanged');
    expect(apply({ ...args, exclusive: true }).verdict).toMatchObject({
      message: 'remove 10.0.0.1 from some',
    });
    expect(save('some').slice(0, 2)).toEqual(['add some 10.0.0.2', 'add some 10.0.0.3']);
    expect(apply({ ...args, exclusive: true }).verdict.kind).toBe('unchanged');
    expect(apply({ name: 'some', type: 'hash:ip' }).verdict.kind).toBe('unchanged');
    expect(apply({ name: 'some', type: 'hash:ip', exclusive: true }).conclusion?.kind).toBe('changed');
    expect(save('some')).toHaveLength(1);
  });

  test('other options come by way of a new set, and the rules keep theirs', () => {
    machine.say(`ipset create used hash:net timeout 60 comment
ipset add used 10.0.0.0/8 timeout 0 comment "one of theirs"
ipset add used 10.1.0.0/16 timeout 50
iptables -A INPUT -m set --match-set used src -j DROP`);
    const args: Args = {
      name: 'used',
      type: 'hash:net',
      maxelem: 10,
      comment: false,
      entries: ['10.2.0.0/16'],
    };
    expect(apply(args)).toMatchObject({
      verdict: {
        message:
          'set maxelem of used: 65536 → 10, set comment of used: true → false, add 10.2.0.0/16 to used',
      },
      conclusion: { kind: 'changed' },
    });
    expect(save('used').map((line) => line.replace(/^(add .* timeout) [456]\d$/, '$1 SOME'))).toEqual([
      'add used 10.0.0.0/8 timeout 0',
      'add used 10.1.0.0/16 timeout SOME',
      'add used 10.2.0.0/16 timeout SOME',
      'create used hash:net family inet hashsize 1024 maxelem 10 timeout 60',
    ]);
    expect(machine.say('iptables -S INPUT')).toContain('--match-set used src -j DROP');
    expect(machine.say('ipset list -n')).not.toContain('fairlead');
    expect(apply(args).verdict.kind).toBe('unchanged');
    expect(apply({ name: 'used', state: 'absent' }).verdict).toEqual({
      kind: 'failed',
      message: 'used cannot be destroyed: a rule or another set uses it',
      hint: 'delete what uses it first',
      fields: { name: 'used' },
    });
  });

  test('entries without an end keep none in a set that gets timeouts', () => {
    machine.say('ipset create ends hash:ip; ipset add ends 10.0.0.1');
    const args: Args = { name: 'ends', type: 'hash:ip', timeout: 60, entries: ['10.0.0.2'] };
    expect(apply(args).conclusion).toEqual({ kind: 'changed' });
    expect(save('ends')[0]).toBe('add ends 10.0.0.1 timeout 0');
    expect(apply({ ...args, entries: [{ entry: '10.0.0.2', timeout: 0 }] }).conclusion?.kind).toBe('changed');
    expect(save('ends').slice(0, 2)).toEqual(['add ends 10.0.0.1 timeout 0', 'add ends 10.0.0.2 timeout 0']);
  });

  test('a full set gets other entries all at once', () => {
    const args: Args = { name: 'full', type: 'hash:ip', maxelem: 2, exclusive: true };
    apply({ ...args, entries: ['10.0.0.1', '10.0.0.2'] });
    expect(apply({ ...args, entries: ['10.0.0.3', '10.0.0.4'] }).conclusion).toEqual({ kind: 'changed' });
    expect(save('full').slice(0, 2)).toEqual(['add full 10.0.0.3', 'add full 10.0.0.4']);
  });

  test('too many entries are a failure that names the first of them, and a swap that fails leaves the set', () => {
    machine.say('ipset create small hash:ip; ipset add small 10.0.0.9');
    const before = everything();
    const args: Args = {
      name: 'small',
      type: 'hash:ip',
      maxelem: 1,
      exclusive: true,
      entries: ['10.0.0.1', '10.0.0.2'],
    };
    expect(apply(args).conclusion).toMatchObject({
      kind: 'failed',
      message: expect.stringMatching(/^add fairlead-\w+ 10\.0\.0\.2\n.*Hash is full/),
      hint: 'small is as it was',
    });
    expect(everything()).toBe(before);
  });

  test('another type is refused', () => {
    machine.say('ipset create typed hash:ip');
    expect(apply({ name: 'typed', type: 'hash:net', family: 'inet6' }).verdict).toEqual({
      kind: 'failed',
      message: 'typed is hash:ip inet and not hash:net inet6, which cannot be changed',
      hint: 'choose another name, or destroy it first: state: absent',
    });
  });

  test('what is only looked at stays as it is', () => {
    const before = everything();
    const wanted = ipset.prepare({ name: 'none', type: 'hash:ip', entries: ['10.0.0.1'] }, controller());
    machine.run(ipset.inspect(wanted).script ?? '');
    expect(everything()).toBe(before);
  });

  test('any valid entries are there after they were asked for, and asked for again they are unchanged', {
    timeout: 60_000,
  }, () => {
    fc.assert(
      fc.property(anySet, (args) => {
        try {
          expect(apply(args).conclusion).toEqual({ kind: 'changed' });
          expect(apply(args).verdict).toMatchObject({ kind: 'unchanged' });
          expect(apply({ ...args, exclusive: true }).verdict).toMatchObject({ kind: 'unchanged' });
        } finally {
          machine.run('ipset destroy any');
        }
      }),
      { numRuns: 25 },
    );
  });
});

const octet = fc.integer({ min: 1, max: 254 });
const anySet: fc.Arbitrary<Args> = fc.constantFrom('inet' as const, 'inet6' as const).chain((family) => {
  const ip =
    family === 'inet'
      ? fc.tuple(octet, octet).map(([a, b]) => `10.0.${a}.${b}`)
      : fc
          .tuple(octet, octet)
          .map(([a, b]) => `2001:0DB8::${a.toString(16)}:${b.toString(16).toUpperCase()}`);
  const net = fc
    .tuple(ip, fc.integer({ min: 8, max: family === 'inet' ? 32 : 128 }))
    .map(([address, length]) => `${address}/${length}`);
  const port = fc
    .tuple(fc.constantFrom('', 'tcp:', 'UDP:', 'sctp:'), fc.nat(65535))
    .map(([protocol, number]) => `${protocol}${number}`);
  const face = fc.constantFrom('eth0', 'wg0.5', 'physdev:tap1');
  const parts: Readonly<Record<string, fc.Arbitrary<string>>> = { ip, net, port, iface: face };
  return fc
    .constantFrom(
      ...([
        'hash:ip',
        'hash:net',
        'hash:ip,port',
        'hash:net,port',
        'hash:net,iface',
        'hash:ip,port,ip',
        'hash:ip,port,net',
      ] as const),
    )
    .chain((type) => {
      const kinds = type.slice(5).split(',');
      const element = fc.tuple(...kinds.map((kind) => parts[kind] ?? ip)).map((all) => all.join(','));
      const wanted = (entries: readonly string[]): Args => ({ name: 'any', type, family, entries });
      return fc
        .array(element, { minLength: 1, maxLength: 8 })
        .map(wanted)
        .filter((args) => isTaken(args));
    });
});

/** Two spellings of one entry are refused before any host is asked. */
function isTaken(args: Args): boolean {
  try {
    ipset.prepare(args, controller());
    return true;
  } catch (error) {
    if (error instanceof ArgumentError) return false;
    throw error;
  }
}

test('a host without ipset is told so', async () => {
  const machine = await PrivateMachine.start({
    shell: 'dash',
    setup: 'mount --bind /dev/null /usr/sbin/ipset',
  });
  try {
    expect(machine.apply(ipset, { name: 'x', type: 'hash:ip' }).verdict).toEqual({
      kind: 'failed',
      message: 'there is no ipset on this host',
    });
  } finally {
    await machine.stop();
  }
});

test('its programs are taken by shellcheck', () => {
  const wanted = ipset.prepare({ name: '$x', type: 'hash:ip' }, controller());
  expect(complaints(ipset.inspect(wanted).script ?? '')).toBe('');
  for (const changes of [
    { kind: 'destroy' as const },
    { kind: 'flush' as const },
    { kind: 'load' as const, name: '$x', lines: ['add $x 10.0.0.1'] },
    { kind: 'load' as const, name: 'fairlead-1', lines: ['create fairlead-1 hash:ip'] },
  ]) {
    expect(complaints(ipset.change(wanted, changes).script)).toBe('');
  }
});
