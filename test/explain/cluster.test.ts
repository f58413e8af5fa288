// An address that several hosts share, or that IPVS has: what a host in a namespace is told to do with a client's packets.
// Whether kernels do so is for test/roles/clusterip-hash, test/vm and test/lab.
import { afterEach, describe, expect, test, vi } from 'vitest';
import { fleetVerdict, isFault } from '../../src/explain/cluster-fleet.ts';
import { explain } from '../../src/explain/explain.ts';
import { explanationJson } from '../../src/explain/explain-json.ts';
import { explanationText } from '../../src/explain/explain-text.ts';
import type { Explanation } from '../../src/explain/explanation.ts';
import { type FlowWords, parseFlow } from '../../src/explain/flow.ts';
import { parseHostState } from '../../src/explain/host-answer.ts';
import { NO_COLOURS } from '../../src/report/paint.ts';
import { Kernel } from './support/kernel.ts';

vi.setConfig({ testTimeout: 60_000 });

const VIP = { to: '192.0.2.100', dport: '80' };

function textOf(explained: Explanation): string {
  return explanationText({ ...explained, kernel: 'K' }, NO_COLOURS);
}

/** The lines of the text that begin with one of the labels. */
function lines(explained: Explanation): readonly string[] {
  return textOf(explained)
    .split('\n')
    .filter((line) => /^ {2}(?:cluster|arrives|ipvs|note)/.test(line))
    .map((line) => line.trim().replace(/ +/g, ' '));
}

