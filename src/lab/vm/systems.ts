// What a host of a lab can run on: namespaces of this machine, or a machine of its own with one of four inits.

export const MACHINE_SYSTEMS = ['systemd', 'sysv', 'openrc', 'busybox'] as const;

/** `busybox`: BusyBox's init with OpenRC and dropbear, without bash, Perl, Python, systemd. The others are Debian. */
export type MachineSystem = (typeof MACHINE_SYSTEMS)[number];

/** `namespace`: no kernel of its own, boots as SysV does. */
export type LabSystem = 'namespace' | MachineSystem;

export const LAB_SYSTEMS: readonly LabSystem[] = ['namespace', ...MACHINE_SYSTEMS];

export function isMachine(system: LabSystem): system is MachineSystem {
  return system !== 'namespace';
}
