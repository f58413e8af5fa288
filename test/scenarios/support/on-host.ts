// A script on a lab's host, past fairlead and sshd: to prepare a fault, and to see what a run left behind.
import type { Lab } from '../../../src/lab/lab.ts';

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
