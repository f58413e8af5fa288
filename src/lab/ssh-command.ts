// How the lab's operator gets to a host by ssh(1): with the lab's key, to hosts whose keys the lab knows. Pure.
import { words as shellWords } from '../shell.ts';
import type { LabPaths } from './lab-folder.ts';
import type { Argv } from './namespaces.ts';
import type { LabHost } from './plan.ts';

/** To be run in the controller's network. `terminal`: for somebody who sits at one. */
export function sshCommand(
  { key, knownHosts }: LabPaths,
  host: LabHost,
  remote: { readonly argv: Argv; readonly io: 'pipes' | 'terminal' },
): Argv {
  const settings = [`UserKnownHostsFile=${knownHosts}`, 'StrictHostKeyChecking=yes', 'LogLevel=ERROR'];
  return [
    ...(['ssh', '-F', 'none', '-i', key] as const),
    ...settings.flatMap((setting) => ['-o', setting]),
    ...(remote.io === 'terminal' ? ['-t'] : []),
    ...[`root@${host.managementAddress}`, '--', shellWords(...remote.argv)],
  ];
}
