// The promise of split-access, with packets: replies leave by the link their request came in by, now, after a reboot,
// after a bounce of either link and during a reload; and what stop leaves is what was there before.
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createLab } from '../../src/lab/create-lab.ts';
import type { Lab } from '../../src/lab/lab.ts';
import type { ProbeResult } from '../../src/lab/probe.ts';
import { fleetAddresses } from './support/addresses.ts';
import { changesOf, fairlead, PROJECT } from './support/fairlead.ts';
import { RoleLab, SNAPSHOT } from './support/role-lab.ts';

const PLAYBOOK = join(PROJECT, 'playbooks/split-access.yml');
const REBOOT = join(PROJECT, 'playbooks/reboot.yml');
const SCRIPT = '/etc/init.d/fairlead-split-access';

let lab: Lab;
let role: RoleLab;

beforeAll(async () => {
  lab = await createLab({ name: 'test-split-access', owner: 'this-process' });
  role = new RoleLab(lab);
});

afterAll(async () => {
  await lab.down();
});

async function onEachHost(script: string): Promise<readonly string[]> {
  return Promise.all(lab.hosts.map((host) => role.onHost(host.name, script)));
}

const every = (): readonly string[] => [
  ...fleetAddresses(lab.hosts, 'isp1'),
  ...fleetAddresses(lab.hosts, 'isp2'),
];

function sum(results: readonly ProbeResult[]): { ok: number; failed: number } {
  return {
    ok: results.reduce((total, each) => total + each.ok, 0),
    failed: results.reduce((total, each) => total + each.failed, 0),
  };
}

/** 100 connections to each address, both families, of each host: all answered, none spoofed. */
async function expectEverythingAnswers(): Promise<void> {
  const before = await role.spoofed();
  const results = await lab.probe({ addresses: every(), count: 100 });
  expect(results.filter((each) => each.ok !== 100)).toEqual([]);
  expect((await role.spoofed()) - before).toBe(0);
}

