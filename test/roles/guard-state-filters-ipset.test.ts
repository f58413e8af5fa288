// What the guard keeps of ipset, and how it puts it back: also below rules that use the sets.
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { expectAnyDamageUndone, FILTER_WORLDS, FilterHost } from './support/guard-filters.ts';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 60_000 });

const KINDS = ['ipset', 'iptables'] as const;
/** Whoever emptied the rules waits for the kernel to let go of their sets. */
const DESTROY = 'destroy() { until ipset destroy "$1" 2>/dev/null; do sleep 0.02; done; }';

describe.each(FILTER_WORLDS)('$title', (world) => {
  let host: FilterHost;
  beforeEach(async () => {
    host = await FilterHost.create(world);
  });
  afterEach(() => host.close());

  function undoes(damage: string): void {
    const before = host.take(KINDS);
    host.sh(`${DESTROY}; ${damage}`);
    expect(host.read(host.take(KINDS))).not.toBe(host.read(before));
    expect(host.put(before, KINDS)).toBe('');
    expect(host.read(host.take(KINDS))).toBe(host.read(before));
    expect(host.put(before, KINDS)).toBe('');
  }

  test('sets of all kinds, with their options and entries', () => {
    host.sh(`ipset create a hash:ip counters comment timeout 0
      ipset add a 192.0.2.1 comment 'x timeout 5 packets 1 bytes 2'
      ipset add a 192.0.2.2
      ipset create n hash:net,iface; ipset add n 10.0.0.0/8,eth0 nomatch; ipset add n 10.1.0.0/16,eth0
      ipset create p bitmap:port range 1-1000; ipset add p 5
      ipset create m bitmap:ip,mac range 192.0.2.0/24; ipset add m 192.0.2.5,00:11:22:33:44:55
      ipset create s hash:ip,port skbinfo; ipset add s 192.0.2.1,tcp:80 skbmark 0x5/0xff skbprio 1:2 skbqueue 3
      ipset create six hash:net family inet6; ipset add six 2001:db8::/32
      ipset create l list:set size 4; ipset add l p; ipset add l a; ipset add l n before a`);
    const order = host.sh('ipset save l');
    undoes(
      'ipset destroy l; for set in a n p m s six; do ipset destroy $set; done; ipset create other hash:ip',
    );
    undoes(`ipset del a 192.0.2.1; ipset add a 192.0.2.9; ipset -exist add n 10.0.0.0/8,eth0; ipset flush p
      ipset -exist add m 192.0.2.5,00:11:22:33:44:66; ipset -exist add s 192.0.2.1,tcp:80 skbmark 0x6/0xff
      ipset del l n; ipset add l n; ipset flush six`);
    undoes('ipset destroy l; ipset destroy a; ipset create a hash:ip maxelem 5; ipset add a 192.0.2.7');
    expect(host.sh('ipset save l')).toBe(order);
  });

  test('counters and entries that expire are no difference, and live on', () => {
    host.sh(
      `ipset create a hash:ip counters timeout 0; ipset add a 192.0.2.1; ipset add a 192.0.2.2 timeout 600`,
    );
    const before = host.take(KINDS);
    host.sh(
      `ipset -exist add a 192.0.2.1 packets 7 bytes 700 timeout 0; ipset add a 192.0.2.3 timeout 900; ipset del a 192.0.2.2`,
    );
    expect(host.read(host.take(KINDS))).toBe(host.read(before));
    host.sh('ipset add a 192.0.2.9 timeout 0');
    expect(host.put(before, KINDS)).toBe('');
    expect(host.sh('ipset save a')).toMatch(/192\.0\.2\.3 timeout [89]\d\d/);
    expect(host.sh('ipset save a')).toMatch(/192\.0\.2\.1 timeout 0 packets 7/);
    host.sh('ipset destroy a');
    expect(host.put(before, KINDS)).toBe('');
    expect(host.sh('ipset save a')).toMatch(/192\.0\.2\.2 timeout \d{3}/);
  });

  test.each(['iptables-nft', 'iptables-legacy'])('%s: sets that rules use', (tool) => {
    host.sh(`ipset create a hash:ip; ipset add a 192.0.2.1; ipset create b hash:net; ipset create l list:set; ipset add l a; ipset add l b
      ${tool} -A INPUT -m set --match-set a src -j DROP
      ${tool} -A INPUT -m set ! --match-set l dst -j SET --add-set a src`);
    undoes(`${tool} -F; destroy l; destroy a`);
    undoes(`ipset create new hash:ip,port; ${tool} -A INPUT -m set --match-set new src,src -j ACCEPT`);
    undoes('ipset create half hash:ip maxelem 9; ipset swap half a; ipset destroy half');
    expect(host.sh('ipset list -n').trim().split('\n').sort()).toEqual(['a', 'b', 'l']);
  });

  test.each(['iptables-nft', 'iptables-legacy'])(
    '%s: a set of another kind in the place of one that rules use',
    (tool) => {
      host.sh(`ipset create a hash:ip; ipset add a 192.0.2.1; ipset create l list:set; ipset add l a
      ${tool} -A INPUT -m set --match-set a src -j DROP
      ${tool} -A INPUT -j ACCEPT`);
      undoes(`${tool} -F; destroy l; destroy a; ipset create a hash:ip,port; ipset create l list:set; ipset add l a
      ${tool} -A INPUT -m set --match-set a src,dst -j ACCEPT; ${tool} -A OUTPUT -m set --match-set l src,dst -j DROP`);
      undoes(`${tool} -F; destroy l; destroy a; ipset create a list:set; ipset create l hash:ip; ipset add a l
      ${tool} -A INPUT -m set --match-set a src -j DROP; ${tool} -A INPUT -j ACCEPT`);
    },
  );

  test('nobody finds a set empty while it changes', () => {
    host.sh(
      'ipset create a hash:ip; ipset add a 192.0.2.1; seq 2 90 | sed "s/.*/add a 192.0.2.&/" | ipset restore',
    );
    const before = host.take(KINDS);
    const flag = `${host.folder}/done`;
    const misses = `${host.folder}/misses`;
    host.sh(`: >${misses}
      (while [ ! -e ${flag} ]; do ipset test a 192.0.2.1 2>/dev/null || echo absent >>${misses}; done) >/dev/null 2>&1 &`);
    const swapped =
      'ipset create t hash:ip maxelem 99; ipset add t 192.0.2.1; ipset swap t a; ipset destroy t';
    for (let round = 0; round < 5; round++) {
      for (const damage of ['ipset add a 198.51.100.1', swapped]) {
        host.sh(damage);
        expect(host.put(before, KINDS)).toBe('');
      }
    }
    host.sh(`touch ${flag}`);
    expect(host.sh(`cat ${misses}`)).toBe('');
    expect(host.read(host.take(KINDS))).toBe(host.read(before));
  });

  test('any sets, after any damage', () => {
    const name = fc.constantFrom('a', 'b', 'c');
    const type = fc.constantFrom(
      'hash:ip',
      'hash:ip comment',
      'hash:ip timeout 0',
      'hash:ip maxelem 9',
      'hash:net',
      'list:set',
      'bitmap:ip range 192.0.2.0/24',
    );
    const command = fc.oneof(
      fc.tuple(name, type).map(([set, kind]) => `ipset create ${set} ${kind}`),
      fc.tuple(name, fc.nat(20)).map(([set, number]) => `ipset add ${set} 192.0.2.${number}`),
      fc
        .tuple(name, fc.nat(20))
        .map(([set, number]) => `ipset -exist add ${set} 192.0.2.${number} comment 'c ${number}'`),
      fc.tuple(name, name).map(([set, other]) => `ipset add ${set} ${other}`),
      fc.tuple(name, fc.nat(20)).map(([set, number]) => `ipset del ${set} 192.0.2.${number}`),
      name.map((set) => `ipset destroy ${set}`),
      name.map((set) => `iptables-nft -A INPUT -m set --match-set ${set} src -j DROP`),
      name.map((set) => `iptables-legacy -A OUTPUT -j SET --add-set ${set} dst`),
      fc.constant('iptables-nft -F; iptables-legacy -F; nft list ruleset >/dev/null; sleep 0.05'),
    );
    const script = fc
      .array(command, { maxLength: 20, size: 'max' })
      .map((all) => all.map((line) => `{ ${line}; } 2>/dev/null || :`).join('\n'));
    expectAnyDamageUndone(host, script, { kinds: KINDS, numRuns: 15 });
  });

  test('ten thousand entries', () => {
    host.sh(
      'ipset create a hash:ip; seq 1 10000 | awk \'{ print "add a 10.0." int($1 / 250) "." $1 % 250 }\' | ipset -exist restore',
    );
    const folder = host.take(KINDS);
    console.log(
      `${world.title}: 10000 entries: take ${host.time('take', KINDS).toFixed(0)} ms, put ${host.time('put', KINDS, folder).toFixed(0)} ms`,
    );
    host.sh('ipset flush a');
    expect(host.put(folder, KINDS)).toBe('');
    expect(host.read(host.take(KINDS))).toBe(host.read(folder));
  });
});
