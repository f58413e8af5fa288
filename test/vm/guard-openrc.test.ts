// The guard under OpenRC, as Debian has it: its network starts in the first runlevel, and nothing there is named net or localmount.
import { afterAll, beforeAll, it } from 'vitest';
import { GuardMachines } from './support/guard-machines.ts';
import { expectBackAfterPowerCut } from './support/guard-power-cut.ts';
import { expectBackByTimer, expectTimerLives } from './support/guard-timer.ts';

const HOST = 'edge-1';

let machines: GuardMachines;

beforeAll(async () => {
  machines = await GuardMachines.create('openrc', ['openrc']);
  await machines.inside(HOST, 'echo old >/etc/motd');
});

afterAll(() => machines.down());

it('the power is cut in the middle of the window: it goes back before its network starts', () =>
  expectBackAfterPowerCut(machines));

it('cut off: it comes back by its timer, as it was', () => expectBackByTimer(machines));

it('who kills all that is in the cgroup of sshd has not won', () =>
  expectTimerLives(
    machines,
    HOST,
    `group=$(ls -d /sys/fs/cgroup/openrc/ssh /sys/fs/cgroup/unified/ssh /sys/fs/cgroup/ssh 2>/dev/null | head -n 1)
    kill -KILL $(cat "$group/cgroup.procs")
    /etc/init.d/ssh start`,
  ));
