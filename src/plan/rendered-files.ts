// The files that a play would put on a host, found without asking the host anything.
import type { HostModule, Module } from '../modules/module.ts';
import type { RunState } from '../resolve/host-scope.ts';
import { namesSetBy } from '../resolve/names-set.ts';
import { namesOf } from '../resolve/needs-facts.ts';
import type { PlayScopes } from '../resolve/play-scopes.ts';
import type { ProjectFiles } from '../resolve/project-files.ts';
import type { ResolvedPlay } from '../resolve/resolved-play.ts';
import type { ResolvedTask } from '../resolve/resolved-task.ts';
import type { TaskList } from '../resolve/task-list.ts';
import type { Action, Item } from './action.ts';
import { tasksOnTheWay } from './place.ts';
import { itemAt, loopItems, planAction, titleOf } from './plan-action.ts';

export interface RenderedFile {
  readonly path: string;
  readonly bytes: Uint8Array;
  /** Octal, `0644`. */
  readonly mode: string;
}

export interface RenderedFiles {
  readonly files: readonly RenderedFile[];
  /** Tasks that write files that could not be rendered, and why. */
  readonly left: readonly { readonly title: string; readonly reason: string }[];
}

export function renderedFiles(
  play: ResolvedPlay,
  host: string,
  scopes: PlayScopes,
  files: ProjectFiles,
): RenderedFiles {
  const found: RenderedFile[] = [];
  const left: { title: string; reason: string }[] = [];
  const results = new Map<string, unknown>();
  const pending = new Set<string>(['facts']);
  const renderList = (list: TaskList, values: ReadonlyMap<string, unknown>): void => {
    for (const task of tasksOnTheWay(list)) renderTask(task, values);
  };
  const renderTask = (task: ResolvedTask, values: ReadonlyMap<string, unknown>): void => {
    const state = { facts: undefined, results, pending };
    const scope = scopes.scope(host, task, state, { values });
    const isKnown = !scope.isPending(namesOf(task, files));
    const isFileTask = writesFiles(task.module);
    const concernsUs = isFileTask || task.module.kind === 'controller';
    const actions = isKnown && concernsUs ? actionsOf(task, { host, scopes, state, files, values }) : [];
    for (const name of namesSetBy(task)) pending.add(name);
    if ((isFileTask || task.include !== undefined) && !isKnown) {
      left.push({ title: titleOf(task, scope), reason: 'it depends on what only the host can tell' });
    }
    for (const action of actions) {
      if (action.kind === 'host') found.push(...(action.module.files?.(action.wanted) ?? []));
      if (action.kind === 'failed' && isFileTask) left.push({ title: action.title, reason: action.message });
      if (action.kind !== 'controller' || action.verdict.kind === 'failed') continue;
      const { enter } = action.verdict;
      const included = enter && !task.include?.isWithin(enter) ? task.include?.load(enter) : undefined;
      const inner = action.item?.values ?? values;
      if (included !== undefined) renderList(included.list, inner);
      for (const [name, value] of Object.entries(action.verdict.variables ?? {})) {
        results.set(name, value);
        pending.delete(name);
      }
    }
  };
  for (const { list } of play.sections) renderList(list, new Map());
  return { files: found, left };
}

function writesFiles(module: Module): boolean {
  return module.kind === 'host' && (module as HostModule).files !== undefined;
}

function actionsOf(
  task: ResolvedTask,
  {
    host,
    scopes,
    state,
    files,
    values,
  }: {
    readonly host: string;
    readonly scopes: PlayScopes;
    readonly state: RunState;
    readonly files: ProjectFiles;
    readonly values: ReadonlyMap<string, unknown>;
  },
): readonly Action[] {
  const list = loopItems(task, scopes.scope(host, task, state, { values }));
  const items: readonly (Item | undefined)[] =
    list === undefined || 'error' in list
      ? [undefined]
      : list.map((_, index) => itemAt(task, list, index, values));
  return items.map((item) => {
    const scope = scopes.scope(host, task, state, { values: item?.values ?? values });
    return planAction(task, scope, item, { files, mode: 'check', diff: false });
  });
}
