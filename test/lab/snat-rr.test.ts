// The promise of snat-rr, with packets: connections leave by the source addresses in turn, exactly, each protocol for
// itself; what is excluded keeps its address, and what is open keeps the one it has.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createLab } from '../../src/lab/create-lab.ts';
import { countCallers, type FlowOrder, type FlowSource } from '../../src/lab/flows.ts';
import type { Lab } from '../../src/lab/lab.ts';
import { internetAddress } from '../../src/lab/plan.ts';
import { figure, freshPorts, RoleLab, SNAPSHOT } from './support/role-lab.ts';

const HOST: FlowSource = { host: 'edge-1' };
const CLIENT: FlowSource = { lan: 'edge-1' };
const OWN = '192.0.2.11';
const SOURCES = ['192.0.2.101', '192.0.2.102', '192.0.2.103'] as const;
const SOURCES6 = ['2001:db8:1::101', '2001:db8:1::102', '2001:db8:1::103'] as const;
const POOL = { name: 'isp1', device: 'isp1', sources: [...SOURCES, ...SOURCES6] };
const VARIABLES = { snat_rr_pools: [POOL], snat_rr_manage_addresses: true };

let lab: Lab;
let role: RoleLab;
let before: string;

beforeAll(async () => {
  lab = await createLab({ name: 'test-snat-rr', hostCount: 1, lan: true, owner: 'this-process' });
  role = new RoleLab(lab);
  before = await role.onHost('edge-1', SNAPSHOT);
});

afterAll(async () => {
  await lab.down();
});

function order(count: number, options: Partial<FlowOrder> = {}): FlowOrder {
  return {
    addresses: [internetAddress(10, 'IPv4')],
    count,
    atOnce: 1,
    protocol: 'tcp',
    localPorts: freshPorts(count),
    timeoutMs: 3000,
    ...options,
  };
}

async function callers(from: FlowSource, flows: FlowOrder): Promise<Readonly<Record<string, number>>> {
  return countCallers(await lab.flows(from, flows));
}

const each = (addresses: readonly string[], ...counts: readonly number[]) =>
  Object.fromEntries(addresses.map((address, at) => [address, counts[at] ?? counts[0]]));

describe('snat-rr on one link', () => {
  it('is set up by one playbook, and a second run changes nothing', async () => {
    expect(await role.run('snat-rr', VARIABLES)).toBe(1);
    expect(await role.run('snat-rr', VARIABLES)).toBe(0);
  });

  it('takes 300 connections by turns: 100 each, exactly', async () => {
    expect(await callers(HOST, order(300))).toEqual(each(SOURCES, 100));
    const addresses = [internetAddress(10, 'IPv6')];
    expect(await callers(HOST, order(300, { addresses }))).toEqual(each(SOURCES6, 100));
    figure('300 connections over 3 addresses: 100 / 100 / 100, IPv4 and IPv6');
  });

  it('is within one when 16 programs connect at the same time', async () => {
    const all = await Promise.all(
      Array.from({ length: 16 }, () => lab.flows(HOST, order(50, { atOnce: 50 }))),
    );
    const counts = Object.values(countCallers(all.flat()));
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(800);
    expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1);
    figure(`800 connections of 16 programs at once: ${counts.join(' / ')}`);
  });

  it('counts each protocol for itself', async () => {
    const [dns, http] = await Promise.all([
      callers(HOST, order(300, { protocol: 'udp' })),
      callers(HOST, order(300)),
    ]);
    expect({ dns, http }).toEqual({ dns: each(SOURCES, 100), http: each(SOURCES, 100) });
    figure('300 DNS and 300 HTTP connections mixed: 100 / 100 / 100 of each');
  });

  it('weights addresses exactly', async () => {
    const [first, second] = SOURCES;
    await role.run('snat-rr', {
      ...VARIABLES,
      snat_rr_pools: [{ ...POOL, sources: [{ address: first, weight: 2 }, second] }],
    });
    expect(await callers(HOST, order(300))).toEqual(each([first, second], 200, 100));
    figure('weights 2:1: 200 / 100');
  });

  it('leaves alone what is excluded', async () => {
    await role.run('snat-rr', { ...VARIABLES, snat_rr_exclude_sources: [OWN] });
    expect(await callers(HOST, order(100, { localAddress: OWN }))).toEqual({ [OWN]: 100 });
    figure('100 of 100 connections from the excluded address kept it');
  });

  it('serves the network behind the host too', async () => {
    await role.run('snat-rr', { ...VARIABLES, snat_rr_from: 'forwarded' });
    expect(await callers(CLIENT, order(300))).toEqual(each(SOURCES, 100));
    expect(await callers(HOST, order(30))).toEqual({ [OWN]: 30 });
  });

  it('keeps open connections on their address in 20 reloads and a change', async () => {
    await role.run('snat-rr', VARIABLES);
    const held = await lab.holdConnections(HOST, { address: internetAddress(10, 'IPv4'), count: 30 });
    await role.onHost(
      'edge-1',
      'for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do /etc/init.d/fairlead-snat-rr reload || exit 1; done',
    );
    await role.run('snat-rr', { ...VARIABLES, snat_rr_pools: [{ ...POOL, sources: SOURCES.slice(0, 2) }] });
    const reports = await held.stop();
    expect(reports.filter(({ broken }) => broken !== null)).toEqual([]);
    expect(new Set(reports.map(({ caller }) => caller.address)).size).toBe(3);
  });

  it('holds after a power cut, with addresses that the role put there', async () => {
    await role.run('snat-rr', VARIABLES);
    const bootId = await role.onHost('edge-1', 'cat /proc/sys/kernel/random/boot_id');
    await lab.reboot('edge-1');
    expect(await role.onHost('edge-1', 'cat /proc/sys/kernel/random/boot_id')).not.toBe(bootId);
    expect(await callers(HOST, order(300))).toEqual(each(SOURCES, 100));
    expect(await role.run('snat-rr', VARIABLES)).toBe(0);
  });

  it('works by nftables alone', async () => {
    await role.run('snat-rr', { ...VARIABLES, snat_rr_backend: 'nft' });
    expect(await role.onHost('edge-1', 'iptables-save')).not.toContain('fairlead');
    expect(await callers(HOST, order(300))).toEqual(each(SOURCES, 100));
  });

  it('is gone when it is stopped', async () => {
    await role.onHost('edge-1', '/etc/init.d/fairlead-snat-rr stop 2>/dev/null');
    await lab.reboot('edge-1');
    await role.hooksAreDone('edge-1');
    await role.onHost('edge-1', '/etc/init.d/fairlead-snat-rr stop 2>/dev/null');
    expect(await role.onHost('edge-1', SNAPSHOT)).toBe(before);
  });
});
