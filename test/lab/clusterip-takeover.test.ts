// Takeover by keepalived: whatever happens to a node, the others answer for its buckets within seconds, each bucket exactly
// once, and give them back when it returns.
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createLab } from '../../src/lab/create-lab.ts';
import type { Lab } from '../../src/lab/lab.ts';
import { callCluster, calls, tally } from './support/cluster.ts';
import { fairlead, PROJECT } from './support/fairlead.ts';
import { figure, RoleLab, secondsUntil } from './support/role-lab.ts';

const VIP = '192.0.2.100';
const NODES = ['edge-1', 'edge-2', 'edge-3'] as const;
const ALL = [1, 2, 3, 4, 5, 6];
const VARIABLES = {
  clusterip_vip: VIP,
  clusterip_device: 'isp1',
  clusterip_nodes: 'edge',
  clusterip_buckets: ALL.length,
  clusterip_takeover: 'keepalived',
  clusterip_keepalived_preempt_delay_s: 1,
};

let lab: Lab;
let role: RoleLab;

beforeAll(async () => {
  lab = await createLab({ name: 'test-clusterip-takeover', hostCount: 3, owner: 'this-process' });
  role = new RoleLab(lab);
  // A lab's hosts have the machine's programs and an /etc of their own: what Debian's package puts there is missing.
  const init = readFileSync('/etc/init.d/keepalived').toString('base64');
  const put = `echo ${init} | base64 -d >/etc/init.d/keepalived; chmod 755 /etc/init.d/keepalived`;
  for (const node of NODES) await role.onHost(node, put);
});

afterAll(async () => {
  await lab.down();
});

async function bucketsOf(node: string): Promise<readonly number[]> {
  const said = await role.onHost(node, '/etc/fairlead/clusterip buckets');
  return said.split(/\s+/).filter(Boolean).map(Number);
}

async function owners(nodes: readonly string[]): Promise<readonly (readonly number[])[]> {
  return Promise.all(nodes.map(bucketsOf));
}

/** Each bucket once. */
async function areWhole(nodes: readonly string[]): Promise<boolean> {
  const all = (await owners(nodes)).flat();
  return all.length === ALL.length && new Set(all).size === ALL.length;
}

async function allAnswered(nodes: readonly string[], what: string): Promise<void> {
  const { names, synAcks } = await callCluster(lab, { vip: VIP, calls: calls(200) });
  const counts = tally(names);
  expect({ what, who: Object.keys(counts), synAcks }).toEqual({ what, who: nodes, synAcks: 200 });
  figure(
    `${what}: 200 of 200 answered, ${Object.entries(counts)
      .map(([name, count]) => `${name} ${count}`)
      .join(', ')}`,
  );
}

const whole = (nodes: readonly string[], what: string, withinS = 30) =>
  secondsUntil(() => areWhole(nodes), { withinS, what });

/** While something happens, some may find nobody, but nobody finds two. How many called, and how many found nobody. */
async function neverTwice(happening: () => Promise<unknown>): Promise<{ asked: number; unanswered: number }> {
  let isOver = false;
  const happened = happening().finally(() => {
    isOver = true;
  });
  const sum = { asked: 0, unanswered: 0 };
  while (!isOver) {
    const { names, synAcks } = await callCluster(lab, { vip: VIP, calls: calls(30) });
    const answered = names.filter((name) => name.startsWith('edge-')).length;
    expect(synAcks).toBe(answered);
    sum.asked += names.length;
    sum.unanswered += names.length - answered;
  }
  await happened;
  return sum;
}

/** The router has the cluster's own hardware address: keepalived has told it of none. */
async function routerKnowsTheCluster(): Promise<void> {
  const { stdout } = await lab.inProvider('isp1', ['ip', 'neigh', 'show', VIP]);
  expect(stdout).toContain('lladdr 03:00:c0:00:02:64');
}

const HOME = [
  [1, 4],
  [2, 5],
  [3, 6],
];

