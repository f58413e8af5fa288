// The script of split-access against a real kernel, in each world: what it sets up, repairs, refuses and leaves.
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ISP1, ISP2, splitAccess } from './support/split-access.ts';
import { TestHost, WORLDS } from './support/test-host.ts';

const STATE = '/var/lib/fairlead/split-access/state';

describe.each(WORLDS)('$title', (world) => {
  let host: TestHost;
  const proto = world.rulesAreTagged ? ' proto 222' : '';

  beforeEach(async () => {
    host = await TestHost.create(world);
    host.install(splitAccess());
  });
  afterEach(() => host.close());

  const applied = () => expect(host.script('start')).toMatchObject({ status: 0 });
  const isFine = () =>
    expect(host.script('status')).toEqual({
      status: 0,
      stdout: 'fairlead-split-access: applied\n',
      stderr: '',
    });

  test('start gives each link a table and each address a rule', () => {
    applied();
    const first = world.mainFirst ? [`10000: from all lookup main suppress_prefixlength 0${proto}`] : [];
    expect(host.rules()).toEqual([
      ...first,
      `10101: from 192.0.2.10 lookup 801${proto}`,
      `10102: from 203.0.113.10 lookup 802${proto}`,
    ]);
    expect(host.rules(6)).toEqual([...first, `10101: from 2001:db8:1::10 lookup 801${proto}`]);
    expect(host.routes(802)).toEqual([
      'default via 203.0.113.1 dev v1 proto 222 src 203.0.113.10',
      ...(world.mainFirst ? [] : ['192.0.2.0/24 dev v0 proto 222 scope link src 192.0.2.10']),
      '203.0.113.0/24 dev v1 proto 222 scope link src 203.0.113.10',
    ]);
    expect(host.routes(801, 6)).toContain(
      'default via 2001:db8:1::1 dev v0 proto 222 src 2001:db8:1::10 metric 1024 pref medium',
    );
  });

  test('packets go by the address they are sent from, neighbours are reached directly', () => {
    applied();
    const way = (to: string, from: string) => host.sh(`ip route get ${to} from ${from}`).split('\n')[0];
    expect(way('198.51.100.1', '203.0.113.10')).toContain('via 203.0.113.1 dev v1');
    expect(way('198.51.100.1', '192.0.2.10')).toContain('via 192.0.2.1 dev v0');
    expect(way('203.0.113.55', '192.0.2.10')).toMatch(/^203\.0\.113\.55 from 192\.0\.2\.10 dev v1/);
    expect(host.sh('ip -6 route get 2001:db8:ffff::1 from 2001:db8:1::10')).toContain(
      'via 2001:db8:1::1 dev v0',
    );
  });

  test('a virtual address leaves by its link, whether the host has it now or not', () => {
    const links = (virtual_addresses: readonly string[]) =>
      splitAccess({ split_access_links: [ISP1, { ...ISP2, virtual_addresses }] });
    host.install(links(['203.0.113.200', '192.0.2.200']));
    applied();
    isFine();
    const rules = [
      `10102: from 192.0.2.200 lookup 802${proto}`,
      `10102: from 203.0.113.10 lookup 802${proto}`,
      `10102: from 203.0.113.200 lookup 802${proto}`,
    ];
    expect(
      host
        .rules()
        .filter((rule) => rule.startsWith('10102'))
        .toSorted(),
    ).toEqual(rules);
    host.sh('ip address add 203.0.113.200/32 dev lo');
    isFine();
    expect(host.sh('ip route get 198.51.100.1 from 203.0.113.200')).toContain('via 203.0.113.1 dev v1');
    host.install(links([]));
    expect(host.script('reload')).toMatchObject({ status: 0 });
    expect(host.rules().filter((rule) => rule.startsWith('10102'))).toEqual([rules[1]]);
  });

  test('start twice is start once, and says nothing the second time', () => {
    applied();
    const once = host.snapshot();
    expect(host.script('start')).toEqual({ status: 0, stdout: '', stderr: '' });
    expect(host.snapshot()).toBe(once);
  });

  test('status knows applied from not applied', () => {
    expect(host.script('status')).toMatchObject({
      status: 3,
      stdout: 'fairlead-split-access: not applied\n',
    });
    applied();
    isFine();
    host.script('stop');
    expect(host.script('status')).toMatchObject({ status: 3 });
  });

  test.each([
    ['nothing special', {}],
    ['everything on', { split_access_on_empty: 'unreachable', split_access_arp_strict: true }],
    ['without main first', { split_access_main_first: false }],
    ['with tracking', { split_access_track: true }],
  ])('stop leaves everything as it was: %s', (_title, variables) => {
    host.set('v1', 'rp_filter', 1);
    host.sh('ip rule add priority 500 from 10.9.9.9 lookup 900');
    host.install(splitAccess(variables));
    const before = host.snapshot();
    applied();
    expect(host.snapshot()).not.toBe(before);
    isFine();
    expect(host.script('stop')).toMatchObject({ status: 0 });
    expect(host.snapshot()).toBe(before);
    expect(host.inside(`ls ${STATE} 2>&1 || :`)).toContain('No such file');
    expect(host.script('stop')).toEqual({ status: 0, stdout: '', stderr: '' });
  });

  test('stop knows its own also where the state file is lost', () => {
    const before = host.snapshot();
    applied();
    host.inside(`rm ${STATE}`);
    isFine();
    expect(host.script('stop')).toMatchObject({ status: 0 });
    expect(host.snapshot()).toBe(before);
  });

  test('a link that bounced is put right by reload', () => {
    applied();
    const before = host.snapshot();
    host.sh('ip link set v1 down; ip link set v1 up');
    expect(host.script('status')).toMatchObject({
      status: 4,
      stdout: expect.stringContaining('missing route -4 default via 203.0.113.1 dev v1'),
    });
    expect(host.script('reload')).toMatchObject({ status: 0 });
    expect(host.snapshot()).toBe(before);
    isFine();
  });

  test.each([
    ['a table was emptied', 'ip route flush table 801', 'missing route -4 default via 192.0.2.1'],
    ['a rule is gone', 'ip rule del priority 10102', 'missing rule -4 10102 from 203.0.113.10 lookup 802'],
    [
      'a route was changed',
      'ip route replace default via 192.0.2.77 dev v0 table 801',
      'changed route -4 default via 192.0.2.1 dev v0 src 192.0.2.10 table 801 | route -4 default via 192.0.2.77',
    ],
    [
      'an IPv6 route is gone',
      'ip -6 route del default table 801',
      'missing route -6 default via 2001:db8:1::1 dev v0 src 2001:db8:1::10 table 801',
    ],
    [
      'all of it is gone, as networkd does it',
      `for family in -4 -6; do
         for table in 801 802; do ip "$family" route flush table "$table" 2>/dev/null || :; done
         for priority in $(ip "$family" rule | sed -n 's/^\\(10...\\):.*/\\1/p'); do ip "$family" rule del priority "$priority"; done
       done`,
      'missing rule -4 10102 from 203.0.113.10 lookup 802',
    ],
  ])('drift is told and repaired: %s', (_title, act, told) => {
    applied();
    const before = host.snapshot();
    host.sh(act);
    expect(host.script('status')).toMatchObject({ status: 4, stdout: expect.stringContaining(told) });
    expect(host.script('reload')).toMatchObject({ status: 0 });
    expect(host.snapshot()).toBe(before);
  });

  test.each([
    ['a rule', 'ip rule add priority 10700 from 10.0.0.1 lookup 7', 'rule -4 10700 from 10.0.0.1 lookup 7'],
    [
      'a route',
      'ip route add default via 192.0.2.9 table 802',
      'route -4 default via 192.0.2.9 dev v0 table 802',
    ],
  ])('%s of somebody else in our place is named, and nothing changed', (_title, act, told) => {
    host.sh(act);
    const before = host.snapshot();
    for (const action of ['check', 'start', 'reload']) {
      expect(host.script(action)).toMatchObject({ status: 1, stderr: expect.stringContaining(told) });
      expect(host.snapshot()).toBe(before);
    }
  });

  test('what somebody adds in our place later is told and left alone', () => {
    applied();
    host.sh('ip rule add priority 10700 from 10.0.0.1 lookup 7; ip route flush table 801');
    expect(host.script('reload')).toMatchObject({ status: 0 });
    expect(host.routes(801)).toContain('default via 192.0.2.1 dev v0 proto 222 src 192.0.2.10');
    expect(host.script('status')).toMatchObject({
      status: 4,
      stdout:
        'fairlead-split-access: not ours, in our priorities or tables: rule -4 10700 from 10.0.0.1 lookup 7\n',
    });
    expect(host.script('stop')).toMatchObject({ status: 0 });
    expect(host.rules()).toEqual(['10700: from 10.0.0.1 lookup 7']);
  });

  test('check is quiet and changes nothing where nothing is in the way', () => {
    const before = host.snapshot();
    expect(host.script('check')).toEqual({ status: 0, stdout: '', stderr: '' });
    expect(host.snapshot()).toBe(before);
    applied();
    expect(host.script('check')).toEqual({ status: 0, stdout: '', stderr: '' });
  });

  test('reload with other links takes back what the old ones had', () => {
    const before = host.snapshot();
    host.set('v1', 'rp_filter', 1);
    applied();
    expect(host.setting('v1', 'rp_filter')).toBe('2');
    host.install(splitAccess({ split_access_links: [{ ...ISP1, gateway: '192.0.2.2', table: 850 }] }));
    expect(host.script('reload')).toMatchObject({ status: 0 });
    isFine();
    expect(host.routes(801)).toEqual([]);
    expect(host.routes(802)).toEqual([]);
    expect(host.routes(850)).toContain('default via 192.0.2.2 dev v0 proto 222 src 192.0.2.10');
    expect(host.rules().at(-1)).toBe(`10101: from 192.0.2.10 lookup 850${proto}`);
    expect(host.setting('v1', 'rp_filter')).toBe('1');
    host.set('v1', 'rp_filter', 0);
    host.script('stop');
    expect(host.snapshot()).toBe(before);
  });

  test('a missing optional link is no failure, and is taken in when it comes', () => {
    host.install(splitAccess({ split_access_links: [ISP1, { ...ISP2, device: 'v9', optional: true }] }));
    expect(host.script('start')).toMatchObject({
      status: 0,
      stderr: expect.stringContaining('link isp2 (optional): 203.0.113.10 is not on v9'),
    });
    expect(host.script('status')).toEqual({
      status: 0,
      stdout:
        'fairlead-split-access: link isp2 (optional): 203.0.113.10 is not on v9\nfairlead-split-access: applied\n',
      stderr: '',
    });
    host.sh(
      'ip link set v1 down; ip link set v1 name v9; ip link set v9 up; ip address replace 203.0.113.10/24 dev v9',
    );
    expect(host.script('status')).toMatchObject({ status: 4 });
    expect(host.script('reload')).toMatchObject({ status: 0 });
    expect(host.routes(802)).toContain('default via 203.0.113.1 dev v9 proto 222 src 203.0.113.10');
  });

  test('without a required link the others are set up all the same, and that it is missing is a failure', () => {
    host.sh('ip address del 203.0.113.10/24 dev v1');
    expect(host.script('start')).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('link isp2 (required): 203.0.113.10 is not on v1'),
    });
    expect(host.routes(801)).toContain('default via 192.0.2.1 dev v0 proto 222 src 192.0.2.10');
    expect(host.script('status')).toEqual({
      status: 4,
      stdout: 'fairlead-split-access: link isp2 (required): 203.0.113.10 is not on v1\n',
      stderr: '',
    });
  });

  test('tracking that is no longer wanted goes', () => {
    const before = host.snapshot();
    host.install(splitAccess({ split_access_track: true }));
    applied();
    host.install(splitAccess());
    expect(host.script('status')).toMatchObject({
      status: 4,
      stdout: expect.stringContaining('surplus chain'),
    });
    expect(host.script('reload')).toMatchObject({ status: 0 });
    isFine();
    expect(host.sh('iptables-save; ip6tables-save')).not.toContain('fairlead');
    expect(host.inside(`cat ${STATE}`)).not.toContain('chain');
    host.script('stop');
    expect(host.snapshot()).toBe(before);
  });

  test('three at once do what one does', async () => {
    applied();
    const once = host.snapshot();
    host.script('stop');
    const statuses = await Promise.all([1, 2, 3].map(() => host.scriptMeanwhile('start')));
    expect(statuses).toEqual([0, 0, 0]);
    expect(host.snapshot()).toBe(once);
  });
});
