// What became of a task on a host, as lines of text.
import type { RunEvent, TaskOutcome, TaskStatus } from '../event.ts';
import { unreachable } from '../unreachable.ts';
import { diffText } from './diff-text.ts';
import { escapeForTerminal, escapeLine, hang } from './escape.ts';
import type { Paint } from './paint.ts';

type TaskFinished = Extract<RunEvent, { kind: 'task-finished' }>;

export interface OutcomeTextOptions {
  readonly paint: Paint;
  /** 0: changes and failures; 1: also what stayed as it was; 2: also results. */
  readonly verbosity: number;
  readonly diff: boolean;
  readonly hostWidth: number;
}

/** The lines for a finished task, or undefined where this verbosity says nothing about it. */
export function taskText(event: TaskFinished, options: OutcomeTextOptions): string | undefined {
  if (!isTold(event, options.verbosity)) return undefined;
  const { outcome, task, host } = event;
  const { paint, verbosity, diff } = options;
  const item = outcome.item === undefined ? '' : ` (${escapeLine(outcome.item.label)})`;
  const delegate = outcome.delegate === undefined ? '' : ` on ${escapeLine(outcome.delegate)}`;
  const head = `${headOf(host, outcome.status, options)}  ${escapeLine(task.title)}${item}${delegate}`;
  const lines = [outcome.message === '' ? head : `${head}: ${hang(escapeForTerminal(outcome.message), 4)}`];
  const isBad = ['failed', 'rescued', 'unknown'].includes(outcome.status);
  if (isBad) lines.push(paint.dim(`    ${escapeLine(`${task.module} at ${task.place}`)}`));
  if (isBad || verbosity >= 2) lines.push(...outputLines(outcome));
  if (outcome.hint !== undefined) lines.push(hintText(outcome.hint, paint));
  if (outcome.showsDiffs ?? diff) lines.push(...outcome.diffs.map((each) => diffText(each, paint)));
  return lines.join('\n');
}

/** A line for a task that is run again; nothing without -v. */
export function rememberedText(
  { host, handler, state }: Extract<RunEvent, { kind: 'handler-remembered' }>,
  { paint, hostWidth }: Pick<OutcomeTextOptions, 'paint' | 'hostWidth'>,
): string {
  const head = `${escapeLine(host).padEnd(hostWidth)}  ${paint.yellow('earlier'.padEnd(STATUS_WIDTH))}  `;
  const end =
    state === 'due'
      ? 'notified by an earlier run'
      : 'notified by an earlier run, and not in the play any more';
  return `${head}handler "${escapeLine(handler)}", ${end}`;
}

export function retryText(
  { host, task, attempt, of, outcome }: Extract<RunEvent, { kind: 'task-retrying' }>,
  { paint, hostWidth, verbosity }: OutcomeTextOptions,
): string | undefined {
  if (verbosity < 1) return undefined;
  const head = `${escapeLine(host).padEnd(hostWidth)}  ${paint.yellow('again'.padEnd(STATUS_WIDTH))}  `;
  const message = outcome.message === '' ? '' : `: ${hang(escapeForTerminal(outcome.message), 4)}`;
  return `${head}${escapeLine(task.title)}, attempt ${attempt} of ${of}${message}`;
}

export function unreachableText(
  event: Extract<RunEvent, { kind: 'host-unreachable' }>,
  options: OutcomeTextOptions,
): string {
  const head = `${headOf(event.host, 'unreachable', options)}  ${hang(escapeForTerminal(event.message), 4)}`;
  return event.hint === undefined ? head : `${head}\n${hintText(event.hint, options.paint)}`;
}

/** Why a plan is not carried out on a host. */
export function movedText(
  { host, moved }: Extract<RunEvent, { kind: 'host-moved' }>,
  { paint, hostWidth }: OutcomeTextOptions,
): string {
  const head = `${escapeLine(host).padEnd(hostWidth)}  ${paint.red('has moved'.padEnd(STATUS_WIDTH))}  since the plan was made: nothing is changed on it`;
  const lines = moved.flatMap(({ task, since }) => [
    `    ${escapeLine(task.title)} ${paint.dim(`(${escapeLine(task.place)})`)}`,
    ...since.map((each) => `      ${escapeLine(each)}`),
  ]);
  return [head, ...lines].join('\n');
}

/** `would change`, `lost`: the status as people read it. */
export function statusWord(status: TaskStatus): string {
  switch (status) {
    case 'would-change':
      return 'would change';
    case 'unknown':
      return 'lost';
    case 'ok':
    case 'changed':
    case 'skipped':
    case 'failed':
    case 'rescued':
    case 'ignored':
      return status;
    default:
      return unreachable(status);
  }
}

export function statusColour(status: TaskStatus, paint: Paint): (text: string) => string {
  switch (status) {
    case 'changed':
    case 'would-change':
    case 'rescued':
    case 'ignored':
      return paint.yellow;
    case 'failed':
    case 'unknown':
      return paint.red;
    case 'skipped':
      return paint.dim;
    case 'ok':
      return paint.green;
    default:
      return unreachable(status);
  }
}

/** As wide as the longest status, `would change`. */
export const STATUS_WIDTH = 12;

function isTold({ outcome, task }: TaskFinished, verbosity: number): boolean {
  const { status } = outcome;
  if (task.module === 'debug' && status === 'ok') return verbosity >= (outcome.verbosity ?? 0);
  return verbosity >= 1 || (status !== 'ok' && status !== 'skipped');
}

function headOf(host: string, status: TaskStatus | 'unreachable', options: OutcomeTextOptions): string {
  const { paint, hostWidth } = options;
  const [word, colour] =
    status === 'unreachable' ? [status, paint.red] : [statusWord(status), statusColour(status, paint)];
  return `${escapeLine(host).padEnd(hostWidth)}  ${colour(word.padEnd(STATUS_WIDTH))}`;
}

function hintText(hint: string, paint: Paint): string {
  return `    ${paint.cyan('hint:')} ${hang(escapeForTerminal(hint), 6)}`;
}

const MAX_OUTPUT_LINES = 20;

/** stdout and stderr of commands, the end of each, without what the message says already. */
function outputLines(outcome: TaskOutcome): readonly string[] {
  return ['stdout', 'stderr'].flatMap((name) => {
    const text = outcome.fields[name];
    if (typeof text !== 'string' || text.trim() === '' || outcome.message.includes(text.trim())) return [];
    const lines = escapeForTerminal(text.trimEnd()).split('\n');
    const left = lines.length - MAX_OUTPUT_LINES;
    const shown = left > 0 ? [`… ${left} lines before`, ...lines.slice(-MAX_OUTPUT_LINES)] : lines;
    return shown.map((line) => `    ${name}: ${line}`);
  });
}
