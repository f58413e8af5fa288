// Git on a file system without symbolic links leaves, in place of each, a small file that holds the link's target.
// Inventories are full of such links (`group_vars -> ../common/group_vars`), so these files are followed.
import { existsSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** Longer than any path; what is bigger is not even looked into. */
const MAX_TARGET_BYTES = 4096;

/** What the link that was at `path` led to; `path` itself where it is anything else than such a file. */
export function followLostLink(path: string): string {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (!stat?.isFile() || stat.size === 0 || stat.size > MAX_TARGET_BYTES) return path;
  const target = textOf(path);
  // A path and nothing else: git writes no line end, and a link within one folder is not what this is about.
  if (!/^[^\s:={}[\]#]+$/.test(target) || !target.includes('/')) return path;
  const led = join(dirname(path), target);
  return existsSync(led) ? led : path;
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
