// A lab's end: by `down`, by the death of whoever owns or makes it, by the death of its own pid 1.
// After each, no process, namespace, mount, link or file of it is left.
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { beforeAll, describe, expect, it } from 'vitest';
import { createLab } from '../../src/lab/create-lab.ts';
import { openLab } from '../../src/lab/lab.ts';
import { identify } from '../../src/lab/process-id.ts';
import { findLabs, labFolder, readLabState } from '../../src/lab/state.ts';
import { sweepLabs } from '../../src/lab/sweep.ts';
import { buildIfStale } from '../support/compiled.ts';
import { startLabMaker } from './support/lab-maker.ts';
import { type LabTraces, leftOf, tracesOf, tracesOfFolder } from './support/traces.ts';

function tracesByName(name: string): LabTraces {
  const supervisor = readLabState(labFolder(name))?.supervisor;
  if (supervisor === undefined) throw new Error(`lab ${name} has no pid 1`);
  return tracesOf(labFolder(name), supervisor.pid);
}

/** Namespaces go with their last process; the kernel needs a moment for processes it has killed. */
async function expectNothingLeft(traces: LabTraces): Promise<void> {
  await expect.poll(() => leftOf(traces).join('\n'), { timeout: 10_000 }).toBe('');
  traces.forget();
}

describe('two labs side by side', () => {
  it('do not see each other, and each goes without the other and without a trace', async () => {
    const [left, right] = await Promise.all([
      createLab({ name: 'test-left', hostCount: 2, owner: 'this-process' }),
      createLab({ name: 'test-right', hostCount: 2, owner: 'this-process' }),
    ]);
    await expect(createLab({ name: 'test-left' })).rejects.toThrow('lab "test-left" is there already');
    await left.inHost('edge-1', ['sh', '-c', 'echo left >/etc/side']);
    expect((await right.inHost('edge-1', ['cat', '/etc/side'])).exitCode).toBe(1);

    const traces = tracesByName('test-left');
    expect(traces.namespaces.size).toBe(3 + 1 + 5 * 2); // pid 1's, the internet's, the hosts'
    await left.down();
    await left.down();
    await expectNothingLeft(traces);
    expect(await right.probe({ addresses: ['192.0.2.11'] })).toEqual([
      { address: '192.0.2.11', ok: 10, failed: 0 },
    ]);
    await right.down();
    expect(() => openLab('test-right')).toThrow('no lab "test-right" is up');
  });
});

describe('a lab of three providers with LANs', () => {
  it('has a network more per host, and goes without a trace', async () => {
    const lab = await createLab({ name: 'test-lan', hostCount: 2, providers: 3, lan: true });
    await lab.reboot('edge-1');
    await lab.holdConnections({ lan: 'edge-2' }, { address: '10.88.12.1', port: 7777, count: 1 });
    const traces = tracesByName('test-lan');
    expect(traces.namespaces.size).toBe(3 + 1 + (5 + 1) * 2);
    await lab.down();
    await expectNothingLeft(traces);
  });
});

describe('after a kill -9', () => {
  beforeAll(buildIfStale);

  it('of its owner, a lab ends by itself, and the next command sweeps its folder', async () => {
    const maker = startLabMaker({ name: 'test-owned', hostCount: 2, owner: 'this-process' });
    await maker.up;
    const traces = tracesByName('test-owned');
    await maker.kill();
    await expect.poll(() => leftOf(traces), { timeout: 10_000 }).toEqual([`folder: ${traces.folder}`]);
    expect(await sweepLabs()).toContain('test-owned');
    await expectNothingLeft(traces);
  });

  it('of another process that owns it, a lab is swept by the next command of any name', async () => {
    const owner = startLabMaker({ name: 'test-owner', hostCount: 1, owner: 'this-process' });
    await owner.up;
    const lab = await createLab({ name: 'test-of-other', hostCount: 1, ...ownedBy(owner.pid) });
    const traces = tracesByName(lab.name);
    expect(await sweepLabs()).not.toContain(lab.name);
    await owner.kill();
    const next = await createLab({ name: 'test-next', hostCount: 1, owner: 'this-process' });
    await expectNothingLeft(traces);
    await next.down();
  });

  it('of its maker half-way, whenever that is, nothing is left after a sweep', async () => {
    for (const moment of ['state.json', 'events', 'hosts/edge-3/etc/ssh/ssh_host_ed25519_key.pub'] as const) {
      const maker = startLabMaker({ name: 'test-half', hostCount: 6 });
      const folder = labFolder('test-half');
      await expect.poll(() => exists(join(folder, moment)), { interval: 1, timeout: 20_000 }).toBe(true);
      await maker.kill();
      const pid = pidOfSupervisor(folder);
      const traces = pid === undefined ? tracesOfFolder(folder) : tracesOf(folder, pid);
      expect(await sweepLabs()).toContain('test-half');
      await expectNothingLeft(traces);
    }
    expect(findLabs().map(({ folder }) => folder)).not.toContain(labFolder('test-half'));
  });

  it('of its own pid 1 or of the process that holds it, all hosts go with it', async () => {
    for (const victim of ['pid 1', 'holder'] as const) {
      const lab = await createLab({ name: 'test-killed', hostCount: 2, providers: 3, lan: true });
      const traces = tracesByName(lab.name);
      const supervisor = readLabState(lab.folder)?.supervisor;
      if (supervisor === undefined) throw new Error('no pid 1');
      process.kill(victim === 'pid 1' ? supervisor.pid : parentOf(supervisor.pid), 'SIGKILL');
      await expect.poll(() => identify(supervisor.pid), { timeout: 10_000 }).toBeUndefined();
      expect(await sweepLabs()).toContain('test-killed');
      await expectNothingLeft(traces);
    }
  });

  it('of nobody, a lab that nobody owns stays', async () => {
    const maker = startLabMaker({ name: 'test-kept', hostCount: 1 });
    await maker.up;
    await maker.kill();
    expect(await sweepLabs()).not.toContain('test-kept');
    const lab = openLab('test-kept');
    expect((await lab.inHost('edge-1', ['hostname'])).stdout).toBe('edge-1\n');
    const traces = tracesByName('test-kept');
    await lab.down();
    await expectNothingLeft(traces);
  });
});

describe('a lab whose folder was deleted', () => {
  it('ends by itself within seconds, since nobody can find it any more', async () => {
    const lab = await createLab({ name: 'test-deleted', hostCount: 1 });
    await lab.reboot('edge-1'); // its pid 1 has long settled down meanwhile
    const traces = tracesByName(lab.name);
    rmSync(lab.folder, { recursive: true });
    await expectNothingLeft(traces);
  });
});

function ownedBy(
  pid: number,
): { readonly owner: { readonly pid: number; readonly startTime: string } } | object {
  const owner = identify(pid);
  return owner === undefined ? {} : { owner };
}

function exists(path: string): boolean {
  try {
    return readFileSync(path) !== undefined;
  } catch {
    return false;
  }
}

/** From the journal: a lab in the making may not have it in its state yet. */
function pidOfSupervisor(folder: string): number | undefined {
  try {
    const [, pid] = /^lab (\d+)$/m.exec(readFileSync(join(folder, 'events'), 'utf8')) ?? [];
    return pid === undefined ? undefined : Number(pid);
  } catch {
    return undefined;
  }
}

function parentOf(pid: number): number {
  return Number(/^PPid:\s*(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
}
