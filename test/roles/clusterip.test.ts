// The script of clusterip against a real kernel, in several worlds and by both mechanisms that it has: what it sets up,
// repairs, refuses and leaves.
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { clusterip, MAC, MECHANISMS, STATE, traces, VIP } from './support/clusterip.ts';
import { TestHost, WORLDS } from './support/test-host.ts';

const worlds = WORLDS.filter(({ title }) => title === 'dash' || title === 'BusyBox ash and awk');

describe.each(
  worlds.flatMap((world) => MECHANISMS.map((mechanism) => ({ world, mechanism, title: world.title }))),
)('$title, $mechanism', ({ world, mechanism }) => {
  let host: TestHost;

  beforeEach(async () => {
    host = await TestHost.create(world);
    host.install(clusterip({ cluster_mechanism: mechanism }));
  });
  afterEach(() => host.close());

  const does = (...words: readonly string[]) =>
    expect(host.script(...words), words.join(' ')).toMatchObject({ status: 0 });

  test('start twice is once, status knows, stop leaves no trace', () => {
    const before = traces(host);
    expect(host.script('check')).toEqual({ status: 0, stdout: '', stderr: '' });
    expect(host.script('status')).toMatchObject({ status: 3, stdout: 'fairlead-clusterip: not applied\n' });
    does('start');
    const once = traces(host);
    expect(once).toContain(`${VIP}/32`);
    expect(once).toContain(MAC);
    expect(host.script('start')).toMatchObject({ status: 0, stdout: '' });
    expect(traces(host)).toBe(once);
    expect(host.script('status')).toEqual({
      status: 0,
      stdout: `fairlead-clusterip: applied
fairlead-clusterip: mechanism ${mechanism}, buckets none of 3
fairlead-clusterip: buckets 1 wait for: /etc/fairlead/clusterip settle
`,
      stderr: '',
    });
    does('settle');
    expect(host.script('buckets').stdout).toBe('1\n');
    expect(host.script('start')).toEqual({ status: 0, stdout: '', stderr: '' });
    does('stop');
    expect(traces(host)).toBe(before);
    expect(host.inside(`ls ${STATE}`)).toBe('map\n');
    expect(host.script('stop')).toEqual({ status: 0, stdout: '', stderr: '' });
  });

  test('what somebody damages is told and repaired', () => {
    does('start');
    does('settle');
    const before = traces(host);
    const damages = [
      ['ip address del 192.0.2.100/32 dev v0', 'missing address -4 v0 192.0.2.100/32'],
      [`ip maddr del ${MAC} dev v0`, `missing mac v0 ${MAC}`],
      [
        'echo 1 >/proc/sys/net/netfilter/nf_conntrack_tcp_loose',
        'missing setting netfilter/nf_conntrack_tcp_loose 0',
      ],
      ...(mechanism === 'cluster'
        ? [
            ['iptables -t mangle -D PREROUTING -j fairlead-clusterip', 'missing jump -4 mangle PREROUTING'],
            [
              'iptables -t mangle -F fairlead-clusterip-own',
              'missing chain -4 mangle fairlead-clusterip-own',
            ],
            ['arptables -F fairlead-clusterip', 'changed arp fairlead-clusterip'],
            ['arptables -D OUTPUT -j fairlead-clusterip', 'changed arp fairlead-clusterip'],
            ['arptables -F; arptables -X', 'missing arp fairlead-clusterip'],
          ]
        : [
            ['nft delete table ip fairlead-clusterip', 'missing table ip fairlead-clusterip'],
            ['nft flush chain ip fairlead-clusterip own', 'changed table ip fairlead-clusterip'],
            ['nft add rule arp fairlead-clusterip output drop', 'changed table arp fairlead-clusterip'],
          ]),
    ] as const;
    for (const [damage = '', told = ''] of damages) {
      host.sh(damage);
      expect(host.script('status')).toMatchObject({ status: 4, stdout: expect.stringContaining(told) });
      does('reload');
      expect(host.script('status')).toMatchObject({ status: 0 });
      expect(sorted(traces(host)), damage).toBe(sorted(before));
    }
  });

  test('somebody else’s rules and address stay', () => {
    host.sh(`iptables -t mangle -A PREROUTING -i v1 -j ACCEPT; arptables -A OUTPUT -o v1 -j ACCEPT
      ip address add ${VIP}/32 dev v0; ip maddr add ${MAC} dev v0`);
    const before = traces(host);
    does('start');
    does('reload');
    does('stop');
    expect(traces(host)).toBe(before);
  });

  test('another cluster is begun from nothing; the script that is put back has what it had', () => {
    does('start');
    does('settle');
    does('take', '2');
    const before = traces(host);
    host.install(
      clusterip({ cluster_mechanism: mechanism, clusterip_seed: 9, clusterip_mac: '03:00:00:00:00:01' }),
    );
    does('reload');
    expect(host.script('buckets').stdout).toBe('\n');
    expect(traces(host)).toContain('03:00:00:00:00:01');
    expect(traces(host)).not.toContain(MAC);
    does('settle');
    expect(host.script('buckets').stdout).toBe('1\n');
    host.install(clusterip({ cluster_mechanism: mechanism }));
    does('reload');
    expect(host.script('buckets').stdout).toBe('1 2\n');
    expect(sorted(traces(host))).toBe(sorted(before));
  });

  test('three at once do what one does', async () => {
    does('start');
    const once = traces(host);
    does('stop');
    expect(await Promise.all([1, 2, 3].map(() => host.scriptMeanwhile('start')))).toEqual([0, 0, 0]);
    expect(sorted(traces(host))).toBe(sorted(once));
  });
});

