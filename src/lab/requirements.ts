// What a machine must have before a lab can stand on it. The set-up script installs what is missing;
// the command line tells the user. Nothing here changes anything.
import { existsSync } from 'node:fs';
import { platform, userInfo } from 'node:os';
import { isMachine, type LabSystem } from './vm/systems.ts';

export interface LabPackage {
  /** The Debian and Ubuntu name. */
  readonly name: string;
  /** A program of it, whose presence counts as the package's. */
  readonly binary: string;
}

/** Programs that the lab itself or the hosts in it use. */
export const LAB_PACKAGES: readonly LabPackage[] = [
  { name: 'openssh-server', binary: 'sshd' },
  { name: 'openssh-client', binary: 'ssh-keygen' },
  { name: 'iproute2', binary: 'ip' },
  { name: 'iptables', binary: 'iptables-restore' },
  { name: 'ipset', binary: 'ipset' },
  { name: 'ifupdown', binary: 'ifup' },
  { name: 'procps', binary: 'sysctl' },
  { name: 'mount', binary: 'mount' },
  { name: 'util-linux', binary: 'nsenter' },
  { name: 'init-system-helpers', binary: 'update-rc.d' },
  { name: 'perl-base', binary: 'perl' },
];

/** What building images and running machines takes besides. */
export const MACHINE_PACKAGES: readonly LabPackage[] = [
  { name: 'qemu-system-x86', binary: 'qemu-system-x86_64' },
  { name: 'qemu-utils', binary: 'qemu-img' },
  { name: 'mmdebstrap', binary: 'mmdebstrap' },
  { name: 'e2fsprogs', binary: 'mke2fs' },
  { name: 'apt', binary: 'apt-get' },
];

export type MissingRequirement =
  | { readonly kind: 'linux'; readonly platform: string }
  | { readonly kind: 'root' }
  | { readonly kind: 'package'; readonly package: LabPackage };

const PROGRAM_FOLDERS = ['/usr/sbin', '/usr/bin', '/sbin', '/bin'];

/** What keeps a lab whose hosts run on these from standing here; empty = nothing. */
export function missingRequirements(
  systems: readonly LabSystem[] = ['namespace'],
): readonly MissingRequirement[] {
  if (platform() !== 'linux') return [{ kind: 'linux', platform: platform() }];
  const missing: MissingRequirement[] = [];
  if (userInfo().uid !== 0) missing.push({ kind: 'root' });
  for (const wanted of [...LAB_PACKAGES, ...(systems.some(isMachine) ? MACHINE_PACKAGES : [])]) {
    const found = PROGRAM_FOLDERS.some((folder) => existsSync(`${folder}/${wanted.binary}`));
    if (!found) missing.push({ kind: 'package', package: wanted });
  }
  return missing;
}

/** One line for people: what is needed. */
export function requirementText(missing: readonly MissingRequirement[]): string {
  const needs: string[] = [];
  if (missing.some((m) => m.kind === 'linux')) needs.push('Linux');
  if (missing.some((m) => m.kind === 'root')) needs.push('root');
  const packages = missing.flatMap((m) => (m.kind === 'package' ? [m.package.name] : []));
  if (packages.length > 0) needs.push(`the packages ${packages.join(' ')}`);
  return `a lab needs ${needs.join(' and ')}`;
}
