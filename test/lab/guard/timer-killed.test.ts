// Whoever kills the timer has not won: the next run puts the host right, and so does a boot.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { GuardLab, WINDOW_S } from '../support/guard-lab.ts';
import { secondsUntil } from '../support/role-lab.ts';

const HOST = 'edge-1';
const FILE = '/etc/motd';
const TASKS = `
- copy: { dest: ${FILE}, content: "changed" }
- ip_rule: { priority: 99, from: 198.51.100.7, table: 77 }
- shell: touch /run/there; sleep 600`;
const HARMLESS = '- ip_rule: { priority: 98, from: 198.51.100.8, table: 77 }';

let guard: GuardLab;

beforeAll(async () => {
  guard = await GuardLab.create('timer-killed');
});

afterAll(() => guard.down());

/** A run that is killed together with the timer on the host. */
async function abandon(): Promise<void> {
  const run = guard.start(guard.playbook(TASKS));
  const isThere = async () => (await guard.lab.inHost(HOST, ['test', '-e', '/run/there'])).exitCode === 0;
  await secondsUntil(isThere, { withinS: 20, what: 'the task has begun' });
  await run.kill();
  await guard.role.onHost(HOST, `rm /run/there; pkill -KILL -f 'program [w]atch'`);
}

describe('the timer is killed with the controller', () => {
  it('stays changed until somebody comes by; the next run puts it back first, and says so', async () => {
    const before = await guard.picture(HOST, FILE);
    await abandon();
    const overdue = async () => {
      const status = await guard.role.onHost(
        HOST,
        'cat /proc/uptime; cat /var/lib/fairlead/guard/*/deadline',
      );
      const [uptime = 0, , deadline = 0] = status.split(/\s+/).map(Number);
      return uptime * 100 > deadline + 600;
    };
    await secondsUntil(overdue, { withinS: WINDOW_S + 10, what: 'its time is up' });
    expect(await guard.picture(HOST, FILE)).not.toBe(before);

    const next = await guard.run(guard.playbook(HARMLESS));
    expect({ exitCode: next.exitCode, stderr: next.stderr }).toEqual({ exitCode: 0, stderr: '' });
    expect(next.stdout).toMatch(/earlier .* was rolled back at \S+: its timer was gone/);
    await guard.role.onHost(HOST, 'ip rule del priority 98');
    expect(await guard.picture(HOST, FILE)).toBe(before);
  });

  it('is put back by a boot', async () => {
    const before = await guard.picture(HOST, FILE);
    await abandon();
    await guard.lab.reboot(HOST);
    expect(await guard.picture(HOST, FILE)).toBe(before);
    expect(await guard.journal(HOST)).toMatch(/rolled back \(the host rebooted/);
  });
});
