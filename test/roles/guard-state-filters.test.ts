// What the guard keeps of iptables, arptables and ebtables, and how it puts it back.
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { expectAnyDamageUndone, FILTER_WORLDS, FilterHost, PARTS } from './support/guard-filters.ts';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 60_000 });

const KINDS = ['ipset', 'iptables', 'arptables', 'nft'] as const;
const HOSTILE = `'it is "hostile" 5" \\ back\\\\slash  $HOME \`id\` %s; # * COMMIT'"'"'s'`;

test('the parts are clean to shellcheck', () => {
  const { stdout } = spawnSync('shellcheck', ['-s', 'sh', '-f', 'gcc', ...PARTS], { encoding: 'utf8' });
  expect(stdout).toBe('');
});

describe.each(FILTER_WORLDS)('$title', (world) => {
  let host: FilterHost;
  beforeEach(async () => {
    host = await FilterHost.create(world);
  });
  afterEach(() => host.close());

  /** Damage goes, twice as well as once. */
  function undoes(damage: string): void {
    const before = host.take(KINDS);
    host.sh(damage);
    expect(host.read(host.take(KINDS))).not.toBe(host.read(before));
    expect(host.put(before, KINDS)).toBe('');
    expect(host.read(host.take(KINDS))).toBe(host.read(before));
    expect(host.put(before, KINDS)).toBe('');
    expect(host.read(host.take(KINDS))).toBe(host.read(before));
  }

  test('looking makes no tables', () => {
    host.put(host.take(KINDS), KINDS);
    expect(host.sh('cat /proc/net/ip_tables_names /proc/net/ip6_tables_names; nft list ruleset')).toBe('');
  });

  test.each(['iptables-nft', 'iptables-legacy', 'ip6tables-nft', 'ip6tables-legacy'])(
    '%s: rules, chains and policies come back as they were',
    (tool) => {
      host.sh(`${tool} -N own
      ${tool} -A INPUT -i lo -j ACCEPT
      ${tool} -A INPUT -m comment --comment ${HOSTILE} -j own
      ${tool} -A own -p tcp --dport 22 -j ACCEPT
      ${tool} -A own -j LOG --log-prefix 'a "b" \\ c '
      ${tool} -P FORWARD DROP
      ${tool} -t nat -A POSTROUTING -j MASQUERADE
      ${tool} -t mangle -A PREROUTING -j MARK --set-mark 5`);
      undoes(`${tool} -F; ${tool} -X; ${tool} -P INPUT DROP; ${tool} -P FORWARD ACCEPT`);
      undoes(`${tool} -I INPUT -j DROP; ${tool} -t nat -F; ${tool} -t raw -A PREROUTING -j ACCEPT`);
      undoes(`${tool} -D INPUT 1; ${tool} -A INPUT -i lo -j ACCEPT`);
    },
  );

  test('both backends at once', () => {
    host.sh('iptables-nft -A INPUT -s 192.0.2.1 -j DROP; iptables-legacy -A INPUT -s 192.0.2.2 -j DROP');
    undoes('iptables-nft -F; iptables-legacy -F');
    expect(host.read(host.take(['iptables']))).toMatch(
      /192\.0\.2\.2\/32[\s\S]*== iptables-nft\n[\s\S]*192\.0\.2\.1\/32/,
    );
  });

  test('a comment of two lines is kept as one', () => {
    for (const tool of ['iptables-nft', 'iptables-legacy']) {
      host.sh(`${tool} -A INPUT -m comment --comment 'one
-A INPUT "two"
COMMIT' -j ACCEPT`);
    }
    undoes('iptables-nft -F; iptables-legacy -F');
    expect(host.sh('iptables-nft-save')).toContain('"one -A INPUT \\"two\\" COMMIT" -j ACCEPT');
  });

  test('tables that were not there: of nft they go, of the old kind they are emptied', () => {
    undoes(`for tool in iptables ip6tables; do for backend in nft legacy; do
        $tool-$backend -N x; $tool-$backend -P INPUT DROP; $tool-$backend -t nat -A OUTPUT -j ACCEPT
      done; done
      arptables-nft -P INPUT DROP; ebtables-nft -t nat -N x`);
    expect(host.sh('nft list tables')).toBe('');
    expect(host.sh('iptables-legacy -S; ip6tables-legacy -S')).not.toMatch(/DROP|-N/);
  });

  test('a table that does not differ keeps its counters', () => {
    for (const tool of ['iptables-nft', 'iptables-legacy']) {
      host.sh(`printf '*mangle\\n:PREROUTING ACCEPT [7:700]\\n[5:500] -A PREROUTING -j ACCEPT\\nCOMMIT\\n' | ${tool}-restore -c
        ${tool} -A INPUT -j ACCEPT`);
    }
    undoes('iptables-nft -F; iptables-legacy -F');
    expect(host.sh('iptables-nft-save -c -t mangle')).toContain('[5:500] -A PREROUTING');
    expect(host.sh('iptables-legacy-save -c -t mangle')).toContain('[5:500] -A PREROUTING');
  });

  test('traffic is no difference', () => {
    host.sh('ip link set lo up; for tool in iptables-nft iptables-legacy; do $tool -A INPUT -j ACCEPT; done');
    const before = host.read(host.take(KINDS));
    host.sh('ping -c 2 -i 0.01 -q 127.0.0.1');
    expect(host.sh('iptables-nft-save -c')).not.toContain('[0:0] -A INPUT');
    expect(host.read(host.take(KINDS))).toBe(before);
  });

  test('a connection that NAT has entered lives on', () => {
    host.sh(`iptables-nft -t nat -A OUTPUT -d 127.0.0.9 -p tcp -j DNAT --to-destination 127.0.0.1
      conntrack -I -p tcp -s 127.0.0.1 -d 127.0.0.9 --dst-nat 127.0.0.1 --sport 5555 --dport 80 --state ESTABLISHED --timeout 600`);
    const before = host.take(KINDS);
    const entry = () => host.sh('conntrack -L 2>/dev/null').replace(/^(tcp +6) \d+/, '$1');
    const was = entry();
    expect(was).toContain('dst=127.0.0.9');
    host.sh('iptables-nft -t nat -F; iptables-nft -P INPUT DROP');
    host.put(before, KINDS);
    expect(entry()).toBe(was);
  });

  test('arptables and ebtables', () => {
    host.sh(`arptables-nft -A OUTPUT -o eth0 -s 192.0.2.1 -j mangle --mangle-mac-s 01:00:5e:00:01:fa
      arptables-nft -A INPUT -d 192.0.2.1 -j DROP
      ebtables-nft -N own -P DROP
      ebtables-nft -A FORWARD -p ip --ip-src 192.0.2.4 -j own
      ebtables-nft -t nat -A PREROUTING -j dnat --to-destination 00:11:22:33:44:55`);
    undoes('arptables-nft -F; ebtables-nft -F');
    undoes('arptables-nft -P OUTPUT DROP; ebtables-nft -t nat -F; ebtables-nft -P INPUT DROP');
  });

  test('what cannot be loaded is said, and the rest goes back', () => {
    host.sh('iptables-nft -A INPUT -j DROP; iptables-nft -t nat -A OUTPUT -j ACCEPT');
    const before = host.take(KINDS);
    host.sh(
      `sed -i 's/-A INPUT -j DROP/-A INPUT -m nosuch -j DROP/' ${before}/iptables-nft; iptables-nft -F; iptables-nft -t nat -F`,
    );
    expect(host.put(before, KINDS)).toMatch(/^iptables-nft-restore: .*nosuch/);
    expect(host.sh('iptables-nft-save -t nat')).toContain('-A OUTPUT -j ACCEPT');
  });

  test('any rules, after any damage', () => {
    const tools = fc.constantFrom('iptables-nft', 'iptables-legacy', 'ip6tables-nft', 'ip6tables-legacy');
    const chain = fc.constantFrom('INPUT', 'OUTPUT', 'FORWARD', 'a', 'b.c');
    const comment = fc.string({ unit: fc.constantFrom(...`ab '"\\$\`#*:;-`), minLength: 1, maxLength: 12 });
    const quoted = (text: string) => `'${text.replaceAll("'", `'"'"'`)}'`;
    const command = fc.oneof(
      fc
        .tuple(tools, chain, comment)
        .map(
          ([tool, name, text]) => `${tool} -A ${name} -m comment --comment ${quoted(`.${text}`)} -j RETURN`,
        ),
      fc.tuple(tools, chain, fc.nat(3)).map(([tool, name, place]) => `${tool} -D ${name} ${place + 1}`),
      fc.tuple(tools, fc.constantFrom('a', 'b.c')).map(([tool, name]) => `${tool} -N ${name}`),
      fc
        .tuple(tools, fc.constantFrom('DROP', 'ACCEPT'))
        .map(([tool, policy]) => `${tool} -P FORWARD ${policy}`),
      fc
        .tuple(tools, fc.nat(99))
        .map(([tool, mark]) => `${tool} -t mangle -I OUTPUT -j MARK --set-mark ${mark}`),
      fc.tuple(tools, fc.constantFrom('filter', 'mangle')).map(([tool, table]) => `${tool} -t ${table} -F`),
      fc.constant('nft flush ruleset'),
      fc.constant('arptables-nft -A INPUT -j DROP'),
    );
    const script = fc
      .array(command, { maxLength: 12 })
      .map((all) => all.map((line) => `${line} 2>/dev/null || :`).join('\n'));
    expectAnyDamageUndone(host, script, { kinds: KINDS, numRuns: 8 });
  });

  test('six hundred rules take little time', () => {
    const rules = Array.from(
      { length: 600 },
      (_, i) =>
        `-A own -s 10.0.${i >> 8}.${i & 255}/32 -p tcp -m tcp --dport 80 -m comment --comment "rule ${i}" -j ACCEPT`,
    );
    const file = join(host.folder, 'rules');
    writeFileSync(file, ['*filter', ':own - [0:0]', ...rules, 'COMMIT', ''].join('\n'));
    host.sh(`iptables-nft-restore <${file}; iptables-legacy-restore <${file}`);
    const folder = host.take(KINDS);
    const figures = `600 rules twice: take ${host.time('take', KINDS).toFixed(0)} ms, put ${host.time('put', KINDS, folder).toFixed(0)} ms`;
    host.sh('iptables-nft -F; iptables-legacy -F');
    const start = performance.now();
    expect(host.put(folder, KINDS)).toBe('');
    const elapsed = performance.now() - start;
    console.log(`${world.title}: ${figures}, put after a flush ${elapsed.toFixed(0)} ms`);
    expect(elapsed).toBeLessThan(5000);
  });

  test('with little there it is quick', () => {
    host.sh('iptables-nft -A INPUT -j ACCEPT');
    const folder = host.take(KINDS);
    const line = (verb: 'take' | 'put') =>
      `${verb} ${host.time(verb, KINDS, folder).toFixed(0)} ms, ${host.forks(verb, KINDS, folder)} processes`;
    console.log(`${world.title}: ${line('take')}; ${line('put')}`);
    expect(host.time('take', KINDS, folder)).toBeLessThan(1000);
  });
});
