// A row of the fault matrix that each init has to show for itself: the power is cut in the middle of the window, when all that was
// changed has reached the disk.
import { expect } from 'vitest';
import { ENDLESS_S, type GuardMachines, NO_TABLE_NAMES } from './guard-machines.ts';

const INTERFACES = '/etc/network/interfaces';
/** What ifup leaves behind where it finds the new file. */
const WITNESS = '/var/tmp/came-up-with-the-new-file';
/** What the row touches; read by the boot, the first of them. */
export const POWER_CUT_FILES = [
  INTERFACES,
  '/etc/motd',
  '/etc/init.d/fairlead-split-access',
  '/etc/fairlead',
  WITNESS,
];

/** The roles are new, and the network's file is another one: neither is there when the network starts. */
export async function expectBackAfterPowerCut(
  machines: GuardMachines,
  { roles = 'split-access' } = {},
): Promise<void> {
  const { lab } = machines.guard;
  const before = await machines.pictures(...POWER_CUT_FILES);
  const boots = await machines.bootIds();
  const run = await machines.startAndWait(
    machines.playbook(
      `
- lineinfile: { path: ${INTERFACES}, insertafter: "^iface mgmt inet ", line: "    up touch ${WITNESS}" }
- copy: { dest: /etc/motd, content: "new" }
- command: sync ${INTERFACES} /etc/motd
- pause: { seconds: 600 }`,
      { windowS: ENDLESS_S, roles },
    ),
    { words: NO_TABLE_NAMES },
  );
  expect(await machines.pictures(...POWER_CUT_FILES)).not.toEqual(before);
  await run.kill();
  await Promise.all(machines.hosts.map(({ name }) => lab.reboot(name)));
  for (const [name, boot] of Object.entries(await machines.bootIds())) expect(boot).not.toBe(boots[name]);
  expect(await machines.pictures(...POWER_CUT_FILES)).toEqual(before);
  for (const { name } of machines.hosts) {
    const journal = await machines.guard.journal(name);
    expect(journal).toMatch(/rolled back \(the host rebooted and nobody had confirmed it\)\n$/);
  }
}
