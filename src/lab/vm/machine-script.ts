// Turning a machine of a lab on: a sh program that makes its disk the first time, puts its cables into the lab's networks,
// and becomes QEMU. It ends when the machine goes off or reboots; what that means is for whoever called (supervisor-script.ts).
import type { Accelerator } from './accelerator.ts';
import { PORT_COUNT } from './guest-scripts.ts';

export const MEMORY_MIB = 256;

/**
 * Worth their while under emulation: with "norandmaps" the code of libc is translated once and not once per process.
 * A clock that was calibrated on a busy machine may run many times too fast: hence hpet. No "console=" but the serial one,
 * which is the machine's log.
 */
const KERNEL_COMMAND_LINE = [
  'console=ttyS0 quiet panic=5 net.ifnames=0',
  'mitigations=off nokaslr norandmaps init_on_alloc=0 audit=0 apparmor=0 selinux=0 nowatchdog',
  'tsc=unstable clocksource=hpet no_timer_check SYSTEMD_SECCOMP=0',
].join(' ');

/**
 * Opens a tap device in the network namespace it is run in, as the file descriptor of that number. Arguments: the number, the
 * device's name, the words of an ip(8) command that sets it up there, "--", and the program to become.
 * TUNSETIFF, and IFF_TAP | IFF_NO_PI | IFF_VNET_HDR, are from linux/if_tun.h.
 */
export const TAP_SCRIPT = String.raw`use strict;
use POSIX ();
$^F = 255; # descriptors stay open for the next program
my ($number, $name, @ip) = @ARGV;
my ($end) = grep { $ip[$_] eq '--' } 0 .. $#ip;
my @next = splice @ip, $end;
shift @next;
open(my $tun, '+<', '/dev/net/tun') or die "/dev/net/tun: $!\n";
ioctl($tun, 0x400454ca, pack('a16 S x22', $name, 0x5002)) or die "tap $name: $!\n";
if (fileno($tun) != $number) {
    POSIX::dup2(fileno($tun), $number) or die "tap $name: $!\n";
    POSIX::close(fileno($tun));
}
system('ip', @ip) == 0 or die "tap $name: ip @ip failed\n";
exec @next or die "$next[0]: $!\n";
`;

export interface MachineSettings {
  readonly kernel: string;
  readonly initrd: string;
  readonly image: string;
  /** Static, for its cpio. */
  readonly busybox: string;
  readonly accelerator: Accelerator;
}

/** As sh assignments, which the program reads. */
export function settingsText(settings: MachineSettings): string {
  return Object.entries(settings)
    .map(([name, value]) => `${name}='${value}'\n`)
    .join('');
}

/**
 * For machines with a cable to each of `places`. Arguments of the program: the lab's folder, the host's name and index.
 * Descriptors: 3 is the journal, a cable each from 4 on.
 */
export function machineScript(places: readonly string[]): string {
  return String.raw`#!/bin/sh
set -eu
folder=$1 name=$2 index=$3
machine=$folder/machine
disk=$machine/disks/$name
public=$folder/machines/$name
. "$public/settings"

# This program becomes QEMU; this procfs is the machine's own.
read -r pid rest </proc/self/stat
exec 3>>"$folder/events"
echo "boot $name $pid" >&3

[ -e "$disk/disk" ] || {
  mkdir -p "$disk/birth"
  cp -r "$folder/machines/birth/." "$folder/hosts/$name/." "$disk/birth/"
  (cd "$disk" && "$busybox" find birth | "$busybox" cpio -o -H newc 2>/dev/null | cat "$initrd" - >initrd)
  qemu-img create -q -f qcow2 -b "$image" -F raw "$disk/disk.new"
  mv "$disk/disk.new" "$disk/disk"
}
[ ! -e "$public/console" ] || mv "$public/console" "$public/console.before"

nics= taps= cable=0
plug() { # PLACE DEVICE FAR-END IP-WORDS...
  pin=$machine/net/$1 device=$2 far_end=$3
  shift 3
  cable=$((cable + 1))
  descriptor=$((cable + 3))
  address=$(printf '02:fa:00:%02x:%02x:%02x' "$cable" $((index / 256)) $((index % 256)))
  taps="$taps nsenter --net=$pin perl $folder/tap $descriptor $far_end $* --"
  nics="$nics -netdev tap,id=net-$device,fd=$descriptor -device virtio-net-pci,id=$device,netdev=net-$device,mac=$address,romfile="
}
for place in ${places.join(' ')}; do
  plug "$place" "$place" "host$index" link set "host$index" master hosts up
done
[ ! -e "$folder/lan/$name" ] || plug "lan/$name" lan lan -batch "$folder/lan/$name"

# Vectors wider than 128 bits are dear where each is emulated.
cpu=Westmere
[ "$accelerator" != kvm ] || cpu=max

# shellcheck disable=SC2086 # lists of words
exec $taps qemu-system-x86_64 -name "$name" -accel "$accelerator" -cpu "$cpu" -smp 1 -m ${MEMORY_MIB} \
  -nodefaults -no-user-config -display none -no-reboot \
  -kernel "$kernel" -initrd "$disk/initrd" -append "${KERNEL_COMMAND_LINE} lab.pid=$pid" \
  -drive "if=none,id=disk,file=$disk/disk,format=qcow2,cache=unsafe" -device virtio-blk-pci,drive=disk \
  -chardev "file,id=console,path=$public/console" -serial chardev:console \
  -chardev "socket,id=monitor,path=$public/monitor,server=on,wait=off" -mon chardev=monitor,mode=control \
  -device virtio-serial-pci ${ports()} \
  -chardev "file,id=journal,path=$folder/events,append=on" -device virtserialport,chardev=journal,name=journal \
  $nics
`;
}

function ports(): string {
  const numbers = Array.from({ length: PORT_COUNT }, (_, at) => at);
  return numbers
    .map(
      (at) =>
        `-chardev "socket,id=port${at},path=$public/port${at},server=on,wait=off" -device virtconsole,chardev=port${at}`,
    )
    .join(' ');
}
