// Programs that build what machines boot from, as sh text. They run in mount and pid namespaces of their own, so that a
// kill of whoever builds ends all of it, and nothing is mounted where others see it.

import { LOCAL_SUITE } from './apt.ts';
import { BIRTH_FOLDER, INITRD_MODULES } from './initrd.ts';
import type { ImageRecipe } from './recipe.ts';

/**
 * Unpacks the kernel and makes the first archive of its start. Arguments: an empty folder to fill, the files of the packages
 * linux-image and busybox-static, and the first program's text in a file.
 */
export const BOOT_FILES_SCRIPT = `set -eu
out=$1 kernel=$2 busybox=$3 init=$4
dpkg-deb --fsys-tarfile "$kernel" | tar -x -C "$out" ./boot ./lib/modules
mv "$out"/boot/vmlinuz-* "$out/kernel"
rm -r "$out/boot"
dpkg-deb --fsys-tarfile "$busybox" | tar -x -C "$out" ./bin/busybox
mv "$out/bin/busybox" "$out/busybox"
rmdir "$out/bin"
root=$out/root
mkdir -p "$root/bin" "$root/modules" "$root/dev" "$root/proc" "$root/sys" "$root/run" "$root/disk" "$root/${BIRTH_FOLDER}"
cp "$out/busybox" "$root/bin/"
cp "$init" "$root/init"
chmod 755 "$root/init"
mknod "$root/dev/console" c 5 1
for module in ${INITRD_MODULES.join(' ')}; do
  cp "$out"/lib/modules/*/kernel/"$module.ko" "$root/modules/"
done
(cd "$root" && "$out/busybox" find . | "$out/busybox" cpio -o -H newc 2>/dev/null) >"$out/initrd"
rm -r "$root"
`;

/** Bigger than any image; a file of holes. */
const DISK_SIZE = '1500M';

/**
 * Builds an image. Arguments: the file to write, an empty folder to work in, the folder with lib/modules, the recipe's tree of
 * files, and its archive's line for sources.list(5) (`installed`) or its packages' files (`unpacked`).
 */
export function imageScript(recipe: ImageRecipe): string {
  return `set -eu
out=$1 work=$2 kernel=$3 tree=$4
shift 4
mount -t tmpfs -o mode=0755,size=80% work "$work"
root=$work/root
mkdir "$root"
${recipe.packaging === 'installed' ? install(recipe.packages) : UNPACK}
cp -r "$kernel/lib/modules" "$root/lib/"
for version in "$root"/lib/modules/*; do chroot "$root" /sbin/depmod "\${version##*/}"; done
cp -r "$tree/." "$root/"
mkdir -p "$root/lab/run"
(
${recipe.finish}) </dev/null
rm -rf "$root/tmp/"* "$root/var/cache/apt" "$root/var/lib/apt/lists"
mke2fs -q -t ext4 -m 0 -J size=8 -d "$root" "$out" ${DISK_SIZE}
`.replace('(\nset -eu', '(\nset -- "$root"\nset -eu');
}

/** Documents and translations are left out; nothing waits for a disk. */
function install(packages: readonly string[]): string {
  const options = ['doc', 'man', 'info', 'locale', 'lintian'].map(
    (each) => `path-exclude=/usr/share/${each}/*`,
  );
  return `mmdebstrap --quiet --mode=root --variant=essential --skip=check/qemu --hook-dir=/usr/share/mmdebstrap/hooks/merged-usr \\
  ${[...options, 'force-unsafe-io'].map((option) => `--dpkgopt='${option}'`).join(' ')} \\
  --include=${packages.join(',')} ${LOCAL_SUITE} "$root" "$1"`;
}

/** Into the folders that Debian has had since /usr was merged. */
const UNPACK = `for each in bin sbin lib lib64; do
  mkdir -p "$root/usr/$each"
  ln -s "usr/$each" "$root/$each"
done
for package; do dpkg-deb --fsys-tarfile "$package" | tar -x --keep-directory-symlink -C "$root"; done
rm -rf "$root/usr/share/doc" "$root/usr/share/man" "$root/usr/share/locale"`;
