// Images of Debian with three inits: what all have, and what is each one's own.
import type { ImageRecipe } from './recipe.ts';

const NETWORK_PACKAGES = [
  'usr-is-merged', // or Perl comes along, to merge it
  ...[
    'openssh-server',
    'sudo',
    'iproute2',
    'ifupdown',
    'iputils-ping',
    'iputils-arping',
    'procps',
    'kmod',
    'udev',
  ],
  ...['iptables', 'arptables', 'nftables', 'ipset', 'ipvsadm', 'conntrack', 'conntrackd', 'keepalived'],
  ...['curl', 'socat', 'tcpdump', 'passwd', 'login', 'mount'],
];

/** In the first lines of an inittab(5), and in the last: it waits until the run level's scripts have ended. */
const INITTAB = `{
  sed -e '/getty/d' -e '/^si:/i la::sysinit:/bin/sh -c "/lab/start &"' inittab
  echo 'lr:2345:once:/lab/ready ok'
} >inittab.new
mv inittab.new inittab
`;

const FSTAB = '/dev/vda / ext4 noatime 0 0\n';

/** Services that wait for somebody to enable them. */
const DORMANT = 'keepalived conntrackd';

/** Boot scripts that an emulated machine has no use for, and that are dear there. */
const USELESS =
  'udev hwclock.sh checkfs.sh brightness mountnfs.sh mountnfs-bootclean.sh mount-configfs cgroups';

export const SYSV: ImageRecipe = {
  packages: ['sysvinit-core', 'sysv-rc', 'initscripts', 'insserv', 'startpar', ...NETWORK_PACKAGES],
  packaging: 'installed',
  files: { 'etc/fstab': { text: FSTAB } },
  finish: `set -eu
for service in ${DORMANT}; do chroot "$1" update-rc.d "$service" disable; done
cd "$1/etc"
for script in ${USELESS}; do rm -f rcS.d/S??"$script"; done
${INITTAB}`,
};

export const OPENRC: ImageRecipe = {
  packages: ['sysvinit-core', 'openrc', ...NETWORK_PACKAGES],
  packaging: 'installed',
  files: { 'etc/fstab': { text: FSTAB } },
  finish: `set -eu
for service in ${DORMANT}; do chroot "$1" rc-update -a delete "$service" || :; done
cd "$1/etc"
for service in ${USELESS}; do rm -f runlevels/*/"$service"; done
${INITTAB}`,
};

/** Units that an emulated machine has no use for, and that are dear there. */
const MASKED = [
  'apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer fstrim.timer',
  'systemd-tmpfiles-clean.timer getty.target getty-static.service serial-getty@ttyS0.service console-getty.service',
  'dev-hugepages.mount dev-mqueue.mount sys-kernel-debug.mount sys-kernel-tracing.mount sys-kernel-config.mount',
  'sys-fs-fuse-connections.mount modprobe@configfs.service modprobe@drm.service modprobe@fuse.service',
  'modprobe@efi_pstore.service modprobe@dm_mod.service modprobe@loop.service systemd-pstore.service',
  'proc-sys-fs-binfmt_misc.automount systemd-random-seed.service systemd-update-utmp.service',
  'systemd-update-utmp-runlevel.service systemd-journal-flush.service systemd-machine-id-commit.service',
  'systemd-firstboot.service systemd-hwdb-update.service systemd-sysusers.service systemd-boot-system-token.service',
  'systemd-repart.service systemd-growfs-root.service kmod-static-nodes.service systemd-remount-fs.service',
  'systemd-logind.service systemd-ask-password-wall.path systemd-ask-password-console.path ifupdown-pre.service',
  'systemd-user-sessions.service systemd-quotacheck.service sudo.service',
].join(' ');

const LAB_UNIT = `[Unit]
Description=What the lab reaches this machine by
DefaultDependencies=no

[Service]
ExecStart=/lab/start
Restart=always
RestartSec=1
`;

const READY_UNIT = `[Unit]
Description=Tells the lab that the boot is over

[Service]
ExecStart=/bin/sh -c 'case $(systemctl is-system-running --wait) in running) exec /lab/ready ok ;; esac; \\
  exec /lab/ready "$(systemctl --failed --plain --no-legend | while read -r unit rest; do echo "$unit"; done | xargs)"'
`;

const COLDPLUG = `[Service]
ExecStart=
ExecStart=-/usr/bin/udevadm trigger --type=devices --action=add --subsystem-match=block --subsystem-match=net
`;

export const SYSTEMD: ImageRecipe = {
  packages: ['systemd-sysv', ...NETWORK_PACKAGES],
  packaging: 'installed',
  files: {
    'etc/fstab': { text: FSTAB },
    'etc/systemd/system/lab.service': { text: LAB_UNIT },
    'etc/systemd/system/lab-ready.service': { text: READY_UNIT },
    'etc/systemd/system/systemd-udev-trigger.service.d/lab.conf': { text: COLDPLUG },
  },
  finish: `set -eu
chroot "$1" systemctl --quiet disable ${DORMANT} ipvsadm
chroot "$1" systemctl --quiet mask ${MASKED}
chroot "$1" systemctl --quiet add-wants sysinit.target lab.service
chroot "$1" systemctl --quiet add-wants multi-user.target lab-ready.service
# It would ask a resolver that is not there, for each interface.
rm -f "$1"/etc/network/if-*.d/resolved
`,
};
