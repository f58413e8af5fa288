// CLUSTERIP itself, on the last kernel of Debian's that has it: of two real machines exactly one answers each connection, in
// each way to tell clients apart, while buckets move, after a reboot, and when a kernel comes that has it no longer.
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createLab } from '../../src/lab/create-lab.ts';
import type { Lab } from '../../src/lab/lab.ts';
import { type Call, callCluster, calls, tally } from '../lab/support/cluster.ts';
import { changesOf, fairlead, PROJECT } from '../lab/support/fairlead.ts';
import { figure, RoleLab } from '../lab/support/role-lab.ts';

const VIP = '192.0.2.100';
const NODES = ['edge-1', 'edge-2'] as const;
const VARIABLES = { clusterip_vip: VIP, clusterip_device: 'isp1', clusterip_nodes: 'edge' };

let lab: Lab;
let role: RoleLab;

beforeAll(async () => {
  lab = await createLab({
    name: 'test-clusterip-vm',
    systems: ['sysv'],
    hostCount: 2,
    owner: 'this-process',
  });
  role = new RoleLab(lab);
});
afterAll(() => lab?.down());

async function run(variables: object = {}): Promise<number> {
  const path = `${PROJECT}/playbooks/clusterip.yml`;
  const ran = await fairlead(lab, 'run', path, '-e', JSON.stringify({ ...VARIABLES, ...variables }));
  expect({ exitCode: ran.exitCode, said: ran.stdout + ran.stderr }).toEqual({
    exitCode: 0,
    said: expect.anything(),
  });
  return changesOf(ran) ?? Number.NaN;
}

const on = (node: string, command: string) => role.onHost(node, `/etc/fairlead/clusterip ${command} 2>&1`);
const buckets = () => Promise.all(NODES.map(async (node) => (await on(node, 'buckets')).trim()));

/** How often each node answered; every call was answered by just one of them. */
async function share(asked: readonly Call[] = calls(40)): Promise<Readonly<Record<string, number>>> {
  const { names, synAcks } = await callCluster(lab, { vip: VIP, calls: asked, atOnce: 4, timeoutMs: 5000 });
  const counts = tally(names);
  expect({ counts, synAcks }).toEqual({ counts, synAcks: asked.length });
  expect(Object.keys(counts).filter((name) => !name.startsWith('edge-'))).toEqual([]);
  return counts;
}

it('is what the nodes agree on here, and a second run changes nothing', async () => {
  expect(await run()).toBeGreaterThan(0);
  expect(await role.onHost('edge-1', `cat /proc/net/ipt_CLUSTERIP/${VIP}`)).toBe('1\n');
  expect(await on('edge-1', 'report')).toContain('mechanism:clusterip;');
  expect(await run()).toBe(0);
});

it('is refused before anything changes where another role needs connection marks', async () => {
  const path = `${PROJECT}/playbooks/clusterip.yml`;
  const variables = { ...VARIABLES, clusterip_mechanism: 'clusterip', ecmp_track: true, clusterip_seed: 3 };
  const { exitCode, stdout } = await fairlead(lab, 'run', path, '-e', JSON.stringify(variables));
  expect({ exitCode, stdout }).toEqual({
    exitCode: 1,
    stdout: expect.stringContaining('overwrites connection marks'),
  });
  expect(await on('edge-1', 'report')).toContain('mechanism:clusterip; total:2; seed:0;');
});

it('answers each of 40 clients by exactly one node', async () => {
  const counts = await share();
  expect(Object.keys(counts)).toEqual([...NODES]);
  figure(`40 connections by CLUSTERIP: ${Object.values(counts).join(' / ')}, nobody answered twice`);
});

it('moves buckets: release on the one, then take on the other; and drains', async () => {
  await on('edge-1', 'release 1');
  await on('edge-2', 'take 1');
  expect(await buckets()).toEqual(['', '1 2']);
  expect(Object.keys(await share(calls(20)))).toEqual(['edge-2']);
  await role.onHost('edge-2', '/etc/init.d/fairlead-clusterip reload');
  expect(await buckets()).toEqual(['', '1 2']);
  await on('edge-2', 'release 1');
  await on('edge-1', 'take 1');
  await on('edge-1', 'drain');
  const { names } = await callCluster(lab, { vip: VIP, calls: calls(20), timeoutMs: 2000 });
  expect(Object.keys(tally(names))).toEqual(['edge-2', 'nobody']);
  await on('edge-1', 'return');
  expect(Object.keys(await share(calls(20)))).toEqual([...NODES]);
});

it('tells the ports of one client apart, in four buckets', async () => {
  await run({ clusterip_hashmode: 'sourceip-sourceport', clusterip_buckets: 4, clusterip_seed: 7 });
  expect(await buckets()).toEqual(['1 3', '2 4']);
  const counts = await share(calls(40).map((call) => ({ ...call, from: '198.51.100.77' })));
  expect(Object.keys(counts)).toEqual([...NODES]);
});

it('has what it had after a power cut; a node whose kernel has no CLUSTERIP then is silent', async () => {
  await run();
  const bootIds = () =>
    Promise.all(NODES.map((node) => role.onHost(node, 'cat /proc/sys/kernel/random/boot_id')));
  const ids = await bootIds();
  await role.onHost(
    'edge-1',
    'find /lib/modules -name ipt_CLUSTERIP.ko\\* -exec mv {} /root/ \\; ; depmod -a; sync',
  );
  await Promise.all(NODES.map((node) => lab.reboot(node)));
  expect((await bootIds()).filter((id, at) => id === ids[at])).toEqual([]);
  expect(await buckets()).toEqual(['', '2']);
  const status = await role.script('edge-1', 'clusterip', 'status');
  expect(status).toMatchObject({ exitCode: 4, said: expect.stringContaining('missing chain -4 filter') });
  expect(await role.onHost('edge-1', 'ip -o address')).not.toContain(VIP);
  expect((await lab.inHost('edge-1', ['/etc/fairlead/clusterip', 'well'])).exitCode).toBe(1);
  await on('edge-2', 'take 1');
  expect(Object.keys(await share(calls(20)))).toEqual(['edge-2']);
});

it('is another mechanism for all from the next run on, after such a power cut', async () => {
  await run();
  expect(await on('edge-2', 'report')).toContain('mechanism:cluster;');
  expect(await buckets()).toEqual(['1', '2']);
  expect(Object.keys(await share())).toEqual([...NODES]);
  expect(await role.onHost('edge-2', 'iptables-legacy-save')).not.toContain('fairlead');
});
