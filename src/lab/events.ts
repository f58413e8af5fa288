// The lab's journal: a file to which its shell programs append lines, and from which its state is read.
//
//   lab PID              pid 1 of the lab runs (all pids are the machine's)
//   internet             the internet answers
//   boot HOST PID        the host's pid 1 runs, nothing else yet
//   ready HOST PID       sshd listens, and the boot is over
//   degraded HOST WHAT… PID   the same, but its init says that this failed
//   off HOST             powered off, until somebody opens its power pipe
//   failed HOST          three boots died before they were ready; the same
import { existsSync, readFileSync, statSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { LabError } from './lab-error.ts';

export interface LabEvent {
  readonly kind: 'lab' | 'internet' | 'boot' | 'ready' | 'degraded' | 'off' | 'failed';
  /** Empty for `lab` and `internet`. */
  readonly host: string;
  /** A process of the machine; 0 = none. */
  readonly pid: number;
  /** What failed, where it is degraded. */
  readonly what: string;
}

export interface HostState {
  readonly kind: 'unborn' | 'boot' | 'ready' | 'degraded' | 'off' | 'failed';
  readonly pid: number;
  readonly what: string;
}

/** All whole lines so far. */
export function readEvents(path: string): readonly LabEvent[] {
  if (!existsSync(path)) return [];
  return parse(readFileSync(path, 'utf8'));
}

/** What the journal says last about a host. */
export function hostState(events: readonly LabEvent[], host: string): HostState {
  const last = events.findLast((event) => event.host === host);
  if (last === undefined || last.kind === 'lab' || last.kind === 'internet')
    return { kind: 'unborn', pid: 0, what: '' };
  return { kind: last.kind, pid: last.pid, what: last.what };
}

export interface Waiting {
  /** Events before this one are not looked at. */
  readonly from?: number;
  readonly timeoutMs: number;
  /** For the error message. */
  readonly what: string;
  /** Checked between looks; a text ends the wait with an error. */
  readonly trouble?: () => string | undefined;
}

/** Waits until `enough`, called with all new events so far, says true. A LabError in time-out or trouble. */
export async function waitForEvents(
  path: string,
  enough: (events: readonly LabEvent[]) => boolean,
  waiting: Waiting,
): Promise<void> {
  const deadline = performance.now() + waiting.timeoutMs;
  let seenBytes = -1;
  for (;;) {
    const sizeBytes = existsSync(path) ? statSync(path).size : 0;
    if (sizeBytes !== seenBytes) {
      seenBytes = sizeBytes;
      if (enough(readEvents(path).slice(waiting.from ?? 0))) return;
    }
    const trouble = waiting.trouble?.();
    if (trouble !== undefined) throw new LabError(`${waiting.what}: ${trouble}`);
    if (performance.now() > deadline) {
      throw new LabError(`${waiting.what}: nothing after ${Math.round(waiting.timeoutMs / 1000)} s`);
    }
    await delay(POLL_MS);
  }
}

const POLL_MS = 10;
const KINDS = ['lab', 'internet', 'boot', 'ready', 'degraded', 'off', 'failed'] as const;

function parse(text: string): readonly LabEvent[] {
  const events: LabEvent[] = [];
  for (const line of text.slice(0, text.lastIndexOf('\n') + 1).split('\n')) {
    const [word, ...rest] = line.split(' ');
    const kind = KINDS.find((known) => known === word);
    if (kind === undefined) continue;
    const host = kind === 'lab' || kind === 'internet' ? '' : (rest[0] ?? '');
    events.push({ kind, host, pid: Number(rest.at(-1)) || 0, what: rest.slice(1, -1).join(' ') });
  }
  return events;
}
