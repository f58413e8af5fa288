// Facts of recorded hosts, and the program itself on this machine under two shells.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type FactShape, factsScript, factsShape, ROUTES_LIMIT } from '../../src/host/facts/facts.ts';
import { parseFacts } from '../../src/host/facts/facts-parse.ts';

const recorded = (name: string) => readFileSync(new URL(`facts-output/${name}`, import.meta.url), 'utf8');
const debian = parseFacts(recorded('debian-12.txt'));
const busybox = parseFacts(recorded('busybox.txt'));
const nothing = { gateway: null, device: null, source: null };

describe('a recorded Debian 12', () => {
  test('says who and what it is', () => {
    expect(debian).toMatchObject({
      hostname: 'edge-1',
      boot_id: 'a046af81-2b5a-48ee-9fcf-a68874ff2127',
      user: 'root',
      uid: 0,
      architecture: 'x86_64',
      kernel: { name: 'Linux', release: '6.1.0-56-amd64', major: 6, minor: 1, patch: 0 },
      distribution: { id: 'debian', version: '12', name: 'Debian GNU/Linux', like: [], codename: 'bookworm' },
      init: 'systemd',
      cpus: 2,
      iptables: { version: '1.8.9', backend: 'nf_tables' },
      routes_truncated: false,
    });
    expect(debian.memory_bytes).toBe(25276502016);
    expect(debian.tools).toMatchObject({
      ip: '/usr/sbin/ip',
      iptables_legacy: '/usr/sbin/iptables-legacy',
      update_rc_d: '/usr/sbin/update-rc.d',
      ipvsadm: null,
    });
  });

  test('lists interfaces with both families of addresses', () => {
    expect(Object.keys(debian.interfaces)).toEqual(['lo', 'v1', 'v0', 'v3', 'v2']);
    expect(debian.interfaces.v0).toMatchObject({ mtu: 1500, up: true, carrier: true });
    expect(debian.interfaces.v0?.mac).toMatch(/^[0-9a-f:]{17}$/);
    expect(debian.interfaces.v0?.addresses.slice(0, 2)).toEqual([
      { address: '10.1.0.2', prefix: 24, family: 'ipv4', scope: 'global' },
      { address: 'fd01::2', prefix: 64, family: 'ipv6', scope: 'global' },
    ]);
  });

  test('lists the routes of all tables, with numbers for tables and protocols and words for the rest', () => {
    expect(debian.routes).toContainEqual({
      family: 'ipv4',
      table: 801,
      type: 'unicast',
      destination: 'default',
      gateway: '10.1.0.1',
      device: 'v0',
      source: '10.1.0.2',
      metric: 5,
      protocol: 77,
      scope: 'global',
      nexthops: [],
    });
    const refused = { type: 'unreachable', destination: 'default', table: 801, metric: 4278198272 };
    expect(debian.routes).toContainEqual({
      ...nothing,
      ...refused,
      family: 'ipv4',
      protocol: 77,
      scope: 'global',
      nexthops: [],
    });
    expect(debian.routes).toContainEqual(
      expect.objectContaining({ ...refused, family: 'ipv6', device: 'lo', protocol: 77 }),
    );
    expect(debian.routes).toContainEqual(
      expect.objectContaining({
        ...nothing,
        table: 254,
        destination: 'default',
        protocol: 3,
        nexthops: [
          { gateway: '10.1.0.1', device: 'v0', weight: 3 },
          { gateway: '10.2.0.1', device: 'v2', weight: 1 },
        ],
      }),
    );
  });

  test('lists the rules of both families', () => {
    const rule = (priority: number, family = 'ipv4') =>
      debian.rules.find((one) => one.priority === priority && one.family === family);
    expect(rule(10000)).toMatchObject({
      table: 254,
      suppress_prefixlength: 0,
      protocol: 77,
      action: 'lookup',
    });
    expect(rule(10010)).toMatchObject({ fwmark: '0x100000/0xff00000', table: 801 });
    expect(rule(10101)).toMatchObject({ from: '10.1.0.2', to: null, not: false });
    expect(rule(10102)).toMatchObject({ to: '10.9.0.0/16', iif: 'v0', oif: 'v2', action: 'unreachable' });
    expect(rule(10103)).toMatchObject({ not: true, from: '10.9.0.0/16', action: 'goto', table: null });
    expect(rule(10101, 'ipv6')).toMatchObject({ from: 'fd01::2', table: 801 });
    expect(rule(0)?.protocol).toBeNull();
  });
});

