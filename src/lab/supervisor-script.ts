// pid 1 of a lab, as a sh program: it lives in the controller's network namespace and in a mount and a pid
// namespace of the lab, so that its death takes every process, mount, namespace and link of the lab with it.
// It reads orders on stdin and dies when that ends, unless it was told to stay: whoever makes a lab and is
// killed half-way leaves nothing running. How a host boots is boot-script.ts.
//
//   power-on HOST INDEX    start this host and its LAN's client, and the host again whenever it reboots
//   keep                   outlive the end of stdin
import type { Place } from './fabric.ts';
import { HELLO_PORT } from './plan.ts';

/**
 * For a lab with these places, besides the LANs: `mgmt` is the program's own. Arguments of the program: the lab's folder,
 * the path of node, and which network namespace is the machine's own. The journal's lines are described in events.ts.
 */
export function supervisorScript(places: readonly Place[]): string {
  const others = places.filter((place) => place !== 'mgmt');
  return String.raw`#!/bin/sh
set -eu
umask 022
folder=$1 node=$2 machine_network=$3
machine=$folder/machine

# This procfs is the machine's own, so these are the machine's numbers, in all programs of the lab.
read -r self rest </proc/self/stat
exec 3>>"$folder/events"
echo "lab $self" >&3

# Everything the hosts write lands in this memory file system, which nobody outside the lab sees.
mount -t tmpfs -o mode=0755,size=75% fairlead-lab "$machine"
cd "$machine"
mkdir base base/etc base/root disks net root scratch usr usr-top usr-top/bin usr-top/sbin

# /usr is the machine's, read-only, without what belongs to another init system than the lab's.
for command in reboot shutdown poweroff halt; do
  cp "$folder/tree/lab/power" "usr-top/sbin/$command"
done
for hidden in bin/systemctl sbin/telinit sbin/init sbin/policy-rc.d; do
  mknod "usr-top/$hidden" c 0 0
done
mount -t overlay -o "ro,lowerdir=$machine/usr-top:/usr" fairlead-lab usr

# What is copied to each host's /dev.
mkdir dev dev/pts dev/shm
while read -r device number; do mknod -m 0666 "dev/$device" c 1 "$number"; done <<END
null 3
zero 5
full 7
random 8
urandom 9
END
mknod -m 0666 dev/tty c 5 0
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd
ln -s /proc/self/fd/0 dev/stdin
ln -s /proc/self/fd/1 dev/stdout
ln -s /proc/self/fd/2 dev/stderr
chmod 1777 dev/shm

# The part of /etc that makes programs work, nothing that makes this machine what it is.
set --
for entry in alternatives bash.bashrc debian_version ethertypes gai.conf host.conf inputrc iproute2 issue \
  ld.so.cache ld.so.conf ld.so.conf.d localtime login.defs lsb-release nsswitch.conf os-release pam.conf pam.d \
  profile protocols rpc security services shells skel terminfo timezone xattr.conf; do
  [ ! -e "/etc/$entry" ] || set -- "$@" "/etc/$entry"
done
cp -a "$@" base/etc/
cp -r "$folder/tree/." base/
cd base
mkdir -p dev proc sys run tmp usr home mnt opt srv boot media root/.ssh \
  etc/default etc/init.d etc/modprobe.d etc/profile.d etc/sudoers.d \
  etc/network/if-pre-up.d etc/network/if-up.d etc/network/if-down.d etc/network/if-post-down.d \
  etc/network/interfaces.d var/cache var/lib var/local var/log var/mail var/spool var/tmp var/backups
for level in 0 1 2 3 4 5 6 S; do mkdir "etc/rc$level.d"; done
for link in bin sbin lib lib32 lib64 libx32; do
  [ ! -h "/$link" ] || cp -P "/$link" .
done
ln -s /run var/run
ln -s /run/lock var/lock
ln -s /proc/self/mounts etc/mtab
: >etc/resolv.conf
: >etc/fstab
awk -F : -v OFS=: '$1 == "root" { $7 = "/bin/sh" } $3 < 1000 || $3 == 65534' /etc/passwd >etc/passwd
awk -F : -v OFS=: '{ $4 = "" } $3 < 1000 || $3 == 65534' /etc/group >etc/group
awk -F : '{ print $1 ":*:19000:0:99999:7:::" }' etc/passwd >etc/shadow
printf '%s\n' 'root ALL=(ALL:ALL) ALL' '%sudo ALL=(ALL:ALL) ALL' '@includedir /etc/sudoers.d' >etc/sudoers
cp "$folder/id_ed25519.pub" root/.ssh/authorized_keys
chmod 1777 tmp var/tmp
chmod 0700 root root/.ssh
chmod 0600 root/.ssh/authorized_keys
chmod 0640 etc/shadow
chmod 0440 etc/sudoers

# A network namespace lives as long as its pin in this mount namespace.
new_place() { # PLACE
  : >"$machine/net/$1"
  # Not unshare --net=FILE: it looks itself up in /proc by its number in this pid namespace.
  unshare --net mount --bind /proc/self/ns/net "$machine/net/$1"
}
in_place() { # PLACE COMMAND...
  place=$1
  shift
  nsenter "--net=$machine/net/$place" "$@"
}
mkdir "$machine/net/lan"
: >"$machine/net/mgmt"
mount --bind /proc/self/ns/net "$machine/net/mgmt"
for other in ${others.join(' ')}; do new_place "$other"; done
for each in ${places.join(' ')}; do in_place "$each" sh -eu "$folder/fabric/settings" "$machine_network"; done
for each in ${places.join(' ')}; do in_place "$each" sh -eu "$folder/fabric/$each"; done
in_place internet "$node" "$folder/internet.cjs" &
cd /

lan_client() { # HOST; its cable comes with each boot of the host
  new_place "lan/$1"
  in_place "lan/$1" sh -eu "$folder/fabric/settings" "$machine_network"
  in_place "lan/$1" perl "$folder/tree/lab/hello" "$1-client" ${HELLO_PORT} &
}

# Ends when the host goes off or reboots: 0 = off, 75 = rebooted, 137 = its plug was pulled.
turn_on() { # HOST INDEX
  if [ ! -d "$folder/machines/$1" ]; then
    unshare --mount --pid --uts --ipc --net --fork --kill-child=SIGKILL sh "$folder/boot" "$folder" "$1" "$2"
    return
  fi
  sh "$folder/boot-machine" "$folder" "$1" "$2" || return
  # QEMU ends in the same way after both; a machine's kernel says on its console what it does.
  ! grep -q 'reboot: Restarting system' "$folder/machines/$1/console" || return 75
  grep -q 'reboot: ' "$folder/machines/$1/console" # else it has crashed
}

power_supply() { # HOST INDEX
  ssh-keygen -q -t ed25519 -N '' -C "$1" -f "$folder/hosts/$1/etc/ssh/ssh_host_ed25519_key"
  mkdir -p "$machine/disks/$1/upper" "$machine/disks/$1/work"
  [ -d "$folder/machines/$1" ] || cp -r "$folder/hosts/$1/." "$machine/disks/$1/upper/"
  [ ! -e "$folder/lan/$1" ] || lan_client "$1"
  early_deaths=0
  while :; do
    status=0
    turn_on "$1" "$2" || status=$?
    case $status in
      # What reboot(2) does to pid 1 of a namespace, SIGKILL from outside, and an orderly reboot.
      129 | 137 | 75) early_deaths=0 ;;
      0 | 130) await_power off "$1" ;;
      *)
        # Some releases of unshare say 1 after a SIGKILL from outside; a host that was ready has not died early.
        case $(grep "^[bdr][a-z]* $1 " "$folder/events" | tail -n 1) in
          ready* | degraded*) early_deaths=0 ;;
          *) early_deaths=$((early_deaths + 1)) ;;
        esac
        [ "$early_deaths" -lt 3 ] || await_power failed "$1"
        ;;
    esac
  done
}

await_power() { # off|failed HOST; whoever opens the pipe for writing turns the host on
  early_deaths=0
  [ -p "$folder/power/$2" ] || mkfifo "$folder/power/$2"
  echo "$1 $2" >&3
  read -r nothing <"$folder/power/$2" || :
}

kept=no
while read -r order host index; do
  case $order in
    power-on) power_supply "$host" "$index" & ;;
    keep) kept=yes ;;
  esac
done
[ "$kept" = yes ] || exit 0
# A lab whose folder is gone cannot be found any more.
while [ -e "$folder/state.json" ]; do
  sleep 5
done
`;
}
