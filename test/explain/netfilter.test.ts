// Chains: who catches a new connection, with which share, and which mark it has.
import { describe, expect, test } from 'vitest';
import { parseAddress } from '../../src/explain/address.ts';
import type { ChainPacket } from '../../src/explain/chain-packet.ts';
import { type BaseChain, walkChain } from '../../src/explain/chain-walk.ts';
import { fractionText } from '../../src/explain/fraction.ts';
import { parseIptables } from '../../src/explain/iptables-save.ts';
import { basesOf, natTables, parseNftTables } from '../../src/explain/nft-table.ts';
import { translate } from '../../src/explain/translation.ts';

const bits = (text: string): bigint => parseAddress(text)?.bits ?? 0n;

const PACKET: ChainPacket = {
  family: 4,
  from: bits('10.9.0.7'),
  to: bits('198.51.100.1'),
  iif: 'w0',
  oif: 'eth0',
  ipProtocol: 6,
  sport: 1000,
  dport: 443,
  isFromHost: false,
};

function natOf(rules: readonly string[]): BaseChain {
  const chains = [...new Set(rules.map((rule) => rule.split(' ')[1] ?? ''))];
  const lines = ['*nat', ...chains.map((name) => `:${name} - [0:0]`), ...rules, 'COMMIT'];
  const parsed = parseIptables(lines, { table: 'nat', family: 4 });
  if (parsed === undefined) throw new Error('no table');
  return { chains: parsed, base: 'POSTROUTING' };
}

function translated(tables: readonly BaseChain[], packet: Partial<ChainPacket> = {}) {
  const prefix = { family: 4, bits: bits('192.0.2.10'), length: 24 } as const;
  const { shares, doubts, by } = translate({
    tables,
    packet: { ...PACKET, ...packet },
    mark: 0,
    addresses: [{ device: 'eth0', prefix, isPrimary: true }],
    via: bits('192.0.2.1'),
  });
  return {
    by,
    doubts,
    shares: shares.map((each) => `${fractionText(each.share)} ${each.source ?? '-'} ${each.how}`),
  };
}

const ROUND_ROBIN = [
  '-A POSTROUTING -o eth0 -p tcp -j fairlead-snat-rr-tcp',
  '-A POSTROUTING -o eth0 -j MASQUERADE',
  '-A fairlead-snat-rr-tcp -s 192.0.2.10/32 -j RETURN',
  '-A fairlead-snat-rr-tcp -d 10.0.0.0/8 -j ACCEPT',
  '-A fairlead-snat-rr-tcp -m statistic --mode nth --every 3 --packet 0 -j SNAT --to-source 192.0.2.11',
  '-A fairlead-snat-rr-tcp -m statistic --mode nth --every 2 --packet 0 -j SNAT --to-source 192.0.2.12',
  '-A fairlead-snat-rr-tcp -j SNAT --to-source 192.0.2.13',
];

