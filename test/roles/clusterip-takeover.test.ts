// Takeover by keepalived, without packets: who comes after whom, what keepalived itself says to its file, and that buckets
// follow what keepalived tells, in dash and in BusyBox.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  closeSync,
  existsSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { parse } from 'yaml';
import { renderRole, type Variables } from './support/render-role.ts';

vi.setConfig({ testTimeout: 30_000 });

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'fairlead-takeover-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

interface Task {
  readonly name: string;
  readonly shell?: string;
}

const TASKS = parse(
  readFileSync(new URL('../../roles/clusterip/tasks/keepalived.yml', import.meta.url), 'utf8'),
) as Task[];

interface Cluster {
  readonly nodes: readonly string[];
  readonly owners?: readonly string[];
  readonly total: number;
}

/** The priority of a node for each bucket, as the role's task works it out. */
function priorities({ nodes, owners = [], total }: Cluster, self: string): readonly number[] {
  const task = TASKS.find(({ name }) => name === "this node's priority for each bucket");
  const env = { self, number: '0', names: nodes.join(' '), owners: owners.join(' '), total: String(total) };
  const { stdout, stderr } = spawnSync('sh', ['-c', task?.shell ?? ''], {
    encoding: 'utf8',
    env: { ...process.env, ...env },
  });
  expect(stderr).toBe('');
  return stdout.trim().split('\n').map(Number);
}

describe('who comes after whom', () => {
  const clusters = fc
    .record({
      count: fc.integer({ min: 1, max: 8 }),
      total: fc.integer({ min: 1, max: 32 }),
      seed: fc.array(fc.nat(7), { minLength: 32, maxLength: 32 }),
      explicit: fc.boolean(),
    })
    .map(({ count, total, seed, explicit }): Cluster => {
      const nodes = Array.from({ length: count }, (_, at) => `n${at + 1}`);
      const owners = seed.slice(0, total).map((at) => nodes[at % count] ?? '');
      return explicit ? { nodes, owners, total } : { nodes, total };
    });

  test('no two nodes have one priority, the owner has the highest, and what a node had is spread over all others', () => {
    fc.assert(
      fc.property(clusters, (cluster) => {
        const { nodes, owners, total } = cluster;
        const all = nodes.map((node) => priorities(cluster, node));
        const heirs = new Map<string, Map<string, number>>();
        for (let bucket = 0; bucket < total; bucket += 1) {
          const ranked = nodes
            .map((node, at) => ({ node, priority: all[at]?.[bucket] ?? 0 }))
            .sort((a, b) => b.priority - a.priority);
          expect(new Set(ranked.map(({ priority }) => priority)).size).toBe(nodes.length);
          expect(ranked.every(({ priority }) => priority >= 1 && priority <= 254)).toBe(true);
          const owner = owners?.[bucket] ?? nodes[bucket % nodes.length] ?? '';
          expect(ranked[0]?.node).toBe(owner);
          const [, heir] = ranked;
          if (heir === undefined) continue;
          const of = heirs.get(owner) ?? new Map<string, number>();
          heirs.set(owner, of.set(heir.node, (of.get(heir.node) ?? 0) + 1));
        }
        for (const of of heirs.values()) {
          const counts = nodes.slice(1).map((_, at) => [...of.values()][at] ?? 0);
          expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1);
        }
      }),
      { numRuns: 25 },
    );
  });
});

function variables(more: Variables = {}): Variables {
  return {
    clusterip_vip: '192.0.2.100',
    clusterip_device: 'eth0',
    clusterip_nodes: 'edge',
    clusterip_takeover: 'keepalived',
    groups: { edge: ['host-1', 'host-2', 'host-3'] },
    ansible_play_batch: ['host-1', 'host-2'],
    hostvars: { 'host-2': { cluster_own_address: { stdout: '192.0.2.12' } } },
    clusterip_keepalived_addresses: { 'host-3': '192.0.2.13' },
    cluster_own_address: { stdout: '192.0.2.11' },
    cluster_priorities: { stdout_lines: ['250', '243', '236'] },
    ...more,
  };
}

