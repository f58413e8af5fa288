// What the live view shows at a moment: how far the play is, who has been at work longest, what went wrong last.
// At most a dozen rows, however many hosts there are. Events in, lines out; drawing them is live-report.ts's part.
import type { RunEvent } from '../event.ts';
import { escapeLine } from './escape.ts';
import { duration } from './numbers.ts';
import { statusWord } from './outcome-text.ts';
import type { Paint } from './paint.ts';

const MAX_HOST_ROWS = 6;
const MAX_TROUBLE_ROWS = 3;
const MAX_NAME_WIDTH = 28;
const BAR_WIDTH = 24;

interface Activity {
  readonly doing: string;
  readonly what: string;
  readonly sinceMs: number;
}

interface Play {
  readonly title: string;
  readonly hosts: number;
  batch: string;
  done: number;
  failed: number;
  changed: number;
}

export class LiveView {
  readonly #paint: Paint;
  readonly #working = new Map<string, Activity>();
  readonly #trouble: string[] = [];
  #startMs = 0;
  #play: Play = { title: '', hosts: 0, batch: '', done: 0, failed: 0, changed: 0 };

  constructor(paint: Paint) {
    this.#paint = paint;
  }

  tell(event: RunEvent, nowMs: number): void {
    switch (event.kind) {
      case 'run-started':
        this.#startMs = nowMs;
        break;
      case 'play-started':
        this.#working.clear();
        this.#play = {
          title: event.play,
          hosts: event.hosts.length,
          batch: '',
          done: 0,
          failed: 0,
          changed: 0,
        };
        break;
      case 'batch-started':
        this.#play.batch = event.count < 2 ? '' : `batch ${event.index + 1} of ${event.count}`;
        break;
      case 'host-connecting':
        this.#working.set(event.host, { doing: 'connecting', what: '', sinceMs: nowMs });
        break;
      case 'host-working': {
        const [first, ...others] = event.tasks;
        const title = first === undefined ? '' : escapeLine(first.title);
        const what = others.length === 0 ? title : `${title} and ${others.length} more`;
        const sinceMs = this.#working.get(event.host)?.sinceMs ?? nowMs;
        this.#working.set(event.host, { doing: event.doing, what, sinceMs });
        break;
      }
      case 'task-finished':
        this.#count(event);
        break;
      case 'host-unreachable':
        this.#trouble.push(`${event.host}: unreachable: ${event.message}`);
        break;
      case 'guard-rolled-back':
        this.#trouble.push(`${event.host}: rolled back: ${event.reason}`);
        break;
      case 'guard-unseen':
        this.#trouble.push(`${event.host}: cannot be reached, goes back by itself: ${event.message}`);
        break;
      case 'host-finished':
        this.#working.delete(event.host);
        if (event.status === 'ok') this.#play.done += 1;
        else this.#play.failed += 1;
        break;
      default:
        break;
    }
  }

  /** Never more than 12 lines; each may be too wide for the terminal. */
  lines(nowMs: number): readonly string[] {
    return [this.#head(nowMs), ...this.#hostRows(nowMs), ...this.#troubleRows()];
  }

  #count({ outcome, task, host }: Extract<RunEvent, { kind: 'task-finished' }>): void {
    const { status, message } = outcome;
    if (status === 'changed' || status === 'would-change') this.#play.changed += 1;
    if (status === 'failed' || status === 'unknown') {
      this.#trouble.push(`${host}: ${statusWord(status)} at ${task.title}: ${message}`);
    }
  }

  #head(nowMs: number): string {
    const { title, hosts, batch, done, failed, changed } = this.#play;
    const paint = this.#paint;
    const parts = [
      `${done + failed}/${hosts} hosts`,
      ...(changed > 0 ? [paint.yellow(`${changed} changed`)] : []),
      ...(failed > 0 ? [paint.red(`${failed} failed`)] : []),
      ...(batch === '' ? [] : [batch]),
      duration(nowMs - this.#startMs),
    ];
    return `${paint.bold(escapeLine(title))}  ${this.#bar()}  ${parts.join(', ')}`;
  }

  #bar(): string {
    const { hosts, done, failed } = this.#play;
    const paint = this.#paint;
    const width = (amount: number): number =>
      Math.round((amount / Math.max(1, hosts, done + failed)) * BAR_WIDTH);
    const green = width(done);
    const red = Math.min(BAR_WIDTH - green, failed > 0 ? Math.max(1, width(failed)) : 0);
    const rest = BAR_WIDTH - green - red;
    return `${paint.green('━'.repeat(green))}${paint.red('━'.repeat(red))}${paint.dim('─'.repeat(rest))}`;
  }

  /** Those that have been at work longest first. */
  #hostRows(nowMs: number): readonly string[] {
    const all = [...this.#working].sort(([, a], [, b]) => a.sinceMs - b.sinceMs);
    const shown = all.slice(0, all.length > MAX_HOST_ROWS + 1 ? MAX_HOST_ROWS : all.length);
    const names = shown.map(([host]) => shortened(escapeLine(host)));
    const width = Math.max(0, ...names.map((name) => name.length));
    const rows = shown.map(([, { doing, what, sinceMs }], index) => {
      const name = (names[index] ?? '').padEnd(width);
      const time = duration(nowMs - sinceMs).padStart(7);
      return `${name}  ${this.#paint.dim(time)}  ${this.#paint.cyan(doing.padEnd(10))}  ${what}`.trimEnd();
    });
    const left = all.length - shown.length;
    return left === 0 ? rows : [...rows, this.#paint.dim(`and ${left} more at work`)];
  }

  #troubleRows(): readonly string[] {
    const left = this.#trouble.length - MAX_TROUBLE_ROWS;
    const rows = this.#trouble.slice(-MAX_TROUBLE_ROWS).map((text) => this.#paint.red(escapeLine(text)));
    return left > 0 ? [this.#paint.red(`${left} failures before`), ...rows] : rows;
  }
}

function shortened(name: string): string {
  return name.length > MAX_NAME_WIDTH ? `${name.slice(0, MAX_NAME_WIDTH - 1)}…` : name;
}
