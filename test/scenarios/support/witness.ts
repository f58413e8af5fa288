// Knows when a command on a host has begun, and when the last of its processes is dead, without asking again and again:
// the command holds a pipe open, and whoever reads the pipe sees its end when nobody holds it any more.
import { spawn } from 'node:child_process';
import { onTestFinished } from 'vitest';
import type { Lab } from '../../../src/lab/lab.ts';
import { type Argv, hostEnvironment } from '../../../src/lab/namespaces.ts';

export interface Witness {
  /** sh for a task: it sleeps for longer than any test lasts, as `sh` and as its child. */
  readonly hangingCommand: string;
  /** The command runs. */
  readonly started: Promise<void>;
  /** None of its processes lives. */
  readonly gone: Promise<void>;
}

/** On a host of a lab. */
export async function labWitness(lab: Lab, host: string): Promise<Witness> {
  const path = `/run/witness-${witnesses++}`;
  const { exitCode, stderr } = await lab.inHost(host, ['mkfifo', path]);
  if (exitCode !== 0) throw new Error(stderr);
  return witness(path, lab.hostCommand(host, ['cat', path]));
}

let witnesses = 0;

function witness(path: string, [program, ...args]: Argv): Witness {
  const reader = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'], env: hostEnvironment() });
  onTestFinished(() => void reader.kill('SIGKILL'));
  return {
    hangingCommand: `exec 9>${path}; echo started >&9; sleep 300; true`,
    started: new Promise((resolve) => reader.stdout.once('data', () => resolve())),
    gone: new Promise((resolve) => reader.once('close', () => resolve())),
  };
}
