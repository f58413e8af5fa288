// Starts a lab's pid 1 and gives it orders. As long as it has not been told to stay, it dies with this process:
// its stdin is a pipe from here, and nobody else holds the other end.
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, readlinkSync } from 'node:fs';
import { execPath } from 'node:process';
import type { Writable } from 'node:stream';
import { LabError } from './lab-error.ts';
import { labPaths, logTail } from './lab-folder.ts';

export interface Supervisor {
  powerOn(host: string, index: number): void;
  /** Lets the lab outlive this process. */
  keep(): void;
  /** Undefined while it runs; otherwise the end of its log. */
  trouble(): string | undefined;
}

/** Starts it in namespaces of its own; what it says lands in the lab's log and journal. */
export function startSupervisor(folder: string): Supervisor {
  const paths = labPaths(folder);
  const log = openSync(paths.log, 'a', 0o600);
  const child = spawn(
    'unshare',
    [
      ...['--mount', '--net', '--pid', '--fork', '--kill-child=SIGKILL', '--'],
      ...['sh', paths.supervisor, folder, execPath, readlinkSync('/proc/self/ns/net')],
    ],
    {
      stdio: ['pipe', log, log],
      detached: true, // Ctrl-C is for the command line alone
      cwd: '/',
      env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C' },
    },
  );
  closeSync(log);
  const orders = ordersOf(child);
  let startError: string | undefined;
  child.on('error', (error) => {
    startError = error.message;
  });
  orders.on('error', () => {}); // it died: trouble() tells
  child.unref();
  return {
    powerOn: (host, index) => {
      orders.write(`power-on ${host} ${index}\n`);
    },
    keep: () => {
      orders.end('keep\n');
    },
    trouble: () => {
      if (startError !== undefined) return startError;
      if (child.exitCode === null && child.signalCode === null) return undefined;
      return `the lab's pid 1 ended: ${logTail(folder)}`;
    },
  };
}

function ordersOf(child: ChildProcess): Writable {
  const orders = child.stdin;
  if (orders === null) throw new LabError('internal: the supervisor has no stdin');
  if ('unref' in orders && typeof orders.unref === 'function') orders.unref(); // does not keep node running
  return orders;
}
