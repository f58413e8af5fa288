// A task that fails half-way, in a batch of three hosts: that host goes back at once, and no other batch begins.
import { afterAll, beforeAll, expect, it } from 'vitest';
import { GuardLab, WINDOW_S } from '../support/guard-lab.ts';

const FILE = '/etc/motd';

let guard: GuardLab;

beforeAll(async () => {
  guard = await GuardLab.create('task-fails', { hostCount: 4 });
});

afterAll(() => guard.down());

it('goes back at once where a task fails; the others of the batch are confirmed, and the next batch waits', async () => {
  const hosts = guard.lab.hosts.map(({ name }) => name);
  const before = await Promise.all(hosts.map((host) => guard.picture(host, FILE)));
  const tasks = `
- copy: { dest: ${FILE}, content: "changed" }
- ip_rule: { priority: 99, from: 198.51.100.7, table: 77 }
- command: "false"
  when: inventory_hostname == 'edge-2'
- ip_rule: { priority: 98, from: 198.51.100.8, table: 77 }`;
  const began = performance.now();
  const run = await guard.run(guard.playbook(tasks, { keys: '  serial: 3\n  max_fail_percentage: 0\n' }));
  expect((performance.now() - began) / 1000).toBeLessThan(WINDOW_S);
  expect({ exitCode: run.exitCode, stderr: run.stderr }).toEqual({ exitCode: 1, stderr: '' });
  expect(run.stdout).toMatch(/^edge-2 +rolled back +a task failed$/m);
  expect(run.stdout).toMatch(/^edge-2 .* failed, rolled back, as it was before$/m);
  expect(run.stdout).toMatch(/^edge-4 .* not-started, not contacted$/m);
  const now = await Promise.all(hosts.map((host) => guard.picture(host, FILE)));
  expect([now[1], now[3]]).toEqual([before[1], before[3]]);
});
