// What became of a task on a host, and how hosts ended, as lines of text.
import { createTwoFilesPatch } from 'diff';
import type { HostRecap, RunEvent, TaskOutcome, TaskStatus } from '../event.ts';
import type { Diff } from '../modules/module.ts';
import { unreachable } from '../unreachable.ts';
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
  const { outcome, task, host } = event;
  const isQuiet = outcome.status === 'ok' || outcome.status === 'skipped';
  const isSpoken = task.module === 'debug' && outcome.status === 'ok';
  if (isQuiet && !isSpoken && options.verbosity < 1) return undefined;
  const { paint } = options;
  const item = outcome.item === undefined ? '' : ` (${escapeLine(outcome.item.label)})`;
  const status = colourOf(outcome.status, paint)(statusWord(outcome.status).padEnd(12));
  const head = `${escapeLine(host).padEnd(options.hostWidth)}  ${status}  ${escapeLine(task.title)}${item}`;
  const lines = [outcome.message === '' ? head : `${head}: ${hang(escapeForTerminal(outcome.message), 4)}`];
  if (outcome.status === 'failed' || outcome.status === 'unknown') {
    lines.push(paint.dim(`    ${task.module} at ${task.place}`));
    lines.push(...outputLines(outcome));
  } else if (options.verbosity >= 2) {
    lines.push(...outputLines(outcome));
  }
  if (outcome.hint !== undefined)
    lines.push(`    ${paint.cyan('hint:')} ${hang(escapeForTerminal(outcome.hint), 6)}`);
  if (options.diff) for (const diff of outcome.diffs) lines.push(diffText(diff, paint));
  return lines.join('\n');
}

export function unreachableText(
  event: Extract<RunEvent, { kind: 'host-unreachable' }>,
  options: OutcomeTextOptions,
): string {
  const { paint, hostWidth } = options;
  const head = `${escapeLine(event.host).padEnd(hostWidth)}  ${paint.red('unreachable'.padEnd(12))}  ${hang(escapeForTerminal(event.message), 4)}`;
  return event.hint === undefined
    ? head
    : `${head}\n    ${paint.cyan('hint:')} ${hang(escapeForTerminal(event.hint), 6)}`;
}

/** A table with a row per host, and the sum in one line. */
export function recapText(recap: readonly HostRecap[], elapsedMs: number, paint: Paint): string {
  const width = Math.max(4, ...recap.map((each) => each.host.length));
  const head = `${'host'.padEnd(width)}  ${'ok'.padStart(4)}  changed  skipped  failed  state`;
  const rows = recap.map((each) => {
    const numbers = `${pad(each.ok, 4)}  ${pad(each.changed, 7)}  ${pad(each.skipped, 7)}  ${pad(each.failed, 6)}`;
    const isFine = each.status === 'ok';
    const state = isFine ? each.state : paint.red(`${each.status}, ${each.state}`);
    return `${escapeLine(each.host).padEnd(width)}  ${numbers}  ${state}`;
  });
  return [paint.dim(head), ...rows, '', totalText(recap, elapsedMs)].join('\n');
}

function totalText(recap: readonly HostRecap[], elapsedMs: number): string {
  const fine = recap.filter((each) => each.status === 'ok').length;
  const changes = recap.reduce((sum, each) => sum + each.changed, 0);
  const hosts = recap.length === 1 ? '1 host' : `${recap.length} hosts`;
  const result = fine === recap.length ? 'all ok' : `${fine} ok, ${recap.length - fine} not`;
  return `${hosts}: ${result}, ${changes} changed, ${(elapsedMs / 1000).toFixed(1)} s`;
}

export function diffText(diff: Diff, paint: Paint): string {
  const patch = createTwoFilesPatch(
    diff.title,
    diff.title,
    ensureNewline(diff.before),
    ensureNewline(diff.after),
    'before',
    'after',
    {
      context: 3,
    },
  );
  return patch
    .split('\n')
    .slice(2, -1)
    .map((line) => {
      const safe = `    ${escapeLine(line)}`;
      if (line.startsWith('+')) return paint.green(safe);
      return line.startsWith('-') ? paint.red(safe) : safe;
    })
    .join('\n');
}

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
    case 'ignored':
      return status;
    default:
      return unreachable(status);
  }
}

function colourOf(status: TaskStatus, paint: Paint): (text: string) => string {
  switch (status) {
    case 'changed':
    case 'would-change':
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

/** stdout and stderr of commands, the last 20 lines of each. */
function outputLines(outcome: TaskOutcome): readonly string[] {
  return ['stdout', 'stderr'].flatMap((name) => {
    const text = outcome.fields[name];
    if (typeof text !== 'string' || text.trim() === '' || outcome.message.includes(text.trim())) return [];
    const lines = escapeForTerminal(text.trimEnd()).split('\n');
    const shown = lines.length > 20 ? [`… ${lines.length - 20} lines before`, ...lines.slice(-20)] : lines;
    return shown.map((line) => `    ${name}: ${line}`);
  });
}

function ensureNewline(text: string): string {
  return text === '' || text.endsWith('\n') ? text : `${text}\n`;
}

function pad(value: number, width: number): string {
  return String(value).padStart(width);
}
