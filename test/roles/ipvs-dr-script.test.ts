// The text of ipvs-dr's script, for any description: clean, the same on every host but for its settings.
import fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import { expectCleanScript } from './support/complaints.ts';
import { director, realServer, SHOP, services } from './support/ipvs-dr.ts';
import type { Variables } from './support/render-role.ts';

vi.setConfig({ testTimeout: 120_000 });

const FORWARDINGS = [
  { forwarding: 'dr' },
  { forwarding: 'nat' },
  { forwarding: 'nat', snat: true },
  { forwarding: 'nat', gateway: '192.0.2.99' },
  { forwarding: 'tun' },
  { forwarding: 'tun', tunnel: { type: 'gue', port: 6080, checksum: false } },
];

const realServers = fc
  .uniqueArray(fc.constantFrom('host-1', 'web-1', 'web-2'), { minLength: 1 })
  .chain((names) =>
    fc.tuple(
      ...names.map((host) =>
        fc.oneof(
          fc.constant(host),
          fc.record({
            host: fc.constant(host),
            weight: fc.integer({ min: 0, max: 65535 }),
            state: fc.constantFrom('active', 'drained'),
          }),
        ),
      ),
    ),
  );

const service = fc
  .record({
    where: fc.oneof(
      fc.record({ port: fc.integer({ min: 1, max: 65535 }) }),
      fc.record({
        fwmark: fc.integer({ min: 1, max: 4294967295 }),
        ports: fc.subarray([80, '443/udp', '8000-8100', '5060-5061/sctp'], { minLength: 1 }),
      }),
    ),
    forwarding: fc.constantFrom(...FORWARDINGS),
    scheduler: fc.constantFrom(
      { scheduler: 'wrr' },
      { scheduler: 'mh', scheduler_flags: ['mh-port', 'mh-fallback'] },
    ),
    persistence: fc.constantFrom(
      {},
      { persistence_s: 300 },
      { persistence_s: 9, persistence_mask: '255.255.0.0' },
    ),
    real_servers: realServers,
  })
  .map(({ where, forwarding, scheduler, persistence, real_servers }) => ({
    vip: '192.0.2.200',
    real_servers,
    ...where,
    ...forwarding,
    ...scheduler,
    ...persistence,
  }));

const variables: fc.Arbitrary<Variables> = fc
  .record({
    list: fc.array(service, { minLength: 1, maxLength: 3 }),
    ipvs_dr_manager: fc.constantFrom('script', 'keepalived'),
    ipvs_dr_sync: fc.constantFrom(null, { device: 'eth1' }, { device: 'eth1', id: 9, mode: 'backup' }),
    ipvs_dr_timeouts: fc.constantFrom(null, { tcp: 1, tcp_fin: 2, udp: 3 }),
    ipvs_dr_settings: fc.constantFrom({}, { conntrack: 1, expire_nodest_conn: null }),
    ipvs_dr_real_server_device: fc.constantFrom('lo', 'vips'),
  })
  .map(({ list, ...others }) => ({
    ...others,
    ...services(
      ...list.map((each, i) => ({ ...each, name: `s${i}`, ...('fwmark' in each && { fwmark: i + 1 }) })),
    ),
  }));

describe('for any description', () => {
  test.each([
    ['a director', director],
    ['a real server', realServer],
  ])('the script of %s is clean to sh -n and shellcheck', (_title, script) => {
    fc.assert(
      fc.property(variables, (chosen) => {
        const text = script(chosen);
        expectCleanScript(text);
      }),
      { numRuns: 30 },
    );
  });
});

test('nothing but the settings and what is to be done depends on the description, or on who it is for', () => {
  const rest = (script: string) => script.slice(script.indexOf('# From here on'));
  const other = { ...SHOP, forwarding: 'tun', vip: '2001:db8::200', real_servers: ['host-1'] };
  expect(rest(realServer(services(other)))).toBe(rest(director()));
  expect(rest(director()).length).toBeGreaterThan(1000);
});

test('a director reads what it gives out', () => {
  const text = director(
    services(
      SHOP,
      {
        ...SHOP,
        name: 'six',
        vip: '2001:DB8::0:200',
        port: 53,
        protocol: 'udp',
        one_packet: true,
        forwarding: 'tun',
        tunnel: { type: 'gue', port: 6080 },
        real_servers: [{ host: 'web-1', weight: 5 }, { address: '2001:db8:9::9' }],
      },
      {
        ...SHOP,
        name: 'marked',
        vip: '192.0.2.201',
        device: 'v1',
        prefix: 24,
        port: null,
        fwmark: 7,
        ports: [80, '443/udp'],
        forwarding: 'nat',
        snat: true,
        real_servers: ['web-1', { host: 'web-2', state: 'drained' }],
      },
    ),
  );
  expect(partOf(text, 'services')).toBe(`services() {
  # shop
  vip 192.0.2.200 32 v0
  service tcp 192.0.2.200 80 -s rr
  server 192.0.2.11 80 -g -w 1
  server 192.0.2.12 80 -g -w 1
  # six
  vip 2001:db8::200 128 v0
  service udp 2001:db8::200 53 -s rr -o
  server 2001:db8:1::11 53 -i -w 5 --tun-type gue --tun-port 6080 --tun-csum
  server 2001:db8:9::9 53 -i -w 1 --tun-type gue --tun-port 6080 --tun-csum
  # marked
  vip 192.0.2.201 24 v1
  service mark 192.0.2.201 7 -s rr
  server 192.0.2.11 0 -m -w 1
  drained 192.0.2.12 0 -m -w 1
  marked 192.0.2.201 80 tcp 7
  marked 192.0.2.201 443/udp tcp 7
  forwards 4 v1
  snat 192.0.2.201 any 0 192.0.2.10
}
`);
  expect(partOf(text, 'duties')).toBe('duties() {\n  :\n}\n');
});

test('a real server reads what it does, and nothing that changes with weights', () => {
  const real_servers = ['web-1', { host: 'host-1', weight: 9 }];
  const text = realServer(
    services(
      { ...SHOP, real_servers },
      {
        ...SHOP,
        name: 'nat',
        port: 81,
        forwarding: 'nat',
        real_servers: [{ host: 'host-1', port: 8080, weight: 3 }],
      },
      { ...SHOP, name: 'tun', vip: '2001:db8::200', forwarding: 'tun', real_servers },
      { ...SHOP, name: 'others', port: 82 },
    ),
  );
  expect(partOf(text, 'services')).toBe('services() {\n  :\n}\n');
  expect(partOf(text, 'duties')).toBe(`duties() {
  # shop
  holds 192.0.2.200 dr
  # nat
  replies 192.0.2.10 8080 tcp 192.0.2.1
  # tun
  holds 2001:db8::200 tun
  tunnel 6 ipip 0
  :
}
`);
});

function partOf(script: string, name: string): string {
  const from = script.indexOf(`${name}() {`);
  return script.slice(from, script.indexOf('\n}\n', from) + 3);
}
