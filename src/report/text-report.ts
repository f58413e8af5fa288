// Plain lines, as things happen: for logs, pipes and people who like to scroll.
import type { HostRecap, RunEvent } from '../event.ts';
import { diagnosticText } from './diagnostic-text.ts';
import { escapeLine } from './escape.ts';
import { guardText } from './guard-text.ts';
import { count } from './numbers.ts';
import { movedText, rememberedText, retryText, taskText, unreachableText } from './outcome-text.ts';
import { COLOURS, NO_COLOURS, type Paint } from './paint.ts';
import { recapText } from './recap-text.ts';
import type { Report, ReportOptions } from './report.ts';

const MIN_HOST_WIDTH = 8;
const MAX_HOST_WIDTH = 40;
const MAX_BATCH_NAMES = 8;

export class TextReport implements Report {
  readonly #options: ReportOptions;
  readonly #paint: Paint;
  #hostWidth = MIN_HOST_WIDTH;
  #mode: 'apply' | 'check' = 'apply';

  constructor(options: ReportOptions) {
    this.#options = options;
    this.#paint = options.isColoured ? COLOURS : NO_COLOURS;
  }

  tell(event: RunEvent): void {
    const text = this.textOf(event);
    if (text !== undefined) this.#options.write(`${text}\n`);
  }

  async end(): Promise<void> {}

  /** What the report says of an event, or undefined. Without a newline at the end. */
  textOf(event: RunEvent): string | undefined {
    const paint = this.#paint;
    const options = { ...this.#options, paint, hostWidth: this.#hostWidth };
    switch (event.kind) {
      case 'run-started':
        this.#mode = event.mode;
        this.#hostWidth = widthFor(event.hosts);
        return undefined;
      case 'play-started':
        return paint.bold(`play ${escapeLine(event.play)}: ${count(event.hosts.length, 'host')}`);
      case 'batch-started':
        return event.count < 2
          ? undefined
          : `batch ${event.index + 1} of ${event.count}: ${namesText(event.hosts)}`;
      case 'host-unreachable':
        // An interrupted run tells in the recap who was not reached.
        return event.reason === 'interrupted' ? undefined : unreachableText(event, options);
      case 'task-finished':
        return taskText(event, options);
      case 'task-retrying':
        return retryText(event, options);
      case 'handler-remembered':
        return rememberedText(event, options);
      case 'guard-confirmed':
      case 'guard-rolled-back':
      case 'guard-unseen':
      case 'guard-told':
        return guardText(event, options);
      case 'host-moved':
        return movedText(event, options);
      case 'play-refused':
        return event.diagnostics.map((each) => diagnosticText(each, paint)).join('\n\n');
      case 'rollout-stopped':
        return paint.red(`rollout stopped: ${escapeLine(event.reason)}`);
      case 'run-ended':
        return `\n${recapText(event.recap, { mode: this.#mode, elapsedMs: event.elapsedMs, paint })}`;
      default:
        return undefined;
    }
  }
}

/** The exit status that a run deserves: 1 some host failed, 3 check mode found differences, 130 interrupted. */
export function exitCodeOf(recap: readonly HostRecap[], mode: 'apply' | 'check'): number {
  if (recap.some((each) => each.status === 'interrupted')) return 130;
  if (recap.some((each) => each.status !== 'ok')) return 1;
  return mode === 'check' && recap.some((each) => each.changed > 0) ? 3 : 0;
}

/** As wide as the longest name, within reason. */
export function widthFor(hosts: readonly string[]): number {
  const longest = hosts.reduce((width, host) => Math.max(width, escapeLine(host).length), MIN_HOST_WIDTH);
  return Math.min(MAX_HOST_WIDTH, longest);
}

function namesText(hosts: readonly string[]): string {
  const names = hosts.slice(0, MAX_BATCH_NAMES).map(escapeLine).join(', ');
  const left = hosts.length - MAX_BATCH_NAMES;
  return left > 0 ? `${names} and ${left} more` : names;
}
