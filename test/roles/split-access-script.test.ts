// The text of split-access' script: its variables' schema, clean sh for whatever they say, and no trace left.
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { expectCleanScript } from './support/complaints.ts';
import { schemaErrors, type Variables } from './support/render-role.ts';
import { ISP1, ISP2, splitAccess } from './support/split-access.ts';
import { TestHost, WORLDS } from './support/test-host.ts';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 60_000 });

const OPTIONS: Readonly<Record<string, readonly unknown[]>> = {
  split_access_main_first: [true, false],
  split_access_track: [true, false],
  split_access_on_empty: ['leak', 'unreachable'],
  split_access_rp_filter: ['loose', 'untouched', 'strict_src_valid_mark'],
  split_access_arp_strict: [true, false],
};

const number = (min: number, max: number) => fc.integer({ min, max });

/** Links on the test host's two devices, with addresses it may not have, and any options. */
const variables: fc.Arbitrary<Variables> = fc.record({
  ...Object.fromEntries(Object.entries(OPTIONS).map(([name, values]) => [name, fc.constantFrom(...values)])),
  split_access_protocol: number(200, 250),
  split_access_priority_base: number(1000, 20000),
  split_access_table_base: number(300, 2_000_000_000),
  split_access_links: fc
    .array(
      fc.record({
        device: fc.constantFrom('v0', 'v1', 'eth7.100'),
        optional: fc.boolean(),
        prefix: number(8, 28),
        families: fc.constantFrom('4', '6', '46'),
        linkLocal: fc.boolean(),
      }),
      { minLength: 1, maxLength: 5 },
    )
    .map((links) =>
      links.map(({ device, optional, prefix, families, linkLocal }, i) => ({
        name: `link-${i}`,
        device,
        optional,
        ...(families.includes('4') && { address: `10.${i}.0.${i + 2}/${prefix}`, gateway: `10.${i}.0.1` }),
        ...(families.includes('6') && {
          address6: `2001:DB8:0:${i}::0${i + 2}/64`,
          gateway6: linkLocal ? 'fe80::1' : `2001:db8:0:${i}:0:0:0:1`,
        }),
      })),
    ),
});

/** Each table wants both of the links' networks, which are one. */
const TWO_LINKS_IN_ONE_NETWORK: Variables = {
  split_access_main_first: false,
  split_access_links: [
    { name: 'a', device: 'v1', optional: false, address: '10.0.0.2/8', gateway: '10.0.0.1' },
    { name: 'b', device: 'v1', optional: false, address: '10.4.0.6/8', gateway: '10.4.0.1' },
  ],
};

describe('for any variables', () => {
  test('the script is clean to sh -n and shellcheck', () => {
    fc.assert(
      fc.property(variables, (chosen) => {
        const script = splitAccess(chosen);
        expectCleanScript(script);
      }),
      { numRuns: 30 },
    );
  });

  describe('on a host', () => {
    let host: TestHost;
    const [world] = WORLDS;
    if (world === undefined) throw new Error('no world');
    beforeAll(async () => {
      host = await TestHost.create(world);
    });
    afterAll(() => host.close());

    test('start and stop leave no trace, and in between status knows', () => {
      fc.assert(
        fc.property(variables, (chosen) => {
          const addresses = (chosen.split_access_links as (typeof ISP1)[]).flatMap(
            ({ device, address, address6 }) =>
              device === 'eth7.100'
                ? []
                : [address, address6].filter(Boolean).map((a) => `${a} dev ${device}`),
          );
          host.sh('ip address flush dev v0; ip address flush dev v1');
          for (const address of addresses) host.sh(`ip address add ${address}`);
          host.install(splitAccess(chosen));
          const before = host.snapshot();
          const started = host.script('start');
          expect([0, 1, 6]).toContain(started.status);
          const status = host.script('status');
          const stopped = host.script('stop');
          if (started.status === 0) expect(status).toMatchObject({ status: 0 });
          if (started.status === 1) expect(status).toMatchObject({ status: 4 });
          expect(stopped.status).toBe(started.status === 6 ? 6 : 0);
          expect(host.snapshot()).toBe(before);
        }),
        { numRuns: 15, examples: [[TWO_LINKS_IN_ONE_NETWORK]] },
      );
    });
  });
});

