// A reboot on purpose: what came before it is confirmed first, what comes after it is another transaction.
import { afterAll, beforeAll, expect, it } from 'vitest';
import { GuardLab } from '../support/guard-lab.ts';

const HOST = 'edge-1';
const FILE = '/etc/motd';

let guard: GuardLab;

beforeAll(async () => {
  guard = await GuardLab.create('reboot-task');
});

afterAll(() => guard.down());

const marked = (text: string) =>
  `- copy: { dest: ${FILE}, content: "${text}\\n" }\n- ip_rule: { priority: 99, from: 198.51.100.7, table: 77 }`;

/** Of each transaction how it began and ended, in order. */
async function story(): Promise<readonly (readonly [id: string, what: string])[]> {
  const lines = (await guard.journal(HOST)).trim().split('\n');
  return lines.map((line) => {
    const [, id = '', what = ''] = line.split(' ');
    return [id, what];
  });
}

it('confirms before the reboot, and again after it', async () => {
  const tasks = `${marked('before')}\n- reboot:\n${marked('after')}`;
  const run = await guard.run(guard.playbook(tasks, { guard: '20s' }));
  expect({ exitCode: run.exitCode, stderr: run.stderr }).toEqual({ exitCode: 0, stderr: '' });
  const [a, b, c, d, ...more] = await story();
  expect([a?.[1], b?.[1], c?.[1], d?.[1], more]).toEqual(['armed', 'confirmed', 'armed', 'confirmed', []]);
  expect([a?.[0], c?.[0]]).toEqual([b?.[0], d?.[0]]);
  expect(a?.[0]).not.toBe(c?.[0]);
  expect(await guard.role.onHost(HOST, `cat ${FILE}; ip rule show priority 99`)).toMatch(/^after\n99:/);
});

it('goes back to what it was after the reboot, not before it, where a task fails then', async () => {
  const tasks = `${marked('one')}\n- reboot:\n${marked('two')}\n- command: "false"`;
  const run = await guard.run(guard.playbook(tasks, { guard: '20s' }));
  expect({ exitCode: run.exitCode, stderr: run.stderr }).toEqual({ exitCode: 1, stderr: '' });
  expect(run.stdout).toMatch(/^edge-1 .* failed, rolled back, as it was before$/m);
  expect(await guard.role.onHost(HOST, `cat ${FILE}; ip rule show priority 99`)).toBe('one\n');
});