describe('split-access on four hosts', () => {
  let snapshots: readonly string[];

  it('is needed: without it nobody reaches the second address of any host', async () => {
    snapshots = await onEachHost(SNAPSHOT);
    const second = sum(await lab.probe({ addresses: fleetAddresses(lab.hosts, 'isp2'), count: 10 }));
    expect(second).toEqual({ ok: 0, failed: 80 });
    expect(await role.spoofed()).toBeGreaterThan(0);
    const first = sum(await lab.probe({ addresses: fleetAddresses(lab.hosts, 'isp1'), count: 10 }));
    expect(first).toEqual({ ok: 80, failed: 0 });
  });

  it('says in check mode what it would change, and changes nothing', async () => {
    const run = await fairlead(lab, 'run', '--check', PLAYBOOK);
    expect({ exitCode: run.exitCode, stderr: run.stderr, changes: changesOf(run) }).toEqual({
      exitCode: 3,
      stderr: '',
      changes: 8,
    });
    expect(await onEachHost(SNAPSHOT)).toEqual(snapshots);
    expect(await onEachHost(`ls ${SCRIPT} 2>/dev/null || echo none`)).toEqual(Array(4).fill('none\n'));
  });

  it('makes every address answer: 100 of 100 each, nothing spoofed', async () => {
    const run = await fairlead(lab, 'run', PLAYBOOK);
    expect({ exitCode: run.exitCode, stderr: run.stderr, changes: changesOf(run) }).toEqual({
      exitCode: 0,
      stderr: '',
      changes: 8,
    });
    await expectEverythingAnswers();
  });

  it('changes nothing when it is run again', async () => {
    const run = await fairlead(lab, 'run', PLAYBOOK);
    expect({ exitCode: run.exitCode, changes: changesOf(run) }).toEqual({ exitCode: 0, changes: 0 });
    const check = await fairlead(lab, 'run', '--check', PLAYBOOK);
    expect({ exitCode: check.exitCode, changes: changesOf(check) }).toEqual({ exitCode: 0, changes: 0 });
  });

  it('holds after a power cut of every host', async () => {
    const bootIds = await onEachHost('cat /proc/sys/kernel/random/boot_id');
    await Promise.all(lab.hosts.map((host) => lab.reboot(host.name)));
    const now = await onEachHost('cat /proc/sys/kernel/random/boot_id');
    expect(now.filter((id, at) => id === bootIds[at])).toEqual([]);
    await expectEverythingAnswers();
    expect(changesOf(await fairlead(lab, 'run', PLAYBOOK))).toBe(0);
  });

  it('holds after a reboot by playbook, a batch of hosts at a time', async () => {
    const bootIds = await onEachHost('cat /proc/sys/kernel/random/boot_id');
    const run = await fairlead(lab, 'run', REBOOT);
    expect({ exitCode: run.exitCode, stderr: run.stderr, changes: changesOf(run) }).toEqual({
      exitCode: 0,
      stderr: '',
      changes: 4,
    });
    expect(run.stdout).toContain('batch 4 of 4: edge-4');
    const now = await onEachHost('cat /proc/sys/kernel/random/boot_id');
    expect(now.filter((id, at) => id === bootIds[at])).toEqual([]);
    await expectEverythingAnswers();
  });

  for (const device of ['isp1', 'isp2']) {
    it(`holds after ifdown and ifup of ${device}`, async () => {
      await Promise.all(lab.hosts.map((host) => lab.bounce(host.name, device, 'ifupdown')));
      await expectEverythingAnswers();
    });

    it(`is put right by a run after a cable bounce of ${device}, which no hook sees`, async () => {
      await Promise.all(lab.hosts.map((host) => role.hooksAreDone(host.name)));
      await Promise.all(lab.hosts.map((host) => lab.bounce(host.name, device, 'link')));
      const run = await fairlead(lab, 'run', PLAYBOOK);
      expect({ exitCode: run.exitCode, changes: changesOf(run) }).toEqual({ exitCode: 0, changes: 4 });
      await expectEverythingAnswers();
    });
  }

  it('breaks no open connection in 20 reloads', async () => {
    const [host] = lab.hosts;
    const addresses = fleetAddresses(host === undefined ? [] : [host], 'isp2');
    const held = await Promise.all(addresses.map((address) => lab.holdConnection(address)));
    await role.onHost(
      'edge-1',
      `for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do ${SCRIPT} reload || exit 1; done`,
    );
    const reports = await Promise.all(held.map((each) => each.stop()));
    expect(reports.map((report) => report.broken)).toEqual([null, null]);
    expect(Math.min(...reports.map((report) => report.exchanged))).toBeGreaterThan(5);
  });

  it('breaks no open connection when the playbook repairs what somebody else flushed', async () => {
    await role.hooksAreDone('edge-1');
    const held = await lab.holdConnection('203.0.113.11');
    await role.onHost('edge-1', 'ip rule del priority 10101; ip -6 route flush table 802');
    const status = await lab.inHost('edge-1', [SCRIPT, 'status']);
    expect(status.exitCode).toBe(4);
    expect(status.stdout).toContain('missing');
    const run = await fairlead(lab, 'run', PLAYBOOK);
    expect({ exitCode: run.exitCode, changes: changesOf(run) }).toEqual({ exitCode: 0, changes: 1 });
    expect((await held.stop()).broken).toBe(null);
    await expectEverythingAnswers();
  });

  it('leaves the kernel byte for byte as it was when it is stopped', async () => {
    await Promise.all(lab.hosts.map((host) => lab.reboot(host.name)));
    await onEachHost(`${SCRIPT} stop 2>/dev/null`);
    const before = await onEachHost(SNAPSHOT);
    await onEachHost(`${SCRIPT} start 2>/dev/null && ${SCRIPT} start && ${SCRIPT} status`);
    const during = await onEachHost(SNAPSHOT);
    expect(during.filter((each, at) => each === before[at])).toEqual([]);
    await onEachHost(`${SCRIPT} stop 2>/dev/null`);
    expect(await onEachHost(SNAPSHOT)).toEqual(before);
    // And that is what a host without fairlead has.
    expect(before).toEqual(snapshots);
  });

  it('is gone without a trace when the playbook takes it away', async () => {
    const run = await fairlead(
      lab,
      'exec',
      'edge',
      '-m',
      'boot_script',
      '-a',
      'name=fairlead-split-access state=absent',
    );
    expect({ exitCode: run.exitCode, stderr: run.stderr }).toEqual({ exitCode: 0, stderr: '' });
    expect(await onEachHost(SNAPSHOT)).toEqual(snapshots);
    const left = await onEachHost("find /etc /var /root -name '*split-access*' | grep -v rt_tables.d || :");
    expect(left).toEqual(Array(4).fill(''));
  });
});
