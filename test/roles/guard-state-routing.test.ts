// What the guard keeps of links, addresses, neighbours, routes and rules, and how it puts it back.
import { spawnSync } from 'node:child_process';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { FULL_WORLDS, PROGRAM, RoutingHost, SMALL_WORLD } from './support/guard-routing.ts';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 60_000 });

test('the parts are clean to shellcheck', () => {
  const { stdout } = spawnSync('shellcheck', ['-s', 'sh', '-f', 'gcc', '-'], {
    encoding: 'utf8',
    input: PROGRAM,
  });
  expect(stdout).toBe('');
});

let host: RoutingHost;
afterEach(() => host?.close());

/** Damage is seen and goes, twice as well as once. */
function undoes(damage: string): void {
  const before = host.take();
  host.sh(damage);
  expect(host.read(host.take())).not.toBe(host.read(before));
  expect(host.put(before)).toBe('');
  expect(host.read(host.take())).toBe(host.read(before));
  expect(host.put(before)).toBe('');
  expect(host.read(host.take())).toBe(host.read(before));
}

describe.each(FULL_WORLDS)('$title', (world) => {
  beforeEach(async () => {
    host = await RoutingHost.create(world);
  });

  test('what is as it was is not touched', () => {
    host.sh('ip route add default via 192.0.2.2; ip rule add pref 100 from 192.0.2.1 lookup 100');
    const before = host.take();
    const changes = host.watch(() => expect(host.put(before)).toBe(''));
    expect(changes).toBe('');
    expect(host.watch(() => host.sh('ip route del default'))).toContain('Deleted default');
  });

  test('a link that was set down comes back with its routes and addresses, and answers at once', () => {
    host.sh(`ip route add default via 192.0.2.2; ip -6 route add default via 2001:db8::2 metric 7
      ip route add 203.0.113.0/24 table 100 via 192.0.2.2 dev eth0 proto 77 mtu lock 1400 advmss 1300 src 192.0.2.1 realms 3/4
      ip -6 addr add 2001:db8::5/64 dev eth0 nodad preferred_lft 0
      ip neigh add 192.0.2.9 lladdr 02:00:00:00:00:09 dev eth0 nud permanent`);
    host.peer.sh('ping -c 1 -q 192.0.2.1; ping -c 1 -q 2001:db8::1');
    undoes('ip link set eth0 down');
    host.peer.sh('ping -c 1 -W 1 -q 192.0.2.1; ping -c 1 -W 1 -q 2001:db8::1');
    expect(host.sh('ip -6 addr')).not.toContain('tentative');
  });

  test('a management address that was removed comes back and answers at once', () => {
    host.peer.sh('ping -c 1 -q 192.0.2.1; ping -c 1 -q 2001:db8::1');
    undoes('ip addr flush dev eth0; ip addr add 192.0.2.77/24 dev eth0');
    host.peer.sh('ping -c 1 -W 1 -q 192.0.2.1; ping -c 1 -W 1 -q 2001:db8::1');
  });

  test('order, labels, peers and flags of addresses', () => {
    host.sh(`ip addr add 192.0.2.3/24 brd 192.0.2.255 label eth0:x dev eth0
      ip addr add 192.0.2.4/24 dev eth0 metric 50
      ip addr add 10.9.0.1 peer 10.9.0.2/32 dev eth0 scope link noprefixroute
      ip addr add 10.8.0.1/24 dev eth1.7 valid_lft 900 preferred_lft 800
      ip -6 addr add 2001:db8::6/64 dev eth0 nodad noprefixroute
      ip -6 addr add 2001:db8::7/128 dev eth0 nodad preferred_lft 0`);
    undoes('ip addr del 192.0.2.1/24 dev eth0');
    undoes('sysctl -qw net.ipv4.conf.eth0.promote_secondaries=1; ip addr del 192.0.2.1/24 dev eth0');
    undoes('ip -6 addr del 2001:db8::1/64 dev eth0; ip -6 addr add 2001:db8::1/64 dev eth0 nodad');
    undoes('ip -6 addr change 2001:db8::7/128 dev eth0 preferred_lft forever');
    undoes('ip addr del 10.9.0.1 peer 10.9.0.2/32 dev eth0; ip addr add 10.9.0.1/24 dev eth0');
    undoes('ip addr del 10.8.0.1/24 dev eth1.7');
    expect(host.sh('ip addr show dev eth1.7')).toMatch(/valid_lft [89]\d\dsec preferred_lft [78]\d\dsec/);
  });

  test('an IPv6 address and routes with a lifetime come back, and are no difference when they go', () => {
    host.sh(`ip -6 addr add 2001:db8::da/128 dev eth0 nodad valid_lft 900 preferred_lft 800
      ip -6 route add default via 2001:db8::2 proto ra expires 500; ip -6 route add 2001:db8:9::/48 via 2001:db8::2 expires 400`);
    const before = host.take();
    host.sh(
      'ip -6 addr del 2001:db8::da/128 dev eth0; ip -6 route del default; ip -6 route del 2001:db8:9::/48',
    );
    expect(host.read(host.take())).toBe(host.read(before));
    expect(host.put(before)).toBe('');
    expect(host.sh('ip -6 addr show dev eth0')).toContain('2001:db8::da/128');
    expect(host.sh('ip -6 route')).toMatch(/default .*proto ra .*expires 4\d\dsec/);
    expect(host.sh('ip -6 route')).toMatch(/2001:db8:9::\/48 .*expires 3\d\dsec/);
  });

  test('routes of all kinds', () => {
    host.sh(`ip route add table 100 default proto 77 nexthop via 192.0.2.2 weight 2 nexthop via 198.51.100.9 dev eth1.7 onlink
      ip route add unreachable 10.3.0.0/16 metric 9; ip route add throw 10.4.0.0/16 table 100
      ip route add blackhole default table 500; ip route add prohibit 10.5.0.0/16
      ip route add 10.6.0.0/16 via 192.0.2.2 tos 0x10; ip route add 10.6.0.0/16 via 192.0.2.2 metric 4 initcwnd 10
      ip route append 10.6.0.0/16 via 198.51.100.2 metric 4
      ip route add 10.7.0.0/16 via inet6 fe80::1 dev eth0; ip route add 10.10.0.1 dev eth0 scope link
      ip route add 10.11.0.0/16 via 10.10.0.1
      ip -6 route add 2001:db8:79::/48 nexthop via 2001:db8::9 nexthop via 2001:db8:1::8 weight 3
      ip -6 route add 2001:db8:7b::/48 via 2001:db8::9 pref high; ip -6 route append 2001:db8:7b::/48 via 2001:db8:1::9 metric 5
      ip -6 route add unreachable 2001:db8:7a::/48; ip -6 route add blackhole default table 77777
      ip -6 route add 2001:db8:7c::/48 from 2001:db8::/64 via 2001:db8::9`);
    undoes('ip route flush table main; ip route flush table 100; ip route flush table 500');
    undoes('ip -6 route flush table main; ip -6 route flush table 77777');
    undoes('ip route del 10.6.0.0/16 metric 4; ip route del 10.10.0.1');
    undoes('ip route replace table 100 default via 192.0.2.2 proto 77');
    undoes(
      'ip route add table 100 default metric 5 via 192.0.2.9; ip route prepend blackhole 10.6.0.0/16 metric 4',
    );
    undoes(
      'ip -6 route del 2001:db8:79::/48 via 2001:db8::9; ip -6 route append 2001:db8:7b::/48 via 2001:db8::5',
    );
    undoes(
      'ip -6 route replace blackhole 2001:db8:7b::/48; ip -6 route replace 2001:db8:7a::/48 via 2001:db8::2',
    );
    undoes(
      'ip route del local 192.0.2.1 table local; ip -6 route del local 2001:db8::1 dev eth0 table local',
    );
  });

  test('next hops that routes share', () => {
    host.sh(`ip nexthop add id 10 via 192.0.2.2 dev eth0 proto 77; ip nexthop add id 11 via 198.51.100.9 dev eth1.7
      ip nexthop add id 12 blackhole; ip -6 nexthop add id 13 dev eth0; ip nexthop add id 14 via 2001:db8::2 dev eth0
      ip nexthop add id 20 group 10,2/11; ip nexthop add id 21 group 10/11 type resilient buckets 32
      ip route add 10.1.0.0/16 nhid 20; ip route add 10.2.0.0/16 nhid 10 metric 4; ip route add 10.3.0.0/16 nhid 12
      ip -6 route add 2001:db8:7::/48 nhid 14; ip -6 route add 2001:db8:8::/48 nhid 13`);
    undoes('ip nexthop flush');
    undoes('ip nexthop replace id 10 via 192.0.2.3 dev eth0; ip nexthop add id 30 blackhole');
    undoes('ip nexthop replace id 20 group 11; ip nexthop del id 14');
    undoes('ip link set eth0 down');
  });

  test('rules of all kinds', () => {
    host.sh(`ip rule add pref 100 not from 10.0.0.0/8 to 192.0.2.9 tos 0x10 fwmark 0x1/0xff iif eth0 oif gone uidrange 0-99 \\
        ipproto tcp sport 1-2 dport 80 lookup 100 suppress_prefixlength 0 suppress_ifgroup 4 protocol 77 realms 3/4
      ip rule add pref 101 l3mdev; ip rule add pref 102 goto 200; ip rule add pref 103 unreachable iif eth1.7
      ip rule add pref 104 nop; ip rule add pref 105 tun_id 5 to 192.0.2.8 blackhole; ip rule add pref 106 prohibit from 192.0.2.99
      ip rule add pref 100 from 192.0.2.1 lookup 101; ip rule add pref 100 lookup 102
      ip -6 rule add pref 100 from 2001:db8::/64 dsfield 0x10 lookup 100; ip -6 rule add pref 101 iif eth0 fwmark 7 lookup 5000`);
    undoes('ip rule flush; ip -6 rule flush');
    undoes('ip rule del pref 100; ip rule add pref 100 from 192.0.2.3 lookup 9');
    undoes('ip rule add pref 50 blackhole; ip rule del pref 32766; ip -6 rule add pref 3 prohibit');
    undoes('ip rule del pref 0; ip rule add pref 5 lookup local');
    undoes('ip route add 10.1.0.0/16 via 192.0.2.2; ip rule add pref 1 unreachable');
  });

  test('routes go back also where the rules of both states are in the way', () => {
    host.sh('ip route add 10.1.0.0/16 via 192.0.2.2; ip rule add pref 1 prohibit');
    undoes('ip route del 10.1.0.0/16');
    undoes('ip route del 10.1.0.0/16; ip rule flush');
  });

  test('permanent neighbours and those that are answered for', () => {
    host.sh(`ip neigh add 192.0.2.9 lladdr 02:00:00:00:00:09 dev eth0 nud permanent; ip neigh add proxy 192.0.2.77 dev eth0
      ip neigh add 2001:db8::9 lladdr 02:00:00:00:00:0a dev eth0 nud permanent router; ip neigh add proxy 2001:db8::77 dev eth1.7`);
    undoes(
      'ip neigh flush dev eth0 nud permanent; ip neigh del proxy 192.0.2.77 dev eth0; ip neigh del proxy 2001:db8::77 dev eth1.7',
    );
    undoes(
      'ip neigh replace 192.0.2.9 lladdr 02:00:00:00:00:aa dev eth0 nud permanent; ip neigh add 192.0.2.2 lladdr 02:00:00:00:00:bb dev eth0 nud permanent',
    );
    const before = host.read(host.take());
    host.peer.sh('ping -c 1 -q 192.0.2.1');
    expect(host.read(host.take())).toBe(before);
  });

  test("multicast groups that somebody had a link hear, and nobody else's", () => {
    host.sh('ip maddr add 01:00:5e:00:00:21 dev eth0; ip maddr add 33:33:00:00:00:21 dev eth1.7');
    expect(host.read(host.take())).toContain(
      '== multicast\neth0 01:00:5e:00:00:21\neth1.7 33:33:00:00:00:21\n',
    );
    undoes('ip maddr del 01:00:5e:00:00:21 dev eth0; ip maddr add 01:00:5e:00:00:22 dev eth0');
    undoes('ip maddr add 01:00:5e:00:00:21 dev eth2; ip maddr del 33:33:00:00:00:21 dev eth1.7');
    // The kernel hears this one for itself already; what is taken back is what was added.
    const heard = host.sh('ip maddr show dev eth2');
    undoes('ip maddr add 33:33:00:00:00:01 dev eth2');
    expect(host.sh('ip maddr show dev eth2')).toBe(heard);
    const before = host.read(host.take());
    host.sh('ip addr add 2001:db8:7::7/64 dev eth2 nodad');
    expect(host.read(host.take()).split('== multicast')[1]?.split('==')[0]).toBe(
      before.split('== multicast')[1]?.split('==')[0],
    );
  });

  test('MTU, bridges, hardware addresses and flags of links', () => {
    host.sh(
      'ip link add br0 type bridge; ip link set br0 up; ip link set eth2 master br0; ip link add v0 type bridge; ip link set v0 up',
    );
    undoes('ip link set eth2 nomaster; ip link set eth1.7 master br0; ip link set eth1.7 mtu 1400');
    undoes(
      'ip link set eth1.7 address 02:00:00:00:00:77; ip link set eth1.7 arp off promisc on multicast off',
    );
    undoes('ip link set eth1.7 mtu 1000');
    undoes('ip link set eth1.7 master v0');
  });

  test('a link that is new stays and is told of; routes through it that nobody had go', () => {
    const before = host.take();
    host.sh(`ip link add new type veth peer name p3; ip link set new up; ip link set p3 up; ip addr add 10.77.0.1/24 dev new
      ip route add default via 10.77.0.2; ip addr add 192.0.2.50/24 dev p3`);
    expect(host.put(before)).toBe('');
    expect(host.sh('ip route')).toContain('10.77.0.0/24 dev new');
    expect(host.sh('ip route')).not.toMatch(/default|192.0.2.0\/24 dev p3/);
    expect(host.read(host.take())).toMatch(/^new up mtu 1500/m);
  });

  test('what cannot be put back is said, and the rest goes back', () => {
    host.sh('ip route add 10.1.0.0/16 dev eth2; ip route add 10.2.0.0/16 via 192.0.2.2');
    const before = host.take();
    host.sh('ip link del eth2; ip route del 10.2.0.0/16');
    expect(host.put(before)).toMatch(/^ip -4 route append 10\.1\.0\.0\/16 dev eth2 scope link: .*eth2/m);
    expect(host.sh('ip route')).toContain('10.2.0.0/16 via 192.0.2.2');
    expect(host.read(host.take())).not.toContain('eth2');
  });

  test('a packet never finds its rule missing', () => {
    host.sh(`ip route add unreachable default metric 9; ip route add default via 192.0.2.2 table 100
      ip rule add pref 100 to 203.0.113.1 lookup 99; ip rule add pref 100 to 203.0.113.0/24 lookup 100`);
    const before = host.take();
    host.sh(`ip rule del pref 100; ip rule del pref 100; ip rule add pref 100 to 203.0.113.0/24 lookup 100
      ip rule add pref 100 to 203.0.113.1 lookup 99`);
    const changes = host.watch(() => expect(host.put(before)).toBe(''));
    expect(host.read(host.take())).toBe(host.read(before));
    // How many there are of the rule that carries the packet, after each step.
    let count = 1;
    for (const line of changes.split('\n').filter((text) => text.includes('203.0.113.0/24'))) {
      count += line.startsWith('Deleted') ? -1 : 1;
      expect(count).toBeGreaterThan(0);
    }
    expect(count).toBe(1);
    expect(changes).toContain('203.0.113.0/24');
  });
});

describe(SMALL_WORLD.title, () => {
  beforeEach(async () => {
    host = await RoutingHost.create(SMALL_WORLD);
  });

  test('links, addresses, routes and rules that it can say come back', () => {
    host.sh(`ip route add default via 192.0.2.2; ip -6 route add default via 2001:db8::2 metric 7
      ip route add 203.0.113.0/24 table 100 via 192.0.2.2; ip route add blackhole 10.1.0.0/16 table 100
      ip rule add pref 100 from 192.0.2.1 lookup 100; ip rule add pref 101 fwmark 0x1/0xff iif eth0 lookup 100
      ip -6 rule add pref 100 from 2001:db8::/64 lookup 100; ip addr add 192.0.2.3/24 dev eth0 label eth0:x`);
    undoes('ip link set eth0 down');
    undoes('ip rule del pref 100; ip rule add pref 5 lookup 7; ip -6 rule del pref 100');
    undoes('ip route flush table 100; ip route replace default via 192.0.2.9');
    undoes('ip addr flush dev eth0; ip link set eth0 mtu 1400');
  });
});
