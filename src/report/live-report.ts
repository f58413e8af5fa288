// The live view on a terminal, redrawn ten times a second. listr2 only draws it: it is fed from events and decides
// nothing. What has to stay on the screen is printed as text when a play is over.
//
//   play ─► drawing ─► play over: the drawing goes, the text comes ─► next play … ─► recap
import { type DefaultRenderer, Listr, type ListrTaskWrapper, type SimpleRenderer } from 'listr2';
import type { RunEvent } from '../event.ts';
import { LiveView } from './live-view.ts';
import { COLOURS, NO_COLOURS, type Paint } from './paint.ts';
import { PlaySummary } from './play-summary.ts';
import type { Report, ReportOptions } from './report.ts';
import { TextReport } from './text-report.ts';

const REDRAW_MS = 100;

/** What stays of a play: its changes by task, what hosts had to say, and last what went wrong. */
interface Kept {
  readonly title: string;
  readonly summary: PlaySummary;
  readonly spoken: string[];
  readonly trouble: string[];
}

type Drawn = ListrTaskWrapper<unknown, typeof DefaultRenderer, typeof SimpleRenderer>;

export class LiveReport implements Report {
  readonly #options: ReportOptions;
  readonly #paint: Paint;
  readonly #view: LiveView;
  readonly #text: TextReport;
  /** Of the play that runs. */
  #kept: Kept | undefined;
  #drawing: Drawing | undefined;
  /** Everything drawn and printed so far, in order. */
  #done: Promise<void> = Promise.resolve();

  constructor(options: ReportOptions) {
    this.#options = options;
    this.#paint = options.isColoured ? COLOURS : NO_COLOURS;
    this.#view = new LiveView(this.#paint);
    this.#text = new TextReport(options);
  }

  tell(event: RunEvent): void {
    if (event.kind === 'play-started' || event.kind === 'run-ended') this.#endPlay();
    this.#view.tell(event, performance.now());
    const text = this.#text.textOf(event);
    if (event.kind === 'play-started') this.#startPlay(text ?? '');
    else if (text !== undefined && !this.#isSummed(event)) this.#keep(text, event);
  }

  async standAside(): Promise<() => void> {
    this.#drawing?.end();
    const play = this.#kept;
    await this.#done;
    return () => {
      if (play !== undefined && play === this.#kept) this.#draw();
    };
  }

  async end(): Promise<void> {
    this.#endPlay();
    await this.#done;
  }

  #startPlay(title: string): void {
    this.#kept = { title, summary: new PlaySummary(), spoken: [], trouble: [] };
    this.#draw();
  }

  #draw(): void {
    const drawing = new Drawing(() => this.#view.lines(performance.now()).join('\n'));
    this.#drawing = drawing;
    this.#done = this.#done.then(() => drawing.run());
  }

  #endPlay(): void {
    const kept = this.#kept;
    if (kept === undefined) return;
    this.#kept = undefined;
    this.#drawing?.end();
    const text = [kept.title, ...kept.summary.lines(this.#paint), ...kept.spoken, ...kept.trouble];
    this.#done = this.#done.then(() => this.#options.write(`${text.join('\n')}\n`));
  }

  /** Whether the summary by task is enough. */
  #isSummed(event: RunEvent): boolean {
    if (event.kind === 'batch-started') return true;
    if (event.kind !== 'task-finished' || this.#kept === undefined) return false;
    const { verbosity, diff } = this.#options;
    return verbosity === 0 && !(event.outcome.showsDiffs ?? diff) && this.#kept.summary.takes(event);
  }

  #keep(text: string, event: RunEvent): void {
    if (this.#kept !== undefined) this.#kept[isTrouble(event) ? 'trouble' : 'spoken'].push(text);
    else this.#done = this.#done.then(() => this.#options.write(`${text}\n`));
  }
}

function isTrouble(event: RunEvent): boolean {
  if (event.kind !== 'task-finished') return event.kind !== 'batch-started';
  return event.outcome.status === 'failed' || event.outcome.status === 'unknown';
}

/** One drawing by listr2, from `run` to `end`: it takes over stdout and stderr meanwhile, and leaves nothing behind. */
class Drawing {
  readonly #text: () => string;
  readonly #over: Promise<void>;
  #end: () => void = () => {};

  constructor(text: () => string) {
    this.#text = text;
    this.#over = new Promise((resolve) => {
      this.#end = resolve;
    });
  }

  async run(): Promise<void> {
    await new Listr<unknown, 'default', 'simple'>(
      [{ title: this.#text(), task: (_context: unknown, task: Drawn) => this.#draw(task) }],
      {
        registerSignalListeners: false, // or Ctrl-C would leave hosts half done
        renderer: 'default',
        // `lazy`: it draws when it is given something to draw, and not for the sake of a spinner.
        rendererOptions: { lazy: true, clearOutput: true, formatOutput: 'truncate', removeEmptyLines: false },
      },
    ).run();
  }

  end(): void {
    this.#end();
  }

  async #draw(task: Drawn): Promise<void> {
    const timer = setInterval(() => {
      task.title = this.#text();
    }, REDRAW_MS);
    await this.#over;
    clearInterval(timer);
  }
}
