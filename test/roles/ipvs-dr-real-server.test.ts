// The script of ipvs-dr on a real server: VIPs that nobody hears of, tunnels, and replies that go by the director.
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { realServer, SHOP, services, VIP } from './support/ipvs-dr.ts';
import type { Variables } from './support/render-role.ts';
import { TestHost, WORLDS } from './support/test-host.ts';

const MINE = { ...SHOP, real_servers: ['host-1'] };
const NAT = { ...MINE, forwarding: 'nat', real_servers: [{ host: 'host-1', port: 8080 }] };

describe.each(WORLDS)('$title', (world) => {
  let host: TestHost;
  beforeEach(async () => {
    host = await TestHost.create(world);
    host.outer.sh('ip address add 192.0.2.1/24 dev p0');
    host.sh('while ip -6 address | grep -q tentative; do sleep 0.05; done');
  });
  afterEach(() => host.close());

  function does(action: string): string {
    const outcome = host.script(action);
    expect({ action, ...outcome }).toMatchObject({ status: 0 });
    return outcome.stderr;
  }
  const install = (variables: Variables) => host.install(realServer(variables));
  const picture = () => host.snapshot() + host.sh('ip -o address; ip -o link');
  const answers = () =>
    host.outer.sh(`arping -b -c 2 -w 1 -I p0 ${VIP} || :`).match(/reply from/g)?.length ?? 0;

  test('dr: it has the VIP as a /32, and nobody hears of it', () => {
    const before = picture();
    install(services(MINE, { ...MINE, name: 'six', vip: '2001:db8::200' }));
    expect(host.script('status').status).toBe(3);
    const log = does('start');
    expect(log.indexOf('arp_ignore = 1')).toBeGreaterThan(-1);
    expect(log.indexOf('arp_announce = 2')).toBeLessThan(log.indexOf(`added ${VIP}/32 to lo`));
    expect(host.sh('ip -o address show dev lo')).toMatch(/ 192\.0\.2\.200\/32 [\s\S]* 2001:db8::200\/128 /);
    expect(host.sh(`ip route get ${VIP}`)).toMatch(/^local /);
    expect(answers()).toBe(0);
    host.set('all', 'arp_ignore', 0);
    expect(answers(), 'without the setting it would answer').toBeGreaterThan(0);
    expect(host.script('status')).toMatchObject({
      status: 4,
      stdout: 'fairlead-ipvs-dr: missing setting ipv4/conf/all/arp_ignore 1\n',
    });
    does('reload');
    expect(host.script('status')).toMatchObject({ status: 0, stdout: 'fairlead-ipvs-dr: applied\n' });
    expect(does('start')).toBe('');
    does('stop');
    expect(picture()).toBe(before);
  });

  test('a device of its own may have the VIPs', () => {
    host.sh('ip link add vips type veth peer name spiv; ip link set vips up; ip link set vips down');
    const before = picture();
    install({ ...services(MINE), ipvs_dr_real_server_device: 'vips' });
    does('start');
    expect(host.sh('ip -o address show dev vips')).toContain(`${VIP}/32`);
    expect(host.script('status').status).toBe(0);
    host.sh('ip link set vips down');
    expect(host.script('status')).toMatchObject({
      status: 4,
      stdout: expect.stringContaining('missing up vips'),
    });
    does('reload');
    does('stop');
    expect(picture()).toBe(before);
  });

  test.each([
    [
      'lo',
      '192.0.2.200/24',
      /192\.0\.2\.200\/24 is on lo: with this prefix length a real server takes the whole network/,
    ],
    ['v0', '192.0.2.200/32', /192\.0\.2\.200\/32 is on v0: a real server would answer ARP for it/],
  ])('a VIP that is on %s as %s is refused', (device, cidr, told) => {
    host.sh(`ip address add ${cidr} dev ${device}`);
    const before = picture();
    install(services(MINE));
    for (const action of ['check', 'start'])
      expect(host.script(action)).toMatchObject({ status: 1, stderr: expect.stringMatching(told) });
    expect(picture()).toBe(before);
  });

  test('tun: the tunnel is up, and a strict reverse path filter gives way', () => {
    host.sh(
      'ip link add tunl0 type veth peer name lnut; ip link set tunl0 up; ip link set tunl0 down; echo 1 >/proc/sys/net/ipv4/conf/all/rp_filter',
    );
    const before = picture();
    install(services({ ...MINE, forwarding: 'tun' }));
    does('start');
    expect(host.sh('ip -o link show dev tunl0')).toMatch(/[<,]UP[,>]/);
    expect(host.setting('tunl0', 'rp_filter')).toBe('2');
    expect(host.sh('ip -o address show dev tunl0')).toContain(`${VIP}/32`);
    expect(host.script('status').status).toBe(0);
    expect(does('start')).toBe('');
    does('stop');
    expect(picture()).toBe(before);
  });

  test('nat asks for rules by port, or for a main table without its default route', () => {
    install(services(NAT));
    expect(host.script('check').status).toBe(world.mainFirst ? 0 : 5);
  });

  if (world.mainFirst)
    test('nat: what is sent in reply goes to the director, the rest as ever', () => {
      const before = picture();
      install(services(NAT, { ...NAT, name: 'other', port: 443, real_servers: ['host-1'] }));
      does('start');
      const way = (port: number) =>
        host.sh(`ip route get 198.51.100.1 from 192.0.2.10 ipproto tcp sport ${port} dport 5555`);
      expect(way(8080)).toContain('via 192.0.2.1 dev v0 table 701');
      expect(way(443)).toContain('via 192.0.2.1 dev v0 table 701');
      if (world.rulesAreTagged) expect(way(22)).not.toContain('table 701');
      expect(host.sh('ip -4 rule | grep -c "lookup 701"').trim()).toBe(world.rulesAreTagged ? '2' : '1');
      expect(host.script('status')).toMatchObject({ status: 0 });
      expect(does('start')).toBe('');
      host.sh('ip route flush table 701');
      expect(host.script('status').status).toBe(4);
      does('reload');
      does('stop');
      expect(picture()).toBe(before);
    });

  if (world.mainFirst)
    test('nat by mark: a rule for each port, a table for each gateway', () => {
      install(
        services(NAT, {
          ...MINE,
          name: 'm',
          forwarding: 'nat',
          fwmark: 7,
          port: null,
          ports: ['5060/udp', '8000-8100'],
          gateway: '192.0.2.77',
        }),
      );
      does('start');
      const rules = host
        .sh('ip -4 rule')
        .split('\n')
        .filter((line) => line.startsWith('9'));
      if (world.rulesAreTagged) {
        expect(rules.map((line) => line.replace(/\s+/g, ' ').trim())).toEqual([
          '9101: from 192.0.2.10 ipproto tcp sport 8080 lookup 701 proto 225',
          '9102: from 192.0.2.10 ipproto udp sport 5060 lookup 702 proto 225',
          '9103: from 192.0.2.10 ipproto tcp sport 8000-8100 lookup 702 proto 225',
        ]);
      }
      expect(host.routes(702)).toEqual(['default via 192.0.2.77 dev v0 proto 225 src 192.0.2.10']);
      does('stop');
      expect(host.routes(702)).toEqual([]);
    });

  test('nat with snat asks nothing of a real server', () => {
    const before = picture();
    install(services({ ...NAT, snat: true }));
    does('start');
    expect(picture()).toBe(before);
    expect(host.script('status').status).toBe(0);
  });

  test.each<[string, Variables, RegExp]>([
    [
      'no device',
      { ...services(NAT), ipvs_dr_device: null },
      /say ipvs_dr_device, the interface towards the director/,
    ],
    [
      'several directors and no gateway',
      { ...services(NAT), ipvs_dr_directors: ['lb-1', 'web-2'] },
      /say the service's gateway, an address that moves with the vip/,
    ],
  ])('nat: %s is refused', (_title, variables, told) => {
    install(variables);
    expect(host.script('check')).toMatchObject({ status: 6, stderr: expect.stringMatching(told) });
  });

  if (world.mainFirst)
    test("somebody else's rule in our place is refused", () => {
      host.sh('ip rule add priority 9105 from 10.0.0.0/8 lookup main');
      install(services(NAT));
      expect(host.script('start')).toMatchObject({ status: 1, stderr: expect.stringContaining('9105') });
      expect(host.routes(701)).toEqual([]);
    });

  test('a duty that is no longer one is taken back', () => {
    const before = picture();
    install(services(MINE, ...(world.mainFirst ? [{ ...NAT, name: 'nat' }] : [])));
    does('start');
    install(services({ ...SHOP, real_servers: ['web-1'] }));
    does('reload');
    expect(picture()).toBe(before);
  });
});
