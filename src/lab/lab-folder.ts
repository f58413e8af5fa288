// Fills a new lab's folder: the programs of its shell side, the files its hosts are born with, keys, inventory.
// Text comes from the neighbours; this file decides what lies where and with which mode.
import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { bootScript, hostMounts } from './boot-script.ts';
import { fabricPrograms, PLACE_SETTINGS } from './fabric.ts';
import {
  hostsText,
  interfacesText,
  inventoryText,
  knownHostsText,
  lanClientBatch,
  SSHD_CONFIG,
  sysctlText,
} from './host-files.ts';
import { HELLO_SCRIPT, INIT_SCRIPT, POWER_SCRIPT } from './init-script.ts';
import { INTERNET_SCRIPT } from './internet-scripts.ts';
import type { LabHost, LabPlan } from './plan.ts';
import { supervisorScript } from './supervisor-script.ts';
import { writeMachineFiles } from './vm/machine-files.ts';
import type { MachineSettings } from './vm/machine-script.ts';
import { isMachine } from './vm/systems.ts';

export interface LabPaths {
  readonly supervisor: string;
  /** What the lab's shell programs print; the first thing to read when a lab does not come up. */
  readonly log: string;
  readonly events: string;
  readonly inventory: string;
  readonly knownHosts: string;
  /** The private key that all hosts let in as root. */
  readonly key: string;
}

export function labPaths(folder: string): LabPaths {
  return {
    supervisor: join(folder, 'supervisor'),
    log: join(folder, 'log'),
    events: join(folder, 'events'),
    inventory: join(folder, 'inventory.yml'),
    knownHosts: join(folder, 'known_hosts'),
    key: join(folder, 'id_ed25519'),
  };
}

/** The memory file system of the lab; empty for everybody outside its mount namespace. */
export function machineFolder(folder: string): string {
  return join(folder, 'machine');
}

/** The pipe that turns a host on again after it went off. */
export function powerPipe(folder: string, host: string): string {
  return join(folder, 'power', host);
}

/** Below the lab's folder: what the client behind a host is set up with when its cable comes in. */
export function lanClientFile(host: string): string {
  return join('lan', host);
}

/** Writes everything that can be known before the hosts run. `settings` are asked for hosts that are machines. */
export function fillLabFolder(
  folder: string,
  plan: LabPlan,
  settings: (host: LabHost) => MachineSettings,
): void {
  const paths = labPaths(folder);
  const machine = machineFolder(folder);
  for (const name of ['machine', 'power']) mkdirSync(join(folder, name));
  const write = (path: string, text: string, mode = 0o644) => writeBelow(folder, path, text, mode);
  const places = ['mgmt', ...plan.providers.map(({ name }) => name)] as const;

  const programs = fabricPrograms(plan, (other) => join(machine, 'net', other));
  write('supervisor', supervisorScript(programs.map(({ place }) => place)));
  write('boot', bootScript(places));
  write('mounts', hostMounts(machine));
  write('internet.cjs', INTERNET_SCRIPT);
  write('fabric/settings', PLACE_SETTINGS);
  for (const { place, script } of programs) write(`fabric/${place}`, script);

  write('tree/lab/init', INIT_SCRIPT, 0o755);
  write('tree/lab/power', POWER_SCRIPT, 0o755);
  write('tree/lab/hello', HELLO_SCRIPT, 0o755);
  write('tree/etc/hosts', hostsText(plan));
  write('tree/etc/ssh/sshd_config', SSHD_CONFIG);
  for (const host of plan.hosts) {
    write(`hosts/${host.name}/etc/hostname`, `${host.name}\n`);
    write(`hosts/${host.name}/etc/network/interfaces`, interfacesText(host));
    write(`hosts/${host.name}/etc/sysctl.d/10-lab.conf`, sysctlText(host));
    if (host.lan !== undefined) write(lanClientFile(host.name), lanClientBatch(host.lan));
    makeFolders(folder, `hosts/${host.name}/etc/ssh`);
  }

  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', 'fairlead lab', '-f', paths.key]);
  write('inventory.yml', inventoryText(plan, paths));
  const hosts = plan.hosts.filter(({ system }) => isMachine(system));
  if (hosts.length === 0) return;
  for (const path of ['etc/hosts', 'etc/ssh/sshd_config'] as const) {
    write(`machines/birth/${path}`, path === 'etc/hosts' ? hostsText(plan) : SSHD_CONFIG);
  }
  writeMachineFiles(
    { name: basename(folder), hosts, places, publicKeyFile: `${paths.key}.pub`, settings },
    write,
  );
}

/** Writes known_hosts from the keys that the hosts made when they were first turned on. */
export function writeKnownHosts(folder: string, plan: LabPlan): void {
  const keys = new Map(
    plan.hosts.map((host) => [
      host.name,
      readFileSync(join(folder, 'hosts', host.name, 'etc/ssh/ssh_host_ed25519_key.pub'), 'utf8'),
    ]),
  );
  writeBelow(folder, 'known_hosts', knownHostsText(plan, keys), 0o644);
}

/** The last words of the lab's shell programs, on one line. */
export function logTail(folder: string): string {
  const { log } = labPaths(folder);
  if (!existsSync(log)) return '(no log)';
  return readFileSync(log, 'utf8').trimEnd().split('\n').slice(-5).join('; ');
}

function writeBelow(folder: string, path: string, text: string, mode: number): void {
  makeFolders(folder, dirname(path));
  const target = join(folder, path);
  writeFileSync(target, text);
  chmodSync(target, mode); // the user's umask does not count
}

function makeFolders(folder: string, path: string): void {
  let made = folder;
  for (const part of path.split('/')) {
    made = join(made, part);
    if (mkdirSync(made, { recursive: true }) !== undefined) chmodSync(made, 0o755);
  }
}
