// The text of snat-rr's script: its variables' schema, clean sh for whatever they say, and no trace left.
import { spawnSync } from 'node:child_process';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { complaints, expectCleanScript } from './support/complaints.ts';
import { schemaErrors, type Variables } from './support/render-role.ts';
import { createSnatHost, pool, SOURCES, snatRr, traces } from './support/snat-rr.ts';
import { type TestHost, WORLDS } from './support/test-host.ts';

vi.setConfig({ testTimeout: 180_000, hookTimeout: 60_000 });

const V4 = Array.from({ length: 8 }, (_, i) => `192.0.2.${100 + i}`);
const V6 = Array.from({ length: 8 }, (_, i) => `2001:db8:1::1:${i}`);
const networks = fc.subarray(
  ['10.0.0.0/8', '10.1.2.3', '2001:DB8::/32', '2001:db8::0:1', '192.0.2.77/24', '0.0.0.0/0'],
  {
    maxLength: 3,
  },
);

const source = (address: string) =>
  fc.oneof(
    fc.constant(address),
    fc.integer({ min: 1, max: 9 }).map((weight) => ({ address, weight })),
  );
const sources = (half: number) =>
  fc
    .subarray(
      [...V4, ...V6].filter((_, i) => i % 2 === half),
      { minLength: 1 },
    )
    .chain((addresses) => fc.tuple(...addresses.map(source)));

/** One or two pools on the test host's devices, of addresses it has, and any options. */
const variables: fc.Arbitrary<Variables> = fc
  .record({
    snat_rr_from: fc.oneof(
      fc.constantFrom('local', 'forwarded', 'any'),
      networks.filter((list) => list.length > 0),
    ),
    snat_rr_exclude_sources: networks,
    snat_rr_exclude_destinations: networks,
    snat_rr_keep_bound: fc.boolean(),
    snat_rr_split_by_protocol: fc.boolean(),
    snat_rr_affinity: fc.constantFrom('none', 'client'),
    snat_rr_seed: fc.integer({ min: 0, max: 4294967295 }),
    snat_rr_backend: fc.constantFrom('auto', 'iptables-nft', 'iptables-legacy', 'nft'),
    own: fc.boolean(),
    first: sources(0),
    second: fc.option(sources(1)),
  })
  .map(({ own, first, second, ...others }) => ({
    ...others,
    snat_rr_pools: [
      { name: 'a.b-c', device: 'v0', sources: first, ...(own && { own_address: '192.0.2.10' }) },
      ...(second === null ? [] : [{ name: 'two', device: 'v1', sources: second }]),
    ],
  }));

/** iptables takes no mask of cluster's nodes above 32, so the slots of one address cannot be one rule. */
const MASKS_ABOVE_32: Variables = {
  snat_rr_affinity: 'client',
  ...pool({ address: '192.0.2.100', weight: 1 }, { address: '192.0.2.102', weight: 9 }),
};

describe('for any variables', () => {
  test('the script is clean to sh -n and shellcheck', () => {
    fc.assert(
      fc.property(variables, (chosen) => {
        const script = snatRr(chosen);
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
      host = await createSnatHost(world);
      for (const address of V4) host.sh(`ip address add ${address}/24 dev v0`);
      for (const address of V6) host.sh(`ip address add ${address}/64 dev v0 nodad`);
      host.sh('iptables-legacy -t nat -S; ip6tables-legacy -t nat -S');
    });
    afterAll(() => host.close());

    test('start is taken once and for all, stop leaves no trace, and in between status knows', () => {
      let applied = 0;
      fc.assert(
        fc.property(variables, (chosen) => {
          host.install(snatRr(chosen));
          const before = traces(host);
          const checked = host.script('check');
          const started = host.script('start');
          const once = traces(host);
          const status = host.script('status');
          const again = host.script('start');
          const twice = traces(host);
          const tested =
            host.sh(`for tables in iptables-nft ip6tables-nft iptables-legacy ip6tables-legacy; do
            $tables-save 2>/dev/null | $tables-restore --test || echo "$tables does not take its own rules"; done`);
          const stopped = host.script('stop');
          // Weights may be too many for a hash of 32 slots.
          expect([0, 6]).toContain(started.status);
          expect([checked.status, again.status, stopped.status]).toEqual(Array(3).fill(started.status));
          expect(twice).toBe(once);
          expect(tested).toBe('');
          if (started.status === 0) {
            applied++;
            expect(status).toMatchObject({ status: 0, stdout: expect.stringMatching(/: applied\n/) });
            // With both kinds in use, the newer iptables warns of the older one.
            expect(again.stdout + again.stderr.replaceAll(/# Warning: .*\n/g, '')).toBe('');
          }
          expect(traces(host)).toBe(before);
        }),
        { numRuns: 15, examples: [[MASKS_ABOVE_32]] },
      );
      expect(applied).toBeGreaterThan(0);
    });
  });
});

describe('the order of turns', () => {
  test('has each source as often as its weight, and none twice in a row where that can be', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 6 }), (weights) => {
        const items = weights.map((weight, i) => `192.0.2.${i + 1}=${weight}`).join(' ');
        const script = snatRr();
        const functions = script.slice(script.indexOf('lay_out() {'), script.indexOf('# For a hash:'));
        const program = `set -eu\n${functions}\nlay_out "${items}"\necho "$count" $slots`;
        const { stdout } = spawnSync('dash', ['-c', program], { encoding: 'utf8' });
        const [count, ...turns] = stdout.trim().split(' ');
        expect(turns).toHaveLength(Number(count));
        const sum = weights.reduce((a, b) => a + b);
        const divisor = sum / turns.length;
        weights.forEach((weight, i) => {
          expect(turns.filter((turn) => turn === `192.0.2.${i + 1}`).length * divisor).toBe(weight);
        });
        const repeats = turns.filter((turn, i) => turn === turns[(i + 1) % turns.length]).length;
        expect(repeats).toBeLessThanOrEqual(Math.max(0, 2 * (Math.max(...weights) / divisor) - turns.length));
      }),
      { numRuns: 60, examples: [[[9, 6, 1]], [[2, 1, 1]]] },
    );
  });
});

