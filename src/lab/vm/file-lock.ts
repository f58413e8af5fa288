// One at a time among all processes of this machine, by flock(1). The lock ends with its holder, however that ends.
import { spawn } from 'node:child_process';
import { LabError } from '../lab-error.ts';

/** Waits for the lock, does the work, and gives the lock back. */
export async function withLock<Result>(path: string, work: () => Promise<Result>): Promise<Result> {
  // cat ends when its stdin does, whose other end nobody but this process holds.
  const holder = spawn('flock', [path, 'sh', '-c', 'echo locked && exec cat'], {
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  holder.stdin.on('error', () => {});
  await new Promise<void>((resolve, reject) => {
    holder.stdout.once('data', () => resolve());
    holder.on('error', reject);
    holder.on('exit', () => reject(new LabError(`${path} cannot be locked`)));
  });
  try {
    return await work();
  } finally {
    holder.stdin.end();
  }
}