describe('takeover by keepalived', () => {
  it('gives each bucket a node, and a second run changes nothing', async () => {
    await role.run('clusterip', VARIABLES);
    expect(await owners(NODES)).toEqual(HOME);
    await allAnswered(NODES, 'after the run');
    expect(await role.run('clusterip', VARIABLES)).toBe(0);
  });

  it('a node whose cable is cut: both others take a part, and give it back', async () => {
    await lab.unplug('edge-2', 'isp1');
    const rest = ['edge-1', 'edge-3'];
    const seconds = await whole(rest, 'takeover', 4);
    figure(`cable cut: each bucket has a node again after ${seconds.toFixed(1)} s`);
    // Whoever heard of it first may hold both for a moment.
    await expect
      .poll(() => owners(rest), { timeout: 20_000 })
      .toEqual([
        [1, 4, 5],
        [2, 3, 6],
      ]);
    await allAnswered(rest, 'without edge-2');
    await lab.plug('edge-2', 'isp1');
    await whole(NODES, 'rejoin');
    await secondsUntil(async () => (await bucketsOf('edge-2')).length === 2, {
      withinS: 20,
      what: 'edge-2 has its own',
    });
    expect(await owners(NODES)).toEqual(HOME);
    await allAnswered(NODES, 'with edge-2 again');
    await routerKnowsTheCluster();
  });

  it('a power cut: the same, and the boot brings it back', async () => {
    const rest = ['edge-2', 'edge-3'];
    const booted = lab.reboot('edge-1');
    const seconds = await whole(rest, 'takeover', 4);
    figure(`power cut: each bucket has a node again after ${seconds.toFixed(1)} s`);
    await booted;
    await secondsUntil(async () => (await bucketsOf('edge-1')).length === 2, {
      withinS: 30,
      what: 'edge-1 has its own',
    });
    await whole(NODES, 'rejoin');
    expect(await owners(NODES)).toEqual(HOME);
    await allAnswered(NODES, 'after the boot');
    await routerKnowsTheCluster();
  });

  it('keepalived is killed: its node lets go, and takes again when it runs again', async () => {
    const gone = await neverTwice(async () => {
      await role.onHost('edge-3', 'pkill -KILL -x keepalived');
      const seconds = await whole(['edge-1', 'edge-2'], 'takeover', 6);
      figure(`keepalived killed: after ${seconds.toFixed(1)} s`);
    });
    expect(await bucketsOf('edge-3')).toEqual([]);
    const back = await neverTwice(async () => {
      await role.onHost('edge-3', 'rm -f /run/keepalived.pid; /etc/init.d/keepalived start');
      await secondsUntil(async () => (await bucketsOf('edge-3')).length === 2, {
        withinS: 20,
        what: 'edge-3 has its own',
      });
    });
    figure(
      `meanwhile ${gone.unanswered} of ${gone.asked} calls, and ${back.unanswered} of ${back.asked}, found nobody; none found two`,
    );
    expect(await owners(NODES)).toEqual(HOME);
    await allAnswered(NODES, 'with keepalived again');
  });

  it('a drained node, and a stopped keepalived', async () => {
    await role.onHost('edge-1', '/etc/fairlead/clusterip drain');
    const drained = await whole(['edge-2', 'edge-3'], 'takeover', 8);
    await role.onHost('edge-1', '/etc/fairlead/clusterip return');
    await secondsUntil(async () => (await bucketsOf('edge-1')).length === 2, {
      withinS: 20,
      what: 'edge-1 has its own',
    });
    await role.onHost('edge-2', '/etc/init.d/keepalived stop');
    const stopped = await whole(['edge-1', 'edge-3'], 'takeover', 8);
    expect(await bucketsOf('edge-2')).toEqual([]);
    figure(`drained: after ${drained.toFixed(1)} s; keepalived stopped: after ${stopped.toFixed(1)} s`);
    // One that is still on its way out is taken for one that runs.
    await role.onHost(
      'edge-2',
      'while pgrep -x keepalived >/dev/null; do sleep 0.1; done; /etc/init.d/keepalived start',
    );
    await secondsUntil(async () => (await bucketsOf('edge-2')).length === 2, {
      withinS: 20,
      what: 'edge-2 has its own',
    });
    await allAnswered(NODES, 'all back');
    await routerKnowsTheCluster();
  });

  it("somebody else's keepalived.conf stays as it is", async () => {
    await role.onHost(
      'edge-1',
      'cp -p /etc/keepalived/keepalived.conf /root/ours; echo "# mine" >/etc/keepalived/keepalived.conf',
    );
    const path = `${PROJECT}/playbooks/clusterip.yml`;
    const run = await fairlead(lab, 'run', path, '-e', JSON.stringify(VARIABLES));
    expect(run.exitCode).toBe(1);
    expect(run.stdout).toContain('clusterip_keepalived_replace');
    expect(
      await role.onHost(
        'edge-1',
        'cat /etc/keepalived/keepalived.conf; mv /root/ours /etc/keepalived/keepalived.conf',
      ),
    ).toBe('# mine\n');
  });
});