describe('the same machine through BusyBox', () => {
  test('has the same interfaces and addresses', () => {
    const known = (facts: typeof debian) =>
      Object.entries(facts.interfaces).map(([name, { addresses, ...rest }]) => [name, rest, addresses]);
    expect(known(busybox)).toEqual(known(debian));
  });

  test('has the same rules but for what its ip cannot print', () => {
    const printable = (facts: typeof debian) =>
      facts.rules
        .filter((rule) => !['goto', 'unreachable'].includes(rule.action) && rule.priority !== 10103)
        .map((rule) => ({ ...rule, protocol: null }));
    expect(printable(busybox)).toEqual(printable(debian));
    expect(busybox.rules.find((rule) => rule.priority === 10102)).toMatchObject({
      action: 'unreachable',
      table: null,
    });
  });

  test('has the same routes but for protocols, scopes and nexthops', () => {
    const printable = (facts: typeof debian) =>
      facts.routes.map(({ scope: _scope, protocol: _protocol, nexthops: _nexthops, ...rest }) => rest);
    expect(printable(busybox)).toEqual(printable(debian));
  });

  test('has its own init and tools', () => {
    expect(busybox.init).toBe('openrc');
    expect(busybox.tools.ip).toBe('/bin/ip');
  });
});

describe('text of older programs', () => {
  const facts = parseFacts(
    [
      'iptables=iptables v1.4.21',
      'redhat=CentOS release 6.10 (Final)',
      'cpus=0-3,8',
      '== json',
      '== names',
      'table 100 isp1',
      'protocol 186 bgp',
      '== addresses',
      '4: ppp0: <POINTOPOINT,NOARP,UP> mtu 1492 qdisc fq state UNKNOWN',
      '    link/ppp',
      '    inet 198.51.100.7 peer 198.51.100.1/32 scope global ppp0',
      '== rules 4',
      '100:\tfrom 198.51.100.7 fwmark 0x1 lookup isp1',
      '== routes 4',
      'default dev ppp0 table isp1 proto bgp scope link',
      'default proto static metric 5',
      '\tnexthop via 192.0.2.1 dev eth0 weight 2',
      '\tnexthop via inet6 fe80::1 dev eth1 weight 1',
    ].join('\n'),
  );

  test('is read with the names of the host', () => {
    expect(facts.iptables).toEqual({ version: '1.4.21', backend: 'legacy' });
    expect(facts.distribution).toMatchObject({ id: 'centos', version: '6.10' });
    expect(facts.cpus).toBe(5);
    expect(facts.interfaces.ppp0).toMatchObject({
      mac: null,
      carrier: false,
      addresses: [{ address: '198.51.100.7', prefix: 32, family: 'ipv4', scope: 'global' }],
    });
    expect(facts.rules[0]).toMatchObject({ table: 100, fwmark: '0x1' });
    expect(facts.routes[0]).toMatchObject({ table: 100, device: 'ppp0', protocol: 186, scope: 'link' });
    expect(facts.routes[1]?.nexthops).toEqual([
      { gateway: '192.0.2.1', device: 'eth0', weight: 2 },
      { gateway: 'fe80::1', device: 'eth1', weight: 1 },
    ]);
  });
});