describe('the source after nat POSTROUTING', () => {
  test('by turns, with exact shares', () => {
    expect(translated([natOf(ROUND_ROBIN)]).shares).toEqual([
      '1/3 192.0.2.11 by-turns',
      '1/3 192.0.2.12 by-turns',
      '1/3 192.0.2.13 by-turns',
    ]);
  });

  test('weights: an address that has two slots', () => {
    const rules = ROUND_ROBIN.map((rule) => rule.replace('192.0.2.13', '192.0.2.11'));
    expect(translated([natOf(rules)]).shares).toEqual(['2/3 192.0.2.11 by-turns', '1/3 192.0.2.12 by-turns']);
  });

  test('another protocol passes by it, to whoever comes next', () => {
    expect(translated([natOf(ROUND_ROBIN)], { ipProtocol: 17 }).shares).toEqual([
      'all 192.0.2.10 masquerade',
    ]);
  });

  test('exclusions: RETURN leads to the next rule, ACCEPT ends it', () => {
    expect(translated([natOf(ROUND_ROBIN)], { from: bits('192.0.2.10') }).shares).toEqual([
      'all 192.0.2.10 masquerade',
    ]);
    expect(translated([natOf(ROUND_ROBIN)], { to: bits('10.1.1.1') }).shares).toEqual(['all - excluded']);
  });

  test('nobody: it stays what it is', () => {
    expect(translated([natOf(ROUND_ROBIN)], { oif: 'eth1' })).toEqual({
      by: undefined,
      shares: [],
      doubts: [],
    });
  });

  test('the classic mistake (every 3, packets 0, 1 and 2, in a row) is not a third each', () => {
    const rules = [0, 1, 2].map(
      (packet) =>
        `-A POSTROUTING -m statistic --mode nth --every 3 --packet ${packet} -j SNAT --to-source 192.0.2.1${packet}`,
    );
    expect(translated([natOf(rules)]).shares).toEqual([
      '1/3 192.0.2.10 by-turns',
      '2/9 192.0.2.11 by-turns',
      '4/27 192.0.2.12 by-turns',
      '8/27 - unchanged',
    ]);
  });

  test('chance and ranges are called what they are', () => {
    const random = [
      '-A POSTROUTING -m statistic --mode random --probability 0.50000000000 -j SNAT --to-source 192.0.2.11',
      '-A POSTROUTING -j SNAT --to-source 192.0.2.12-192.0.2.14',
    ];
    expect(translated([natOf(random)]).shares).toEqual([
      '1/2 192.0.2.11 by-chance',
      '1/2 192.0.2.12-192.0.2.14 by-hash',
    ]);
  });

  test('a hash of the client: slots of cluster rules in a row', () => {
    const cluster = (mask: string) =>
      `-m cluster --cluster-local-nodemask ${mask} --cluster-total-nodes 4 --cluster-hash-seed 0x7`;
    const rules = [
      `-A POSTROUTING ${cluster('0x00000003')} -j SNAT --to-source 192.0.2.11`,
      `-A POSTROUTING ${cluster('0x00000004')} -j SNAT --to-source 192.0.2.12`,
      '-A POSTROUTING -j SNAT --to-source 192.0.2.13',
    ];
    expect(translated([natOf(rules)], { from: undefined }).shares).toEqual([
      '1/2 192.0.2.11 by-hash',
      '1/4 192.0.2.12 by-hash',
      '1/4 192.0.2.13 by-hash',
    ]);
    expect(translated([natOf(rules)]).shares).toEqual(['all 192.0.2.12 by-hash']);
  });

  test.each([
    ['-p tcp -m tcp --dport 443', true],
    ['-p tcp -m tcp --dport 80:442', false],
    ['-p tcp -m multiport --dports 80,443', true],
    ['-p tcp -m multiport ! --dports 80,443', false],
    ['! -p udp', true],
    ['! -s 10.9.0.0/16', false],
    ['-s 10.9.0.0/16,10.8.0.0/16', true],
    ['-o eth+', true],
    ['-m mark --mark 0x1/0x1', false],
    ['-m mark ! --mark 0x1/0x1', true],
    ['-m conntrack --ctstate NEW,RELATED', true],
    ['-m conntrack --ctstate ESTABLISHED', false],
    ['-m conntrack --ctdir REPLY', false],
    ['-m addrtype --src-type LOCAL', false],
    ['-m comment --comment "a b"', true],
    ['-p tcp -m tcp --tcp-flags FIN,SYN,RST,ACK SYN', true],
    ['-p tcp -m tcp ! --tcp-flags FIN,SYN,RST,ACK SYN', false],
    ['-p tcp -m tcp --tcp-flags SYN,ACK SYN,ACK', false],
    ['-p tcp -m tcp --tcp-flags ACK,FIN NONE', true],
  ])('%s: %s', (match, isMatch) => {
    const { shares, doubts } = translated([
      natOf([`-A POSTROUTING ${match} -j SNAT --to-source 192.0.2.11`]),
    ]);
    expect({ shares, doubts }).toEqual({ shares: isMatch ? ['all 192.0.2.11 fixed'] : [], doubts: [] });
  });

  test('what cannot be judged is named, and taken for no match', () => {
    const rules = [
      '-A POSTROUTING -m set --match-set many src -j SNAT --to-source 192.0.2.11',
      '-A POSTROUTING -j NEWTARGET --x 1',
      '-A POSTROUTING -j MASQUERADE',
    ];
    expect(translated([natOf(rules)])).toEqual({
      by: 'nat',
      shares: ['all 192.0.2.10 masquerade'],
      doubts: [
        'nat POSTROUTING: -m set --match-set many src -j SNAT --to-source 192.0.2.11',
        'nat POSTROUTING: -j NEWTARGET --x 1',
      ],
    });
  });
});

