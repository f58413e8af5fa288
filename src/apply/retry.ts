// until, retries and delay: whether a task that has run is run once more. Pure; the waiting is the engine's.
import type { Action } from '../plan/action.ts';
import { planningFailure } from '../plan/plan-action.ts';
import type { Values } from '../render/shape.ts';
import type { ResolvedTask } from '../resolve/resolved-task.ts';
import type { RawOutcome } from './task-outcome.ts';
import { allHold, textOf } from './tests.ts';

export interface Retry {
  /** Attempts in all. */
  readonly of: number;
  readonly delayMs: number;
}

export type Attempted =
  | { readonly kind: 'over'; readonly raw: RawOutcome }
  | ({ readonly kind: 'again' } & Retry);

const DEFAULT_RETRIES = 3;
const DEFAULT_DELAY_S = 5;

export function repeats({ until, retries }: ResolvedTask): boolean {
  return until !== undefined || retries !== undefined;
}

/** `values` of a result: the task's own among them. `attempt` counts from 1. Without `until` a task repeats while it fails. */
export function afterAttempt(
  { task, scope }: Action,
  raw: RawOutcome,
  { valuesWith, attempt }: { readonly valuesWith: (raw: RawOutcome) => Values; readonly attempt: number },
): Attempted {
  const isOut = raw.isFinal === true || raw.isUnreachable === true;
  const isOver = isOut || !['ok', 'changed', 'failed'].includes(raw.kind);
  if (!repeats(task) || isOver) return { kind: 'over', raw };
  const counted: RawOutcome = { ...raw, fields: { ...raw.fields, attempts: attempt } };
  try {
    const { until } = task;
    const holds = until === undefined ? raw.kind !== 'failed' : allHold(until, valuesWith(counted));
    if (holds) return { kind: 'over', raw: counted };
    const of = 1 + Math.floor(numberOf('retries', task.retries?.evaluate(scope) ?? DEFAULT_RETRIES));
    const delayMs = 1000 * numberOf('delay', task.delay?.evaluate(scope) ?? DEFAULT_DELAY_S);
    if (attempt < of) return { kind: 'again', of, delayMs };
    if (until === undefined || raw.kind === 'failed') return { kind: 'over', raw: counted };
    const times = of === 1 ? 'one attempt' : `${of} attempts`;
    return {
      kind: 'over',
      raw: { ...counted, kind: 'failed', message: `until: ${textOf(until)}, not so after ${times}` },
    };
  } catch (error) {
    if (error instanceof NotANumber) {
      return { kind: 'over', raw: { ...counted, kind: 'failed', message: error.message } };
    }
    return { kind: 'over', raw: { ...counted, kind: 'failed', ...planningFailure(task, error) } };
  }
}

class NotANumber extends Error {}

function numberOf(key: string, value: unknown): number {
  const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
  if (typeof number === 'number' && Number.isFinite(number)) return Math.max(0, number);
  throw new NotANumber(`${key} is no number: ${JSON.stringify(value)}`);
}
