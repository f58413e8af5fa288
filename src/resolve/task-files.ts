// Files of tasks that imports and includes name, found as Ansible finds them.
import { existsSync, readdirSync, statSync } from 'node:fs';
import { basename, dirname, isAbsolute, join } from 'node:path';
import { didYouMean, type Problems, type Span } from '../diagnostic.ts';

/** The first of the folders that has it decides. Undefined: in none of them, which is told at `at`. */
export function findTaskFile(
  name: string,
  folders: readonly string[],
  at?: Span,
  problems?: Problems,
): string | undefined {
  const candidates = isAbsolute(name) ? [name] : folders.map((folder) => join(folder, name));
  const found = candidates.find((path) => statSync(path, { throwIfNoEntry: false })?.isFile() === true);
  if (found !== undefined || problems === undefined) return found;
  const others = candidates.flatMap((path) => (existsSync(dirname(path)) ? readdirSync(dirname(path)) : []));
  const hint = didYouMean(basename(name), others);
  problems.add({
    code: 'file-unreadable',
    summary: 'file cannot be read',
    ...(at !== undefined && { at }),
    details: [`${name} is not there`],
    ...(hint !== undefined && { hint }),
  });
  return undefined;
}
