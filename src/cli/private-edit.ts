// Text in an editor of the user's that nobody else may see: in memory where the system has a folder for that, in a
// folder of its own that goes with everything the editor leaves in it, however the editing ends.
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { DiagnosticError } from '../diagnostic.ts';
import { type CliContext, Interrupted } from './context.ts';

/** What the user made of it. Throws a DiagnosticError where the editor fails, Interrupted where it was cut off. */
export async function editPrivately(
  bytes: Uint8Array,
  name: string,
  context: CliContext,
): Promise<Uint8Array> {
  const { environment, signal } = context;
  if (signal.aborted) throw new Interrupted();
  const folder = privateFolder(environment);
  const remove = (): void => rmSync(folder, { recursive: true, force: true });
  // At once, and not when the editor is done: the next Ctrl-C ends this process.
  signal.addEventListener('abort', remove, { once: true });
  try {
    const path = join(folder, basename(name));
    writeFileSync(path, bytes, { mode: 0o600 });
    const status = await runEditor(environment.EDITOR || 'vi', path, context);
    // Ctrl-C is sent to both, and which of them is heard of first is chance.
    if (signal.aborted || status === 'SIGINT') throw new Interrupted();
    if (status !== 0) throw editorFailure(`the editor ended with ${status}, and ${name} stays as it was`);
    return readFileSync(path);
  } finally {
    signal.removeEventListener('abort', remove);
    remove();
  }
}

/** The first that can be had of: the user's own in memory, everybody's in memory, one on disk. */
function privateFolder({ XDG_RUNTIME_DIR }: CliContext['environment']): string {
  for (const base of [XDG_RUNTIME_DIR, '/dev/shm']) {
    if (!base) continue;
    try {
      return mkdtempSync(join(base, 'fairlead-vault-'));
    } catch {
      // not on this system, or not for this user
    }
  }
  return mkdtempSync(join(tmpdir(), 'fairlead-vault-'));
}

/** Its exit status, or the signal that ended it. `editor` may have arguments. */
function runEditor(
  editor: string,
  path: string,
  { environment, signal }: CliContext,
): Promise<number | string> {
  return new Promise((resolve, reject) => {
    const child = spawn('/bin/sh', ['-c', `exec ${editor} "$1"`, 'sh', path], {
      stdio: 'inherit',
      env: { ...environment },
    });
    const end = (): void => void child.kill();
    signal.addEventListener('abort', end, { once: true });
    child.on('error', (error) => reject(editorFailure(error.message)));
    child.on('close', (status, by) => {
      signal.removeEventListener('abort', end);
      resolve(status ?? by ?? 0);
    });
  });
}

function editorFailure(detail: string): DiagnosticError {
  return new DiagnosticError([{ code: 'usage', summary: 'file was not edited', details: [detail] }]);
}
