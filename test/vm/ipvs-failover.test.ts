// Two directors with keepalived, on real machines: connections that are open live through a power cut and through a
// stopped service, new ones are refused for 3 s at most, and the director that returns breaks nothing. Dead real
// servers leave and come back; when all are dead the sorry server answers.
//
//   internet ── isp1 ─┬─ edge-1, edge-2   directors, machines: one with systemd, one with SysV
//                     ├─ edge-3, edge-4   real servers (DR), namespaces
//                     └─ edge-5           sorry server, a namespace that the test prepares by hand
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createLab } from '../../src/lab/create-lab.ts';
import type { HeldConnection } from '../../src/lab/held-connections.ts';
import type { Lab } from '../../src/lab/lab.ts';
import { bareAddress, HELLO_PORT } from '../../src/lab/plan.ts';
import { changesOf, MAIN, PROJECT } from '../lab/support/fairlead.ts';
import { figure, linksOf, RoleLab, secondsUntil } from '../lab/support/role-lab.ts';
import { type Attempt, longestSilenceMs, Newcomers } from '../roles/support/newcomers.ts';

const VIP = '192.0.2.200';
const folder = mkdtempSync(join(tmpdir(), 'fairlead-failover-'));
let lab: Lab;
let role: RoleLab;

beforeAll(async () => {
  lab = await createLab({
    name: 'test-ipvs-failover',
    hostCount: 5,
    systems: ['systemd', 'sysv', 'namespace', 'namespace', 'namespace'],
    owner: 'this-process',
  });
  role = new RoleLab(lab);
  writeFileSync(join(folder, 'hosts.json'), JSON.stringify(inventory()));
  await role.onHost(
    'edge-5',
    `echo 1 >/proc/sys/net/ipv4/conf/all/arp_ignore; echo 2 >/proc/sys/net/ipv4/conf/all/arp_announce
    ip address add ${VIP}/32 dev lo`,
  );
});

afterAll(async () => {
  await lab.down();
  rmSync(folder, { recursive: true });
});

function isp1(host: string): string {
  return bareAddress(linksOf(lab.host(host), 'isp1')[0]?.address ?? '');
}

function inventory(realServers: readonly unknown[] = ['edge-3', 'edge-4']): object {
  const group = (...names: readonly string[]) => ({
    hosts: Object.fromEntries(names.map((name) => [name, { ipvs_dr_address: isp1(name) }])),
  });
  return {
    all: {
      vars: {
        ipvs_dr_device: 'isp1',
        ipvs_dr_sync: { device: 'isp2' },
        ipvs_dr_vrrp: [{ name: 'outside', router_id: 51, priorities: { 'edge-1': 150, 'edge-2': 100 } }],
        ipvs_dr_services: [
          {
            name: 'hello',
            vip: VIP,
            port: HELLO_PORT,
            scheduler: 'rr',
            real_servers: realServers,
            check: { kind: 'tcp', interval_s: 1, timeout_s: 1, retries: 1, retry_delay_s: 1 },
            sorry_server: { address: isp1('edge-5') },
          },
        ],
      },
      children: { directors: group('edge-1', 'edge-2'), real_servers: group('edge-3', 'edge-4') },
    },
  };
}

/** The number of changes, and what the run said. */
async function play(): Promise<{ readonly changes: number; readonly said: string }> {
  const words = ['-i', lab.paths.inventory, '-i', join(folder, 'hosts.json')];
  const playbook = join(PROJECT, 'playbooks/ipvs-dr-keepalived.yml');
  const run = await lab.inController([process.execPath, MAIN, 'run', ...words, playbook]);
  if (run.exitCode !== 0 || run.stderr !== '') throw new Error(run.stdout + run.stderr);
  return { changes: changesOf(run) ?? Number.NaN, said: run.stdout };
}

/** How often each was heard. */
function tally(attempts: readonly Attempt[]): Readonly<Record<string, number>> {
  const heard = attempts.map((attempt) => attempt.heard ?? 'nobody');
  return Object.fromEntries(
    [...new Set(heard)].sort().map((who) => [who, heard.filter((x) => x === who).length]),
  );
}

async function newcomers(seconds: number): Promise<readonly Attempt[]> {
  const watch = new Newcomers(lab, VIP);
  await pass(seconds);
  return watch.stop();
}

async function pass(seconds: number): Promise<void> {
  await role.onHost('edge-5', `sleep ${seconds}`);
}

const isDirector = (host: string) => async () =>
  (await role.onHost(host, 'ip -o -4 address show dev isp1')).includes(` ${VIP}/`);

/** Open for long enough that the other director has heard of them: it is told every two seconds. */
async function holdFour(): Promise<readonly HeldConnection[]> {
  const held = await Promise.all([1, 2, 3, 4].map(() => lab.holdConnection(VIP)));
  await pass(4);
  return held;
}

