// Which program starts services on a host: the one question that facts, `service` and `boot_script` all ask.
// It is asked on the host, by builtins alone, each time it matters.

export type InitSystem = 'systemd' | 'sysv' | 'openrc' | 'none';

export const INIT_SYSTEMS: readonly InitSystem[] = ['systemd', 'sysv', 'openrc', 'none'];

/**
 * Sets `$init` to one of INIT_SYSTEMS. What runs counts more than what is installed: systemd is there where
 * sd_booted(3) says so, OpenRC where it left its state in /run, SysV where there are rc folders; BusyBox often has rcS.d alone.
 */
export const DETECT_INIT = `if [ -d /run/systemd/system ]; then init=systemd
elif [ -d /run/openrc ]; then init=openrc
elif [ -d /etc/init.d ] && { [ -d /etc/rc2.d ] || [ -d /etc/rc3.d ] || [ -d /etc/rc.d/rc3.d ]; }; then init=sysv
elif [ -d /etc/runlevels ] && [ -x /sbin/openrc-run ]; then init=openrc
elif [ -d /etc/init.d ] && [ -d /etc/rcS.d ]; then init=sysv
else init=none
fi`;
