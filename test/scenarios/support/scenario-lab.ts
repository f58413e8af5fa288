// A lab for one file of scenarios, and scripts on its hosts past fairlead and sshd: to prepare a fault, and to see what
// a run left behind.
import process from 'node:process';
import { createLab } from '../../../src/lab/create-lab.ts';
import type { Lab } from '../../../src/lab/lab.ts';

/** Goes with this process at the latest. Its name is this process's own, so that two test runs do not meet. */
export function scenarioLab(name: string, hostCount: number): Promise<Lab> {
  return createLab({ name: `${name}-${process.pid}`, hostCount, owner: 'this-process' });
}

/** What the script printed. Rejects where it exits with anything but 0. */
export async function onHost(lab: Lab, host: string, script: string): Promise<string> {
  const { exitCode, stdout, stderr } = await lab.inHost(host, ['sh', '-c', script]);
  if (exitCode !== 0) throw new Error(`${host}: exited ${exitCode}: ${stderr}\n${script}`);
  return stdout;
}

/** The same on all of them, in the lab's order. */
export async function onEachHost(lab: Lab, script: string): Promise<readonly string[]> {
  return Promise.all(lab.hosts.map(({ name }) => onHost(lab, name, script)));
}
