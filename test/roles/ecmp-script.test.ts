// The text of ecmp's script: its variables' schema, clean sh for whatever they say, and no trace left.
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { expectCleanScript } from './support/complaints.ts';
import { addThird, ecmp, ISP1, onKernel, snapshot } from './support/ecmp.ts';
import { schemaErrors, type Variables } from './support/render-role.ts';
import { ISP2 } from './support/split-access.ts';
import { TestHost } from './support/test-host.ts';

vi.setConfig({ testTimeout: 180_000, hookTimeout: 60_000 });

const number = (min: number, max: number) => fc.integer({ min, max });
const FIELDS = ['src', 'dst', 'proto', 'flowlabel', 'sport', 'dport', 'inner_src', 'inner_dport'];

const KERNELS: readonly { release: string; variants: readonly string[]; hashes: readonly string[] }[] = [
  { release: '6.18.0', variants: ['auto', 'hash', 'l3', 'marks'], hashes: ['l4', 'l3', 'inner', 'custom'] },
  { release: '4.9.0', variants: ['auto', 'l3', 'marks'], hashes: ['l4', 'l3'] },
  { release: '3.10.0', variants: ['auto', 'marks'], hashes: ['l4', 'l3'] },
];

/** Links on the test host's three devices and one that is not there, with any options that the kernel takes. */
const variables = ({ variants, hashes }: (typeof KERNELS)[number]): fc.Arbitrary<Variables> =>
  fc
    .record({
      ecmp_variant: fc.constantFrom(...variants),
      ecmp_hash: fc.constantFrom(...hashes),
      ecmp_hash_fields: fc.subarray(FIELDS, { minLength: 1 }),
      ecmp_place: fc.constantFrom('table', 'main'),
      ecmp_metric: fc.constantFrom(0, 1, 100, 4_294_967_295),
      ecmp_track: fc.constantFrom(null, true, false),
      ecmp_affinity: fc.constantFrom('none', 'none', 'client'),
      ecmp_affinity_s: number(1, 2_147_483),
      ecmp_nat: fc.constantFrom('none', 'masquerade', 'snat'),
      ecmp_nat_from: fc.subarray(['10.9.0.7/24', '0.0.0.0/0', '10.1.1.1/32', '2001:db8:9::1/64', '::/0']),
      ecmp_ignore_linkdown: fc.boolean(),
      ecmp_use_neighbours: fc.boolean(),
      ecmp_probe_targets: fc.constantFrom([], [], ['198.51.100.1'], ['198.51.100.1', '2001:db8:ffff::1']),
      ecmp_protocol: number(200, 250),
      ecmp_priority_base: number(1000, 20_000),
      ecmp_table: number(900, 2_000_000_000),
      ecmp_mark_mask: fc.constantFrom(null, '0xff00', '0x7f000000'),
      split_access_table_base: number(300, 700),
      devices: fc.shuffledSubarray(['v0', 'v1', 'v2', 'v0', 'eth7.100'], { minLength: 5 }),
      links: fc.array(
        fc.record({
          optional: fc.boolean(),
          prefix: number(8, 28),
          families: fc.constantFrom('4', '6', '46'),
          linkLocal: fc.boolean(),
          weight: fc.constantFrom(undefined, 0, 1, 3, 256),
        }),
        { minLength: 1, maxLength: 4 },
      ),
    })
    .map(({ links, devices, ...others }) => ({
      ...others,
      ecmp_probe_interval_s: 3600,
      ecmp_weights: Object.fromEntries(
        links.flatMap(({ weight }, i) => (weight === undefined ? [] : [[`link-${i}`, weight]])),
      ),
      split_access_links: links.map(({ optional, prefix, families, linkLocal }, i) => ({
        name: `link-${i}`,
        device: devices[i] ?? 'v0',
        optional,
        ...(families.includes('4') && { address: `10.${i}.0.${i + 2}/${prefix}`, gateway: `10.${i}.0.1` }),
        ...(families.includes('6') && {
          address6: `2001:DB8:0:${i}::0${i + 2}/64`,
          gateway6: linkLocal ? 'fe80::1' : `2001:db8:0:${i}:0:0:0:1`,
        }),
      })),
    }));

