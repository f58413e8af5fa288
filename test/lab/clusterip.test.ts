// The promise of clusterip, with packets: of three nodes with one address exactly one answers each connection, also while
// buckets move, nodes die and come back, and configurations change.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createLab } from '../../src/lab/create-lab.ts';
import type { Lab } from '../../src/lab/lab.ts';
import { callCluster, calls, tally } from './support/cluster.ts';
import { changesOf, fairlead, PROJECT } from './support/fairlead.ts';
import { figure, RoleLab, SNAPSHOT } from './support/role-lab.ts';

const VIP = '192.0.2.100';
const VIP6 = '2001:db8:1::100';
const MAC = '03:00:c0:00:02:64';
const NODES = ['edge-1', 'edge-2', 'edge-3'] as const;
type Node = (typeof NODES)[number];
const VARIABLES = { clusterip_vip: VIP, clusterip_device: 'isp1', clusterip_nodes: 'edge' };

let lab: Lab;
let role: RoleLab;
let before: string;

beforeAll(async () => {
  lab = await createLab({ name: 'test-clusterip', hostCount: 3, owner: 'this-process' });
  role = new RoleLab(lab);
  before = await role.onHost('edge-1', SNAPSHOT);
});

afterAll(async () => {
  await lab.down();
});

function playbook(command: 'run' | 'verify', variables: object = {}, ...words: readonly string[]) {
  const path = `${PROJECT}/playbooks/clusterip.yml`;
  return fairlead(lab, command, path, '-e', JSON.stringify({ ...VARIABLES, ...variables }), ...words);
}

/** The number of changes. Fails the test where the run does. */
async function run(variables: object = {}, ...words: readonly string[]): Promise<number> {
  const { exitCode, stdout, stderr } = await playbook('run', variables, ...words);
  expect({ exitCode, said: stdout + stderr }).toEqual({ exitCode: 0, said: expect.anything() });
  return changesOf({ exitCode, stdout, stderr }) ?? Number.NaN;
}

const on = (node: Node, command: string) => role.onHost(node, `/etc/fairlead/clusterip ${command} 2>&1`);
const buckets = async () => Promise.all(NODES.map(async (node) => (await on(node, 'buckets')).trim()));

/** How often each node answered; every call was answered by just one of them. */
async function share(count = 200, vip = VIP): Promise<Readonly<Record<string, number>>> {
  const { names, synAcks } = await callCluster(lab, { vip, calls: calls(count) });
  const counts = tally(names);
  expect({ counts, synAcks }).toEqual({ counts, synAcks: count });
  expect(Object.keys(counts).filter((name) => !name.startsWith('edge-'))).toEqual([]);
  return counts;
}

/** A connection that each of the nodes has, held by the client's address that leads there. */
async function holdAll() {
  const asked = calls(60);
  const { names } = await callCluster(lab, { vip: VIP, calls: asked });
  return Promise.all(
    NODES.map((node) =>
      lab.holdConnections('internet', {
        address: VIP,
        count: 5,
        localAddress: asked[names.indexOf(node)]?.from ?? '',
      }),
    ),
  );
}

async function expectUnbroken(held: Awaited<ReturnType<typeof holdAll>>): Promise<void> {
  const reports = (await Promise.all(held.map((each) => each.stop()))).flat();
  expect(reports.map(({ broken }) => broken)).toEqual(Array(15).fill(null));
  expect(reports.map(({ greeting }) => greeting)).toEqual(NODES.flatMap((node) => Array(5).fill(node)));
}

