// What the guard keeps of the settings under /proc/sys/net, and how it puts them back.
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { FILTER_WORLDS, FilterHost } from './support/guard-filters.ts';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 60_000 });

const KINDS = ['sysctl'] as const;
const NET = '/proc/sys/net';

describe.each(FILTER_WORLDS)('$title', (world) => {
  let host: FilterHost;
  beforeEach(async () => {
    host = await FilterHost.create(world);
    host.sh('ip link set lo up; for i in 0 1; do ip link add v$i type veth peer name p.$i; done');
  });
  afterEach(() => host.close());

  const set = (path: string, value: string | number) => host.sh(`echo '${value}' >${NET}/${path}`);
  const get = (path: string) => host.sh(`cat ${NET}/${path}`).trim();

  function undoes(damage: () => void): void {
    const before = host.take(KINDS);
    damage();
    expect(host.read(host.take(KINDS))).not.toBe(host.read(before));
    expect(host.put(before, KINDS)).toBe('');
    expect(host.read(host.take(KINDS))).toBe(host.read(before));
  }

  test('settings of interfaces and of all', () => {
    set('ipv4/conf/p.1/rp_filter', 2);
    set('ipv4/tcp_rmem', '4096 65536 999999');
    set('ipv4/ip_local_reserved_ports', '80,443-445');
    undoes(() => {
      set('ipv4/conf/p.1/rp_filter', 0);
      set('ipv4/conf/v0/arp_ignore', 1);
      set('ipv4/tcp_rmem', '4096 65536 888888');
      set('ipv4/ip_local_reserved_ports', '');
      set('ipv4/ip_local_port_range', '20000 30000');
      set('ipv6/conf/v1/accept_ra', 2);
      set('netfilter/nf_conntrack_tcp_loose', 0);
      set('ipv4/neigh/v0/retrans_time_ms', 1500);
    });
    undoes(() => set('ipv4/ip_local_reserved_ports', ''));
  });

  test('settings that set those of all interfaces', () => {
    set('ipv4/conf/v1/forwarding', 1);
    set('ipv4/conf/v0/accept_redirects', 0);
    set('ipv6/conf/v0/forwarding', 1);
    set('ipv6/conf/v1/disable_ipv6', 1);
    undoes(() => set('ipv4/ip_forward', 1));
    undoes(() => set('ipv4/conf/all/forwarding', 1));
    undoes(() => set('ipv6/conf/all/forwarding', 1));
    undoes(() => set('ipv6/conf/all/disable_ipv6', 1));
    undoes(() => set('ipv6/conf/all/addr_gen_mode', 1));
    set('ipv4/ip_forward', 1);
    set('ipv4/conf/v1/forwarding', 0);
    undoes(() => set('ipv4/ip_forward', 0));
    undoes(() => set('ipv4/conf/default/rp_filter', 1));
    undoes(() => set('mptcp/path_manager', 'userspace'));
  });

  test('an interface that was made anew follows the default until it is told otherwise', () => {
    set('ipv4/conf/v0/log_martians', 1);
    undoes(() => {
      host.sh('ip link del v0; ip link add v0 type veth peer name p.0');
      set('ipv4/conf/default/log_martians', 1);
    });
  });

  test('what is as it was is not written', () => {
    const before = host.take(KINDS);
    set('ipv4/conf/v0/rp_filter', 2);
    host.put(before, KINDS);
    expect(get('ipv4/conf/v0/rp_filter')).toBe('0');
    // A value that is written, equal or not, counts as said for this interface: the default no longer reaches it.
    set('ipv4/conf/default/log_martians', 1);
    expect(get('ipv4/conf/v0/log_martians')).toBe('1');
  });

  test('an interface that is gone, and a new one', () => {
    const before = host.take(KINDS);
    host.sh('ip link del v1; ip link add new type veth peer name newer');
    set('ipv4/conf/v0/rp_filter', 2);
    set('ipv4/conf/new/rp_filter', 1);
    expect(host.put(before, KINDS)).toBe('');
    expect(get('ipv4/conf/v0/rp_filter')).toBe('0');
    expect(get('ipv4/conf/new/rp_filter')).toBe('1');
  });

  test('secrets, counters and what nobody can write are not there', () => {
    set('ipv6/conf/v0/stable_secret', '2001:db8::1');
    const text = host.read(host.take(KINDS));
    expect(text).not.toMatch(/secret|fastopen_key|conntrack_count|available|flush/);
    expect(text).toContain('net/ipv4/conf/p.0/rp_filter = ');
  });

  test('a value that is refused is said, and the rest goes back', () => {
    const before = host.take(KINDS);
    host.sh(
      `sed -i 's/^net.ipv4.conf.v0.rp_filter = .*/net\\/ipv4\\/conf\\/v0\\/rp_filter = many/' ${before}/sysctl`,
    );
    set('ipv4/conf/v1/rp_filter', 2);
    expect(host.put(before, KINDS)).toMatch(/^write_setting net\/ipv4\/conf\/v0\/rp_filter many: /);
    expect(get('ipv4/conf/v1/rp_filter')).toBe('0');
  });

  test('forwarding, which sets the redirects of all', () => {
    for (const path of ['ipv4/ip_forward', 'ipv4/conf/all/accept_redirects']) set(path, 0);
    const before = host.take(KINDS);
    set('ipv4/ip_forward', 1);
    expect(host.put(before, KINDS)).toBe('');
    expect(host.read(host.take(KINDS))).toBe(host.read(before));
  });

  test('any settings, after any damage', () => {
    const place = fc.constantFrom('all', 'default', 'v0', 'p.1', 'lo');
    const flag = fc.constantFrom('0', '1');
    const command = fc.oneof(
      fc
        .tuple(
          place,
          fc.constantFrom(
            'forwarding',
            'accept_redirects',
            'rp_filter',
            'arp_ignore',
            'send_redirects',
            'accept_local',
          ),
          flag,
        )
        .map(([where, name, value]) => [`ipv4/conf/${where}/${name}`, value] as const),
      fc
        .tuple(
          place,
          fc.constantFrom(
            'forwarding',
            'disable_ipv6',
            'accept_ra',
            'proxy_ndp',
            'ignore_routes_with_linkdown',
          ),
          flag,
        )
        .map(([where, name, value]) => [`ipv6/conf/${where}/${name}`, value] as const),
      fc
        .tuple(
          fc.constantFrom('p.1', 'v0', 'lo'),
          fc.constantFrom('app_solicit', 'gc_stale_time', 'base_reachable_time_ms'),
          fc.integer({ min: 1, max: 9 }),
        )
        .map(([where, name, value]) => [`ipv4/neigh/${where}/${name}`, String(value * 1100)] as const),
      flag.map((value) => ['ipv4/ip_forward', value] as const),
    );
    const commands = fc.array(command, { maxLength: 12, size: 'max' });
    const apply = (all: readonly (readonly [string, string])[]) =>
      host.sh(all.map(([path, value]) => `echo ${value} >${NET}/${path}`).join('\n'));
    fc.assert(
      fc.property(commands, commands, (make, damage) => {
        apply(make);
        const before = host.take(KINDS);
        apply(damage);
        expect(host.put(before, KINDS)).toBe('');
        expect(host.read(host.take(KINDS))).toBe(host.read(before));
      }),
      { numRuns: 30 },
    );
  });

  test('two hundred interfaces', () => {
    const small = `${host.time('take', KINDS).toFixed(0)} ms, ${host.forks('take', KINDS)} processes`;
    host.sh('for i in $(seq 10 108); do echo "link add v$i type veth peer name w$i"; done | ip -batch -');
    const folder = host.take(KINDS);
    console.log(
      `${world.title}: take ${small}; 200 interfaces: take ${host.time('take', KINDS).toFixed(0)} ms, put ${host.time('put', KINDS, folder).toFixed(0)} ms`,
    );
    host.sh(
      `for i in $(seq 10 108); do echo 2 >${NET}/ipv4/conf/v$i/rp_filter; done; echo 1 >${NET}/ipv4/ip_forward`,
    );
    const start = performance.now();
    expect(host.put(folder, KINDS)).toBe('');
    console.log(
      `${world.title}: 200 interfaces, 99 settings and forwarding put back in ${(performance.now() - start).toFixed(0)} ms`,
    );
    expect(host.sh(`diff ${folder}/sysctl ${host.take(KINDS)}/sysctl | head`)).toBe('');
  });
});
