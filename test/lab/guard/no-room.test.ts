// What cannot be kept is not begun: a full disk, a folder that cannot be written.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { GuardLab } from '../support/guard-lab.ts';

const HOST = 'edge-1';
const FILE = '/etc/motd';
const TASKS = `- copy: { dest: ${FILE}, content: "changed" }\n- ip_rule: { priority: 99, from: 198.51.100.7, table: 77 }`;

let guard: GuardLab;

beforeAll(async () => {
  guard = await GuardLab.create('no-room');
});

afterAll(() => guard.down());

async function expectRefused(reason: RegExp): Promise<void> {
  const before = await guard.picture(HOST, FILE);
  const run = await guard.run(guard.playbook(TASKS));
  expect({ exitCode: run.exitCode, stderr: run.stderr }).toEqual({ exitCode: 1, stderr: '' });
  expect(run.stdout).toMatch(/failed +copy: nothing was changed, for the way back cannot be prepared: /);
  expect(run.stdout).toMatch(reason);
  expect(run.stdout).toMatch(/nothing was changed$/m);
  expect(await guard.picture(HOST, FILE)).toBe(before);
}

describe('nothing is changed', () => {
  it.each([0, 8, 40, 100])('where the disk is full but for %d KiB', async (left) => {
    const state = '/var/lib/fairlead';
    await guard.role.onHost(
      HOST,
      `mkdir -p ${state}; mount -t tmpfs -o size=4m none ${state}
      dd if=/dev/zero of=${state}/ballast bs=1k count=${4096 - left} 2>/dev/null || :`,
    );
    await expectRefused(/No space left|cannot be kept|not whole|write error/i);
    expect(
      await guard.role.onHost(
        HOST,
        `ls ${state}/guard 2>/dev/null || :; ls -d ${state}/guard/*/ 2>/dev/null || :`,
      ),
    ).not.toMatch(/current/);
    await guard.role.onHost(HOST, `umount ${state}`);
  });

  it('where /var/lib cannot be written', async () => {
    await guard.role.onHost(HOST, 'mount --bind /var/lib /var/lib; mount -o remount,ro,bind /var/lib');
    await expectRefused(/Read-only file system/);
    await guard.role.onHost(HOST, 'umount /var/lib');
  });
});