describe('clusterip on three nodes', () => {
  it('is set up by one playbook, and a second run changes nothing', async () => {
    expect(await run()).toBeGreaterThan(0);
    expect(await run()).toBe(0);
    expect(await buckets()).toEqual(['1', '2', '3']);
  });

  it('answers each of 200 connections by exactly one node', async () => {
    const counts = await share();
    expect(Object.keys(counts)).toEqual([...NODES]);
    figure(
      `200 connections by the match cluster: ${Object.values(counts).join(' / ')}, nobody answered twice`,
    );
  });

  it('is known to the router by the multicast address, and is nobody’s source', async () => {
    expect((await lab.inProvider('isp1', ['ip', 'neigh', 'show', VIP])).stdout).toContain(MAC);
    expect(await role.onHost('edge-1', 'ip route get 198.51.100.1')).toContain(' src 192.0.2.11 ');
  });

  it('keeps open connections in 10 reloads of all nodes', async () => {
    const held = await holdAll();
    const reload = 'for i in 1 2 3 4 5 6 7 8 9 10; do /etc/init.d/fairlead-clusterip reload || exit 1; done';
    await Promise.all(NODES.map((node) => role.onHost(node, reload)));
    await expectUnbroken(held);
  });

  it('moves a bucket: new connections go to its new node, open ones stay where they are', async () => {
    const held = await holdAll();
    await on('edge-1', 'release 1');
    await on('edge-2', 'take 1');
    expect(await buckets()).toEqual(['', '1 2', '3']);
    expect(Object.keys(await share())).toEqual(['edge-2', 'edge-3']);
    await expectUnbroken(held);
    expect(await run()).toBe(0); // a run leaves what was moved where it is
    await on('edge-2', 'release 1');
    await on('edge-1', 'take 1');
    expect(Object.keys(await share())).toEqual([...NODES]);
  });

  it('drains a node without breaking a connection, and lets it return', async () => {
    const held = await holdAll();
    await on('edge-3', 'drain');
    expect(await buckets()).toEqual(['1', '2', '']);
    const { names } = await callCluster(lab, { vip: VIP, calls: calls(60), timeoutMs: 1500 });
    expect(Object.keys(tally(names))).toEqual(['edge-1', 'edge-2', 'nobody']);
    await expectUnbroken(held);
    const refused = await lab.inHost('edge-3', ['/etc/fairlead/clusterip', 'take', '1']);
    expect(refused).toMatchObject({ exitCode: 1, stderr: expect.stringContaining('drained') });
    expect((await lab.inHost('edge-3', ['/etc/fairlead/clusterip', 'well'])).exitCode).toBe(1);
    await on('edge-3', 'return');
    expect(Object.keys(await share())).toEqual([...NODES]);
  });

  it('has what it had after a power cut, without anybody’s doing', async () => {
    const bootId = await role.onHost('edge-2', 'cat /proc/sys/kernel/random/boot_id');
    await lab.reboot('edge-2');
    expect(await role.onHost('edge-2', 'cat /proc/sys/kernel/random/boot_id')).not.toBe(bootId);
    expect(Object.keys(await share())).toEqual([...NODES]);
    expect(await run()).toBe(0);
  });

  it('has the others take what a dead node had, and takes it back', async () => {
    await run({ clusterip_boot: 'none' });
    await lab.unplug('edge-2', 'isp1');
    await on('edge-1', 'take 2');
    expect(Object.keys(await share())).toEqual(['edge-1', 'edge-3']);
    await lab.reboot('edge-2');
    expect(await buckets()).toEqual(['1 2', '', '3']);
    expect(Object.keys(await share())).toEqual(['edge-1', 'edge-3']);
    await on('edge-1', 'release 2');
    await on('edge-2', 'take 2');
    expect(Object.keys(await share())).toEqual([...NODES]);
  });

  it('does without a node that is away, by the playbook, and gives it its part when it is back', async () => {
    await lab.unplug('edge-2', 'isp1');
    await run({ clusterip_boot: 'none', clusterip_away: ['edge-2'] }, '--limit', '!edge-2');
    expect(Object.keys(await share())).toEqual(['edge-1', 'edge-3']);
    await lab.reboot('edge-2');
    expect(Object.keys(await share())).toEqual(['edge-1', 'edge-3']);
    await run();
    expect(await buckets()).toEqual(['1', '2', '3']);
    expect(Object.keys(await share())).toEqual([...NODES]);
  });

  it('finds a bucket without a node, and one with two', async () => {
    await on('edge-2', 'release 2');
    const missing = await playbook('verify');
    expect(missing.exitCode).not.toBe(0);
    expect(missing.stdout + missing.stderr).toContain(`bucket 2 of ${VIP} is answered by no node`);
    await run(); // which gives it to its own node
    expect(await buckets()).toEqual(['1', '2', '3']);
    await on('edge-3', 'take 2');
    // The measure of all these tests sees it, too.
    expect((await callCluster(lab, { vip: VIP, calls: calls(60), timeoutMs: 1500 })).synAcks).toBeGreaterThan(
      60,
    );
    for (const command of ['verify', 'run'] as const) {
      const twice = await playbook(command);
      expect(twice.exitCode).not.toBe(0);
      expect(twice.stdout + twice.stderr).toContain(
        `bucket 2 of ${VIP} is answered by several nodes: edge-2 edge-3`,
      );
    }
    await on('edge-3', 'release 2');
    expect((await playbook('verify')).exitCode).toBe(0);
  });

  it('does not change a part of the cluster', async () => {
    expect(await run({}, '--limit', 'edge-1')).toBe(0);
    const { exitCode, stdout } = await playbook('run', { clusterip_seed: 5 }, '--limit', 'edge-1');
    expect({ exitCode, stdout }).toEqual({
      exitCode: 1,
      stdout: expect.stringContaining('not all of edge are here (edge-1 are)'),
    });
    expect(await buckets()).toEqual(['1', '2', '3']);
  });

  it('has other buckets for all when the seed changes, by port too with nft', async () => {
    await run({ clusterip_seed: 5, clusterip_buckets: 6 });
    expect(await buckets()).toEqual(['1 4', '2 5', '3 6']);
    expect(Object.keys(await share())).toEqual([...NODES]);
    await run({ clusterip_mechanism: 'nft', clusterip_hashmode: 'sourceip-sourceport' });
    expect(await role.onHost('edge-1', 'iptables-save; arptables-save')).not.toContain('fairlead');
    const counts = await share();
    expect(Object.keys(counts)).toEqual([...NODES]);
    figure(`200 connections by nft: ${Object.values(counts).join(' / ')}, nobody answered twice`);
    const one = calls(30).map((call) => ({ ...call, from: '198.51.100.77' }));
    const { names } = await callCluster(lab, { vip: VIP, calls: one });
    expect(Object.keys(tally(names))).toEqual([...NODES]);
  });

  it('keeps open connections with nft too when a bucket moves', async () => {
    await run({ clusterip_mechanism: 'nft' });
    expect(await run({ clusterip_mechanism: 'nft' })).toBe(0);
    const held = await holdAll();
    await on('edge-1', 'release 1');
    await on('edge-2', 'take 1');
    expect(Object.keys(await share())).toEqual(['edge-2', 'edge-3']);
    await expectUnbroken(held);
  });

  it('divides IPv6, where the router has a fixed entry', async () => {
    await run({ clusterip_vip6: VIP6 });
    const entry = ['ip', '-6', 'neigh', 'replace', VIP6, 'lladdr', MAC, 'dev', 'hosts'] as const;
    await lab.inProvider('isp1', entry);
    const names: string[] = [];
    for (let at = 1; at <= 12; at++) {
      const held = await lab.holdConnections('internet', {
        address: VIP6,
        count: 1,
        localAddress: `2001:db8:ffff::${at}`,
      });
      const reports = await held.stop();
      expect(reports.map(({ broken }) => broken)).toEqual([null]);
      names.push(...reports.map(({ greeting }) => greeting));
    }
    expect(Object.keys(tally(names))).toEqual([...NODES]);
  });

  it('is gone when it is stopped', async () => {
    await role.onHost('edge-1', '/etc/init.d/fairlead-clusterip stop 2>/dev/null');
    await lab.reboot('edge-1');
    await role.hooksAreDone('edge-1');
    await role.onHost('edge-1', '/etc/init.d/fairlead-clusterip stop 2>/dev/null');
    expect(await role.onHost('edge-1', SNAPSHOT)).toBe(before);
  });
});
