// From what a module concluded to what a person is told and what `register` holds: changed_when, failed_when,
// ignore_errors and no_log have their say here.
import type { TaskLabel, TaskOutcome } from '../event.ts';
import type { Diff, ResultFields } from '../modules/module.ts';
import type { Action, Item } from '../plan/action.ts';
import { planningFailure } from '../plan/plan-action.ts';
import type { Values } from '../render/shape.ts';
import type { ResolvedTask } from '../resolve/resolved-task.ts';
import { MASK } from '../secret.ts';
import { afterAttempt, type Retry } from './retry.ts';
import { allHold, textOf } from './tests.ts';

/** What happened, before the task's own conditions are asked. */
export interface RawOutcome {
  readonly kind: 'ok' | 'changed' | 'would-change' | 'skipped' | 'failed' | 'unknown';
  readonly message?: string;
  readonly hint?: string;
  readonly diffs?: readonly Diff[];
  readonly fields?: ResultFields;
  /** The message is for those who asked for this much. */
  readonly verbosity?: number;
  /** A program for it ran to its end, so that even a failure that is forgiven may have changed something. */
  readonly hasRun?: true;
  /** The host is gone: ignore_errors and failed_when have no say. */
  readonly isFinal?: true;
  /** The machine could not be reached, or no longer, and the task puts up with that (ignore_unreachable). */
  readonly isUnreachable?: true;
  /** What names that the task sets are from now on, if it did not set them. */
  readonly leaves?: 'unset' | 'unknowable';
}

/** An action and what happened. */
export interface ActionOutcome {
  readonly action: Action;
  readonly raw: RawOutcome;
}

export interface JudgedOutcome {
  readonly outcome: TaskOutcome;
  /** As `register` sees it: Ansible's field names. */
  readonly result: Readonly<Record<string, unknown>>;
  /** Check mode did not produce the result: nobody may rely on it. */
  readonly isUnknowable: boolean;
  /** It ran and failed, and what it touches is not known: a command, for one. */
  readonly mayHaveChanged: boolean;
  /** It is run again: none of this is told yet. */
  readonly retry?: Retry;
}

export function labelOf(action: Action): TaskLabel {
  const { task } = action;
  const { file, line, column } = task.origin.span();
  return {
    id: task.id,
    title: task.noLog ? titleWithoutValues(task) : action.title,
    module: task.module.name,
    place: `${file}:${line}:${column}`,
  };
}

/** `attempt`: how often it has run by now. */
export function judge({ action, raw }: ActionOutcome, attempt = 1): JudgedOutcome {
  const { task, item } = action;
  const first = applyConditions(task, raw, action);
  const valuesWith = (each: RawOutcome): Values => withResult(action.scope, task.register, resultOf(each));
  const attempted = afterAttempt(action, first, { valuesWith, attempt });
  const judged = attempted.kind === 'over' ? attempted.raw : first;
  const variable = task.loop?.variable ?? 'item';
  const result = {
    ...resultOf(judged),
    ...(item !== undefined && { [variable]: item.value, ansible_loop_var: variable }),
  };
  const isForgiven = task.onFailure === 'continue' && judged.isFinal !== true;
  const isIgnored = judged.kind === 'failed' && (isForgiven || judged.isUnreachable === true);
  const outcome: TaskOutcome = {
    status: isIgnored ? 'ignored' : judged.kind,
    ...(task.noLog ? masked(judged) : shown(judged)),
    ...(action.delegate !== undefined && { delegate: action.delegate }),
    ...(item !== undefined && {
      item: { label: itemLabel(item, task.noLog), index: item.index, count: item.count },
    }),
    ...unjudged(action, judged),
    ...(task.diff !== undefined && { showsDiffs: task.diff }),
  };
  return {
    outcome,
    result,
    isUnknowable: judged.kind === 'would-change' || judged.leaves === 'unknowable',
    mayHaveChanged:
      judged.kind === 'failed' &&
      judged.hasRun === true &&
      action.kind === 'host' &&
      action.writes.includes('*'),
    ...(attempted.kind === 'again' && { retry: attempted }),
  };
}

