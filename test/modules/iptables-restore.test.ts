// iptables_restore against this kernel, in a network namespace of its own, with both backends.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ArgumentError } from '../../src/modules/module.ts';
import { iptablesRestore } from '../../src/modules/network/iptables-restore.ts';
import { readRules, ruleCount, withoutCounters } from '../../src/modules/network/iptables-rules.ts';
import { complaints } from './support/lint.ts';
import { PrivateMachine } from './support/private-machine.ts';
import { controller } from './support/this-machine.ts';

const rules = `# rules of a role
*mangle
:OWN_PRE - [0:0]
:OWN_MARK - [0:0]
-A OWN_PRE -i eth0 -j OWN_MARK
-A OWN_MARK -s 192.0.2.1 -p tcp --dport 80 -j MARK --set-mark 0x100000/0xff00000
COMMIT
*filter
:OWN_IN - [0:0]
-A OWN_IN -s 198.51.100.0/24 -m comment --comment "two words" -j ACCEPT
COMMIT
`;
const jumps = [
  { table: 'mangle', chain: 'PREROUTING', target: 'OWN_PRE' },
  { table: 'filter', chain: 'INPUT', target: 'OWN_IN', rule: '-p tcp -i eth0', position: 'last' as const },
];

describe.each([
  ['nft', 'dash'],
  ['legacy', 'busybox sh'],
  ['auto', 'busybox sh'],
] as const)('with backend %s under %s', (backend, shell) => {
  const ipt = backend === 'auto' ? 'iptables' : `iptables-${backend}`;
  let machine: PrivateMachine;
  const apply = (args: object = {}) =>
    machine.apply(iptablesRestore, { content: rules, jumps, backend, ...args });
  const save = () => withoutCounters(machine.say(`${ipt}-save`));
  const count = (pattern: string) => machine.say(`${ipt}-save | grep -c -e '${pattern}' || :`);

  beforeAll(async () => {
    const foreign = `${ipt} -A INPUT -s 203.0.113.9 -j DROP; ${ipt} -N THEIRS; ${ipt} -t mangle -A PREROUTING -j ACCEPT`;
    machine = await PrivateMachine.start({ shell, setup: foreign });
  });
  afterAll(() => machine.stop());

  test('the first run loads the chains and adds the jumps, first or last as asked', () => {
    const { verdict, conclusion } = apply();
    expect(verdict).toMatchObject({
      kind: 'change',
      message:
        'load OWN_PRE, OWN_MARK, OWN_IN, add mangle: -A PREROUTING -j OWN_PRE, add filter: -A INPUT -p tcp -i eth0 -j OWN_IN',
    });
    expect(conclusion).toEqual({ kind: 'changed' });
    expect(machine.say(`${ipt} -t mangle -S PREROUTING`)).toBe(
      '-P PREROUTING ACCEPT\n-A PREROUTING -j OWN_PRE\n-A PREROUTING -j ACCEPT',
    );
    expect(machine.say(`${ipt} -S INPUT | tail -n 1`)).toBe('-A INPUT -i eth0 -p tcp -j OWN_IN');
  });

  test('the second run changes nothing, though the kernel spells the rules otherwise', () => {
    expect(apply().verdict).toEqual({ kind: 'unchanged' });
    expect(save()).toContain('--set-xmark 0x100000/0xff00000');
  });

  test('foreign rules stay', () => {
    expect(count('203.0.113.9/32 -j DROP')).toBe('1');
    expect(count('^:THEIRS')).toBe('1');
  });

  test.each([
    ['a rule that somebody deleted', `${ipt} -F OWN_IN`, 'load OWN_PRE, OWN_MARK, OWN_IN'],
    ['a rule that somebody added', `${ipt} -A OWN_IN -j DROP`, 'load OWN_PRE, OWN_MARK, OWN_IN'],
    [
      'a jump that is gone',
      `${ipt} -t mangle -D PREROUTING -j OWN_PRE`,
      'add mangle: -A PREROUTING -j OWN_PRE',
    ],
    [
      'chains that a reboot took',
      `${ipt} -F INPUT; ${ipt} -F OWN_IN; ${ipt} -X OWN_IN`,
      expect.stringMatching(/^load .*, add filter/),
    ],
  ])('%s is put right', (_case, damage, message) => {
    const good = save();
    machine.say(damage);
    const { verdict, conclusion } = apply();
    expect(verdict).toHaveProperty('message', message);
    expect(conclusion).toEqual({ kind: 'changed' });
    expect(
      save()
        .split('\n')
        .filter((line) => !line.includes('203.0.113.9'))
        .sort(),
    ).toEqual(
      good
        .split('\n')
        .filter((line) => !line.includes('203.0.113.9'))
        .sort(),
    );
    expect(apply().verdict.kind).toBe('unchanged');
  });

  test('another file with the same chains replaces their rules', () => {
    const content = rules.replace('198.51.100.0/24', '198.51.100.128/25');
    expect(apply({ content }).conclusion).toEqual({ kind: 'changed' });
    expect(count('198.51.100.0/24')).toBe('0');
    expect(apply({ content }).verdict.kind).toBe('unchanged');
    apply();
  });

  test('a bad line leaves the chains as they were, and is named', () => {
    const before = save();
    const content = rules.replace('-s 198.51.100.0/24', '--evry 3');
    const { conclusion } = apply({ content });
    expect(conclusion).toMatchObject({ kind: 'failed', hint: 'the chains are as they were' });
    expect(conclusion).toHaveProperty(
      'message',
      expect.stringMatching(
        /^line 10: -A OWN_IN --evry 3 -m comment --comment "two words" -j ACCEPT\n.*--evry/,
      ),
    );
    expect(save()).toBe(before);
    expect(apply().verdict.kind).toBe('unchanged');
  });

  test('a jump to a chain that is not there leaves the chains as they were', () => {
    const before = save();
    const content = rules.replace('-j OWN_MARK', '-j NOT_THERE');
    expect(apply({ content }).conclusion?.kind).toBe('failed');
    expect(save()).toBe(before);
  });

  test('the file is kept where asked', () => {
    expect(apply({ path: '/etc/fairlead-own.rules' }).verdict).toHaveProperty(
      'message',
      'write /etc/fairlead-own.rules',
    );
    expect(`${machine.say('cat /etc/fairlead-own.rules')}\n`).toBe(rules);
    expect(apply({ path: '/etc/fairlead-own.rules' }).verdict.kind).toBe('unchanged');
  });

  test('IPv6 has rules of its own', () => {
    const args = {
      content: '*filter\n:OWN6 - [0:0]\n-A OWN6 -s 2001:db8::/32 -j DROP\nCOMMIT\n',
      jumps: [],
      family: 'ipv6',
    };
    expect(apply(args).conclusion).toEqual({ kind: 'changed' });
    expect(apply(args).verdict.kind).toBe('unchanged');
    expect(apply().verdict.kind).toBe('unchanged');
  });

  test('a whole table is replaced where that is asked for twice', () => {
    const args = {
      content: '*filter\n:INPUT ACCEPT [0:0]\n:ONLY - [0:0]\n-A INPUT -j ONLY\nCOMMIT\n',
      jumps: [],
      noflush: false,
      flush_everything: true,
    };
    expect(apply(args).conclusion).toEqual({ kind: 'changed' });
    expect(count('^:THEIRS')).toBe('0');
    expect(apply(args).verdict.kind).toBe('unchanged');
  });

  test('its programs are taken by shellcheck', () => {
    const wanted = iptablesRestore.prepare({ content: rules, jumps, backend, path: '/etc/x' }, controller());
    expect(complaints(iptablesRestore.inspect(wanted).script ?? '')).toBe('');
    expect(
      complaints(iptablesRestore.change(wanted, { load: true, writePath: true, jumps: [0, 1] }).script),
    ).toBe('');
  });
});

