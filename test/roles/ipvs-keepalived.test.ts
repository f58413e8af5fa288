// keepalived.conf from the description: its bytes once, that keepalived takes whatever the schema lets through, and
// what is refused, by the schema or by keepalived before the file is in place.
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { KeepalivedBench, keepalivedConf, refusals, SHOP, VRRP } from './support/keepalived.ts';
import type { Variables } from './support/render-role.ts';

const GOLDEN = join(import.meta.dirname, '../golden/ipvs-dr/keepalived.conf');

let bench: KeepalivedBench;

beforeAll(async () => {
  bench = await KeepalivedBench.create();
});
afterAll(() => bench.close());

const shop = (more: Variables): Variables => ({ ipvs_dr_services: [{ ...SHOP, ...more }] });
const vrrp = (more: Variables): Variables => ({ ipvs_dr_vrrp: [{ ...VRRP, ...more }] });

/** A bit of everything. */
const RICH: Variables = {
  ipvs_dr_sync: { device: 'eth1', id: 7 },
  ipvs_dr_timeouts: { tcp: 900, tcp_fin: 120, udp: 300 },
  ipvs_dr_vrrp: [
    {
      ...VRRP,
      unicast: true,
      track: ['eth1'],
      vips: ['192.0.2.200', '2001:db8:1::200', { address: '10.0.0.1/24', device: 'eth1' }],
    },
  ],
  ipvs_dr_services: [
    {
      ...SHOP,
      scheduler: 'wrr',
      real_servers: [
        { host: 'web-1', weight: 3 },
        { host: 'web-2', state: 'drained' },
        { address: '192.0.2.99', weight: 2 },
      ],
      check: { kind: 'http', path: '/health?deep=1', host_header: 'shop.example' },
      sorry_server: { address: '192.0.2.9' },
      quorum: 2,
      hysteresis: 1,
      inhibit_on_failure: true,
    },
    {
      name: 'passive',
      vip: '192.0.2.200',
      fwmark: 7,
      ports: [21, '30000-30100'],
      persistence_s: 300,
      persistence_mask: '255.255.255.0',
      real_servers: ['web-1'],
      check: { kind: 'tcp', port: 21 },
    },
    {
      name: 'names',
      vip: '2001:db8:1::200',
      port: 53,
      protocol: 'udp',
      one_packet: true,
      forwarding: 'tun',
      tunnel: { type: 'gue', port: 6080 },
      real_servers: ['web-1', 'web-2'],
      check: { kind: 'script', command: "/usr/local/bin/ask-dns 'two words'", interval_s: 2 },
    },
  ],
};

test('the file has these bytes', async () => {
  const text = keepalivedConf(RICH);
  await expect(text).toMatchFileSnapshot(GOLDEN);
  expect(bench.complaints([text])).toEqual(['']);
});

const CHECKS = [
  null,
  { kind: 'none' },
  { kind: 'tcp', port: 8080 },
  { kind: 'http', path: '/a#b!{c}$d', status: 204 },
  { kind: 'https', host_header: 'shop.example', port: 8443 },
  { kind: 'ping', interval_s: 1, timeout_s: 1, retries: 3 },
  { kind: 'script', command: '/bin/true' },
];

test.each([
  ['as little as possible', {}],
  [
    'one director',
    { ipvs_dr_directors: ['host-1'], ...vrrp({ priorities: { 'host-1': 100 }, unicast: true }) },
  ],
  ['preempt', vrrp({ preempt: true })],
  ['preempt after a while', vrrp({ preempt: true, preempt_delay_s: 30 })],
  ['ten adverts a second', vrrp({ advert_interval_s: 0.1 })],
  ['a password', vrrp({ advert_interval_s: 1, password: 'a#!$%{}c', unicast: true })],
  [
    'an instance of its own for each address',
    {
      ipvs_dr_sync: { device: 'eth1' },
      ipvs_dr_vrrp: [
        { ...VRRP, vips: ['192.0.2.200'] },
        { ...VRRP, name: 'other', router_id: 52, device: 'eth1', vips: ['192.0.2.201/24'] },
      ],
    },
  ],
  [
    'IPv6 alone',
    {
      ...vrrp({ unicast: true }),
      ...shop({ vip: '2001:db8:1::200', persistence_s: 60, persistence_mask: 64 }),
    },
  ],
  ['a mark for IPv6, by tunnel', shop({ vip: '2001:db8:1::200', port: null, fwmark: 9, forwarding: 'tun' })],
  ['nat, with ports of its own', shop({ forwarding: 'nat', real_servers: [{ host: 'web-1', port: 8080 }] })],
  ['all ports', shop({ port: 0, persistence_s: 60, sorry_server: { address: '192.0.2.9' } })],
  ['sctp', shop({ protocol: 'sctp' })],
  ['sh with its flags', shop({ scheduler: 'sh', scheduler_flags: ['sh-port', 'sh-fallback'] })],
  ['mh with its flags', shop({ scheduler: 'mh', scheduler_flags: ['mh-port', 'mh-fallback'] })],
  ['ipip', shop({ forwarding: 'tun', tunnel: { type: 'ipip' } })],
  ['gue without checksum', shop({ forwarding: 'tun', tunnel: { type: 'gue', port: 6080, checksum: false } })],
  ...CHECKS.map((check) => [`check ${JSON.stringify(check)}`, shop({ check })] as const),
] as const)('keepalived takes it: %s', (_title, variables) => {
  const wanted: Variables = variables;
  expect(refusals(wanted)).toEqual([]);
  expect(bench.complaints([keepalivedConf(wanted)])).toEqual(['']);
});

