// A file with new content: whole or not at all, with the mode and the owner it had.
import { randomBytes } from 'node:crypto';
import {
  closeSync,
  fchmodSync,
  fchownSync,
  fsyncSync,
  openSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { DiagnosticError } from '../diagnostic.ts';
import { displayPath, systemErrorText } from '../load/source.ts';

/** A new file is for its owner alone; a link stays one. Throws a DiagnosticError where it cannot be written. */
export function replaceFile(path: string, bytes: Uint8Array): void {
  try {
    const before = statSync(path, { throwIfNoEntry: false });
    const target = before === undefined ? path : realpathSync(path);
    const beside = join(dirname(target), `.${basename(target)}.${randomBytes(6).toString('hex')}`);
    const file = openSync(beside, 'wx', 0o600);
    try {
      writeFileSync(file, bytes);
      if (before !== undefined) {
        fchownSync(file, before.uid, before.gid);
        fchmodSync(file, before.mode & 0o7777);
      }
      fsyncSync(file);
      renameSync(beside, target);
    } catch (error) {
      rmSync(beside, { force: true });
      throw error;
    } finally {
      closeSync(file);
    }
  } catch (error) {
    const details = [`${displayPath(path)}: ${systemErrorText(error)}`];
    throw new DiagnosticError([{ code: 'usage', summary: 'file cannot be written', details }]);
  }
}
