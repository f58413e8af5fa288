// The guard on a machine without bash, Perl, coreutils and systemd: BusyBox's init and tools, OpenRC, dropbear.
import { afterAll, beforeAll, it } from 'vitest';
import { GuardMachines } from './support/guard-machines.ts';
import { expectBackAfterPowerCut } from './support/guard-power-cut.ts';
import { expectBackByTimer } from './support/guard-timer.ts';

const HOST = 'edge-1';

let machines: GuardMachines;

beforeAll(async () => {
  machines = await GuardMachines.create('busybox', ['busybox']);
  await machines.inside(HOST, 'echo old >/etc/motd');
});

afterAll(() => machines.down());

it('the power is cut in the middle of the window: it goes back before its network starts', () =>
  expectBackAfterPowerCut(machines));

it('cut off: it comes back by its timer, as it was', () => expectBackByTimer(machines));