describe('what is known to be wrong elsewhere', () => {
  test('every rule that counts says --packet 0, and each of N rules counts what the ones before it left', () => {
    const script = snatRr();
    expect(script).toContain('--every "$left" --packet 0');
    expect(complaints(['unshare', '-n', 'iptables-restore', '--test'], nth('--every 3 --packet 0'))).toBe('');
    expect(complaints(['unshare', '-n', 'iptables-restore', '--test'], nth('--every 3'))).toContain(
      'also requires',
    );
  });
});

test('the first lines say who made it and when it runs', () => {
  const [interpreter, header, begin] = snatRr().split('\n');
  expect(interpreter).toBe('#!/bin/sh');
  expect(header).toBe('# Made by fairlead: role snat-rr, template snat-rr.sh, input 0123456789ab');
  expect(begin).toBe('### BEGIN INIT INFO');
});

test('nothing but the pools and the settings depends on the variables', () => {
  const rest = (script: string) => script.slice(script.indexOf('# From here on'));
  const other = snatRr({ ...pool('2001:db8::1'), snat_rr_from: ['10.0.0.0/8'], snat_rr_backend: 'nft' });
  expect(rest(other)).toBe(rest(snatRr()));
  expect(rest(other).length).toBeGreaterThan(1000);
});

describe('the schema of the variables', () => {
  const fine = { name: 'a', device: 'v0', sources: SOURCES };
  test.each<[string, Variables, RegExp]>([
    ['no pools', {}, /snat_rr_pools/],
    ['an empty pool', pools({ ...fine, sources: [] }), /^snat_rr_pools\.0\.sources: /],
    ['two pools on a device', pools(fine, { ...fine, name: 'b' }), /^snat_rr_pools\.1\.device: /],
    ['a name twice', pools(fine, { ...fine, device: 'v1' }), /^snat_rr_pools\.1\.name: /],
    ['an unknown key', pools({ ...fine, adress: 'x' }), /"adress"/],
    ['a host name', pools({ ...fine, sources: ['www'] }), /^snat_rr_pools\.0\.sources\.0: /],
    ['a prefix length', pools({ ...fine, sources: ['192.0.2.1/24'] }), /^snat_rr_pools\.0\.sources\.0: /],
    ['a weight of 0', pools({ ...fine, sources: [{ address: '192.0.2.1', weight: 0 }] }), /weight: /],
    ['a weight of 101', pools({ ...fine, sources: [{ address: '192.0.2.1', weight: 101 }] }), /weight: /],
    ['a source without address', pools({ ...fine, sources: [{ weight: 1 }] }), /"address"/],
    [
      'a source twice',
      pools({ ...fine, sources: ['192.0.2.1', '192.0.2.1'] }),
      /^snat_rr_pools\.0\.sources: /,
    ],
    ['connections of nobody', { ...pools(fine), snat_rr_from: 'nobody' }, /^snat_rr_from: /],
    ['an unknown backend', { ...pools(fine), snat_rr_backend: 'ebtables' }, /^snat_rr_backend: /],
    ['a target by name', { ...pools(fine), snat_rr_probe_targets: ['www'] }, /^snat_rr_probe_targets\.0: /],
    ['a path that is sh', { ...pools(fine), snat_rr_probe_path: '/ $(id)' }, /^snat_rr_probe_path: /],
  ])('refuses %s', (_title, wrong, told) => {
    expect(schemaErrors('snat-rr', wrong)).toContainEqual(expect.stringMatching(told));
  });

  test('takes addresses of both families, with weight and without', () => {
    const right = pools({
      ...fine,
      sources: ['192.0.2.1', { address: '2001:db8::1', weight: 100 }, { address: '192.0.2.2' }],
    });
    expect(schemaErrors('snat-rr', right)).toEqual([]);
    expect(snatRr(right)).toContain(
      '  pool_source 192.0.2.1 1\n  pool_source 2001:db8::1 100\n  pool_source 192.0.2.2 1\n',
    );
  });
});

function pools(...snat_rr_pools: readonly unknown[]): Variables {
  return { snat_rr_pools };
}

function nth(words: string): string {
  return `*nat\n-A POSTROUTING -m statistic --mode nth ${words} -j SNAT --to-source 192.0.2.1\nCOMMIT\n`;
}