describe('in a namespace', () => {
  let kernel: Kernel | undefined;
  afterEach(() => {
    kernel?.close();
    kernel = undefined;
  });

  async function host(setup: string): Promise<Kernel> {
    kernel = await Kernel.create();
    kernel.sh(`ip address add 192.0.2.100/32 dev v0
ip address add 2001:db8:1::100/128 dev v0 nodad
ip route add default via 203.0.113.1; ip -6 route add default via 2001:db8:2::1\n${setup}`);
    return kernel;
  }

  const cluster = (
    program: string,
    vip: string,
    ...rules: readonly string[]
  ): string => `${program}-restore <<'END'
*mangle
:fairlead-clusterip - [0:0]
-A PREROUTING -d ${vip} -i v0 -j fairlead-clusterip
${rules.map((rule) => `-A fairlead-clusterip ${rule}`).join('\n')}
COMMIT
END`;
  const mine = (mask: string) =>
    `-m cluster --cluster-total-nodes 4 --cluster-local-nodemask ${mask} --cluster-hash-seed 7 -j RETURN`;

  test('-m cluster, as text: it comes in by the device that has the address', async () => {
    const it = await host(cluster('iptables', '192.0.2.100', mine('0x5'), '-j DROP'));
    expect(textOf(it.explain({ ...VIP, from: '198.51.100.7' }))).toMatchInlineSnapshot(`
      "host-1: 198.51.100.7 → 192.0.2.100 tcp dport 80, for the host itself, comes in by v0 (kernel K)
        marks   0: a new connection
         1  0     from all lookup local  local 192.0.2.100
         → to the host itself
        kernel  agrees: local 192.0.2.100 from 198.51.100.7 dev lo cache <local> iif v0
        cluster bucket 4 of 4 by -m cluster (source; seed 7); this host has 1, 3
        arrives no: dropped by mangle fairlead-clusterip: -j DROP
      "
    `);
    expect(lines(it.explain({ ...VIP, from: '198.51.100.16' }))).toEqual([
      'cluster bucket 3 of 4 by -m cluster (source; seed 7); this host has 1, 3',
      'arrives yes: at the host itself',
    ]);
  });

  test('one rule for each bucket, and none at all', async () => {
    const one = (node: number) =>
      `-m cluster --cluster-total-nodes 4 --cluster-local-node ${node} --cluster-hash-seed 7 -j ACCEPT`;
    const it = await host(cluster('iptables', '192.0.2.100', one(2), one(4), '-j DROP'));
    expect(lines(it.explain({ ...VIP, from: '198.51.100.7' }))).toEqual([
      'cluster bucket 4 of 4 by -m cluster (source; seed 7); this host has 2, 4',
      'arrives yes: at the host itself',
    ]);
    it.sh('iptables -t mangle -F fairlead-clusterip; iptables -t mangle -A fairlead-clusterip -j DROP');
    expect(lines(it.explain({ ...VIP, from: '198.51.100.7' }))).toEqual([
      'arrives no: dropped by mangle fairlead-clusterip: -j DROP',
    ]);
  });

  test('IPv6: the first 32 bits decide', async () => {
    const it = await host(cluster('ip6tables', '2001:db8:1::100', mine('0x5'), '-j DROP'));
    const [cluster7, , note] = lines(it.explain({ to: '2001:db8:1::100', from: '2001:db8:ffff::7' }));
    const [cluster8] = lines(it.explain({ to: '2001:db8:1::100', from: '2001:db8:ffff::8' }));
    expect(cluster7).toMatch(/^cluster bucket \d of 4 by -m cluster \(source; seed 7\); this host has 1, 3$/);
    expect(cluster8).toBe(cluster7);
    expect(note).toMatch(/the first 32 bits alone/);
  });

  test('nft jhash, by source and port, as JSON', async () => {
    const it = await host(`nft -f - <<'END'
table inet fairlead-clusterip {
  chain in {
    type filter hook prerouting priority mangle;
    ip daddr 192.0.2.100 iifname "v0" jump mine
  }
  chain mine {
    jhash ip saddr . tcp sport mod 4 seed 0x7 offset 1 { 1, 3-4 } meta pkttype set host accept
    drop
  }
}
table arp fairlead-clusterip { chain out { type filter hook output priority 0; arp saddr ip 192.0.2.100 counter; }; }
END`);
    const of = (words: FlowWords) => explanationJson(it.explain({ ...VIP, from: '198.51.100.7', ...words }));
    const hash = {
      hash: 'nft-jhash',
      hashes: ['saddr', 'sport'],
      seed: 7,
      buckets: 4,
      own: [1, 3, 4],
    };
    expect(of({})).toMatchObject({
      delivery: { arrives: 'partly', share: '3/4', clusters: [{ ...hash, bucket: null }] },
      remarks: ['the bucket depends on ports: give --sport and --dport'],
    });
    const buckets = ['2001', '2002', '2003', '2004', '2005', '2006'].map((sport) => {
      const { delivery } = of({ sport }) as { delivery: { arrives: string; clusters: { bucket: number }[] } };
      const bucket = delivery.clusters[0]?.bucket ?? 0;
      expect(delivery.arrives).toBe(bucket === 2 ? 'no' : 'yes');
      return bucket;
    });
    expect(buckets).toEqual([3, 4, 2, 4, 1, 2]);
  });

  test('a map of verdicts, and a seed that nobody knows', async () => {
    const it = await host(`nft -f - <<'END'
table ip fairlead-clusterip {
  chain in {
    type filter hook prerouting priority mangle;
    ip daddr 192.0.2.100 jhash ip saddr mod 3 seed 7 vmap { 0 : accept, 1-2 : drop }
    ip daddr 192.0.2.10 jhash ip saddr mod 3 0 drop
  }
}
END`);
    expect(lines(it.explain({ ...VIP, from: '198.51.100.7' }))[0]).toMatch(
      /^cluster bucket [123] of 3 by nft jhash \(source; seed 7\); this host has 1$/,
    );
    expect(lines(it.explain({ to: '192.0.2.10', from: '198.51.100.7' }))).toEqual([
      'cluster one of 3 buckets by nft jhash (source; a seed of its own); this host has 2, 3',
      'arrives for 2/3 of new connections: dropped by nft fairlead-clusterip in: ip daddr 192.0.2.10 jhash ip saddr mod 3 0 drop',
      'note the hash has a seed that the kernel has drawn and does not tell: give the rule one',
    ]);
  });

  test('a firewall at the door, its policy too', async () => {
    const it = await host(`iptables -A INPUT -p tcp --dport 22 -j ACCEPT
iptables -A INPUT -p tcp --dport 23 -j REJECT
iptables -A INPUT -m set --match-set nobody src -j ACCEPT 2>/dev/null || :
iptables -P INPUT DROP`);
    const of = (dport: string) => lines(it.explain({ to: '192.0.2.10', from: '198.51.100.7', dport }));
    expect(of('22')).toEqual(['arrives yes: at the host itself']);
    expect(of('23')[0]).toMatch(/^arrives no: dropped by filter INPUT: -p tcp -m tcp --dport 23 -j REJECT/);
    expect(of('80')).toEqual(['arrives no: dropped by filter INPUT: its policy']);
    it.sh(
      'nft add table inet firewall; nft "add chain inet firewall in { type filter hook input priority 10; }"',
    );
    expect(of('22')).toEqual([
      'arrives yes: at the host itself',
      'note nft table "inet firewall" may drop what comes in, and was not looked at',
    ]);
  });
});

