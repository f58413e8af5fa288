// What a play has changed, by task rather than by host: what stays on the screen when the live view is gone.
import type { RunEvent, TaskStatus } from '../event.ts';
import { escapeLine } from './escape.ts';
import { STATUS_WIDTH, statusColour, statusWord } from './outcome-text.ts';
import type { Paint } from './paint.ts';

type TaskFinished = Extract<RunEvent, { kind: 'task-finished' }>;

interface Entry {
  readonly title: string;
  readonly status: TaskStatus;
  readonly hosts: Set<string>;
}

const MAX_NAMES = 3;

export class PlaySummary {
  readonly #entries = new Map<string, Entry>();

  /** True where the summary will tell it: the host need not have a line of its own. */
  takes({ task, outcome, host }: TaskFinished): boolean {
    const { status } = outcome;
    if (status !== 'changed' && status !== 'would-change') return false;
    const key = `${task.id} ${status}`;
    const entry = this.#entries.get(key) ?? { title: task.title, status, hosts: new Set() };
    entry.hosts.add(host);
    this.#entries.set(key, entry);
    return true;
  }

  /** A line for each task that changed something, in the order in which the first host got there. */
  lines(paint: Paint): readonly string[] {
    return [...this.#entries.values()].map(({ title, status, hosts }) => {
      const word = statusColour(status, paint)(statusWord(status).padEnd(STATUS_WIDTH));
      return `  ${word}  ${escapeLine(title)}  ${paint.dim(namesText([...hosts]))}`;
    });
  }
}

function namesText(hosts: readonly string[]): string {
  return hosts.length > MAX_NAMES ? `on ${hosts.length} hosts` : `on ${hosts.map(escapeLine).join(', ')}`;
}
