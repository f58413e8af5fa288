// Rows of the fault matrix in which a machine goes back by its timer.
import { expect } from 'vitest';
import { expectRolledBack } from '../../lab/support/guard-lab.ts';
import { figure } from '../../lab/support/role-lab.ts';
import { GUARD, type GuardMachines, MACHINE_WINDOW_S } from './guard-machines.ts';

const FILE = '/etc/motd';

const CHANGE = `
- copy: { dest: ${FILE}, content: "new" }
- ip_rule: { priority: 97, from: 198.51.100.9, table: 77 }`;

/** Of a run that waits for the rest of the test. */
export const CHANGE_AND_WAIT = `${CHANGE}\n- pause: { seconds: 600 }`;

/** Sets $timer to its process. */
export const FIND_TIMER = `read -r timer _ <${GUARD}/$(sed -n 's/^id=//p' ${GUARD}/current)/timer`;

/** The address that everybody comes by is gone. */
export async function expectBackByTimer(machines: GuardMachines): Promise<void> {
  const before = await machines.pictures(FILE);
  const running = machines.guard.run(
    machines.playbook(`${CHANGE}\n- command: ip addr del {{ansible_host}}/16 dev mgmt`),
  );
  const outages = await machines.outages('! ip -o -4 addr show dev mgmt | grep -q inet');
  const run = await running;
  expectRolledBack(run, /time was up/);
  expect(run.stdout.match(/rolled back, as it was before$/gm)).toHaveLength(machines.hosts.length);
  expect(await machines.pictures(FILE)).toEqual(before);
  for (const [name, seconds] of Object.entries(outages)) {
    expect(seconds).toBeLessThan(MACHINE_WINDOW_S + 10);
    figure(`${name} was cut off for ${seconds.toFixed(1)} s; window ${MACHINE_WINDOW_S} s`);
  }
}

/** The controller dies after the changes, and with it whatever `kill` (sh) ends on the host. */
export async function expectTimerLives(machines: GuardMachines, host: string, kill: string): Promise<void> {
  const before = await machines.pictures(FILE);
  const run = await machines.startAndWait(machines.playbook(CHANGE_AND_WAIT), { on: host });
  await machines.inside(host, kill);
  await run.kill();
  // What systemd starts again it starts a second later.
  expect(await machines.latenessS(host)).toBeLessThan(2);
  expect(await machines.guard.journal(host)).toMatch(
    /rolled back \(its time was up and nobody had confirmed it\)\n$/,
  );
  expect(await machines.pictures(FILE)).toEqual(before);
  await machines.guard.reachable(30);
}