describe('a host that says strange things', () => {
  test('nothing at all leaves nulls and empty lists', () => {
    const facts = parseFacts('');
    expect(facts).toMatchObject({ hostname: null, init: 'none', cpus: null, interfaces: {}, routes: [] });
    expect(facts.tools.ip).toBeNull();
  });

  test('an interface called __proto__ is an interface', () => {
    const facts = parseFacts('== json\n[{"ifname":"__proto__","flags":["UP"],"mtu":1}]');
    expect(Object.keys(facts.interfaces)).toEqual(['__proto__']);
    expect(({} as { up?: boolean }).up).toBeUndefined();
  });

  test('wrong types and broken lines are left out', () => {
    const facts = parseFacts(
      'cpus=many\ninit=upstart\ntool=ip relative/ip\ntool=evil /bin/evil\n' +
        '== json\n[{"ifname":7},{"ifname":"a","flags":"UP","mtu":"x","address":"<script>"}]\nnot json\n' +
        '[{"priority":"x"}]\n[{"dst":5},{"dst":"default","table":"x","metric":-1.5}]',
    );
    expect(facts.cpus).toBeNull();
    expect(facts.init).toBe('none');
    expect(facts.tools.ip).toBeNull();
    expect(facts.interfaces).toEqual({
      a: { mac: null, mtu: null, up: false, carrier: false, addresses: [] },
    });
    expect(facts.rules).toEqual([]);
    expect(facts.routes).toHaveLength(1);
    expect(facts.routes[0]).toMatchObject({ table: 254, metric: null });
  });

  test('routes that were cut off keep the whole ones and say so', () => {
    const whole = '{"dst":"10.0.0.0/8","dev":"a","flags":[]}';
    const cut = `[${whole},{"dst":"default","nexthops":[{"gateway":"10.0.0.1"},{"gatew`;
    const facts = parseFacts(`== json\n[]\n[]\n[]\n${cut}`);
    expect(facts.routes.map((route) => route.destination)).toEqual(['10.0.0.0/8']);
    expect(facts.routes_truncated).toBe(true);
  });

  test('a full table is cut at the limit and says so', () => {
    const many = Array.from({ length: ROUTES_LIMIT + 1 }, () => ({ dst: 'default' }));
    const facts = parseFacts(`== json\n[]\n[]\n[]\n${JSON.stringify(many)}`);
    expect(facts.routes).toHaveLength(ROUTES_LIMIT);
    expect(facts.routes_truncated).toBe(true);
  });
});

describe('the shape that names are checked against', () => {
  test.each([
    ['Debian', debian],
    ['BusyBox', busybox],
  ])('covers every fact of %s and nothing else', (_name, facts) => {
    expect(mismatches(facts, factsShape, 'facts')).toEqual([]);
  });

  test('knows no misspelt fact', () => {
    expect(mismatches({ ...debian, kernel: { relase: '6' } }, factsShape, 'facts')).toEqual([
      'facts.kernel: keys relase',
    ]);
  });
});

describe.each([
  ['dash', ['dash']],
  ['busybox', ['busybox', 'sh']],
])('the program under %s', (_name, [shell = 'sh', ...words]) => {
  const stdout = execFileSync(shell, [...words, '-c', factsScript()], { encoding: 'utf8' });
  const facts = parseFacts(stdout);

  test('tells of this machine what /proc tells', () => {
    expect(facts.hostname).toBe(readFileSync('/proc/sys/kernel/hostname', 'utf8').trim());
    expect(facts.boot_id).toBe(readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim());
    expect(facts.uid).toBe(process.getuid?.());
    expect(facts.tools.ip).toMatch(/\/ip$/);
    expect(facts.interfaces.lo?.addresses).toContainEqual(
      expect.objectContaining({ address: '127.0.0.1', prefix: 8, scope: 'host' }),
    );
    expect(facts.rules.filter((rule) => rule.family === 'ipv4').map((rule) => rule.table)).toContain(254);
  });
});

test('the program is clean under shellcheck', () => {
  const folder = mkdtempSync(join(tmpdir(), 'facts-'));
  try {
    writeFileSync(join(folder, 'facts.sh'), factsScript());
    execFileSync('shellcheck', ['-s', 'sh', join(folder, 'facts.sh')], { encoding: 'utf8' });
  } finally {
    rmSync(folder, { recursive: true });
  }
});

/** Where a value and the shape disagree, as sentences. */
function mismatches(value: unknown, shape: FactShape, path: string): string[] {
  if (shape === 'value') return typeof value === 'object' && value !== null ? [`${path}: not a value`] : [];
  if (typeof value !== 'object' || value === null) return [`${path}: a value`];
  if ('list' in shape || 'map' in shape) {
    const item = ('list' in shape ? shape.list : shape.map) as FactShape;
    return Object.entries(value).flatMap(([key, one]) => mismatches(one, item, `${path}.${key}`));
  }
  const keys = Object.keys(value).sort();
  const known = Object.keys(shape).sort();
  if (keys.join() !== known.join()) return [`${path}: keys ${keys.join()}`];
  return Object.entries(shape).flatMap(([key, one]) =>
    mismatches((value as Record<string, unknown>)[key], one, `${path}.${key}`),
  );
}