describe('nft', () => {
  const TABLE = `table ip fairlead-snat-rr {
	chain tcp {
		ip saddr { 192.0.2.10, 192.0.2.99 } return
		ip daddr 10.0.0.0/8 counter packets 0 bytes 0 accept
		snat to numgen inc mod 3 map { 0 : 192.0.2.11, 1-2 : 192.0.2.12 }
	}
	chain post {
		type nat hook postrouting priority srcnat; policy accept;
		oifname "eth0" meta l4proto tcp jump tcp
		oifname "eth0" udp dport 53 snat to 192.0.2.13
		oifname != "eth0" xt match "unheard" masquerade
	}
}`.split('\n');
  const tables = parseNftTables(TABLE, 4).flatMap((chains) =>
    basesOf(chains, { hook: 'postrouting', type: 'nat' }),
  );

  test('numgen gives shares by slots', () => {
    expect(translated(tables)).toEqual({
      by: 'nft fairlead-snat-rr',
      shares: ['1/3 192.0.2.11 by-turns', '2/3 192.0.2.12 by-turns'],
      doubts: [],
    });
  });

  test('exclusions and other protocols', () => {
    expect(translated(tables, { from: bits('192.0.2.99') }).shares).toEqual([]);
    expect(translated(tables, { to: bits('10.1.1.1') }).shares).toEqual(['all - excluded']);
    expect(translated(tables, { ipProtocol: 17, dport: 53 }).shares).toEqual(['all 192.0.2.13 fixed']);
    expect(translated(tables, { oif: 'eth1' }).doubts).toEqual([
      'nft fairlead-snat-rr post: oifname != "eth0" xt match "unheard" masquerade',
    ]);
  });

  test('jhash is a hash of the client', () => {
    const lines = TABLE.map((line) => line.replace('numgen inc mod 3', 'jhash ip saddr mod 3 seed 0xa1'));
    const hashed = parseNftTables(lines, 4).flatMap((chains) =>
      basesOf(chains, { hook: 'postrouting', type: 'nat' }),
    );
    expect(translated(hashed).shares).toEqual(['all 192.0.2.11 by-hash']);
    expect(translated(hashed, { from: undefined }).shares).toEqual([
      '1/3 192.0.2.11 by-hash',
      '2/3 192.0.2.12 by-hash',
    ]);
  });

  test.each([
    ['tcp flags syn / fin,syn,rst,ack', true],
    ['tcp flags != syn / fin,syn,rst,ack', false],
    ['tcp flags & (fin | syn | rst | ack) != syn', false],
    ['tcp flags & (fin | syn) == (fin | syn)', false],
    ['tcp flags & ack == 0x0', true],
    ['tcp flags syn', true],
    ['tcp flags ! syn', false],
    ['tcp flags ack', false],
    ['meta pkttype set host', true],
    ['meta l4proto { tcp, udp, sctp }', true],
    ['ct state invalid', false],
  ])('%s: %s', (match, isMatch) => {
    const lines = TABLE.map((line) => line.replace('udp dport 53', match).replace('jump tcp', 'continue'));
    const found = parseNftTables(lines, 4).flatMap((chains) =>
      basesOf(chains, { hook: 'postrouting', type: 'nat' }),
    );
    const { shares, doubts } = translated(found);
    expect({ shares, doubts }).toEqual({ shares: isMatch ? ['all 192.0.2.13 fixed'] : [], doubts: [] });
  });

  test('whose tables there are', () => {
    expect(natTables(TABLE)).toEqual(['ip fairlead-snat-rr']);
  });
});

describe('marks of a new connection', () => {
  const marked = (rules: readonly string[], mark = 0) => {
    const lines = ['*mangle', ':PREROUTING ACCEPT [0:0]', ':OWN - [0:0]', ...rules, 'COMMIT'];
    const chains = parseIptables(lines, { table: 'mangle', family: 4 });
    if (chains === undefined) throw new Error('no table');
    return walkChain({ chains, base: 'PREROUTING' }, { packet: PACKET, mark }).ends.map(({ way }) => [
      way.mark,
      fractionText(way.share),
    ]);
  };

  test('a restored connection mark is none', () => {
    expect(
      marked([
        '-A PREROUTING -j OWN',
        '-A OWN -m connmark ! --mark 0x0/0xf00 -j CONNMARK --restore-mark --nfmask 0xf00 --ctmask 0xf00',
      ]),
    ).toEqual([[0, 'all']]);
  });

  test('set, saved, overwritten and restored, each within its mask', () => {
    expect(
      marked(
        [
          '-A PREROUTING -j MARK --set-xmark 0x100/0xf00',
          '-A PREROUTING -j CONNMARK --save-mark --nfmask 0xf00 --ctmask 0xf00',
          '-A PREROUTING -j MARK --set-xmark 0x200/0xffffffff',
          '-A PREROUTING -m mark --mark 0x200 -j CONNMARK --restore-mark --nfmask 0xf00 --ctmask 0xf00',
        ],
        0xff000000,
      ),
    ).toEqual([[0x100, 'all']]);
  });

  test('by lot: each mark has its share', () => {
    expect(
      marked([
        '-A PREROUTING -m statistic --mode random --probability 0.25000000000 -j MARK --set-xmark 0x1/0xffffffff',
      ]),
    ).toEqual([
      [0, '3/4'],
      [1, '1/4'],
    ]);
  });
});
