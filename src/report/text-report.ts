// Plain lines, as things happen: for logs, pipes and people who like to scroll.
import type { HostRecap, RunEvent } from '../event.ts';
import { escapeLine } from './escape.ts';
import { recapText, taskText, unreachableText } from './outcome-text.ts';
import { COLOURS, NO_COLOURS, type Paint } from './paint.ts';
import type { Report, ReportOptions } from './report.ts';

export class TextReport implements Report {
  readonly #options: ReportOptions;
  readonly #paint: Paint;
  #hostWidth = 8;

  constructor(options: ReportOptions) {
    this.#options = options;
    this.#paint = options.isColoured ? COLOURS : NO_COLOURS;
  }

  tell(event: RunEvent): void {
    const text = this.textOf(event);
    if (text !== undefined) this.#options.write(`${text}\n`);
  }

  async end(): Promise<void> {}

  /** What the report says of an event, or undefined. */
  textOf(event: RunEvent): string | undefined {
    const paint = this.#paint;
    const options = { ...this.#options, paint, hostWidth: this.#hostWidth };
    switch (event.kind) {
      case 'run-started':
        this.#hostWidth = Math.min(40, Math.max(8, ...event.hosts.map((host) => host.length)));
        return undefined;
      case 'play-started':
        return paint.bold(`play ${escapeLine(event.play)}: ${count(event.hosts.length, 'host')}`);
      case 'batch-started':
        return event.count < 2
          ? undefined
          : `batch ${event.index + 1} of ${event.count}: ${event.hosts.map(escapeLine).join(', ')}`;
      case 'host-unreachable':
        return unreachableText(event, options);
      case 'task-finished':
        return taskText(event, options);
      case 'rollout-stopped':
        return paint.red(`rollout stopped: ${escapeLine(event.reason)}`);
      case 'run-ended':
        return `\n${recapText(event.recap, event.elapsedMs, paint)}`;
      default:
        return undefined;
    }
  }
}

function count(amount: number, noun: string): string {
  return amount === 1 ? `1 ${noun}` : `${amount} ${noun}s`;
}

/** The exit status that a run deserves: 1 some host failed, 3 check mode found differences, 130 interrupted. */
export function exitCodeOf(recap: readonly HostRecap[], mode: 'apply' | 'check'): number {
  if (recap.some((each) => each.status === 'interrupted')) return 130;
  if (recap.some((each) => each.status !== 'ok')) return 1;
  return mode === 'check' && recap.some((each) => each.changed > 0) ? 3 : 0;
}