test('the first lines say who made it and when it runs', () => {
  const [interpreter, header, begin] = splitAccess().split('\n');
  expect(interpreter).toBe('#!/bin/sh');
  expect(header).toBe('# Made by fairlead: role split-access, template split-access.sh, input 0123456789ab');
  expect(begin).toBe('### BEGIN INIT INFO');
});

test('nothing but the list of links and the settings depends on the variables', () => {
  const rest = (script: string) => script.slice(script.indexOf('# From here on'));
  const other = splitAccess({
    split_access_links: [ISP2],
    split_access_track: true,
    split_access_main_first: false,
    split_access_rp_filter: 'untouched',
  });
  expect(rest(other)).toBe(rest(splitAccess()));
  expect(rest(other).length).toBeGreaterThan(1000);
});

describe('the schema of the variables', () => {
  test.each<[string, Variables, RegExp]>([
    ['no links', {}, /^: .*split_access_links/],
    ['an empty list', { split_access_links: [] }, /^split_access_links: /],
    ['an unknown key', links({ ...ISP1, gatway: '192.0.2.1' }), /^split_access_links\.0: .*"gatway"/],
    [
      'an address without gateway',
      links({ name: 'a', device: 'v0', address: '192.0.2.10/24' }),
      /^split_access_links\.0: .*"gateway"/,
    ],
    ['no address', links({ name: 'a', device: 'v0' }), /^split_access_links\.0: .*"address"/],
    [
      'an IPv6 address without gateway',
      links({ name: 'a', device: 'v0', address6: '2001:db8::2/64' }),
      /^split_access_links\.0: .*"gateway6"/,
    ],
    ['no prefix length', links({ ...ISP1, address: '192.0.2.10' }), /^split_access_links\.0\.address: /],
    ['a gateway elsewhere', links({ ...ISP1, gateway: '198.51.100.1' }), /^split_access_links\.0\.gateway: /],
    [
      'an IPv6 gateway elsewhere',
      links({ ...ISP1, gateway6: '2001:db8:2::1' }),
      /^split_access_links\.0\.gateway6: /,
    ],
    [
      'an address twice',
      links(ISP1, { ...ISP1, name: 'b', address6: '2001:db8:1::11/64' }),
      /^split_access_links\.1\.address: /,
    ],
    ['a name twice', links(ISP1, { ...ISP2, name: 'isp1' }), /^split_access_links\.1\.name: /],
    [
      'a long device name',
      links({ ...ISP1, device: 'a-very-long-device' }),
      /^split_access_links\.0\.device: /,
    ],
    ['a device name that is sh', links({ ...ISP1, device: 'v$(id)' }), /^split_access_links\.0\.device: /],
    ['an unknown policy', { ...links(ISP1), split_access_rp_filter: 'strict' }, /^split_access_rp_filter: /],
  ])('refuses %s', (_title, wrong, told) => {
    expect(schemaErrors('split-access', wrong)).toContainEqual(expect.stringMatching(told));
  });

  test.each<[string, Variables]>([
    ['both families', links(ISP1)],
    ['IPv4 alone', links(ISP2)],
    ['IPv6 alone', links({ name: 'a', device: 'v0', address6: '2001:db8::2/64', gateway6: 'fe80::1' })],
    ['two links on one device', links(ISP1, { ...ISP2, device: 'v0' })],
  ])('takes %s', (_title, right) => {
    expect(schemaErrors('split-access', right)).toEqual([]);
  });
});

function links(...split_access_links: readonly unknown[]): Variables {
  return { split_access_links };
}