test('a host without the program is told so', async () => {
  const machine = await PrivateMachine.start({
    shell: 'dash',
    setup:
      'for tool in iptables-legacy iptables-legacy-restore; do mount --bind /dev/null "/usr/sbin/$tool"; done',
  });
  try {
    expect(machine.apply(iptablesRestore, { content: rules, backend: 'legacy' }).verdict).toEqual({
      kind: 'failed',
      message: 'iptables-legacy-restore is not on this host',
    });
  } finally {
    await machine.stop();
  }
});

const own = (body: string) => `*filter\n${body}\nCOMMIT\n`;
test.each([
  [
    'noflush: false alone',
    { content: rules, noflush: false },
    'noflush',
    /deletes the rules of everybody else/,
  ],
  ['neither src nor content', {}, 'content', /exactly one/],
  [
    'a built-in chain',
    { content: own('-A INPUT -j ACCEPT') },
    'content',
    /^line 2: INPUT is not a chain of its own/,
  ],
  ['a policy', { content: own(':FORWARD DROP [0:0]') }, 'content', /^line 2: FORWARD .* policy/],
  [
    'a chain that is not declared',
    { content: own('-A OWN -j ACCEPT') },
    'content',
    /^line 2: the chain OWN is not declared/,
  ],
  [
    'a long name',
    { content: own(':A234567890123456789012345678X - [0:0]') },
    'content',
    /^line 2: .* has 29 characters, 28 are possible/,
  ],
  ['no COMMIT', { content: '*filter\n:OWN - [0:0]\n' }, 'content', /no COMMIT/],
  ['an unknown table', { content: '*filtre\nCOMMIT\n' }, 'content', /^line 1: there is no table filtre/],
  ['a line outside of a table', { content: ':OWN - [0:0]\n' }, 'content', /^line 1: .*outside of a table/],
  ['another command', { content: own(':OWN - [0:0]\n-I OWN -j DROP') }, 'content', /^line 3: only -A CHAIN/],
  ['nothing', { content: '# nothing\n' }, 'content', /no table/],
  [
    'a long jump',
    { content: rules, jumps: [{ table: 'nat', chain: 'OUTPUT', target: 'A234567890123456789012345678X' }] },
    'jumps',
    /29 characters/,
  ],
])('%s is refused before any host is contacted', (_case, args, argument, message) => {
  const attempt = () => iptablesRestore.prepare(args, controller());
  expect(attempt).toThrow(ArgumentError);
  expect(attempt).toThrow(message);
  expect(attempt).toThrow(expect.objectContaining({ argument }));
});

