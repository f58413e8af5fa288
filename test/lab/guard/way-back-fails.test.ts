// One thing that cannot be put back does not keep the rest from going back, and is told.
import { afterAll, beforeAll, expect, it } from 'vitest';
import { GuardLab } from '../support/guard-lab.ts';

const HOST = 'edge-1';
const FILE = '/etc/motd';

let guard: GuardLab;

beforeAll(async () => {
  guard = await GuardLab.create('way-back-fails');
});

afterAll(() => guard.down());

it('goes on behind what cannot be put back, and tells of it', async () => {
  await guard.role.onHost(HOST, 'echo one >/etc/motd; mkdir /etc/sticky.d; echo one >/etc/sticky.d/file');
  const before = await guard.role.onHost(HOST, `ip rule show; cat ${FILE}`);
  const run = await guard.run(
    guard.playbook(`
- copy: { dest: /etc/sticky.d/file, content: "two" }
- copy: { dest: /etc/motd, content: "changed" }
- ip_rule: { priority: 99, from: 198.51.100.7, table: 77 }
- command: mount -t tmpfs -o ro none /etc/sticky.d
- command: "false"`),
  );
  expect({ exitCode: run.exitCode, stderr: run.stderr }).toEqual({ exitCode: 1, stderr: '' });
  expect(run.stdout).toMatch(/^edge-1 +rolled back +a task failed$/m);
  expect(run.stdout).toMatch(/could not be put back: .*\/etc\/sticky\.d.*Read-only file system/);
  expect(run.stdout).toMatch(/not as before: \/etc\/sticky\.d\/file: is gone/);
  expect(run.stdout).toMatch(/failed, rolled back, but not all is as it was before$/m);
  expect(await guard.role.onHost(HOST, `ip rule show; cat ${FILE}`)).toBe(before);
});