async function expectAlive(held: readonly HeldConnection[], what: string): Promise<void> {
  const reports = await Promise.all(held.map((each) => each.stop()));
  expect(reports.map(({ broken }) => broken)).toEqual(held.map(() => null));
  const longest = Math.max(...reports.map(({ longestGapMs }) => longestGapMs));
  figure(`${what}: of ${held.length} open connections none broke, the longest pause was ${longest} ms`);
}

function expectShortSilence(attempts: readonly Attempt[], what: string): void {
  const silence = longestSilenceMs(attempts);
  figure(`${what}: new connections had no answer for ${silence} ms`);
  expect(silence).toBeLessThanOrEqual(3000);
}

it('is set up by one playbook, the second run of which changes nothing', async () => {
  expect((await play()).changes).toBeGreaterThan(0);
  await secondsUntil(isDirector('edge-1'), { withinS: 10, what: 'edge-1 has the address' });
  const again = await play();
  expect(again.changes, again.said).toBe(0);
  const heard = tally(await newcomers(3));
  expect(Object.keys(heard)).toEqual(['edge-3', 'edge-4']);
  expect(Math.abs((heard['edge-3'] ?? 0) - (heard['edge-4'] ?? 0))).toBeLessThanOrEqual(1);
});

it('lives through a power cut, and through the return of the director', async () => {
  const held = await holdFour();
  const watch = new Newcomers(lab, VIP);
  const bootBefore = await role.onHost('edge-1', 'cat /proc/sys/kernel/random/boot_id');
  await lab.reboot('edge-1');
  const attempts = await watch.stop();
  expect(await role.onHost('edge-1', 'cat /proc/sys/kernel/random/boot_id')).not.toBe(bootBefore);
  expect(await isDirector('edge-2')()).toBe(true);
  expect(longestSilenceMs(attempts)).toBeGreaterThan(0);
  expectShortSilence(attempts, 'power cut');
  await secondsUntil(async () => (await role.onHost('edge-1', 'ipvsadm -S -n')).includes(VIP), {
    withinS: 20,
    what: 'the director that returned has its services',
  });
  const after = await newcomers(4);
  expect(await isDirector('edge-1')()).toBe(false);
  expect(tally(after).nobody).toBeUndefined();
  await expectAlive(held, 'power cut and return');
});

it.each([
  ['SysV', 'edge-2', '/etc/init.d/keepalived', 'edge-1'],
  ['systemd', 'edge-1', 'systemctl --quiet', 'edge-2'],
])('lives through a stopped service (%s)', async (system, host, control, other) => {
  const name = system === 'systemd' ? 'keepalived' : '';
  expect(await isDirector(host)()).toBe(true);
  const held = await holdFour();
  const watch = new Newcomers(lab, VIP);
  await role.onHost(host, `${control} stop ${name}`);
  await secondsUntil(isDirector(other), { withinS: 10, what: `${other} has the address` });
  expectShortSilence(await watch.stop(), `service stopped (${system})`);
  // To Debian's boot script one that is still on its way out is one that runs.
  await role.onHost(
    host,
    `while pgrep -x keepalived >/dev/null; do sleep 0.1; done; ${control} start ${name}`,
  );
  await pass(3);
  await expectAlive(held, `service stopped and started (${system})`);
});

it('a dead real server leaves within the time of its check, and comes back', async () => {
  const watch = new Newcomers(lab, VIP);
  await lab.unplug('edge-3', 'isp1');
  await pass(7);
  await lab.plug('edge-3', 'isp1');
  await pass(4);
  const attempts = await watch.stop();
  const lost = attempts.filter(({ heard }) => heard === null);
  const lostForMs = (lost.at(-1)?.atMs ?? 0) - (lost[0]?.atMs ?? 0);
  figure(`dead real server: clients were sent to it for ${lostForMs} ms`);
  expect(lost.length).toBeGreaterThan(0);
  // interval + timeout + delay before it is asked again + timeout, and as much as emulation is late
  expect(lostForMs).toBeLessThanOrEqual(5000);
  expect(tally(attempts.slice(-10))).toMatchObject({ 'edge-3': 5, 'edge-4': 5 });
});

it('when all are dead the sorry server answers, and ends what it has begun', async () => {
  for (const host of ['edge-3', 'edge-4']) await lab.unplug(host, 'isp1');
  await pass(5);
  expect(Object.keys(tally(await newcomers(1)))).toEqual(['edge-5']);
  const held = await lab.holdConnection(VIP);
  for (const host of ['edge-3', 'edge-4']) await lab.plug(host, 'isp1');
  await pass(4);
  expect(Object.keys(tally(await newcomers(1)))).toEqual(['edge-3', 'edge-4']);
  await expectAlive([held], 'sorry server');
});

it('a reload breaks nothing: a drained server keeps its connections and gets no new ones', async () => {
  const held = await holdFour();
  const drained = inventory([{ host: 'edge-3', state: 'drained' }, 'edge-4']);
  writeFileSync(join(folder, 'hosts.json'), JSON.stringify(drained));
  expect((await play()).changes).toBeGreaterThan(0);
  expect(Object.keys(tally(await newcomers(1)))).toEqual(['edge-4']);
  await expectAlive(held, 'reload');
});