const SCHEDULERS = ['rr', 'wrr', 'lc', 'wlc', 'lblc', 'lblcr', 'dh', 'sh', 'sed', 'nq', 'fo', 'ovf', 'mh'];

/** The number makes its address and port. */
const anyService = (number: number) =>
  fc
    .record({
      ipv6: fc.boolean(),
      fwmark: fc.boolean(),
      protocol: fc.constantFrom('tcp', 'udp', 'sctp'),
      scheduler: fc.constantFrom(...SCHEDULERS),
      persistence_s: fc.constantFrom(0, 1, 300, 2_678_400),
      forwarding: fc.constantFrom('dr', 'nat', 'tun'),
      tunnel: fc.constantFrom(null, { type: 'ipip' }, { type: 'gue', port: 6080, checksum: false }),
      weights: fc.array(fc.integer({ min: 1, max: 65_535 }), { minLength: 1, maxLength: 4 }),
      drained: fc.boolean(),
      port: fc.constantFrom(null, 8080),
      check: fc.constantFrom(...CHECKS),
      sorry: fc.boolean(),
      inhibit_on_failure: fc.boolean(),
    })
    .map(({ ipv6, fwmark, weights, drained, port, sorry, forwarding, tunnel, check, ...rest }) => {
      const at = (last: number) => (ipv6 ? `2001:db8:${number}::${last}` : `10.9.${number}.${last}`);
      const mapped = forwarding === 'nat' && !fwmark ? { port } : {};
      const servers = weights.map((weight, index) => ({ address: at(index + 1), weight, ...mapped }));
      return {
        ...rest,
        name: `service-${number}`,
        vip: at(200),
        ...(fwmark ? { fwmark: number + 1 } : { port: 80 }),
        forwarding,
        ...(forwarding === 'tun' && { tunnel }),
        check: fwmark && /http|tcp/.test(check?.kind ?? '') ? { port: 80, ...check } : check,
        real_servers: [...servers, ...(drained ? [{ address: at(99), state: 'drained', ...mapped }] : [])],
        ...(sorry && { sorry_server: { address: at(98) } }),
      };
    });

test('keepalived takes whatever the schema takes', () => {
  const services = fc.tuple(anyService(0), anyService(1), anyService(2));
  const instance = fc.record({
    router_id: fc.integer({ min: 1, max: 255 }),
    advert_interval_s: fc.constantFrom(0.01, 0.25, 1, 40),
    preempt: fc.boolean(),
    preempt_delay_s: fc.constantFrom(0, 1000),
    unicast: fc.boolean(),
  });
  const sync = fc.constantFrom(null, { device: 'eth1', id: 255 });
  fc.assert(
    fc.property(services, instance, sync, (some, settings, ipvs_dr_sync) => {
      const variables = { ipvs_dr_services: some, ...vrrp(settings), ipvs_dr_sync };
      expect(refusals(variables)).toEqual([]);
      expect(bench.complaints([keepalivedConf(variables)])).toEqual(['']);
    }),
    { numRuns: 40 },
  );
}, 120_000);

describe('keepalived refuses, before the file is in place', () => {
  test.each([
    ['a device that is not there', vrrp({ device: 'eth7' }), /interface eth7 .* doesn't exist/],
    ['half seconds with a password', vrrp({ password: 'x' }), /advertisement interval .* must be an integer/],
    [
      'nothing but drained servers',
      shop({ real_servers: [{ host: 'web-1', state: 'drained' }] }),
      /exceeds total weight/,
    ],
    ['more quorum than weight', shop({ quorum: 3 }), /quorum 3 .* exceeds total weight/],
    ['as much hysteresis as quorum', shop({ hysteresis: 1 }), /hysteresis 1 >= quorum 1/],
    [
      'another port of a sorry server with dr',
      shop({ sorry_server: { address: '192.0.2.9', port: 81 } }),
      /ports don't match/,
    ],
  ])('%s', (_title, variables, said) => {
    expect(refusals(variables)).toEqual([]);
    expect(bench.complaints([keepalivedConf(variables)])[0]).toMatch(said);
  });
});

describe('the schema refuses', () => {
  test.each([
    ['what keepalived cannot quote', shop({ check: { kind: 'http', path: '/"' } }), 'check.path'],
    ['a script without its full path', shop({ check: { kind: 'script', command: 'true' } }), 'check.command'],
    ['a script that is not named', shop({ check: { kind: 'script' } }), 'check'],
    ['a long password', vrrp({ password: 'ninechars' }), 'password'],
    ['the priority of an owner', vrrp({ priorities: { 'host-1': 255 } }), 'priorities.host-1'],
    ['an address without its device', vrrp({ vips: [{ address: '10.0.0.1' }] }), 'vips.0'],
    ['an instance without addresses', vrrp({ vips: [] }), 'vips'],
    ['one router id twice', { ipvs_dr_vrrp: [VRRP, { ...VRRP, name: 'other' }] }, 'router_id'],
  ])('%s', (_title, variables, place) => {
    expect(refusals(variables).join('\n')).toContain(place);
  });
});

test('a director knows its own priority, and where its peers are', () => {
  const text = keepalivedConf(vrrp({ unicast: true }));
  expect(text).toContain('    priority 150\n');
  expect(text).toContain('    unicast_src_ip 192.0.2.11\n    unicast_peer {\n        192.0.2.12\n    }\n');
});
