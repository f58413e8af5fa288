// Folders that refuse: a full disk and a read-only one, as mounts that are there for the tests of one block.
// (File modes will not do: tests run as root, whom they do not stop.)
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll } from 'vitest';

/** A file system of 64 KiB; `fill` leaves room for nothing. */
export function smallDisk(): { readonly path: string; fill(): void } {
  const disk = mounted((path) => execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', path]));
  return {
    get path() {
      return disk.path;
    },
    fill() {
      try {
        writeFileSync(join(disk.path, 'filler'), Buffer.alloc(1 << 20));
      } catch {
        // It is full now.
      }
    },
  };
}

/** A folder with the file `old` in it, mounted read-only. */
export function readOnlyFolder(): { readonly path: string } {
  return mounted((path) => {
    writeFileSync(join(path, 'old'), 'as it was\n');
    execFileSync('mount', ['--bind', path, path]);
    execFileSync('mount', ['-o', 'remount,ro,bind', path]);
  });
}

function mounted(mount: (path: string) => void): { readonly path: string } {
  const place = { path: '' };
  let base = '';
  beforeAll(() => {
    base = mkdtempSync(join(tmpdir(), 'fairlead-mount-'));
    place.path = join(base, 'at');
    mkdirSync(place.path);
    mount(place.path);
  });
  afterAll(() => {
    execFileSync('umount', [place.path]);
    rmSync(base, { recursive: true, force: true });
  });
  return place;
}
