// What the schema of ipvs-dr's variables says of descriptions that IPVS would bend, and that it takes the others.
import { describe, expect, test } from 'vitest';
import { schemaErrors, type Variables } from './support/render-role.ts';

const FINE = { name: 'shop', vip: '192.0.2.200', port: 80, real_servers: ['web-1', 'web-2'] };
const FINE6 = { ...FINE, vip: '2001:db8::200' };
const MARKED = { name: 'shop', vip: '192.0.2.200', fwmark: 7, ports: [80, 443], real_servers: ['web-1'] };

function described(service: object, others: Variables = {}): Variables {
  return { ipvs_dr_directors: ['lb-1'], ipvs_dr_services: [service], ...others };
}

describe('refused', () => {
  test.each<[string, Variables, RegExp]>([
    ['no directors', { ipvs_dr_services: [FINE] }, /"ipvs_dr_directors" is required/],
    ['no services', described(FINE, { ipvs_dr_services: [] }), /^ipvs_dr_services: /],
    ['a vip with prefix length', described({ ...FINE, vip: '192.0.2.200/24' }), /\.0\.vip: /],
    ['a prefix that IPv4 has not', described({ ...FINE, prefix: 64 }), /\.0\.prefix: 64 is above 32/],
    ['neither port nor mark', described({ ...FINE, port: null }), /\.0\.port: /],
    ['a mark with a port', described({ ...MARKED, port: 80 }), /\.0\.port: /],
    ['ports without a mark', described({ ...FINE, ports: [80] }), /\.0\.ports: /],
    ['port 0 that is not persistent', described({ ...FINE, port: 0 }), /"persistence_s" is required/],
    ['an unknown scheduler', described({ ...FINE, scheduler: 'wrl' }), /\.scheduler: "wrl" is none of rr,/],
    [
      'a flag of another scheduler',
      described({ ...FINE, scheduler: 'mh', scheduler_flags: ['sh-port'] }),
      /flags\.0: /,
    ],
    ['a flag of none', described({ ...FINE, scheduler: 'rr', scheduler_flags: ['sh-port'] }), /flags: /],
    ['a mask of nothing', described({ ...FINE, persistence_mask: '255.255.255.0' }), /persistence_mask: /],
    [
      'a mask with a hole',
      described({ ...FINE, persistence_s: 60, persistence_mask: '255.0.255.0' }),
      /persistence_mask: /,
    ],
    [
      'a netmask for IPv6',
      described({ ...FINE6, persistence_s: 60, persistence_mask: '255.255.255.0' }),
      /persistence_mask: /,
    ],
    [
      'a prefix length for IPv4',
      described({ ...FINE, persistence_s: 60, persistence_mask: 24 }),
      /persistence_mask: 24/,
    ],
    ['packets of TCP one by one', described({ ...FINE, one_packet: true }), /one_packet: /],
    [
      'another port with dr',
      described({ ...FINE, real_servers: [{ host: 'web-1', port: 8080 }] }),
      /real_servers\.0\.port: 8080/,
    ],
    [
      'another port with tun',
      described({ ...FINE, forwarding: 'tun', real_servers: [{ host: 'web-1', port: 8080 }] }),
      /real_servers\.0\.port: 8080/,
    ],
    [
      'another port with a mark',
      described({ ...MARKED, forwarding: 'nat', real_servers: [{ host: 'web-1', port: 8080 }] }),
      /real_servers\.0\.port: 8080/,
    ],
    [
      'a real server of the other family',
      described({ ...FINE, real_servers: [{ address: '2001:db8::1' }] }),
      /real_servers\.0\.address: /,
    ],
    [
      'the same the other way round',
      described({ ...FINE6, real_servers: [{ address: '10.0.0.1' }] }),
      /real_servers\.0\.address: /,
    ],
    [
      'a real server that is nowhere',
      described({ ...FINE, real_servers: [{ weight: 1 }] }),
      /real_servers\.0: /,
    ],
    ['a real server twice', described({ ...FINE, real_servers: ['web-1', 'web-1'] }), /real_servers: /],
    [
      'a weight that IPVS has not',
      described({ ...FINE, real_servers: [{ host: 'a', weight: 65536 }] }),
      /weight: /,
    ],
    ['snat with dr', described({ ...FINE, snat: true }), /\.snat: /],
    ['a gateway with dr', described({ ...FINE, gateway: '10.0.0.1' }), /\.gateway: /],
    [
      'a gateway with snat',
      described({ ...FINE, forwarding: 'nat', snat: true, gateway: '10.0.0.1' }),
      /gateway: /,
    ],
    ['a gateway of IPv6', described({ ...FINE, forwarding: 'nat', gateway: '2001:db8::1' }), /gateway: /],
    [
      'nat by a mark that somebody else sets',
      described({ ...MARKED, forwarding: 'nat', ports: [] }),
      /\.ports: /,
    ],
    ['a tunnel with dr', described({ ...FINE, tunnel: { type: 'ipip' } }), /\.tunnel: /],
    [
      'gue without port',
      described({ ...FINE, forwarding: 'tun', tunnel: { type: 'gue' } }),
      /"port" is required/,
    ],
    [
      'ipip with port',
      described({ ...FINE, forwarding: 'tun', tunnel: { type: 'ipip', port: 6080 } }),
      /tunnel\.port: 6080/,
    ],
    ['a misspelled key', described({ ...FINE, schedular: 'rr' }), /"schedular"/],
    [
      'a mark twice',
      described(MARKED, { ipvs_dr_services: [MARKED, { ...MARKED, name: 'b' }] }),
      /1\.fwmark: 7/,
    ],
    ['a word for a port', described({ ...MARKED, ports: ['http'] }), /ports\.0: /],
    ['an unknown setting', described(FINE, { ipvs_dr_settings: { contrack: 1 } }), /"contrack"/],
    ['a timeout left out', described(FINE, { ipvs_dr_timeouts: { tcp: 900 } }), /"tcp_fin" is required/],
    ['an unknown manager', described(FINE, { ipvs_dr_manager: 'heartbeat' }), /^ipvs_dr_manager: /],
    [
      'a router id above 255',
      described(FINE, { ipvs_dr_vrrp: [{ name: 'a', router_id: 256, priorities: { a: 1 } }] }),
      /router_id: /,
    ],
  ])('%s', (_title, wrong, told) => {
    expect(schemaErrors('ipvs-dr', wrong)).toContainEqual(expect.stringMatching(told));
  });
});

