// What the guard keeps of nft, beside iptables-nft whose tables look like nft's own.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { expectAnyDamageUndone, FILTER_WORLDS, FilterHost } from './support/guard-filters.ts';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 60_000 });

const KINDS = ['iptables', 'arptables', 'nft'] as const;

const RULESET = `table inet fw {
  set a {
    type ipv4_addr
    flags interval
    elements = { 10.0.0.0/8, 192.0.2.4 comment "x, } y" }
  }
  set recent {
    type ipv4_addr
    size 65535
    flags dynamic,timeout
    timeout 1h
  }
  set bans {
    type ipv4_addr
    flags timeout
    elements = { 192.0.2.1 timeout 1h, 192.0.2.2, 192.0.2.3 timeout 2h comment "say, { timeout" }
  }
  set counted {
    type inet_service
    counter
    elements = { 22 counter packets 1 bytes 2, 80, 443, 8080, 8081, 8082, 8083 }
  }
  map doors {
    type ipv4_addr . inet_service : verdict
    elements = { 192.0.2.4 . 80 : accept, 192.0.2.4 . 22 : jump own }
  }
  set links {
    type ifname
    elements = { "eth0", "lo", "wg0" }
  }
  counter passed {
    packets 5 bytes 9
  }
  quota daily {
    over 25 mbytes
  }
  limit slow {
    rate 400/minute
  }
  ct helper files {
    type "ftp" protocol tcp
  }
  chain own {
    ip saddr @bans drop
  }
  chain empty {
  }
  chain in {
    type filter hook input priority -5; policy accept;
    ct state established accept
    iifname "lo" counter name passed
    ip saddr @a counter drop
    update @recent { ip saddr limit rate 5/second } accept
    meta skuid 0 log prefix "a  \\\\ ;"
    meta mark 5 comment "hostile } { \\\\ # element : ' $HOME"
    quota over 5 mbytes drop
    ip saddr . tcp dport vmap @doors
    tcp dport vmap { 1 : jump own, 2 : drop }
  }
}
table ip quiet {
  flags dormant
  chain post {
    type nat hook postrouting priority 100; policy accept;
    masquerade
  }
}
table netdev early {
  chain lo {
    type filter hook ingress device "lo" priority 0; policy accept;
    ip saddr 192.0.2.66 drop
  }
}
table ip6 none {
}
`;

