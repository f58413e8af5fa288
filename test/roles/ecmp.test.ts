// The script of ecmp against a real kernel, in each world: what it sets up, repairs, refuses and leaves.
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { addIpv6, defaultRoute, ECMP_WORLDS, ecmp, ISP1, ISP2_6, snapshot } from './support/ecmp.ts';
import { TestHost, WORLDS } from './support/test-host.ts';

const STATE = '/var/lib/fairlead/ecmp/state';
const BOTH = { split_access_links: [ISP1, ISP2_6] };
const BALANCE = 'nexthop via 192.0.2.1 dev v0 weight 1 nexthop via 203.0.113.1 dev v1 weight 1';
const BALANCE6 = 'nexthop via 2001:db8:1::1 dev v0 weight 1 nexthop via fe80::1 dev v1 weight 1';
const EVERYTHING = {
  ...BOTH,
  ecmp_weights: { isp1: 3 },
  ecmp_hash: 'l3',
  ecmp_affinity: 'client',
  ecmp_nat: 'snat',
  ecmp_nat_from: ['10.9.0.0/24', '2001:db8:9::/64'],
  ecmp_place: 'main',
};

describe.each(ECMP_WORLDS)('$title', (world) => {
  let host: TestHost;
  const proto = world.rulesAreTagged ? ' proto 223' : '';

  beforeEach(async () => {
    host = await TestHost.create(world);
    addIpv6(host);
    host.install(ecmp(BOTH));
  });
  afterEach(() => host.close());

  const applied = () => expect(host.script('start')).toMatchObject({ status: 0 });
  const isFine = () =>
    expect(host.script('status')).toMatchObject({
      status: 0,
      stdout: expect.stringMatching(/^fairlead-ecmp: applied\nfairlead-ecmp: variant /),
      stderr: '',
    });

  test('start makes one default route over all links, behind what main knows', () => {
    applied();
    const first = world.mainFirst ? [`11000: from all lookup main suppress_prefixlength 0${proto}`] : [];
    const tracked = world.title.includes('3.10')
      ? [1, 2].map((n) => `1100${n}: from all fwmark 0x${n}00000/0xff00000 lookup 80${n}${proto}`)
      : [];
    expect(host.rules()).toEqual([...first, ...tracked, `11900: from all lookup 901${proto}`]);
    expect(host.rules(6)).toEqual(host.rules());
    expect(defaultRoute(host)).toBe(`default proto 223 ${BALANCE}`);
    expect(defaultRoute(host, 901, 6)).toBe(`default proto 223 metric 1024 pref medium ${BALANCE6}`);
    expect(defaultRoute(host, 'main')).toBe('default via 192.0.2.1 dev v0');
  });

  test('flows to the outside are spread, networks that main knows are reached as ever', async () => {
    await host.addNeighbour('w0');
    host.sh('ip address add 10.9.0.1/24 dev w0; ip route add 10.10.0.0/16 via 10.9.0.2');
    applied();
    const ways = (to: (n: number) => string) =>
      Array.from({ length: 40 }, (_, n) => /dev (\S+)/.exec(host.sh(`ip route get ${to(n)}`))?.[1]);
    expect(new Set(ways((n) => `198.51.100.${n + 1}`))).toEqual(new Set(['v0', 'v1']));
    expect(new Set(ways((n) => `10.9.0.${n + 2}`))).toEqual(new Set(['w0']));
    expect(new Set(ways((n) => `10.10.0.${n + 2}`))).toEqual(new Set(['w0']));
    expect(new Set(ways((n) => `203.0.113.${n + 20}`))).toEqual(new Set(['v1']));
    expect(new Set(ways((n) => `2001:db8:ffff::${n + 1}`))).toEqual(new Set(['v0', 'v1']));
    expect(new Set(ways((n) => `2001:db8:2::${n + 20}`))).toEqual(new Set(['v1']));
    expect(host.script('status')).toMatchObject({ status: 0 });
  });

  test('start twice is start once, and says nothing the second time', () => {
    applied();
    const once = snapshot(host);
    for (const action of ['start', 'reload', 'check']) {
      expect(host.script(action)).toEqual({ status: 0, stdout: '', stderr: '' });
    }
    expect(snapshot(host)).toBe(once);
  });

  test('status knows applied from not applied', () => {
    expect(host.script('status')).toEqual({ status: 3, stdout: 'fairlead-ecmp: not applied\n', stderr: '' });
    applied();
    isFine();
    host.script('stop');
    expect(host.script('status')).toMatchObject({ status: 3 });
  });

  test.each([
    ['nothing special', BOTH],
    ['everything on, in main', EVERYTHING],
    ['everything on, in a table', { ...EVERYTHING, ecmp_place: 'table', ecmp_nat: 'masquerade' }],
  ])('stop leaves everything as it was: %s', (_title, variables) => {
    host.sh(`ip rule add priority 500 from 10.9.9.9 lookup 900
      ip route replace default via 192.0.2.1 dev v0 proto dhcp src 192.0.2.10
      ip -6 route add default via 2001:db8:1::1 proto ra
      ip route add default via 192.0.2.9 metric 100
      ipset create fairlead-ecmp-other hash:ip; ipset create other hash:ip`);
    host.install(ecmp(variables));
    const before = snapshot(host);
    applied();
    expect(snapshot(host)).not.toBe(before);
    isFine();
    expect(host.script('stop')).toMatchObject({ status: 0 });
    expect(snapshot(host)).toBe(before);
    expect(host.inside(`ls ${STATE} 2>&1 || :`)).toContain('No such file');
    expect(host.script('stop')).toEqual({ status: 0, stdout: '', stderr: '' });
  });

  test.each([
    ['a table was emptied', 'ip route flush table 901', `missing route -4 default table 901 ${BALANCE}`],
    [
      'an IPv6 table was emptied',
      'ip -6 route flush table 901',
      `missing route -6 default table 901 ${BALANCE6}`,
    ],
    ['a rule is gone', 'ip rule del priority 11900', 'missing rule -4 11900 from all lookup 901'],
    [
      'an IPv6 route was changed',
      'ip -6 route replace default via 2001:db8:1::1 dev v0 proto 223 table 901',
      `changed route -6 default table 901 ${BALANCE6} | route -6 default via 2001:db8:1::1`,
    ],
    [
      'the order of the nexthops was changed',
      'ip route replace default proto 223 table 901 nexthop via 203.0.113.1 dev v1 nexthop via 192.0.2.1 dev v0',
      'would move 1000 of 1000 flows (-4)',
    ],
    [
      'a setting was changed',
      'echo 0 >/proc/sys/net/ipv4/conf/v1/ignore_routes_with_linkdown',
      'missing setting ipv4/conf/v1/ignore_routes_with_linkdown 1',
    ],
  ])('drift is told and repaired: %s', (_title, act, told) => {
    applied();
    const before = snapshot(host);
    host.sh(act);
    expect(host.script('status')).toMatchObject({ status: 4, stdout: expect.stringContaining(told) });
    expect(host.script('status').stdout).not.toContain('applied');
    expect(host.script('reload')).toMatchObject({ status: 0 });
    expect(snapshot(host)).toBe(before);
    isFine();
  });

  test.each([
    ['a rule', 'ip rule add priority 11700 from 10.0.0.1 lookup 7', 'rule -4 11700 from 10.0.0.1 lookup 7'],
    [
      'a route',
      'ip route add default via 192.0.2.9 table 901',
      'route -4 default via 192.0.2.9 dev v0 table 901',
    ],
  ])('%s of somebody else in our place is named, and nothing changed', (_title, act, told) => {
    host.sh(act);
    const before = snapshot(host);
    for (const action of ['check', 'start', 'reload']) {
      expect(host.script(action)).toMatchObject({ status: 1, stderr: expect.stringContaining(told) });
      expect(snapshot(host)).toBe(before);
    }
  });

  test('stop knows its own also where the state file is lost', () => {
    const before = rulesAndRoutes(host);
    applied();
    host.inside(`rm ${STATE}`);
    expect(host.script('status')).toMatchObject({ status: 0 });
    expect(host.script('stop')).toMatchObject({ status: 0 });
    expect(rulesAndRoutes(host)).toBe(before);
    expect(snapshot(host)).not.toContain('fairlead');
  });

  test('three at once do what one does', async () => {
    applied();
    const once = snapshot(host);
    host.script('stop');
    const statuses = await Promise.all([1, 2, 3].map(() => host.scriptMeanwhile('start')));
    expect(statuses).toEqual([0, 0, 0]);
    expect(snapshot(host)).toBe(once);
  });
});

