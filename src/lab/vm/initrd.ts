// What a machine's kernel starts first: loads the drivers of a QEMU machine, names the network devices, mounts the disk and
// hands over to its init. A second archive behind this one holds what makes the machine itself.
import { PROBE_WORD } from './accelerator.ts';

/** In an order in which each finds what it needs; below /lib/modules/VERSION/kernel, without ".ko". */
export const INITRD_MODULES: readonly string[] = [
  'drivers/virtio/virtio_ring',
  'drivers/virtio/virtio',
  'drivers/virtio/virtio_pci_modern_dev',
  'drivers/virtio/virtio_pci_legacy_dev',
  'drivers/virtio/virtio_pci',
  'drivers/block/virtio_blk',
  'net/core/failover',
  'drivers/net/net_failover',
  'drivers/net/virtio_net',
  'drivers/char/virtio_console',
];

/** The folder of the second archive: a tree that is copied onto the disk when the machine starts for the first time. */
export const BIRTH_FOLDER = 'birth';

/** In it, and so on the disk: lines "HARDWARE-ADDRESS DEVICE". */
export const CABLES_FILE = 'lab/cables';

/**
 * The names come from here and not from udev: they are there before anything looks. What a test changes on the disk stays,
 * since the birth tree is copied once; a copy that a power cut ended is begun anew.
 */
export const INITRD_INIT = `#!/bin/busybox sh
set -e
/bin/busybox --install -s /bin
mount -t devtmpfs dev /dev
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t tmpfs -o mode=0755,nosuid,nodev run /run
for module in ${INITRD_MODULES.map((path) => path.replace(/.*\//, '')).join(' ')}; do
  insmod "/modules/$module.ko"
done
case $(cat /proc/cmdline) in
  *lab.probe*) echo "${PROBE_WORD}" >/dev/ttyS0; poweroff -f ;;
esac
while [ ! -b /dev/vda ]; do sleep 0.1; done

while read -r address device; do
  for path in /sys/class/net/*; do
    read -r its_address <"$path/address"
    [ "$its_address" != "$address" ] || ip link set "\${path##*/}" name "$device"
  done
done </${BIRTH_FOLDER}/${CABLES_FILE}

mount -t ext4 -o noatime /dev/vda /disk
if [ ! -e /disk/lab/born ]; then
  cp -a /${BIRTH_FOLDER}/. /disk/
  sync
  : >/disk/lab/born
fi
mount -t tmpfs -o mode=0700 lab /disk/lab/run
for path in /sys/class/virtio-ports/*; do
  [ "$(cat "$path/name" 2>/dev/null)" != journal ] || ln -s "/dev/\${path##*/}" /disk/lab/run/journal
done
for each in dev proc sys run; do mount -o move "/$each" "/disk/$each"; done
exec switch_root /disk /sbin/init
`;