describe('of a host that says so', () => {
  const told = (sections: Readonly<Record<string, string>>, words: FlowWords = {}) => {
    const flow = parseFlow({ ...VIP, from: '198.51.100.7', ...words });
    const all = {
      host: 'release 6.1.0\niif eth0\nnumeric -N\nuser 0',
      rules: '0:\tfrom all lookup local',
      routes: 'local 192.0.2.100 dev eth0 table local proto kernel scope host',
      first: 'local 192.0.2.100 from 198.51.100.7 dev lo table local cache <local> iif eth0',
      ...sections,
    };
    const stdout = Object.entries(all).map(([name, text]) => `\n== ${name}\n${text}\n`);
    return explain('node-1', flow, parseHostState(stdout.join(''), 4));
  };
  const clusterip = (mode: string) =>
    `*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -d 192.0.2.100/32 -i eth0 -j CLUSTERIP --new --hashmode ${mode} --clustermac 01:00:5E:00:01:20 --total-nodes 2 --local-node 1 --hash-init 7\nCOMMIT`;

  test('CLUSTERIP: what it has now counts, not what its rule began with', () => {
    const of = (mode: string, nodes?: string) =>
      lines(
        told({
          'iptables legacy': clusterip(mode),
          ...(nodes !== undefined && { 'cluster nodes': `192.0.2.100 ${nodes}` }),
        }),
      );
    const dropped = (mode: string) =>
      `dropped by filter INPUT: ${clusterip(mode).split('\n')[2]?.replace('-A INPUT ', '')}`;
    const hash = 'bucket 2 of 2 by CLUSTERIP (source; seed 7)';
    expect(of('sourceip', '1,2')).toEqual([
      `cluster ${hash}; this host has 1, 2`,
      'arrives yes: at the host itself',
    ]);
    expect(of('sourceip', '')).toEqual([
      `cluster ${hash}; this host has none`,
      `arrives no: ${dropped('sourceip')}`,
    ]);
    expect(of('sourceip-sourceport', '1')).toEqual([
      'cluster one of 2 buckets by CLUSTERIP (source, source port; seed 7); this host has 1',
      `arrives for 1/2 of new connections: ${dropped('sourceip-sourceport')}`,
      'note the bucket depends on ports: give --sport and --dport',
    ]);
    const [, note] = of('sourceip');
    expect(note).toMatch(/^note not judged, taken for no match: filter INPUT: -d 192/);
  });

  test('big-endian machines hash other words', () => {
    const host = 'release 6.1.0\nbyteorder big\niif eth0\nnumeric -N\nuser 0';
    const big = told({ host, 'iptables legacy': clusterip('sourceip'), 'cluster nodes': '192.0.2.100 1' });
    expect(lines(big)[2]).toBe(
      'note buckets are not computed for big-endian machines: the hash is of words in memory',
    );
  });

  test('IPVS: the service that takes it, with its servers', () => {
    const ipvs = `-A -t 192.0.2.100:80 -s wrr
-a -t 192.0.2.100:80 -r 10.0.0.1:80 -g -w 3
-a -t 192.0.2.100:80 -r 10.0.0.2:80 -g -w 0
-A -t 192.0.2.100:0 -s rr -p 300
-a -t 192.0.2.100:0 -r 10.0.0.3:0 -i -w 1
-A -u 192.0.2.100:53 -s sh -b sh-port
-A -f 7 -s wlc
-a -f 7 -r 10.0.0.4:0 -m -w 1`;
    const service = (words: FlowWords = {}) =>
      lines(told({ ipvs }, words))
        .filter((line) => line.startsWith('ipvs '))
        .map((line) => line.slice('ipvs '.length));
    expect(lines(told({ ipvs }))[0]).toBe('arrives yes: IPVS hands it on');
    expect(service()).toEqual([
      'tcp 192.0.2.100:80: wrr over 10.0.0.1:80 (gatewaying, weight 3), 10.0.0.2:80 (gatewaying, gets no new ones)',
    ]);
    expect(service({ dport: '81' })).toEqual([
      'tcp 192.0.2.100:0: rr over 10.0.0.3:0 (ipip, weight 1), a client stays for 300 s',
    ]);
    expect(service({ dport: '53', proto: 'udp' })).toEqual(['udp 192.0.2.100:53: sh has no server']);
    expect(service({ mark: '7' })).toEqual(['mark 7: wlc over 10.0.0.4:0 (masquerading, weight 1)']);
    expect(service({ to: '192.0.2.101' })).toEqual([]);
    expect(explanationJson(told({ ipvs })).ipvs).toEqual([
      {
        service: 'tcp 192.0.2.100:80',
        scheduler: 'wrr',
        persistent_s: 0,
        servers: [
          { name: '10.0.0.1:80', weight: 3, forwarding: 'gatewaying' },
          { name: '10.0.0.2:80', weight: 0, forwarding: 'gatewaying' },
        ],
      },
    ]);
  });
});

