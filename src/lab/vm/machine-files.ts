// Fills a lab's folder with what its machines need besides the hosts' own files: programs, settings, and the part of a disk
// that all of them are born with.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { hostDevices, type LabHost } from '../plan.ts';
import { BIRTH_FOLDER, CABLES_FILE } from './initrd.ts';
import { type MachineSettings, machineScript, settingsText, TAP_SCRIPT } from './machine-script.ts';

export type WriteFile = (path: string, text: string, mode?: number) => void;

/** `places` are those that every host has a cable to. `write` takes paths below the lab's folder. */
export function writeMachineFiles(
  lab: {
    readonly name: string;
    readonly hosts: readonly LabHost[];
    readonly places: readonly string[];
    /** Of the key that all hosts let in as root. */
    readonly publicKeyFile: string;
    readonly settings: (host: LabHost) => MachineSettings;
  },
  write: WriteFile,
): void {
  write('boot-machine', machineScript(lab.places));
  write('tap', TAP_SCRIPT);
  write(`machines/${BIRTH_FOLDER}/root/.ssh/authorized_keys`, readFileSync(lab.publicKeyFile, 'utf8'), 0o600);
  for (const host of lab.hosts) {
    write(`machines/${host.name}/settings`, settingsText(lab.settings(host)));
    write(`hosts/${host.name}/lab/name`, `${host.name}\n`);
    write(`hosts/${host.name}/${CABLES_FILE}`, cablesText(host));
    write(`hosts/${host.name}/etc/machine-id`, `${machineId(lab.name, host)}\n`);
  }
}

/** Where a machine's sockets and its console lie, below the lab's folder. */
export function machinePath(host: string): string {
  return `machines/${host}`;
}

/** The same at each boot, so that nobody's neighbour table is wrong after one. */
export function hardwareAddress(host: { readonly index: number }, cable: number): string {
  return `02:fa:00:${[cable, host.index >> 8, host.index & 255].map(hex).join(':')}`;
}

function hex(byte: number): string {
  return byte.toString(16).padStart(2, '0');
}

function cablesText(host: LabHost): string {
  const lines = hostDevices(host).map((device, at) => `${hardwareAddress(host, at + 1)} ${device}\n`);
  return lines.join('');
}

/** machine-id(5). */
function machineId(lab: string, host: LabHost): string {
  return createHash('sha256').update(`${lab} ${host.name}`).digest('hex').slice(0, 32);
}
