// What explain says, against where packets really went: 100 flows, each asked for by its ports before it is made.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createLab } from '../../src/lab/create-lab.ts';
import type { FlowSource } from '../../src/lab/flows.ts';
import type { Lab } from '../../src/lab/lab.ts';
import { CALLER_PORT, internetAddress } from '../../src/lab/plan.ts';
import { fairlead } from './support/fairlead.ts';
import { figure, freshPorts, RoleLab } from './support/role-lab.ts';

const POOLS = [
  { name: 'isp1', device: 'isp1', sources: ['192.0.2.101', '192.0.2.102'] },
  { name: 'isp2', device: 'isp2', sources: ['203.0.113.101', '203.0.113.102', '2001:db8:2::101'] },
];
const VARIABLES = {
  ecmp_weights: { isp1: 1, isp2: 2, isp3: 3 },
  ecmp_nat: 'masquerade',
  snat_rr_pools: POOLS,
  snat_rr_from: 'forwarded',
  snat_rr_manage_addresses: true,
};

interface Explained {
  readonly agrees: boolean;
  readonly way: { readonly device: string; readonly source: string };
  readonly nat: {
    readonly by: string | null;
    readonly sources: readonly { readonly source: string | null }[];
  };
}

let lab: Lab;
let role: RoleLab;

beforeAll(async () => {
  lab = await createLab({
    name: 'test-explain',
    hostCount: 1,
    providers: 3,
    lan: true,
    owner: 'this-process',
  });
  role = new RoleLab(lab);
  await role.run('multihomed', VARIABLES);
});

afterAll(async () => {
  await lab.down();
});

async function explained(...words: readonly string[]): Promise<Explained> {
  const { exitCode, stdout, stderr } = await fairlead(lab, 'explain', 'edge-1', '-o', 'json', ...words);
  expect({ words, exitCode, stderr }).toEqual({ words, exitCode: 0, stderr: '' });
  return (JSON.parse(stdout) as { readonly 'edge-1': Explained })['edge-1'];
}

/** Flows by their ports to one address, or to an address each. */
interface Flows {
  readonly from: FlowSource;
  readonly to: readonly string[];
  readonly ports: readonly number[];
  /** Of the client, where they are forwarded. */
  readonly source?: string;
}

/** How many of the flows arrived from an address that explain had named for them, by the provider of its device. */
async function asForetold({ from, to, ports, source }: Flows): Promise<number> {
  const foretold: Explained[] = [];
  for (let at = 0; at < ports.length; at += 5) {
    const asked = ports.slice(at, at + 5).map((sport, index) => {
      const target = to[(at + index) % to.length] ?? '';
      const flow = ['--to', target, '--dport', String(CALLER_PORT), '--sport', String(sport)];
      return explained(...flow, ...(source === undefined ? [] : ['--from', source]));
    });
    foretold.push(...(await Promise.all(asked)));
  }
  const flows = await lab.flows(from, {
    addresses: to,
    count: ports.length,
    atOnce: 10,
    protocol: 'tcp',
    localPorts: ports,
    timeoutMs: 3000,
  });
  expect(flows.filter(({ kind }) => kind === 'failed')).toEqual([]);
  const traffic = await lab.providersOfAll(flows.filter((flow) => flow.kind === 'answered'));
  let right = 0;
  for (const [at, flow] of flows.entries()) {
    const said = foretold[at];
    if (flow.kind === 'failed' || said === undefined || !said.agrees) continue;
    const sources = said.nat.by === null ? [said.way.source] : said.nat.sources.map((each) => each.source);
    const providers = Object.keys(traffic[at] ?? {});
    if (sources.includes(flow.caller.address) && providers.join() === said.way.device) right += 1;
  }
  figure(`${right} of ${ports.length} flows to ${to[0]} from ${source ?? 'the host'} as foretold`);
  expect(new Set(foretold.map(({ way }) => way.device)).size).toBeGreaterThan(1);
  return right;
}

const FAMILIES = ['IPv4', 'IPv6'] as const;

describe('fairlead explain', () => {
  it('is right about 100 of 100 flows, local and forwarded', async () => {
    let right = 0;
    for (const family of FAMILIES) {
      const to = [internetAddress(10, family)];
      right += await asForetold({ from: { host: 'edge-1' }, to, ports: freshPorts(25) });
    }
    // Of one forwarded flow the kernel's word is sure where it hashes addresses, and IPv6 has no flow label to hash.
    await role.run('multihomed', { ...VARIABLES, ecmp_hash: 'l3' });
    await lab.inLan('edge-1', ['sysctl', '-qw', 'net.ipv6.auto_flowlabels=0']);
    const { lan } = lab.host('edge-1');
    for (const family of FAMILIES) {
      const to = Array.from({ length: 25 }, (_, at) => internetAddress(at + 1, family));
      const source = (family === 'IPv4' ? lan?.client : lan?.client6) ?? '';
      right += await asForetold({ from: { lan: 'edge-1' }, to, ports: freshPorts(25), source });
    }
    figure(`explain: ${right} of 100 flows went where it said, with a source that it named`);
    expect(right).toBe(100);
    await role.run('multihomed', VARIABLES);
  });

  it('shows the split of many flows, with chi-square', async () => {
    await role.onHost('edge-1', 'sysctl -qw net.ipv4.fib_multipath_hash_seed=7 2>/dev/null || :');
    const { exitCode, stdout } = await fairlead(
      lab,
      'explain',
      'edge-1',
      '--to',
      internetAddress(10, 'IPv4'),
      '--from',
      lab.host('edge-1').lan?.client ?? '',
      '--sample',
      '1000',
    );
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/via 192\.0\.2\.1 dev isp1 .*#+ .*promised 166\.7/);
    expect(stdout).toMatch(/via 198\.18\.3\.1 dev isp3 .*#+ .*promised 500\.0/);
    expect(stdout).toMatch(/chi-square .* within chance/);
    figure(/chi-square.*/.exec(stdout)?.[0] ?? '');
  });

  it('names the rules of all three roles', async () => {
    const { stdout } = await fairlead(
      lab,
      'explain',
      'edge-1',
      '--from',
      lab.host('edge-1').lan?.client ?? '',
    );
    expect(stdout).toContain('(split-access)');
    expect(stdout).toContain('(ecmp)');
    expect(stdout).toMatch(/source by turns over \d|MASQUERADE/);
  });
});