describe('keepalived.conf', () => {
  test.each([
    ['as it is', {}],
    [
      'slow, without delay, high numbers',
      {
        clusterip_keepalived_advert_s: 2,
        clusterip_keepalived_preempt_delay_s: 0,
        clusterip_keepalived_router_id: 224,
      },
    ],
    ['32 buckets', { cluster_priorities: { stdout_lines: Array.from({ length: 32 }, () => '250') } }],
  ])('%s: keepalived takes it', (_, more) => {
    const file = join(folder, 'keepalived.conf');
    const follower = join(folder, 'follow');
    writeFileSync(follower, '#!/bin/sh\n', { mode: 0o755 });
    const text = renderRole('clusterip', 'keepalived.conf', variables(more));
    writeFileSync(file, text.replaceAll('/etc/fairlead/clusterip-keepalived', follower));
    const command = `ip link add eth0 type veth peer name p0; ip link set eth0 up; ip link set p0 up; keepalived -t -f ${file}`;
    const { status, stdout, stderr } = spawnSync('unshare', ['-n', 'sh', '-c', command], {
      encoding: 'utf8',
    });
    // It wants a path that nobody but root can write; /tmp is none.
    const said = (stdout + stderr)
      .split('\n')
      .filter((line) => line !== '' && !/insecure|script/i.test(line));
    expect({ said, status: status === 0 || status === 4 }).toEqual({ said: [], status: true });
  });

  test('its peers: those that are here by their own word, others as the variables say', () => {
    const text = renderRole('clusterip', 'keepalived.conf', variables());
    expect(text).toContain(
      '    unicast_src_ip 192.0.2.11\n    unicast_peer {\n        192.0.2.12\n        192.0.2.13\n    }\n',
    );
    expect(text.match(/^vrrp_instance fairlead-clusterip-\d/gm)).toHaveLength(3);
    expect(text).not.toMatch(/^[^#]*192\.0\.2\.100/m);
  });
});

test('the follower is clean sh', () => {
  const input = renderRole('clusterip', 'keepalived-follow.sh', variables());
  const { status, stdout } = spawnSync('shellcheck', ['-s', 'sh', '-'], { input, encoding: 'utf8' });
  expect({ status, stdout }).toEqual({ status: 0, stdout: '' });
});

describe.each([
  ['dash', ['dash']],
  ['BusyBox ash', ['busybox', 'ash']],
])('buckets follow, in %s', (_, shell) => {
  let follower: ChildProcess;
  let keepalived: ChildProcess;
  let line: number;

  const path = (name: string): string => join(folder, name);
  const calls = (): readonly string[] =>
    existsSync(path('calls')) ? readFileSync(path('calls'), 'utf8').trim().split('\n') : [];

  async function begin(clusterip = 'true'): Promise<void> {
    const text = renderRole('clusterip', 'keepalived-follow.sh', variables());
    writeFileSync(path('clusterip'), `#!/bin/sh\necho "$*" >>${path('calls')}\n${clusterip}\n`, {
      mode: 0o755,
    });
    writeFileSync(
      path('follow'),
      text.replaceAll('/etc/fairlead/clusterip', path('clusterip')).replaceAll('/run/', `${folder}/`),
    );
    spawnSync('mkfifo', [path('fifo')]);
    // Its parent is what it takes for keepalived.
    const command = `"$@" & echo $! >${path('pid')}; exec sleep 1000`;
    keepalived = spawn('sh', ['-c', command, 'sh', ...shell, path('follow'), path('fifo')], {
      stdio: 'inherit',
    });
    follower = keepalived;
    line = openSync(path('fifo'), 'w');
  }

  const tell = (...events: readonly string[]): void => {
    writeSync(line, events.map((event) => `INSTANCE "fairlead-clusterip-${event} 250\n`).join(''));
  };

  afterEach(async () => {
    const pid = Number(readFileSync(path('pid'), 'utf8'));
    follower.kill('SIGKILL');
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It has ended.
    }
    if (follower.exitCode === null && follower.signalCode === null) await once(follower, 'exit');
  });

  test('what was told at once is done at once: released first, and each bucket by its last word', async () => {
    await begin();
    tell('1" MASTER', '2" BACKUP', '3" MASTER', '1" BACKUP', '12" MASTER', '3" FAULT', '3" MASTER');
    await vi.waitFor(() => expect(calls()).toEqual(['release 2 1', 'take 12 3']), { timeout: 10_000 });
    tell('2" MASTER', '1" STOP');
    await vi.waitFor(() => expect(calls().slice(2)).toEqual(['release 1', 'take 2']), { timeout: 10_000 });
    writeSync(line, 'INSTANCE "another-1" MASTER 250\nGROUP "x" MASTER 0\n');
    tell('4" MASTER');
    await vi.waitFor(() => expect(calls().slice(4)).toEqual(['take 4']), { timeout: 10_000 });
    closeSync(line);
  });

  test('when keepalived is gone all is released, though it was told to end first', async () => {
    await begin();
    tell('1" MASTER');
    await vi.waitFor(() => expect(calls()).toEqual(['take 1']), { timeout: 10_000 });
    process.kill(Number(readFileSync(path('pid'), 'utf8')), 'SIGTERM');
    keepalived.kill('SIGKILL');
    closeSync(line);
    await vi.waitFor(() => expect(calls()).toEqual(['take 1', 'release all']), { timeout: 10_000 });
  });

  test('when keepalived has another follower it goes without a word', async () => {
    await begin();
    tell('1" MASTER');
    await vi.waitFor(() => expect(calls()).toEqual(['take 1']), { timeout: 10_000 });
    writeFileSync(path('fairlead-clusterip.follower'), '1\n');
    closeSync(line);
    const pid = Number(readFileSync(path('pid'), 'utf8'));
    await vi.waitFor(() => expect(existsSync(`/proc/${pid}/fd/0`)).toBe(false), { timeout: 10_000 });
    expect(calls()).toEqual(['take 1']);
  });

  test('a bucket that cannot be taken makes this node no master, once', async () => {
    await begin('exit 1');
    const well = () => spawnSync(shell[0] ?? 'sh', [...shell.slice(1), path('follow'), 'well']).status;
    tell('1" MASTER');
    await vi.waitFor(() => expect(existsSync(path('fairlead-clusterip.owed'))).toBe(true), {
      timeout: 20_000,
    });
    expect(calls()).toEqual(['take 1', 'take 1', 'take 1', 'take 1']);
    writeFileSync(path('clusterip'), `#!/bin/sh\necho "$*" >>${path('calls')}\n`);
    expect([well(), well()]).toEqual([1, 0]);
    expect(calls().at(-1)).toBe('well');
    closeSync(line);
  });
});
