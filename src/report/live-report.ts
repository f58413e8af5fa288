// The live view: counters and the hosts that have been at work longest, in at most a dozen rows, redrawn at most ten
// times a second. listr2 only draws it; it is fed from events and decides nothing.
import { type DefaultRenderer, Listr, type ListrTaskWrapper, type SimpleRenderer } from 'listr2';
import type { RunEvent } from '../event.ts';
import { escapeLine } from './escape.ts';
import type { Report, ReportOptions } from './report.ts';
import { TextReport } from './text-report.ts';

const MAX_HOST_ROWS = 8;
const REDRAW_MS = 100;

interface Activity {
  readonly doing: string;
  readonly sinceMs: number;
}

type Drawing = ListrTaskWrapper<unknown, typeof DefaultRenderer, typeof SimpleRenderer>;

/** Draws plays as listr2 tasks; what has to stay on the screen is printed as text when a play is over. */
export class LiveReport implements Report {
  readonly #text: TextReport;
  readonly #write: (text: string) => void;
  readonly #verbosity: number;
  readonly #working = new Map<string, Activity>();
  readonly #kept: string[] = [];
  #play:
    | { readonly title: string; readonly hosts: number; done: number; failed: number; changed: number }
    | undefined;
  #finishDrawing: (() => void) | undefined;
  #drawn: Promise<unknown> = Promise.resolve();
  #timer: NodeJS.Timeout | undefined;

  constructor(options: ReportOptions) {
    this.#text = new TextReport(options);
    this.#write = options.write;
    // With --diff, changes are what one wants to read.
    this.#verbosity = options.diff ? 1 : options.verbosity;
  }

  tell(event: RunEvent): void {
    this.#follow(event);
    const line = this.#text.textOf(event);
    if (event.kind === 'play-started') this.#startDrawing();
    else if (line !== undefined && this.#stays(event)) this.#kept.push(line);
    if (event.kind === 'run-ended' || event.kind === 'rollout-stopped') this.#stopDrawing();
  }

  async end(): Promise<void> {
    this.#stopDrawing();
    await this.#drawn;
    this.#flush();
  }

  /** What is still worth reading when the drawing is over; the recap counts the rest. */
  #stays(event: RunEvent): boolean {
    if (event.kind !== 'task-finished' || this.#verbosity > 0) return true;
    return event.task.module === 'debug' || !['ok', 'changed', 'skipped'].includes(event.outcome.status);
  }

  #follow(event: RunEvent): void {
    switch (event.kind) {
      case 'play-started':
        this.#stopDrawing();
        this.#play = { title: event.play, hosts: event.hosts.length, done: 0, failed: 0, changed: 0 };
        break;
      case 'host-connecting':
        this.#working.set(event.host, { doing: 'connecting', sinceMs: performance.now() });
        break;
      case 'host-working': {
        const [first, ...others] = event.tasks;
        const more = others.length === 0 ? '' : ` and ${others.length} more`;
        const doing = first === undefined ? event.doing : `${event.doing}  ${escapeLine(first.title)}${more}`;
        this.#working.set(event.host, {
          doing,
          sinceMs: this.#working.get(event.host)?.sinceMs ?? performance.now(),
        });
        break;
      }
      case 'task-finished':
        if (this.#play !== undefined && event.outcome.status === 'changed') this.#play.changed += 1;
        break;
      case 'host-finished':
        this.#working.delete(event.host);
        if (this.#play !== undefined) {
          if (event.status === 'ok') this.#play.done += 1;
          else this.#play.failed += 1;
        }
        break;
      default:
        break;
    }
  }

  #startDrawing(): void {
    const { promise, finish } = completion();
    const before = this.#drawn;
    this.#finishDrawing = finish;
    const listr = new Listr<unknown, 'default', 'simple'>(
      [
        {
          title: this.#title(),
          task: async (_context: unknown, task: Drawing): Promise<void> => {
            const draw = (): void => {
              task.title = this.#title();
              task.output = this.#rows().join('\n');
            };
            this.#timer = setInterval(draw, REDRAW_MS);
            await promise;
            clearInterval(this.#timer);
            draw();
          },
        },
      ],
      { renderer: 'default', rendererOptions: { collapseSubtasks: false, formatOutput: 'truncate' } },
    );
    this.#drawn = before.then(() => listr.run());
  }

  #stopDrawing(): void {
    if (this.#finishDrawing === undefined) return;
    this.#finishDrawing();
    this.#finishDrawing = undefined;
    this.#drawn = this.#drawn.then(() => this.#flush());
  }

  #flush(): void {
    for (const line of this.#kept.splice(0)) this.#write(`${line}\n`);
  }

  #title(): string {
    if (this.#play === undefined) return '';
    const { title, hosts, done, failed, changed } = this.#play;
    const parts = [
      `${done} of ${hosts} done`,
      `${changed} changed`,
      ...(failed > 0 ? [`${failed} failed`] : []),
    ];
    return `${escapeLine(title)}: ${parts.join(', ')}`;
  }

  /** Those that have been at work longest first. */
  #rows(): readonly string[] {
    const now = performance.now();
    const all = [...this.#working].sort(([, a], [, b]) => a.sinceMs - b.sinceMs);
    const rows = all.slice(0, MAX_HOST_ROWS).map(([host, { doing, sinceMs }]) => {
      return `${escapeLine(host)}  ${((now - sinceMs) / 1000).toFixed(1)} s  ${doing}`;
    });
    return all.length > MAX_HOST_ROWS ? [...rows, `and ${all.length - MAX_HOST_ROWS} more at work`] : rows;
  }
}

function completion(): { promise: Promise<void>; finish: () => void } {
  let finish: () => void = () => {};
  const promise = new Promise<void>((resolve) => {
    finish = resolve;
  });
  return { promise, finish };
}
