// Hosts that stand in for each other are never changed at the same time, and what had to be undone on one host is not
// tried on the next ones.
import { afterAll, beforeAll, expect, it } from 'vitest';
import { GuardLab } from '../support/guard-lab.ts';

const RULE = '- ip_rule: { priority: 99, from: 198.51.100.7, table: 77 }';

let guard: GuardLab;
let peers = '';

beforeAll(async () => {
  guard = await GuardLab.create('peers', { hostCount: 4 });
  peers = guard.write(
    'peers.yml',
    `all:
  hosts:
    edge-1:
    edge-2:
    edge-3: { guard_peers: [edge-1] }
    edge-4: { guard_peers: edge-2 }
`,
  );
});

afterAll(() => guard.down());

const rules = async () => {
  const said = await Promise.all(
    guard.lab.hosts.map(({ name }) => guard.role.onHost(name, 'ip rule show priority 99')),
  );
  return said.map((each) => each !== '');
};

it('puts no two of them into one batch, and leaves a play without a guard as it is', async () => {
  const batches = async (...words: readonly string[]) => {
    const run = guard.start(guard.playbook(RULE), '-i', peers, ...words);
    expect((await run.ended).exitCode).toBe(words.includes('--check') ? 3 : 0);
    return run.events().flatMap((event) => (event.kind === 'batch-started' ? [event.hosts] : []));
  };
  const apart = [
    ['edge-1', 'edge-2'],
    ['edge-3', 'edge-4'],
  ];
  expect(await batches('--check')).toEqual(apart);
  expect(await batches()).toEqual(apart);
  expect(await rules()).toEqual([true, true, true, true]);
  expect(await batches('--guard', 'off')).toEqual([apart.flat()]);
});

it('stops before the next batch where a host had to be rolled back, unless the play says how many may', async () => {
  for (const { name } of guard.lab.hosts) await guard.role.onHost(name, 'ip rule del priority 99 || :');
  const tasks = `${RULE}\n- command: "false"\n  when: inventory_hostname == 'edge-1'`;
  const stopped = await guard.run(guard.playbook(tasks), '-i', peers);
  expect({ exitCode: stopped.exitCode, stderr: stopped.stderr }).toEqual({ exitCode: 1, stderr: '' });
  expect(stopped.stdout).toMatch(
    /^rollout stopped: edge-1 had to be rolled back, and max_fail_percentage does not say that others may$/m,
  );
  expect(stopped.stdout).toMatch(/^edge-3 .* not-started, not contacted$/m);
  expect(await rules()).toEqual([false, true, false, false]);

  const allowed = await guard.run(
    guard.playbook(tasks, { keys: '  max_fail_percentage: 50\n' }),
    '-i',
    peers,
  );
  expect(allowed.exitCode).toBe(1);
  expect(allowed.stdout).not.toMatch(/rollout stopped/);
  expect(await rules()).toEqual([false, true, true, true]);
});
