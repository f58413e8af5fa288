// The text of clusterip's scripts: their variables' schema, clean sh for whatever they say, and no trace left.
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { clusterip, NODES, traces } from './support/clusterip.ts';
import { expectCleanScript } from './support/complaints.ts';
import { renderRole, schemaErrors, type Variables } from './support/render-role.ts';
import { TestHost, WORLDS } from './support/test-host.ts';

vi.setConfig({ testTimeout: 180_000, hookTimeout: 60_000 });

/** Any options, of which the kernel here can all. */
const variables: fc.Arbitrary<Variables> = fc
  .record({
    mechanism: fc.constantFrom('cluster', 'nft'),
    clusterip_buckets: fc.option(fc.integer({ min: 1, max: 6 })),
    clusterip_seed: fc.integer({ min: 0, max: 4294967295 }),
    clusterip_prefix: fc.constantFrom(24, 32),
    clusterip_mac: fc.constantFrom(null, '01:00:5e:00:01:20'),
    clusterip_arp: fc.constantFrom('auto', 'arptables', 'nft', 'none'),
    clusterip_iptables: fc.constantFrom('iptables', 'iptables-nft'),
    clusterip_tcp_loose: fc.boolean(),
    clusterip_boot: fc.constantFrom('own', 'none', 'kept'),
    clusterip_takeover: fc.constantFrom('none', 'keepalived'),
    clusterip_away: fc.subarray(NODES.slice(1), { maxLength: 1 }),
    clusterip_check_command: fc.constantFrom(null, `test "it's" != '$x'`),
    v6: fc.boolean(),
    ports: fc.boolean(),
  })
  .map(({ mechanism, v6, ports, ...others }) => ({
    ...others,
    cluster_mechanism: mechanism,
    ...(mechanism === 'nft' && v6 && { clusterip_vip6: '2001:DB8:1::0100' }),
    ...(mechanism === 'nft' && ports && { clusterip_hashmode: 'sourceip-sourceport-destport' }),
  }));

describe('for any variables', () => {
  test('the script is clean to sh -n and shellcheck', () => {
    fc.assert(
      fc.property(variables, (chosen) => {
        const script = clusterip(chosen);
        expectCleanScript(script);
      }),
      { numRuns: 30 },
    );
    const control = renderRole('clusterip', 'control.sh', {
      clusterip_vip: '192.0.2.100',
      clusterip_device: 'v0',
      clusterip_nodes: 'nodes',
    });
    expectCleanScript(control);
  });

  describe('on a host', () => {
    let host: TestHost;
    const [world] = WORLDS;
    if (world === undefined) throw new Error('no world');
    beforeAll(async () => {
      host = await TestHost.create(world);
    });
    afterAll(() => host.close());

    test('start is taken once and for all, stop leaves no trace, and in between status knows', () => {
      fc.assert(
        fc.property(variables, (chosen) => {
          host.inside('rm -rf /var/lib/fairlead');
          host.install(clusterip(chosen));
          const before = traces(host);
          const [checked, started, settled] = ['check', 'start', 'settle'].map(
            (word) => host.script(word).status,
          );
          const once = traces(host);
          const status = host.script('status');
          const again = host.script('start');
          const stopped = host.script('stop');
          expect([checked, started, settled, again.status, stopped.status]).toEqual([0, 0, 0, 0, 0]);
          expect(status).toMatchObject({ status: 0, stdout: expect.stringMatching(/: applied\n/) });
          expect(again).toEqual({ status: 0, stdout: '', stderr: '' });
          expect(once).not.toBe(before);
          expect(traces(host)).toBe(before);
        }),
        { numRuns: 8 },
      );
    });
  });
});

describe('the schema', () => {
  const errors = (chosen: Variables) =>
    schemaErrors('clusterip', {
      clusterip_vip: '192.0.2.100',
      clusterip_device: 'v0',
      clusterip_nodes: 'nodes',
      ...chosen,
    });

  test.each([
    [{ clusterip_vip: '192.0.2.100/24' }, 'clusterip_vip'],
    [{ clusterip_mac: '02:00:00:00:00:01' }, 'clusterip_mac'],
    [{ clusterip_buckets: 33 }, 'clusterip_buckets'],
    [{ clusterip_mechanism: 'ipvs' }, 'clusterip_mechanism'],
    [{ clusterip_check_disks: [{ path: 'var', free_mb: 1 }] }, 'clusterip_check_disks.0.path'],
    [{ clusterip_check_ports: [80, 80] }, 'clusterip_check_ports'],
  ])('refuses %j', (chosen, path) => {
    expect(errors(chosen).map((each) => each.replace(/:.*/s, ''))).toEqual([path]);
  });

  test('takes what is said to be optional', () => {
    expect(errors({})).toEqual([]);
  });
});
