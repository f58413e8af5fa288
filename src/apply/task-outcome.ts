// From what a module concluded to what a person is told and what `register` holds: changed_when, failed_when,
// ignore_errors and no_log have their say here.
import type { TaskLabel, TaskOutcome } from '../event.ts';
import type { Diff, ResultFields } from '../modules/module.ts';
import type { Action } from '../plan/action.ts';
import { ConditionError } from '../render/condition.ts';
import type { Values } from '../render/shape.ts';
import type { ResolvedTask, Test } from '../resolve/resolved-task.ts';
import { MASK } from '../secret.ts';

/** What happened, before the task's own conditions are asked. */
export interface RawOutcome {
  readonly kind: 'ok' | 'changed' | 'would-change' | 'skipped' | 'failed' | 'unknown';
  readonly message?: string;
  readonly hint?: string;
  readonly diffs?: readonly Diff[];
  readonly fields?: ResultFields;
}

export interface JudgedOutcome {
  readonly outcome: TaskOutcome;
  /** As `register` sees it: Ansible's field names. */
  readonly result: Readonly<Record<string, unknown>>;
}

export function labelOf(action: Action): TaskLabel {
  const { file, line, column } = action.task.origin.span();
  return {
    id: action.task.id,
    title: action.task.noLog ? titleWithoutValues(action) : action.title,
    module: action.task.module.name,
    place: `${file}:${line}:${column}`,
  };
}

export function judge(action: Action, raw: RawOutcome): JudgedOutcome {
  const { task } = action;
  const judged = applyConditions(task, raw, action);
  const result = {
    changed: judged.kind === 'changed' || judged.kind === 'would-change',
    failed: judged.kind === 'failed' || judged.kind === 'unknown',
    skipped: judged.kind === 'skipped',
    msg: judged.message ?? '',
    ...judged.fields,
    ...(action.item !== undefined && { item: action.item.value }),
  };
  const ignored = judged.kind === 'failed' && task.onFailure === 'continue';
  const label = action.item === undefined ? undefined : itemLabel(action.item.value, task.noLog);
  const outcome: TaskOutcome = {
    status: ignored ? 'ignored' : judged.kind,
    message: task.noLog ? hidden(judged) : (judged.message ?? ''),
    ...(judged.hint !== undefined && !task.noLog && { hint: judged.hint }),
    diffs: task.noLog ? [] : (judged.diffs ?? []),
    fields: task.noLog ? {} : (judged.fields ?? {}),
    ...(action.item !== undefined &&
      label !== undefined && { item: { label, index: action.item.index, count: action.item.count } }),
  };
  return { outcome, result };
}

/** The results of a loop's items as one, in Ansible's form. */
export function loopResult(
  results: readonly Readonly<Record<string, unknown>>[],
): Readonly<Record<string, unknown>> {
  return {
    results,
    changed: results.some((each) => each.changed === true),
    failed: results.some((each) => each.failed === true),
    skipped: results.length === 0 || results.every((each) => each.skipped === true),
    msg: 'all items completed',
  };
}

function applyConditions(task: ResolvedTask, raw: RawOutcome, action: Action): RawOutcome {
  if (raw.kind === 'skipped' || raw.kind === 'unknown' || raw.kind === 'would-change') return raw;
  const own = {
    changed: raw.kind === 'changed',
    failed: raw.kind === 'failed',
    skipped: false,
    msg: raw.message ?? '',
    ...raw.fields,
  };
  const values = withResult(action.scope, task.register, own);
  try {
    if (task.failedWhen !== undefined) {
      const failed = task.failedWhen.length > 0 && task.failedWhen.every((test) => holds(test, values));
      if (failed)
        return {
          ...raw,
          kind: 'failed',
          message: raw.kind === 'failed' ? (raw.message ?? '') : `failed_when: ${textOf(task.failedWhen)}`,
        };
      if (raw.kind === 'failed') return changedOr({ ...raw, kind: 'ok' }, task, values);
    }
    return raw.kind === 'failed' ? raw : changedOr(raw, task, values);
  } catch (error) {
    if (!(error instanceof ConditionError)) throw error;
    const { file, line, column } = error.at;
    return { ...raw, kind: 'failed', message: `${error.message} (${file}:${line}:${column})` };
  }
}

function changedOr(raw: RawOutcome, task: ResolvedTask, values: Values): RawOutcome {
  if (task.changedWhen === undefined) return raw;
  return { ...raw, kind: task.changedWhen.every((test) => holds(test, values)) ? 'changed' : 'ok' };
}

function holds(test: Test, values: Values): boolean {
  return typeof test === 'boolean' ? test : test.holds(values);
}

function textOf(tests: readonly Test[]): string {
  return tests.map((test) => (typeof test === 'boolean' ? String(test) : test.text)).join(' && ');
}

/** The task's own result under the name it will be registered by. */
function withResult(values: Values, name: string | undefined, result: unknown): Values {
  if (name === undefined) return values;
  return {
    has: (each) => each === name || values.has(each),
    get: (each) => (each === name ? result : values.get(each)),
  };
}

function hidden(raw: RawOutcome): string {
  return raw.kind === 'failed' || raw.kind === 'unknown' ? `${MASK} (no_log)` : '';
}

function titleWithoutValues(action: Action): string {
  const { role, module } = action.task;
  return role === undefined ? module.name : `${role.role.name} : ${module.name}`;
}

function itemLabel(value: unknown, noLog: boolean): string {
  if (noLog) return MASK;
  if (value !== null && typeof value === 'object' && 'name' in value) return String(value.name);
  return typeof value === 'string' ? value : JSON.stringify(value);
}
