// The tasks that an include brings in while a play runs. What could be known before the run has been checked then;
// the rest is read and checked here, with what this host knows by now, and what is wrong with it is its failure alone.
import { Problems } from '../diagnostic.ts';
import type { Entry } from '../modules/module.ts';
import type { Action } from '../plan/action.ts';
import { failureText } from '../plan/failure-text.ts';
import type { ActionContext } from '../plan/plan-action.ts';
import type { Within } from '../plan/wave.ts';
import { HostCheck, wasChecked } from '../resolve/check-host.ts';
import type { PlayScopes } from '../resolve/play-scopes.ts';
import type { TaskList } from '../resolve/task-list.ts';
import type { HostRun } from './host-run.ts';

/** Deeper than this, an include is taken for one that never ends. */
const MAX_DEPTH = 100;

export interface IncludeContext {
  readonly run: HostRun;
  readonly scopes: PlayScopes;
  readonly actions: ActionContext;
}

/** The list, or why there is none. */
export function included(
  { task }: Action,
  entry: Entry,
  { values, depth, isFirst }: Within,
  { run, scopes, actions }: IncludeContext,
): TaskList | { readonly message: string } | 'later' {
  if (task.include === undefined) throw new Error(`${task.module.name} has nothing to include`);
  if (depth >= MAX_DEPTH) return { message: `it is ${MAX_DEPTH} includes deep: this one may never end` };
  const { list, diagnostics } = task.include.load(entry);
  if (diagnostics.length > 0) return { message: failureText(diagnostics) };
  const { name: host, memory } = run;
  if (wasChecked(list, host)) return list;
  if (!isFirst) return 'later';
  const problems = new Problems();
  const check = new HostCheck({ host, scopes, files: actions.files, state: memory.state, problems });
  check.checkList(list, { values, unknown: new Set() });
  return problems.count > 0 ? { message: failureText(problems.list) } : list;
}