describe('the format', () => {
  test('is read into tables, chains and counts', () => {
    expect(readRules(rules, { ownChainsOnly: true })).toEqual({
      problems: [],
      tables: [
        {
          table: 'mangle',
          chains: [
            { name: 'OWN_PRE', rules: 1 },
            { name: 'OWN_MARK', rules: 1 },
          ],
        },
        { table: 'filter', chains: [{ name: 'OWN_IN', rules: 1 }] },
      ],
    });
  });

  test('loses counters and comments, and nothing else', () => {
    const save =
      '# Generated\n*nat\n:OWN - [12:345]\n[1:60] -A OWN -j ACCEPT\n-A OWN -m comment --comment "[a]" -j DROP\nCOMMIT\n';
    expect(withoutCounters(save)).toBe(
      '*nat\n:OWN -\n-A OWN -j ACCEPT\n-A OWN -m comment --comment "[a]" -j DROP\n',
    );
  });

  test('a chain that is not there has no count, an empty one has 0', () => {
    const text = '*nat\n:OWN -\n-A OTHER -j OWN\n*filter\n-A OWN -j DROP\n';
    expect(ruleCount(text, 'nat', 'OWN')).toBe(0);
    expect(ruleCount(text, 'filter', 'OWN')).toBe(1);
    expect(ruleCount(text, 'raw', 'OWN')).toBeUndefined();
  });
});
