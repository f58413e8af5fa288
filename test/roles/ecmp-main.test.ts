// ecmp in table main: the default route that was there is replaced in place, and comes back as it was.
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { addIpv6, defaultRoute, ECMP_WORLDS, ecmp, ISP1, ISP2_6, snapshot } from './support/ecmp.ts';
import { TestHost } from './support/test-host.ts';

const MAIN = { ecmp_place: 'main' };
const HOPS = 'nexthop via 192.0.2.1 dev v0 weight 1 nexthop via 203.0.113.1 dev v1 weight 1';
const OLD = 'default via 192.0.2.1 dev v0 proto dhcp src 192.0.2.10 metric 100';

describe.each(ECMP_WORLDS)('$title', (world) => {
  let host: TestHost;
  beforeEach(async () => {
    host = await TestHost.create(world);
  });
  afterEach(() => host.close());

  const act = (action: string) => expect(host.script(action)).toMatchObject({ status: 0 });
  const main = () => host.routes('main' as never).filter((line) => !line.includes('/'));

  test('its rules are not needed, and its default has the metric that is said', () => {
    host.sh(`ip route replace ${OLD}`);
    host.install(ecmp({ ...MAIN, ecmp_metric: 100 }));
    const before = snapshot(host);
    act('check');
    act('start');
    expect(host.rules().filter((rule) => rule.startsWith('11900'))).toEqual([]);
    expect(main().filter((line) => line.startsWith('default'))).toEqual([
      'default via 192.0.2.1 dev v0',
      'default proto 223 metric 100',
    ]);
    act('status');
    expect(host.script('start')).toEqual({ status: 0, stdout: '', stderr: '' });
    act('stop');
    expect(snapshot(host)).toBe(before);
  });

  test.each([
    ['one of a DHCP client', OLD.replace(' metric 100', '')],
    ['one with options', 'default via 192.0.2.1 dev v0 mtu 1400 advmss 1360'],
    ['one with nexthops', `default ${HOPS.replace('weight 1', 'weight 5')}`],
  ])('what was there comes back as it was: %s', (_title, old) => {
    host.sh(`ip route replace ${old}`);
    host.install(ecmp(MAIN));
    const before = snapshot(host);
    act('start');
    expect(defaultRoute(host, 'main')).toBe(`default proto 223 ${HOPS}`);
    act('reload');
    act('status');
    act('stop');
    expect(snapshot(host)).toBe(before);
  });

  test('IPv6, and where there was nothing', () => {
    addIpv6(host);
    host.sh('ip route del default; ip -6 route add default via 2001:db8:1::77 proto static');
    host.install(ecmp({ ...MAIN, split_access_links: [ISP1, ISP2_6] }));
    const before = snapshot(host);
    act('start');
    expect(defaultRoute(host, 'main')).toBe(`default proto 223 ${HOPS}`);
    expect(defaultRoute(host, 'main', 6)).toBe(
      'default proto 223 metric 1024 pref medium nexthop via 2001:db8:1::1 dev v0 weight 1 nexthop via fe80::1 dev v1 weight 1',
    );
    act('status');
    act('stop');
    expect(snapshot(host)).toBe(before);
  });

  test('a route that somebody puts in its place is drift; after a reload it is what stop brings back', () => {
    host.install(ecmp(MAIN));
    act('start');
    host.sh('ip route replace default via 192.0.2.5 proto dhcp');
    expect(host.script('status')).toMatchObject({
      status: 4,
      stdout: expect.stringContaining(
        `changed main -4 default proto 223 ${HOPS} | default via 192.0.2.5 dev v0 proto dhcp\n`,
      ),
    });
    act('reload');
    act('status');
    expect(defaultRoute(host, 'main')).toBe(`default proto 223 ${HOPS}`);
    act('stop');
    expect(defaultRoute(host, 'main')).toBe('default via 192.0.2.5 dev v0 proto dhcp');
  });

  test('one that somebody put in its place is left there by stop', () => {
    host.install(ecmp(MAIN));
    act('start');
    host.sh('ip route replace default via 192.0.2.5');
    act('stop');
    expect(defaultRoute(host, 'main')).toBe('default via 192.0.2.5 dev v0');
  });

  test('it follows links that go and come, and the old route is still known', () => {
    host.install(ecmp(MAIN));
    const before = host.sh('ip route show table main');
    act('start');
    host.sh('ip address del 203.0.113.10/24 dev v1');
    expect(host.script('reload')).toMatchObject({ status: 1 });
    expect(defaultRoute(host, 'main')).toBe('default via 192.0.2.1 dev v0 proto 223');
    host.sh('ip address add 203.0.113.10/24 dev v1');
    act('reload');
    expect(defaultRoute(host, 'main')).toBe(`default proto 223 ${HOPS}`);
    host.sh('ip route del default; ip -6 route del default'); // all that was ours
    expect(host.script('status')).toMatchObject({
      status: 4,
      stdout: expect.stringContaining(`missing main -4 default proto 223 ${HOPS}\n`),
    });
    act('reload');
    act('stop');
    expect(host.sh('ip route show table main')).toBe(before);
  });

  test('where the old route can be no more, there is none', () => {
    host.install(ecmp(MAIN));
    act('start');
    host.sh('ip address del 192.0.2.10/24 dev v0');
    act('stop');
    expect(defaultRoute(host, 'main')).toBe('');
    expect(host.inside('ls /var/lib')).toBe('');
  });

  test('another metric, another place: what was replaced before comes back', () => {
    host.sh(`ip route add ${OLD}`);
    host.install(ecmp(MAIN));
    const before = snapshot(host);
    act('start');
    host.install(ecmp({ ...MAIN, ecmp_metric: 100 }));
    act('reload');
    act('status');
    expect(main().filter((line) => line.startsWith('default'))).toEqual([
      'default via 192.0.2.1 dev v0',
      'default proto 223 metric 100',
    ]);
    host.install(ecmp());
    act('reload');
    act('status');
    expect(main()).toEqual(['default via 192.0.2.1 dev v0', OLD]);
    act('stop');
    expect(snapshot(host)).toBe(before);
  });
});
