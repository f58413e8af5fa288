// Processes that outlive this one, told apart from later ones that got the same number.
import { readFileSync } from 'node:fs';
import process from 'node:process';

export interface ProcessId {
  readonly pid: number;
  /** Clock ticks from boot to the process's start: field 22 of /proc/PID/stat, proc_pid_stat(5). */
  readonly startTime: string;
}

/** This process. */
export function ownProcess(): ProcessId {
  const own = identify(process.pid);
  if (own === undefined) throw new Error('internal: /proc does not know this process');
  return own;
}

/** The process that has this number now; undefined = none, or only its corpse. */
export function identify(pid: number): ProcessId | undefined {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch {
    return undefined;
  }
  // The second field is the command in parentheses and may hold anything.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [state] = fields;
  const startTime = fields[19];
  if (state === 'Z' || state === 'X' || startTime === undefined) return undefined;
  return { pid, startTime };
}

export function isAlive(id: ProcessId): boolean {
  return identify(id.pid)?.startTime === id.startTime;
}

/** SIGKILL, then waits until it is gone; for pid 1 of a namespace that means all that ran in it. */
export async function killAndWait(id: ProcessId, timeoutMs: number): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (isAlive(id)) {
    try {
      process.kill(id.pid, 'SIGKILL');
    } catch {
      return;
    }
    if (performance.now() > deadline) throw new Error(`process ${id.pid} does not die`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