describe('a host that cannot', () => {
  let host: TestHost;
  afterEach(() => host.close());

  test('BusyBox ip knows no nexthops: it says what is needed', async () => {
    const world = WORLDS.find(({ title }) => title.includes('BusyBox') && title.includes(' ip,'));
    if (world === undefined) throw new Error('no world');
    host = await TestHost.create(world);
    host.install(ecmp());
    const before = snapshot(host);
    for (const action of ['check', 'start']) {
      expect(host.script(action)).toMatchObject({
        status: 5,
        stderr: expect.stringContaining('needs the command ip of iproute2'),
      });
    }
    expect(snapshot(host)).toBe(before);
  });

  test.each([
    ['ipset', { ecmp_affinity: 'client' }],
    ['iptables-restore', { ecmp_nat: 'masquerade' }],
    ['setsid', { ecmp_probe_targets: ['198.51.100.1'] }],
  ])('%s is missed before anything is changed', async (tool, variables) => {
    const [world] = ECMP_WORLDS;
    if (world === undefined) throw new Error('no world');
    host = await TestHost.create(world);
    host.install(ecmp(variables));
    host.inside(`mount --bind /dev/null "$(readlink -f "$(command -v ${tool})")"`);
    const before = host.snapshot();
    for (const action of ['check', 'start']) {
      expect(host.script(action)).toMatchObject({
        status: 5,
        stderr: expect.stringContaining(`needs the command ${tool}`),
      });
    }
    expect(host.snapshot()).toBe(before);
  });
});

/** Without the state file nobody knows of the rest what it was before. */
function rulesAndRoutes(host: TestHost): string {
  return host.snapshot().split('== iptables-nft')[0] ?? '';
}
