// The firmware of a lab's host: what happens between power-on and its pid 1 (init-script.ts).
// It runs as pid 1 of fresh mount, pid, uts, ipc and network namespaces, plugs the cables in, mounts the disk
// and what a kernel would mount, and changes over. Kernel state of an earlier boot is gone with its namespaces.
import type { Place } from './fabric.ts';

/**
 * What root in a host is not allowed, as setpriv(1) takes it: to set the machine's clock, or to reach past the kernel
 * to its memory. Whoever enters a host from outside must give these up too.
 */
export const HOST_CAPABILITIES = '-sys_time,-sys_rawio';

/**
 * For hosts with a cable to each of `places`; the host's device has the place's name. Arguments of the program: the lab's
 * folder, the host's name and index.
 */
export function bootScript(places: readonly Place[]): string {
  return String.raw`#!/bin/sh
set -eu
folder=$1 name=$2 index=$3
machine=$folder/machine
root=$machine/root
disk=$machine/disks/$name

# This procfs is the machine's own, so this is the machine's number for this process.
read -r pid rest </proc/self/stat
exec 3>>"$folder/events"
echo "boot $name $pid" >&3

for conf in all default; do
  echo 0 >/proc/sys/net/ipv4/conf/$conf/rp_filter
  echo 0 >/proc/sys/net/ipv6/conf/$conf/accept_dad
done
echo 0 >/proc/sys/net/ipv4/ip_forward

cable=0
plug() { # PLACE FAR-END DEVICE; more words are about the far end
  pin=$machine/net/$1 far_end=$2 device=$3
  shift 3
  # The same hardware addresses at each boot, so that nobody's neighbour table is wrong after one.
  cable=$((cable + 1))
  address=$(printf '02:fa:00:%02x:%02x:%02x' "$cable" $((index / 256)) $((index % 256)))
  set -- link add name "$far_end" up "$@" type veth \
    peer name "$device" address "$address" netns "/proc/$pid/ns/net"
  if ! nsenter "--net=$pin" ip "$@" 2>/dev/null; then
    # The far end of the boot before may not be gone yet.
    nsenter "--net=$pin" ip link delete "$far_end" || :
    nsenter "--net=$pin" ip "$@"
  fi
}
for place in ${places.join(' ')}; do
  plug "$place" "host$index" "$place" master hosts
done
if [ -e "$folder/lan/$name" ]; then
  plug "lan/$name" lan lan
  nsenter "--net=$machine/net/lan/$name" ip -batch "$folder/lan/$name"
fi

mount -t overlay -o "lowerdir=$machine/base,upperdir=$disk/upper,workdir=$disk/work" fairlead-lab "$root"
mount --all --fstab "$folder/mounts"
[ ! -e "$root/proc/sysrq-trigger" ] || mount --bind /dev/null "$root/proc/sysrq-trigger"
cp -a "$machine/dev/." "$root/dev/"
mount -t devpts -o newinstance,ptmxmode=0666,mode=0620,gid=5 devpts "$root/dev/pts"
read -r boot_id </proc/sys/kernel/random/uuid
echo "$boot_id" >"$disk/boot_id"
mount --bind -o ro "$disk/boot_id" "$root/proc/sys/kernel/random/boot_id"

cd "$root"
pivot_root . mnt
exec setpriv --bounding-set=${HOST_CAPABILITIES} chroot . /lab/init "$pid" "$name"
`;
}

/**
 * What a host finds mounted, as fstab(5) for `mount --all`. Of the kernel's settings only the network's are per
 * namespace; the rest is the machine's, and a host may only read it.
 */
export function hostMounts(machine: string): string {
  const root = `${machine}/root`;
  const lines: readonly (readonly [source: string, target: string, type: string, options: string])[] = [
    [`${machine}/usr`, `${root}/usr`, 'none', 'bind'],
    ['proc', `${root}/proc`, 'proc', 'nosuid,nodev,noexec'],
    [`${root}/proc/sys/net`, `${machine}/scratch`, 'none', 'bind'],
    [`${root}/proc/sys`, `${root}/proc/sys`, 'none', 'bind,ro'],
    [`${machine}/scratch`, `${root}/proc/sys/net`, 'none', 'bind'],
    ['sysfs', `${root}/sys`, 'sysfs', 'ro,nosuid,nodev,noexec'],
    ['dev', `${root}/dev`, 'tmpfs', 'mode=0755,nosuid'],
    ['run', `${root}/run`, 'tmpfs', 'mode=0755,nosuid,nodev'],
    ['tmp', `${root}/tmp`, 'tmpfs', 'mode=1777,nosuid,nodev'],
  ];
  return lines.map((line) => `${line.join(' ')} 0 0\n`).join('');
}
