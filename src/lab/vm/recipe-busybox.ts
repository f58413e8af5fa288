// The image without bash, Perl, Python and systemd: BusyBox's init and tools, OpenRC, dropbear. Debian's files, unpacked and never
// configured; its OpenRC has no services, so these are small ones of the lab's own, named as Alpine names them.
// Perl is there for the lab alone, where no PATH leads.
import type { ImageRecipe } from './recipe.ts';

const INITTAB = `::sysinit:/bin/sh -c "/lab/start &"
::sysinit:/bin/sh -c "mkdir -p /dev/pts /dev/shm && mount -a"
::sysinit:/sbin/openrc sysinit
::sysinit:/sbin/openrc boot
::wait:/sbin/openrc default
::once:/lab/ready ok
::shutdown:/sbin/openrc shutdown
::shutdown:/bin/umount -a -r
`;

const FSTAB = `/dev/vda / ext4 noatime 0 0
devpts /dev/pts devpts mode=0620,gid=5,ptmxmode=0666 0 0
shm /dev/shm tmpfs mode=1777,nosuid,nodev 0 0
`;

/** Service → its run level and its text after the first line. */
const SERVICES: Readonly<Record<string, { readonly level: string; readonly text: string }>> = {
  hostname: {
    level: 'boot',
    text: `depend() { keyword -prefix -lxc; }
start() {
  ebegin "Setting the hostname"
  hostname -F /etc/hostname
  eend $?
}
`,
  },
  modules: {
    level: 'boot',
    text: `start() {
  ebegin "Loading modules"
  for file in /etc/modules /etc/modules-load.d/*.conf; do
    [ -f "$file" ] || continue
    while read -r module parameters; do
      case $module in '' | '#'* | ';'*) continue ;; esac
      modprobe -q "$module" $parameters || ewarn "no module $module"
    done <"$file"
  done
  eend 0
}
`,
  },
  sysctl: {
    level: 'boot',
    text: `depend() { after modules; before networking; }
start() {
  ebegin "Setting kernel variables"
  for file in /run/sysctl.d/*.conf /etc/sysctl.d/*.conf /etc/sysctl.conf; do
    [ ! -f "$file" ] || sysctl -e -q -p "$file" >/dev/null
  done
  eend 0
}
`,
  },
  networking: {
    level: 'boot',
    text: `depend() {
  after hostname modules sysctl
  provide net
}
start() {
  ebegin "Starting networking"
  mkdir -p /run/network
  ifup -a
  eend $?
}
stop() {
  ebegin "Stopping networking"
  ifdown -a
  eend $?
}
`,
  },
  dropbear: {
    level: 'default',
    text: `depend() {
  need net
  use logger
}
key=/etc/dropbear/dropbear_ed25519_host_key
start() {
  ebegin "Starting dropbear"
  if [ ! -e "$key" ]; then
    /usr/lib/dropbear/dropbearconvert openssh dropbear /etc/ssh/ssh_host_ed25519_key "$key.new" 2>/dev/null
    sync # or a power cut leaves an empty key
    mv "$key.new" "$key"
    rm -r /etc/ssh
  fi
  start-stop-daemon -S -x /usr/sbin/dropbear -p /run/dropbear.pid -- -s -r "$key" -P /run/dropbear.pid
  eend $?
}
stop() {
  ebegin "Stopping dropbear"
  start-stop-daemon -K -p /run/dropbear.pid
  eend $?
}
`,
  },
  local: {
    level: 'default',
    text: `depend() { after *; keyword -timeout; }
start() {
  ebegin "Starting local"
  for program in /etc/local.d/*.start; do [ ! -x "$program" ] || "$program"; done
  eend 0
}
stop() {
  ebegin "Stopping local"
  for program in /etc/local.d/*.stop; do [ ! -x "$program" ] || "$program"; done
  eend 0
}
`,
  },
};

const services = Object.entries(SERVICES).map(
  ([name, { text }]) => [`etc/init.d/${name}`, { text: `#!/sbin/openrc-run\n${text}`, mode: 0o755 }] as const,
);

export const BUSYBOX: ImageRecipe = {
  packages: [
    ...['busybox', 'openrc', 'dropbear-bin', 'ifupdown', 'iproute2', 'kmod'],
    ...['iptables', 'ipset', 'ipvsadm', 'conntrack', 'perl-base'],
  ],
  packaging: 'unpacked',
  files: {
    ...Object.fromEntries(services),
    'etc/inittab': { text: INITTAB },
    'etc/fstab': { text: FSTAB },
    'etc/passwd': { text: 'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n' },
    'etc/group': { text: 'root:x:0:\nuucp:x:10:\ntty:x:5:\nnogroup:x:65534:\n' },
    'etc/shadow': { text: 'root:*:19000:0:99999:7:::\nnobody:*:19000:0:99999:7:::\n', mode: 0o640 },
    'etc/shells': { text: '/bin/sh\n' },
    'etc/profile': {
      text: 'export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n',
    },
    'etc/os-release': { text: 'NAME=BusyBox\nID=busybox\nPRETTY_NAME=BusyBox\n' },
    'etc/insserv.conf': { text: '' },
    'etc/network/interfaces.d/README': { text: '' },
  },
  finish: `set -eu
cd "$1"
mkdir -p dev proc sys run tmp root mnt home etc/dropbear etc/local.d etc/modules-load.d etc/conf.d lab/perl/bin \\
  etc/insserv.conf.d etc/insserv/overrides etc/network/if-pre-up.d etc/network/if-up.d etc/network/if-down.d etc/network/if-post-down.d \\
  var/log var/lib var/spool var/cache var/tmp usr/local/bin usr/local/sbin
chmod 700 root
chmod 1777 tmp var/tmp
ln -s /run var/run
ln -s /run/lock var/lock
mv usr/bin/perl lab/perl/bin/perl
mv usr/lib/x86_64-linux-gnu/perl-base lab/perl/lib
rm -f usr/bin/perl5* etc/network/if-*.d/*
for applet in $(chroot . /bin/busybox --list-full); do
  [ -e "$applet" ] || [ -h "$applet" ] || ln -s /bin/busybox "$applet"
done
for family in iptables ip6tables; do
  for program in "$family" "$family-save" "$family-restore"; do
    ln -sf "/usr/sbin/$(echo "$program" | sed "s/^$family/$family-nft/")" "usr/sbin/$program"
  done
done
for program in arptables arptables-save arptables-restore; do
  ln -sf "/usr/sbin/$(echo "$program" | sed 's/^arptables/arptables-nft/')" "usr/sbin/$program"
done
rm -f etc/runlevels/*/*
${Object.entries(SERVICES)
  .map(([name, { level }]) => `ln -s /etc/init.d/${name} etc/runlevels/${level}/`)
  .join('\n')}
`,
};
