// The compiled program, as users run it: an import that passes the type check can still die in Node.
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, rmdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

const ROOT = join(import.meta.dirname, '../..');
const LOCK = join(ROOT, 'node_modules/.cache/fairlead-build');

export const MAIN = join(ROOT, 'dist/main.js');

/** Compiles where a source is newer than what there is. Test files run side by side: one compiles, the others wait. */
export async function buildIfStale(): Promise<void> {
  while (isStale()) {
    if (!lock()) {
      await delay(100);
      continue;
    }
    try {
      if (isStale()) execFileSync('npm', ['run', '--silent', 'build'], { cwd: ROOT });
    } finally {
      rmdirSync(LOCK);
    }
  }
}

function isStale(): boolean {
  // What a build writes last.
  const built = statSync(join(ROOT, 'dist/types/index.d.ts'), { throwIfNoEntry: false })?.mtimeMs ?? 0;
  return readdirSync(join(ROOT, 'src'), { recursive: true, encoding: 'utf8' }).some(
    (name) => statSync(join(ROOT, 'src', name)).mtimeMs > built,
  );
}

/** False: somebody else has it. What a killed test left behind is old. */
function lock(): boolean {
  try {
    mkdirSync(join(LOCK, '..'), { recursive: true });
    mkdirSync(LOCK);
    return true;
  } catch {
    const since = statSync(LOCK, { throwIfNoEntry: false })?.mtimeMs ?? Date.now();
    if (Date.now() - since > 120_000) rmdirSync(LOCK);
    return false;
  }
}