describe('a fleet', () => {
  const node = (
    host: string,
    own: string,
    more: Partial<Record<'seed' | 'from' | 'sport' | 'vip', string>> = {},
  ) => {
    const flow = parseFlow({
      ...VIP,
      from: more.from ?? '198.51.100.7',
      ...(more.sport !== undefined && { sport: more.sport }),
    });
    const rule = `-d 192.0.2.100/32 -i eth0 -j CLUSTERIP --new --hashmode sourceip --clustermac 01:00:5E:00:01:20 --total-nodes 2 --local-node 1 --hash-init ${more.seed ?? 7}`;
    const sections = `
== host
release 6.1.0
iif eth0
numeric -N
user 0
== rules
0:\tfrom all lookup local
== routes
local 192.0.2.100 dev eth0 table local proto kernel scope host
== first
local 192.0.2.100 from 198.51.100.7 dev lo table local cache <local> iif eth0
== iptables legacy
*filter
-A INPUT ${rule}
COMMIT
== cluster nodes
192.0.2.100 ${own}
`;
    const said =
      more.vip === undefined
        ? sections
        : sections.replace('local 192.0.2.100 dev eth0', 'local 192.0.2.77 dev eth0');
    return explain(host, flow, parseHostState(said, 4));
  };

  test('one node answers, and it is said which', () => {
    const told = [node('node-1', '1'), node('node-2', '2'), node('node-3', '')];
    expect(fleetVerdict(told)).toEqual({
      kind: 'one',
      text: '192.0.2.100 for 198.51.100.7 (bucket 2 of 2): node-2 answers, node-1 and node-3 do not',
    });
    expect(isFault(fleetVerdict(told))).toBe(false);
  });

  test('nobody, both, and those who divide clients otherwise', () => {
    const of = (...told: readonly Explanation[]) => {
      const verdict = fleetVerdict(told);
      return { fault: isFault(verdict), text: verdict?.text.replace('192.0.2.100 for 198.51.100.7', 'VIP') };
    };
    expect(of(node('node-1', '1'), node('node-3', ''))).toEqual({
      fault: false,
      text: 'VIP (bucket 2 of 2): none of node-1 and node-3 answers',
    });
    expect(of(node('node-1', '1,2'), node('node-2', '2'))).toEqual({
      fault: true,
      text: 'VIP (bucket 2 of 2): node-1 and node-2 answer, and only one of them should',
    });
    expect(of(node('node-1', '1'), node('node-2', '2', { seed: '8' }))).toEqual({
      fault: true,
      text: 'VIP: the nodes divide clients differently, node-1 by CLUSTERIP (source; seed 7) into 2, node-2 by CLUSTERIP (source; seed 8) into 2',
    });
    expect(of(node('node-1', '1'), node('node-2', '2'), node('other', '1', { vip: 'none' })).text).toBe(
      'VIP (bucket 2 of 2): node-2 answers, node-1 does not; other does not have the address',
    );
  });

  test('of one host alone nothing is said', () => {
    expect(fleetVerdict([node('node-1', '1')])).toBeUndefined();
  });
});
