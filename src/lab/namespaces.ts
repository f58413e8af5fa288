// Running programs inside a lab's namespaces from outside, by nsenter(1). They end with whoever started them.
import { spawn } from 'node:child_process';
import { join as joinPath } from 'node:path';
import process from 'node:process';
import { HOST_CAPABILITIES } from './boot-script.ts';
import type { Place } from './fabric.ts';
import { machineFolder } from './lab-folder.ts';

export type Argv = readonly [program: string, ...args: string[]];

export interface Captured {
  /** -1 where a signal ended it. */
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Words to put before a command so that it runs in a place's network, with the machine's own files. */
export function placePrefix(
  lab: { readonly folder: string; readonly supervisorPid: number },
  place: Place,
): Argv {
  // The pins lie in the lab's mount namespace; its pid 1 leads there.
  const pin = joinPath(`/proc/${lab.supervisorPid}/root`, machineFolder(lab.folder), 'net', place);
  return ['setpriv', '--pdeathsig', 'KILL', 'nsenter', `--net=${pin}`, '--'];
}

/** The same for a host: all its namespaces and its root folder, with no more rights than its own root has. */
export function hostPrefix(pid: number): Argv {
  const namespaces = ['--mount', '--uts', '--ipc', '--net', '--pid'];
  const root = ['setpriv', `--bounding-set=${HOST_CAPABILITIES}`];
  return ['nsenter', '--target', String(pid), ...namespaces, '--', ...root];
}

/** The same for a host's network alone: programs and files are the machine's, which the host need not have. */
export function hostNetworkPrefix(pid: number): Argv {
  return ['setpriv', '--pdeathsig', 'KILL', 'nsenter', '--target', String(pid), '--net', '--'];
}

/** One command after the other's words. */
export function join(prefix: Argv, argv: Argv): Argv {
  const [program, ...words] = prefix;
  return [program, ...words, ...argv];
}

/** The environment of a program inside a host: what a login gives it. */
export function hostEnvironment(): Record<string, string> {
  return {
    PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    HOME: '/root',
    USER: 'root',
    SHELL: '/bin/sh',
    LC_ALL: 'C',
    ...(process.env.TERM !== undefined && { TERM: process.env.TERM }),
  };
}

/** Runs to the end; rejects only where the program cannot be started. */
export function capture(argv: Argv, environment?: Readonly<Record<string, string>>): Promise<Captured> {
  return new Promise((resolve, reject) => {
    const child = spawn(argv[0], argv.slice(1), {
      stdio: ['ignore', 'pipe', 'pipe'],
      ...(environment && { env: { ...environment } }),
    });
    const stdout = collect(child.stdout);
    const stderr = collect(child.stderr);
    child.on('error', reject);
    child.on('close', (code) => resolve({ exitCode: code ?? -1, stdout: stdout(), stderr: stderr() }));
  });
}

/**
 * Runs on this process's own terminal; its exit status (130 where a signal ended it).
 * Ctrl-C reaches the child by itself; this process waits for what the child makes of it.
 */
export function attach(argv: Argv, environment?: Readonly<Record<string, string>>): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(argv[0], argv.slice(1), {
      stdio: 'inherit',
      ...(environment && { env: { ...environment } }),
    });
    const stay = () => {};
    const passOn = () => child.kill('SIGTERM');
    process.on('SIGINT', stay).on('SIGTERM', passOn);
    child.on('error', reject);
    child.on('close', (code) => {
      process.off('SIGINT', stay).off('SIGTERM', passOn);
      resolve(code ?? 130);
    });
  });
}

function collect(stream: NodeJS.ReadableStream): () => string {
  const chunks: Buffer[] = [];
  stream.on('data', (chunk: Buffer) => chunks.push(chunk));
  return () => Buffer.concat(chunks).toString('utf8');
}