describe('taken', () => {
  test.each<[string, Variables]>([
    ['a service of which little is said', described(FINE)],
    [
      'IPv6',
      described({
        ...FINE6,
        persistence_s: 300,
        persistence_mask: 64,
        real_servers: [{ address: '2001:db8::9' }],
      }),
    ],
    ['a mark for several ports', described({ ...MARKED, ports: [80, '443', '443/udp', '8000-8100/sctp'] })],
    ['a mark that somebody else sets', described({ ...MARKED, ports: [] })],
    ['all ports, persistent', described({ ...FINE, port: 0, persistence_s: 60 })],
    [
      'nat with other ports, one host twice',
      described({
        ...FINE,
        forwarding: 'nat',
        real_servers: [
          { host: 'a', port: 8080 },
          { host: 'a', port: 8081 },
        ],
      }),
    ],
    ['one-arm nat', described({ ...FINE, forwarding: 'nat', snat: true })],
    [
      'tunnels',
      described({ ...FINE, forwarding: 'tun', tunnel: { type: 'gue', port: 6080, checksum: false } }),
    ],
    ['an ipip tunnel', described({ ...FINE, forwarding: 'tun', tunnel: { type: 'ipip' } })],
    [
      'a drained server',
      described({ ...FINE, real_servers: ['a', { host: 'b', weight: 0, state: 'drained' }] }),
    ],
    ['flags', described({ ...FINE, scheduler: 'mh', scheduler_flags: ['mh-port', 'mh-fallback'] })],
    ['packets of UDP one by one', described({ ...FINE, protocol: 'udp', one_packet: true })],
    [
      'keepalived with all there is to say',
      described(
        {
          ...FINE,
          check: { kind: 'http', path: '/health', status: 204, host_header: 'shop.example' },
          sorry_server: { address: '10.0.0.99', port: 8080 },
          quorum: 2,
          hysteresis: 1,
          inhibit_on_failure: true,
        },
        {
          ipvs_dr_manager: 'keepalived',
          ipvs_dr_sync: { device: 'eth1', id: 7 },
          ipvs_dr_vrrp: [
            {
              name: 'outside',
              router_id: 51,
              priorities: { 'lb-1': 150, 'lb-2': 100 },
              vips: ['192.0.2.200', '10.0.0.1/24'],
              advert_interval_s: 0.1,
              password: 'sesame',
            },
          ],
        },
      ),
    ],
  ])('%s', (_title, right) => {
    expect(schemaErrors('ipvs-dr', right)).toEqual([]);
  });
});
