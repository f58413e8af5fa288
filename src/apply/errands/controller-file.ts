// Files on the controller that a run writes: where they may be, what is there, and how they come into being as a whole.
// Below the folder that the user named no link is followed out of it.
import { createHash } from 'node:crypto';
import {
  closeSync,
  fchmodSync,
  lstatSync,
  mkdirSync,
  openSync,
  readSync,
  realpathSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { homedir } from 'node:os';
import { basename, dirname, join, resolve, sep } from 'node:path';

/** Its message is for people. */
export class ControllerFileError extends Error {}

/** Throws a ControllerFileError where the way leads out of the folder. */
export function controllerPath(folder: string, path: readonly string[]): string {
  const root = resolve(folder.replace(/^~(?=\/|$)/, homedir()));
  const whole = join(root, ...path);
  if (!whole.startsWith(root === sep ? sep : root + sep)) throw leadsOut(whole, root);
  let at = root;
  for (const part of path.slice(0, -1)) {
    at = join(at, part);
    if (kindOf(at) !== 'link') continue;
    const real = realPath(at);
    const realRoot = realPath(root);
    if (real === undefined || realRoot === undefined || !`${real}${sep}`.startsWith(`${realRoot}${sep}`)) {
      throw leadsOut(at, root);
    }
  }
  if (kindOf(whole) === 'other') throw new ControllerFileError(`${whole} is no regular file`);
  return whole;
}

/** SHA-256 of a regular file, or undefined where there is none. Throws what the file system throws. */
export function controllerHash(path: string): string | undefined {
  if (kindOf(path) !== 'file') return undefined;
  const hash = createHash('sha256');
  const file = openSync(path, 'r');
  try {
    const piece = new Uint8Array(PIECE_BYTES);
    for (;;) {
      const length = readSync(file, piece);
      if (length === 0) return hash.digest('hex');
      hash.update(piece.subarray(0, length));
    }
  } finally {
    closeSync(file);
  }
}

/** A file that is written beside its place, and only takes it once it is whole. */
export class IncomingFile {
  readonly #path: string;
  readonly #temporary: string;
  readonly #file: number;
  readonly #hash = createHash('sha256');

  /** Makes the folders. Throws what the file system throws. */
  constructor(path: string) {
    const name = `.${basename(path).slice(0, 100)}.${process.pid}-${++count}.part`;
    mkdirSync(dirname(path), { recursive: true });
    this.#path = path;
    this.#temporary = join(dirname(path), name);
    this.#file = openSync(this.#temporary, 'wx');
  }

  write(bytes: Uint8Array): void {
    this.#hash.update(bytes);
    for (let at = 0; at < bytes.length; ) at += writeSync(this.#file, bytes, at);
  }

  /** SHA-256 of what was written; nothing may be written any more. */
  sha256(): string {
    return this.#hash.digest('hex');
  }

  /** With the mode of the file that was there. */
  keep(): void {
    if (kindOf(this.#path) === 'file') fchmodSync(this.#file, lstatSync(this.#path).mode & 0o777);
    try {
      renameSync(this.#temporary, this.#path);
    } finally {
      this.drop();
    }
  }

  /** Whatever has not been kept is gone. */
  drop(): void {
    closeSync(this.#file);
    rmSync(this.#temporary, { force: true });
  }
}

let count = 0;
const PIECE_BYTES = 1 << 20;

function kindOf(path: string): 'file' | 'link' | 'other' | 'absent' {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined) return 'absent';
  if (found.isSymbolicLink()) return 'link';
  return found.isFile() ? 'file' : 'other';
}

function realPath(path: string): string | undefined {
  try {
    return realpathSync(path);
  } catch {
    return undefined;
  }
}

function leadsOut(path: string, root: string): ControllerFileError {
  return new ControllerFileError(`${path} leads out of ${root}`);
}