describe('for any variables', () => {
  test('the script is clean to sh -n and shellcheck', () => {
    fc.assert(
      fc.property(fc.constantFrom(...KERNELS).chain(variables), (chosen) => {
        expect(schemaErrors('ecmp', chosen)).toEqual([]);
        const script = ecmp(chosen);
        expectCleanScript(script);
      }),
      { numRuns: 30 },
    );
  });

  describe.each(KERNELS)('on a host with kernel $release', (kernel) => {
    let host: TestHost;
    beforeAll(async () => {
      host = await TestHost.create(onKernel(kernel.release));
      await addThird(host);
    });
    afterAll(() => host.close());

    test('start and stop leave no trace, and in between status knows, and a second start does nothing', () => {
      fc.assert(
        fc.property(variables(kernel), (chosen) => {
          host.sh(
            'for device in v0 v1 v2; do ip address flush dev $device; done; ip route flush root default',
          );
          for (const { device, address, address6 } of chosen.split_access_links as (typeof ISP1)[]) {
            if (device === 'eth7.100') continue;
            for (const each of [address, address6].filter(Boolean)) {
              host.sh(`ip address add ${each} dev ${device} nodad`);
            }
          }
          host.install(ecmp(chosen));
          const before = snapshot(host);
          try {
            const started = host.script('start');
            expect([0, 1, 6]).toContain(started.status);
            if (started.status === 6) expect(snapshot(host)).toBe(before);
            else {
              const once = snapshot(host);
              const status = host.script('status');
              expect({ ...status, wanted: started.status }).toMatchObject({
                status: started.status === 0 ? 0 : 4,
                stdout: expect.stringMatching(/^fairlead-ecmp: applied\n/),
              });
              const second = host.script('start');
              expect(second.status).toBe(started.status);
              expect(second.stderr.replaceAll(/^.*: link .* takes its part as soon as it is\n/gm, '')).toBe(
                '',
              );
              expect(snapshot(host)).toBe(once);
            }
          } finally {
            const stopped = host.script('stop');
            expect([0, 6]).toContain(stopped.status);
          }
          expect(snapshot(host)).toBe(before);
        }),
        { numRuns: 20 },
      );
    });
  });
});

test('the first lines say who made it and when it runs', () => {
  const lines = ecmp().split('\n');
  expect(lines.slice(0, 3)).toEqual([
    '#!/bin/sh',
    '# Made by fairlead: role ecmp, template ecmp.sh, input 0123456789ab',
    '### BEGIN INIT INFO',
  ]);
  expect(lines.find((line) => line.startsWith('# Should-Start:'))).toContain(' fairlead-split-access ');
});

test('nothing but the list of links and the settings depends on the variables', () => {
  const rest = (script: string) => script.slice(script.indexOf('# From here on'));
  const other = ecmp({
    split_access_links: [ISP2],
    ecmp_weights: { isp2: 3 },
    ecmp_affinity: 'client',
    ecmp_nat: 'snat',
    ecmp_probe_targets: ['198.51.100.1'],
    ecmp_place: 'main',
  });
  expect(rest(other)).toBe(rest(ecmp()));
  expect(rest(other).length).toBeGreaterThan(1000);
});

test.each<[Variables, string]>([
  [{}, 'false'],
  [{ ecmp_nat: 'snat' }, 'true'],
  [{ ecmp_affinity: 'client' }, 'true'],
  [{ ecmp_nat: 'snat', ecmp_track: false }, 'false'],
  [{ ecmp_track: true }, 'true'],
])('%j: TRACK=%s', (chosen, track) => {
  expect(ecmp(chosen)).toContain(`\nTRACK=${track}\n`);
});

describe('the schema of the variables', () => {
  const link = { split_access_links: [ISP1] };
  test.each<[string, Variables, RegExp]>([
    ['an unknown variant', { ecmp_variant: 'per-packet' }, /^ecmp_variant: /],
    ['a negative weight', { ecmp_weights: { isp1: -1 } }, /^ecmp_weights\.isp1: /],
    ['half a weight', { ecmp_weights: { isp1: 0.5 } }, /^ecmp_weights\.isp1: /],
    ['a name that is sh', { ecmp_weights: { 'a b': 1 } }, /^ecmp_weights/],
    ['no fields', { ecmp_hash_fields: [] }, /^ecmp_hash_fields: /],
    ['a field twice', { ecmp_hash_fields: ['src', 'src'] }, /^ecmp_hash_fields: /],
    ['a network without prefix length', { ecmp_nat_from: ['10.0.0.1'] }, /^ecmp_nat_from\.0: /],
    ['a path that is sh', { ecmp_probe_path: '/`id`' }, /^ecmp_probe_path: /],
    ['a table of the system', { ecmp_table: 254 }, /^ecmp_table: /],
    ['a mask in decimal', { ecmp_mark_mask: '255' }, /^ecmp_mark_mask: /],
    ['a protocol of the kernel', { ecmp_protocol: 2 }, /^ecmp_protocol: /],
  ])('refuses %s', (_title, wrong, told) => {
    expect(schemaErrors('ecmp', { ...link, ...wrong })).toContainEqual(expect.stringMatching(told));
  });

  test('takes the defaults', () => {
    expect(schemaErrors('ecmp', link)).toEqual([]);
  });
});
