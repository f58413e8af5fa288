// The guard under systemd: the timer is a unit of its own, and what a reboot interrupted goes back in a unit before the network's.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ENDLESS_S, GuardMachines } from './support/guard-machines.ts';
import { expectBackAfterPowerCut } from './support/guard-power-cut.ts';
import { CHANGE_AND_WAIT, expectBackByTimer, expectTimerLives, FIND_TIMER } from './support/guard-timer.ts';

const HOST = 'edge-1';

let machines: GuardMachines;

beforeAll(async () => {
  machines = await GuardMachines.create('systemd', ['systemd']);
  await machines.inside(HOST, 'echo old >/etc/motd');
});

afterAll(() => machines.down());

describe('the power is cut in the middle of the window', () => {
  it('it goes back before its network starts, whatever had reached its disk', () =>
    expectBackAfterPowerCut(machines));

  it('the unit has ended before settings are made and interfaces come up', async () => {
    /** Microseconds since boot. */
    const time = async (unit: string, name: string) =>
      Number(await machines.inside(HOST, `systemctl show --value -p ${name}TimestampMonotonic ${unit}`));
    const ended = await time('fairlead-guard', 'ExecMainExit');
    expect(ended).toBeGreaterThan(0);
    expect(await time('systemd-sysctl', 'InactiveExit')).toBeGreaterThan(ended);
    expect(await time('networking', 'InactiveExit')).toBeGreaterThan(ended);
    const states = await machines.inside(
      HOST,
      'systemctl show --value -p Result fairlead-guard; systemctl is-system-running',
    );
    expect(states).toBe('success\nrunning\n');
  });
});

it('cut off: it comes back by its timer, as it was', () => expectBackByTimer(machines));

it('who kills all that is in the cgroup of the session, and the timer, which is in none, has not won', () =>
  expectTimerLives(
    machines,
    HOST,
    `${FIND_TIMER}
    grep -qx '0::/system.slice/fairlead-guard-[0-9a-f]*.service' /proc/$timer/cgroup
    systemctl kill --signal=KILL ssh.service
    kill -KILL $timer`,
  ));

it('a reboot in order, in the middle of the window, goes back too', async () => {
  const before = await machines.pictures('/etc/motd');
  const run = await machines.startAndWait(machines.playbook(CHANGE_AND_WAIT, { windowS: ENDLESS_S }));
  await run.kill();
  const { lab } = machines.guard;
  await lab.untilRebooted(HOST, () => lab.inHost(HOST, ['reboot']));
  const journal = await machines.guard.journal(HOST);
  expect(journal).toMatch(/rolled back \(the host rebooted and nobody had confirmed it\)\n$/);
  expect(await machines.pictures('/etc/motd')).toEqual(before);
});