describe('what is refused, before anything is changed', () => {
  let host: TestHost;
  const [world] = worlds;
  if (world === undefined) throw new Error('no world');

  beforeEach(async () => {
    host = await TestHost.create(world);
  });
  afterEach(() => host.close());

  test.each([
    [{ groups: { nodes: ['host-2'] } }, 6, 'host-1 is none of the nodes'],
    [{ clusterip_buckets: 7 }, 6, 'cluster has 6 buckets at most'],
    [{ clusterip_vip6: '2001:db8::1' }, 6, 'first 32 bits only: take nft'],
    [{ clusterip_hashmode: 'sourceip-sourceport' }, 6, 'cluster does not know sourceip-sourceport'],
    [{ cluster_mechanism: 'clusterip', clusterip_buckets: 17 }, 6, 'clusterip has 16 buckets at most'],
    [{ clusterip_owners: ['host-1'] }, 6, 'names 1 owners for 3 buckets'],
    [{ clusterip_away: ['host-9'] }, 6, 'host-9 is none of the nodes'],
    [{ clusterip_node: 4 }, 6, 'clusterip_node is 4 of 3 nodes'],
  ])('%j', (variables, status, said) => {
    const before = traces(host);
    host.install(clusterip(variables));
    expect(host.script('check')).toMatchObject({ status, stderr: expect.stringContaining(said) });
    expect(traces(host)).toBe(before);
  });

  test('clusterip where rules use connection marks', () => {
    host.sh('iptables-nft -t mangle -A PREROUTING -j CONNMARK --restore-mark');
    host.install(clusterip({ cluster_mechanism: 'clusterip' }));
    expect(host.script('check')).toMatchObject({
      status: 6,
      stderr: expect.stringContaining('clusterip overwrites connection marks'),
    });
  });

  test('a kernel without CLUSTERIP: the node stays silent, and says so', () => {
    host.install(clusterip({ cluster_mechanism: 'clusterip' }));
    const started = host.script('start');
    expect(started).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('clusterip does not work here'),
    });
    expect(host.sh('ip -o address')).not.toContain(VIP);
    expect(host.script('status')).toMatchObject({ status: 4 });
    expect(host.script('well')).toMatchObject({ status: 1 });
    expect(host.script('take', '1')).toMatchObject({ status: 1 });
    expect(host.script('report').stdout).toMatch(/^mechanism:clusterip;.*\nidle:yes;/);
    host.install(clusterip());
    expect(host.script('reload')).toMatchObject({ status: 0 });
    expect(host.script('status')).toMatchObject({ status: 0 });
  });
});

/** Rules that were put back may stand in another order among nft's tables. */
function sorted(text: string): string {
  return text.split('\n').sort().join('\n');
}
