// What a wave's inspection leads to: for each action an outcome or a change to be made. Pure.
// All changes decided here go into one program, so this is also where a wave ends early: whoever looked at what
// somebody before it is about to change has to look again, in the next wave.
import type { Errand } from '../modules/errand.ts';
import type { ChangeProgram, Inspected, Resource, ResultFields, Verdict } from '../modules/module.ts';
import { startJob } from '../modules/system/job-script.ts';
import type { Action, HostAction } from '../plan/action.ts';
import { overlap } from '../plan/resources.ts';
import type { Wave } from '../plan/wave.ts';
import { unreachable } from '../unreachable.ts';
import type { RawOutcome } from './task-outcome.ts';

export type Decided =
  | Settled
  | {
      readonly kind: 'errand';
      readonly action: Action;
      readonly errand: Errand;
      readonly fields: ResultFields;
    };

/** What errands have nothing to do with, or no longer. */
export type Settled =
  | { readonly kind: 'done'; readonly action: Action; readonly raw: RawOutcome }
  | {
      readonly kind: 'change';
      readonly action: HostAction;
      readonly change: ChangeProgram;
      readonly verdict: Extract<Verdict<unknown>, { kind: 'change' }>;
      /** In check mode: sh that tells whether the change would succeed. */
      readonly rehearsal?: string;
    };

export interface DecideOptions {
  /** What an action was told; undefined where its inspection did not end. */
  readonly inspected: (action: HostAction) => Inspected | undefined;
  /** What earlier tasks would have changed if check mode had let them. */
  readonly withheld: readonly Resource[];
  /** Unique on the host. */
  readonly newJobId: () => string;
}

/** For the first actions of the wave, in order; those behind them wait for the next one. At least one. */
export function decide(wave: Wave, { inspected, withheld, newJobId }: DecideOptions): readonly Decided[] {
  const decided: Decided[] = [];
  const written: Resource[] = [];
  for (const action of wave.actions) {
    if (wave.mode === 'apply' && action.kind === 'host' && overlap(action.reads, written)) break;
    const verdict = decideOne(action, inspected, newJobId);
    const each = wave.mode === 'check' ? checked(verdict, [...withheld, ...written]) : verdict;
    // Uploads and errands come before the program, and with it before the changes of others.
    if (wave.mode === 'apply' && written.length > 0 && comesFirst(each)) break;
    decided.push(each);
    if (each.kind === 'done' && each.raw.kind === 'failed' && stops(action)) break;
    if (action.kind !== 'host' || !mayWrite(each)) continue;
    written.push(...action.writes);
    if (wave.mode === 'apply' && endsProgram(each)) break;
  }
  return decided;
}

/** Whether a failure ends the wave. */
export function stops({ task }: Action): boolean {
  return task.onFailure === 'stop-host';
}

/** Nothing may follow what only its module can judge (its script may exit with 0 and have failed), nor a reboot. */
function endsProgram(each: Decided): boolean {
  return (
    each.kind === 'change' && (each.action.module.conclude !== undefined || each.change.then !== undefined)
  );
}

function decideOne(action: Action, inspected: DecideOptions['inspected'], newJobId: () => string): Decided {
  switch (action.kind) {
    case 'skipped':
      return {
        kind: 'done',
        action,
        raw: { kind: 'skipped', message: action.reason, leaves: action.leaves },
      };
    case 'failed': {
      const { message, hint } = action;
      return {
        kind: 'done',
        action,
        raw: { kind: 'failed', message, ...(hint !== undefined && { hint }) },
      };
    }
    case 'controller': {
      const { verdict } = action;
      if (verdict.kind === 'failed' || verdict.errand === undefined) {
        return { kind: 'done', action, raw: verdict };
      }
      return { kind: 'errand', action, errand: verdict.errand, fields: verdict.fields ?? {} };
    }
    case 'host':
      return decideHost(action, inspected(action), newJobId);
    default:
      return unreachable(action);
  }
}

function decideHost(action: HostAction, actual: Inspected | undefined, newJobId: () => string): Decided {
  if (actual === undefined) {
    return { kind: 'done', action, raw: { kind: 'failed', message: 'the inspection did not end' } };
  }
  const { module, wanted } = action;
  const moved = action.movedSince?.(actual) ?? [];
  if (moved.length > 0) {
    const message = `the host has moved since the plan was made: ${moved.join('; ')}`;
    return { kind: 'done', action, raw: { kind: 'failed', message } };
  }
  const verdict = module.decide(wanted, actual);
  switch (verdict.kind) {
    case 'change': {
      const change = module.change(wanted, verdict.changes);
      return { kind: 'change', action, verdict, change: asJob(change, action, newJobId) };
    }
    case 'unchanged':
      return { kind: 'done', action, raw: { ...verdict, kind: 'ok' } };
    case 'errand':
      return { kind: 'errand', action, errand: verdict.errand, fields: verdict.fields ?? {} };
    case 'skipped':
    case 'failed':
      return { kind: 'done', action, raw: verdict };
    default:
      return unreachable(verdict);
  }
}

/** The script that makes the changes, or one that starts it and leaves it to itself. */
function asJob(change: ChangeProgram, { job }: HostAction, newJobId: () => string): ChangeProgram {
  if (job === undefined) return change;
  const id = newJobId();
  const script = startJob({ id, limitSeconds: Math.ceil(job.limitMs / 1000) }, change.script);
  // biome-ignore lint/suspicious/noThenProperty: not callable, so nothing takes it for a promise
  return { ...change, script, then: { kind: 'job', id, ...job } };
}

function mayWrite(each: Decided): boolean {
  return each.kind === 'change' || (each.kind === 'done' && each.raw.leaves === 'unknowable');
}

function comesFirst(each: Decided): boolean {
  return each.kind === 'errand' || (each.kind === 'change' && each.change.uploads !== undefined);
}

/** In check mode a change is rehearsed, where somebody before it has not withheld what it looks at. */
function checked(each: Decided, withheld: readonly Resource[]): Decided {
  if (each.kind === 'done') return excused(each, withheld);
  if (each.kind === 'errand') return each;
  const { module, wanted, reads } = each.action;
  if (overlap(reads, withheld)) return each;
  const rehearsal = module.rehearse?.(wanted, each.verdict.changes);
  return rehearsal === undefined ? each : { ...each, rehearsal };
}

/** A task may only fail because those before it did nothing: nobody can tell. */
function excused(each: Extract<Decided, { kind: 'done' }>, withheld: readonly Resource[]): Decided {
  if (each.raw.kind !== 'failed') return each;
  const { action, raw } = each;
  if (action.kind !== 'host' || !overlap(action.reads, withheld)) return each;
  const message = `it looks at what an earlier task would change (now: ${raw.message ?? 'failed'})`;
  return { kind: 'done', action, raw: { kind: 'skipped', message, leaves: 'unknowable' } };
}