/** In check mode: why it cannot be said whether the host is as the task wants it. */
function unjudged(action: Action, { kind, leaves, message = '' }: RawOutcome): Pick<TaskOutcome, 'unjudged'> {
  if (kind === 'skipped' && leaves === 'unknowable') return { unjudged: message };
  if (kind !== 'would-change' || action.kind !== 'host') return {};
  const { module, wanted, inspection, writes } = action;
  const looksFirst = inspection.script !== undefined || (inspection.files ?? []).length > 0;
  const acts = module.acts?.(wanted) === true || (writes.includes('*') && !looksFirst);
  return acts ? { unjudged: 'it acts each time it runs' } : {};
}

/** The results of a loop's items as one, in Ansible's form. */
export function loopResult(
  results: readonly Readonly<Record<string, unknown>>[],
): Readonly<Record<string, unknown>> {
  return {
    results,
    changed: results.some((each) => each.changed === true),
    failed: results.some((each) => each.failed === true),
    skipped: results.every((each) => each.skipped === true),
    msg: results.length === 0 ? 'nothing to loop over' : 'all items completed',
  };
}

function resultOf(raw: RawOutcome): Readonly<Record<string, unknown>> {
  const isFailed = (raw.kind === 'failed' || raw.kind === 'unknown') && raw.isUnreachable !== true;
  return {
    changed: raw.kind === 'changed' || raw.kind === 'would-change' || (isFailed && raw.hasRun === true),
    failed: isFailed,
    skipped: raw.kind === 'skipped',
    msg: raw.message ?? '',
    ...raw.fields,
  };
}

function applyConditions(task: ResolvedTask, raw: RawOutcome, action: Action): RawOutcome {
  if (raw.isFinal === true || raw.isUnreachable === true) return raw;
  if (raw.kind === 'skipped' || raw.kind === 'unknown') return raw;
  if (raw.kind === 'would-change') {
    if (!neverChanges(task)) return raw;
    return { kind: 'skipped', message: 'check mode does not run it', leaves: 'unknowable' };
  }
  const values = withResult(action.scope, task.register, resultOf(raw));
  try {
    const failed = failedBy(task, raw, values);
    if (failed !== undefined) return failed;
    const forgiven: RawOutcome =
      raw.kind === 'failed' ? { ...raw, kind: raw.hasRun === true ? 'changed' : 'ok' } : raw;
    if (task.changedWhen === undefined) return forgiven;
    return { ...forgiven, kind: allHold(task.changedWhen, values) ? 'changed' : 'ok' };
  } catch (error) {
    return { ...raw, kind: 'failed', ...planningFailure(task, error) };
  }
}

/** The failure that it is, or undefined where it is none. */
function failedBy(task: ResolvedTask, raw: RawOutcome, values: Values): RawOutcome | undefined {
  const { failedWhen } = task;
  if (failedWhen === undefined) return raw.kind === 'failed' ? raw : undefined;
  if (failedWhen.length === 0 || !allHold(failedWhen, values)) return undefined;
  return raw.kind === 'failed'
    ? raw
    : { ...raw, kind: 'failed', message: `failed_when: ${textOf(failedWhen)}` };
}

/** `changed_when: false` says of a command that it only looks. */
function neverChanges({ changedWhen }: ResolvedTask): boolean {
  return changedWhen?.some((test) => test === false) === true;
}

/** The task's own result under the name it will be registered by. */
function withResult(values: Values, name: string | undefined, result: unknown): Values {
  if (name === undefined) return values;
  return {
    has: (each) => each === name || values.has(each),
    get: (each) => (each === name ? result : values.get(each)),
  };
}

function shown(raw: RawOutcome): Omit<TaskOutcome, 'status' | 'item' | 'delegate'> {
  const { message = '', hint, diffs = [], fields = {}, verbosity } = raw;
  return {
    message,
    ...(hint !== undefined && { hint }),
    diffs,
    fields,
    ...(verbosity !== undefined && { verbosity }),
  };
}

function masked(raw: RawOutcome): Omit<TaskOutcome, 'status' | 'item' | 'delegate'> {
  const isFailed = raw.kind === 'failed' || raw.kind === 'unknown';
  return { message: isFailed ? `${MASK} (no_log)` : '', diffs: [], fields: {} };
}

function titleWithoutValues({ role, module }: ResolvedTask): string {
  return role === undefined ? module.name : `${role.role.name} : ${module.name}`;
}

function itemLabel({ value, label }: Item, noLog: boolean): string {
  if (noLog) return MASK;
  if (label !== undefined) return label;
  if (value !== null && typeof value === 'object' && 'name' in value) return String(value.name);
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? '');
}