describe.each(FILTER_WORLDS)('$title', (world) => {
  let host: FilterHost;
  beforeEach(async () => {
    host = await FilterHost.create(world);
  });
  afterEach(() => host.close());

  function load(text: string): void {
    writeFileSync(join(host.folder, 'ruleset'), text);
    host.sh(`nft -f ${host.folder}/ruleset`);
  }

  function undoes(damage: string): void {
    const before = host.take(KINDS);
    host.sh(damage);
    expect(host.read(host.take(KINDS))).not.toBe(host.read(before));
    expect(host.put(before, KINDS)).toBe('');
    expect(host.read(host.take(KINDS))).toBe(host.read(before));
    expect(host.put(before, KINDS)).toBe('');
    expect(host.read(host.take(KINDS))).toBe(host.read(before));
  }

  test('tables with everything that they can hold', () => {
    load(RULESET);
    const was = host.sh('nft -s list ruleset | grep -v elements');
    undoes('nft flush ruleset');
    undoes(
      'nft delete table ip quiet; nft delete table ip6 none; nft add table ip6 other; nft add rule inet fw in drop',
    );
    undoes(
      'nft delete element inet fw a { 10.0.0.0/8 }; nft add element inet fw counted { 9 }; nft flush map inet fw doors',
    );
    undoes(
      "nft 'add table ip quiet'; nft flush chain inet fw in; nft 'add chain inet fw in { policy drop; }'",
    );
    expect(host.sh('nft -s list ruleset | grep -v elements').split('\n').sort()).toEqual(
      was.split('\n').sort(),
    );
  });

  test('elements that come and go are no difference; they stay when their table is replaced, and come back with it', () => {
    load(RULESET);
    host.sh('nft add element inet fw recent { 192.0.2.7 timeout 5m }');
    const before = host.take(KINDS);
    host.sh(`nft add element inet fw recent { 192.0.2.8 }; nft delete element inet fw bans { 192.0.2.1 }
      nft add element inet fw bans { 192.0.2.9 timeout 1h }`);
    expect(host.read(host.take(KINDS))).toBe(host.read(before));
    host.sh('nft add rule inet fw in drop');
    expect(host.put(before, KINDS)).toBe('');
    const live = () => host.sh('nft list set inet fw recent; nft list set inet fw bans');
    expect(live()).toMatch(/192\.0\.2\.7[\s\S]*192\.0\.2\.8[\s\S]*192\.0\.2\.3[\s\S]*192\.0\.2\.9/);
    expect(live()).not.toContain('192.0.2.1 ');
    host.sh('nft delete table inet fw');
    expect(host.put(before, KINDS)).toBe('');
    expect(live()).toMatch(/192\.0\.2\.7[\s\S]*192\.0\.2\.1 timeout 1h[\s\S]*192\.0\.2\.3 timeout 2h/);
    expect(live()).not.toContain('192.0.2.9 ');
  });

  test('a table that does not differ is not touched', () => {
    load(RULESET);
    const before = host.take(KINDS);
    const handles = () => host.sh('nft -a list table ip quiet');
    const was = handles();
    host.sh('nft add rule inet fw in drop');
    host.put(before, KINDS);
    expect(handles()).toBe(was);
  });

  test('tables of iptables-nft are left to it', () => {
    host.sh(`for tool in iptables-nft ip6tables-nft; do
        $tool -A INPUT -p tcp --dport 22 -j ACCEPT
        $tool -A INPUT -m comment --comment x -j ACCEPT
        $tool -t nat -A POSTROUTING -j MASQUERADE
        $tool -t mangle -N own
      done
      arptables-nft -A INPUT -j DROP; ebtables-nft -P FORWARD DROP`);
    const folder = host.take(KINDS);
    expect(host.sh(`cat ${folder}/nft`)).toBe('');
    undoes('nft flush ruleset');
  });

  test("an admin's own table may have a name of iptables", () => {
    load(`table ip filter {
      chain input {
        type filter hook input priority 0; policy accept;
        tcp dport 22 counter accept
      }
      chain own {
      }
    }
    table ip6 filter {
      chain INPUT {
        type filter hook input priority 0; policy drop;
        ct state new counter accept
      }
    }
    table ip nat {
      chain own {
        tcp dport 22 accept
      }
    }
    table ip mangle {
      set x {
        type ipv4_addr
      }
    }
    `);
    const folder = host.take(KINDS);
    expect(host.sh(`grep -c filter ${folder}/ip*tables-nft || :`)).not.toMatch(/:[1-9]/);
    expect(host.sh(`cut -d: -f1 ${folder}/nft | cut -d' ' -f1,2 | uniq`)).toBe(
      'ip filter\nip mangle\nip nat\nip6 filter\n',
    );
    undoes('nft flush ruleset');
    undoes(
      'nft add rule ip filter input drop; nft add rule ip nat own drop; nft add element ip mangle x { 192.0.2.1 }',
    );
    undoes(`nft flush ruleset; for tool in iptables-nft ip6tables-nft; do
      $tool -A INPUT -m comment --comment x -j DROP; $tool -t nat -A OUTPUT -j ACCEPT; $tool -P OUTPUT DROP; done`);
  });

  test("an admin's own table in the place of one of iptables", () => {
    host.sh('iptables-nft -A INPUT -m comment --comment x -j ACCEPT; ip6tables-nft -P FORWARD DROP');
    undoes(`nft flush ruleset; nft 'add table ip filter; add chain ip filter input { type filter hook input priority 0; policy drop; }'
      nft 'add table ip6 filter; add set ip6 filter s { type ipv6_addr; }; add chain ip6 filter x; add rule ip6 filter x ct state new drop'`);
    expect(host.sh('nft list tables | sort')).toBe('table ip filter\ntable ip6 filter\n');
    expect(host.sh('nft list table ip filter 2>&1')).not.toContain('input {');
  });

  test("an admin's own table whose chains cannot become those of iptables", () => {
    host.sh('ip6tables-nft -t nat -A POSTROUTING -j MASQUERADE');
    undoes(`nft flush ruleset; nft 'add table ip6 nat'
      nft 'add chain ip6 nat POSTROUTING { type filter hook input priority 0; policy accept; }'`);
  });

  test("a running process's own table is left alone", () => {
    host.sh(`mkfifo ${host.folder}/talk
      (nft -i <${host.folder}/talk >/dev/null 2>&1) &
      (echo 'add table ip own { flags owner; }'; sleep 600) >${host.folder}/talk 2>/dev/null &
      until nft list tables | grep -q own; do sleep 0.02; done`);
    const folder = host.take(KINDS);
    expect(host.sh(`cat ${folder}/nft`)).toBe('');
    expect(host.put(folder, KINDS)).toBe('');
    expect(host.sh('nft list tables')).toContain('own');
  });

  test('any tables, after any damage', () => {
    const table = fc.constantFrom('ip one', 'ip filter', 'inet two', 'ip6 nat');
    const chain = fc.constantFrom('INPUT', 'in', 'own');
    const rule = fc.constantFrom(
      'accept',
      'counter drop',
      'tcp dport 22 counter accept',
      'ct state new accept',
      'meta mark 5 comment "a, } {"',
      'tcp dport { 1, 2 } drop',
    );
    const quoted = (text: string) => `nft '${text}' 2>/dev/null || :`;
    const command = fc.oneof(
      table.map((where) => quoted(`add table ${where}`)),
      table.map((where) => quoted(`delete table ${where}`)),
      fc.tuple(table, chain).map(([where, name]) => quoted(`add chain ${where} ${name}`)),
      fc
        .tuple(table, chain)
        .map(([where, name]) =>
          quoted(`add chain ${where} ${name} { type filter hook input priority 0; policy accept; }`),
        ),
      fc.tuple(table, chain, rule).map(([where, name, text]) => quoted(`add rule ${where} ${name} ${text}`)),
      table.map((where) => quoted(`add set ${where} s { type inet_service; flags timeout; }`)),
      fc
        .tuple(table, fc.integer({ min: 1, max: 99 }))
        .map(([where, port]) => quoted(`add element ${where} s { ${port} }`)),
      fc
        .tuple(table, fc.integer({ min: 1, max: 99 }))
        .map(([where, port]) => quoted(`add element ${where} s { ${port} timeout 1h }`)),
      fc.constant('iptables-nft -A INPUT -m comment --comment x -j ACCEPT 2>/dev/null || :'),
      fc.constant('ip6tables-nft -t nat -A POSTROUTING -j MASQUERADE 2>/dev/null || :'),
      fc.constant('nft flush ruleset'),
    );
    const script = fc.array(command, { maxLength: 15, size: 'max' }).map((all) => all.join('\n'));
    expectAnyDamageUndone(host, script, { kinds: KINDS, numRuns: 15 });
  });

  test('five thousand elements', () => {
    const elements = Array.from({ length: 5000 }, (_, i) => `10.0.${i >> 8}.${i & 255}`).join(', ');
    load(`table ip big {\n set s {\n type ipv4_addr\n elements = { ${elements} }\n }\n}\n`);
    const folder = host.take(KINDS);
    console.log(
      `${world.title}: 5000 elements: take ${host.time('take', KINDS).toFixed(0)} ms, put ${host.time('put', KINDS, folder).toFixed(0)} ms`,
    );
    undoes('nft delete table ip big');
  });
});
