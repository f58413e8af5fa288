// Which node answers a client, as explain foretells it from what three nodes say of themselves, against who did answer.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fleetVerdict } from '../../src/explain/cluster-fleet.ts';
import { explain } from '../../src/explain/explain.ts';
import { parseFlow } from '../../src/explain/flow.ts';
import { type HostState, parseHostState } from '../../src/explain/host-answer.ts';
import { hostProgram } from '../../src/explain/host-program.ts';
import { createLab } from '../../src/lab/create-lab.ts';
import type { Lab } from '../../src/lab/lab.ts';
import { HELLO_PORT } from '../../src/lab/plan.ts';
import { type Call, callCluster, calls } from './support/cluster.ts';
import { fairlead } from './support/fairlead.ts';
import { figure, RoleLab } from './support/role-lab.ts';

const VIP = '192.0.2.100';
const NODES = ['edge-1', 'edge-2', 'edge-3'] as const;
const VARIABLES = {
  clusterip_vip: VIP,
  clusterip_device: 'isp1',
  clusterip_nodes: 'edge',
  clusterip_buckets: 6,
};

let lab: Lab;
let role: RoleLab;

beforeAll(async () => {
  lab = await createLab({ name: 'test-clusterip-explain', hostCount: 3, owner: 'this-process' });
  role = new RoleLab(lab);
});

afterAll(async () => {
  await lab.down();
});

function flowOf({ from, port }: Call) {
  return parseFlow({ to: VIP, dport: String(HELLO_PORT), from, sport: String(port) });
}

/** What the nodes say; it is the same for every client but for the kernel's own word. */
async function statesFor(call: Call): Promise<ReadonlyMap<string, HostState>> {
  const script = hostProgram({ what: 'everything', flow: flowOf(call) });
  const said = await Promise.all(NODES.map((node) => role.onHost(node, script)));
  return new Map(NODES.map((node, at) => [node, parseHostState(said[at] ?? '', 4)]));
}

/** For each call the node that is to answer; undefined where it is not exactly one. */
function foretold(states: ReadonlyMap<string, HostState>, wanted: readonly Call[]) {
  return wanted.map((call) => {
    const verdict = fleetVerdict([...states].map(([node, state]) => explain(node, flowOf(call), state)));
    return verdict?.kind === 'one' ? / (edge-\d) answers/.exec(verdict.text)?.[1] : undefined;
  });
}

async function compare(what: string): Promise<void> {
  const wanted = calls(200);
  const [first] = wanted;
  if (first === undefined) throw new Error('no calls');
  const said = foretold(await statesFor(first), wanted);
  const { names } = await callCluster(lab, { vip: VIP, calls: wanted });
  expect(said).toEqual(names);
  expect(new Set(names).size).toBeGreaterThan(1);
  figure(
    `${what}: ${names.filter((name, at) => name === said[at]).length} of ${names.length} answered by the node foretold`,
  );
}

describe.each([
  ['cluster', 'sourceip'],
  ['nft', 'sourceip'],
  ['nft', 'sourceip-sourceport'],
])('the mechanism %s, by %s', (mechanism, hashmode) => {
  it('is foretold, whoever has the buckets', async () => {
    await role.run('clusterip', {
      ...VARIABLES,
      clusterip_mechanism: mechanism,
      clusterip_hashmode: hashmode,
      clusterip_seed: 4_000_000_007,
    });
    await compare(`${mechanism}, ${hashmode}`);
    await role.onHost('edge-1', '/etc/fairlead/clusterip release 1');
    await role.onHost('edge-3', '/etc/fairlead/clusterip take 1');
    await compare(`${mechanism}, ${hashmode}, bucket 1 moved`);
    await role.onHost('edge-3', '/etc/fairlead/clusterip release 1');
    await role.onHost('edge-1', '/etc/fairlead/clusterip take 1');
  });
});

describe('fairlead explain', () => {
  const asked = (from: string) =>
    fairlead(
      lab,
      'explain',
      'edge',
      '--to',
      VIP,
      '--from',
      from,
      '--dport',
      String(HELLO_PORT),
      '--sport',
      '2000',
    );

  it('says of several hosts which one answers, and finds two', async () => {
    const [call] = calls(1);
    if (call === undefined) throw new Error('no call');
    const { names } = await callCluster(lab, { vip: VIP, calls: [{ ...call, port: 2000 }] });
    const [who = ''] = names;
    const others = NODES.filter((node) => node !== who);
    const one = await asked(call.from);
    expect(one.stdout.split('\n').at(-2)).toMatch(
      new RegExp(
        `^192\\.0\\.2\\.100 for ${call.from} \\(bucket [1-6] of 6\\): ${who} answers, ${others.join(' and ')} do not$`,
      ),
    );
    expect({ exitCode: one.exitCode, stderr: one.stderr }).toEqual({ exitCode: 0, stderr: '' });
    await role.onHost(others[0] ?? '', '/etc/fairlead/clusterip take all');
    const two = await asked(call.from);
    expect(two.stdout.split('\n').at(-2)).toMatch(/ answer, and only one of them should$/);
    expect(two.exitCode).toBe(1);
  });
});
