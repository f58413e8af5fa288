// The files that a play would put on a host, found without asking the host anything.
import type { HostModule, Module } from '../modules/module.ts';
import { namesSetBy } from '../resolve/check-play.ts';
import type { RunState } from '../resolve/host-scope.ts';
import { namesOf } from '../resolve/needs-facts.ts';
import type { PlayScopes } from '../resolve/play-scopes.ts';
import type { ProjectFiles } from '../resolve/project-files.ts';
import type { ResolvedPlay } from '../resolve/resolved-play.ts';
import type { ResolvedTask } from '../resolve/resolved-task.ts';
import type { Action, Item } from './action.ts';
import { loopItems, planAction, titleOf } from './plan-action.ts';

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
  for (const task of play.sections.flatMap((section) => section.tasks)) {
    const state = { facts: undefined, results, pending };
    const scope = scopes.scope(host, task, state);
    const isKnown = !scope.isPending(namesOf(task, files));
    const isFileTask = writesFiles(task.module);
    const concernsUs = isFileTask || task.module.kind === 'controller';
    const actions = isKnown && concernsUs ? actionsOf(task, { host, scopes, state, files }) : [];
    for (const name of namesSetBy(task)) pending.add(name);
    if (isFileTask && !isKnown) {
      left.push({ title: titleOf(task, scope), reason: 'it depends on what only the host can tell' });
    }
    for (const action of actions) {
      if (action.kind === 'host') found.push(...(action.module.files?.(action.wanted) ?? []));
      if (action.kind === 'failed' && isFileTask) left.push({ title: action.title, reason: action.message });
      if (action.kind !== 'controller' || action.verdict.kind === 'failed') continue;
      for (const [name, value] of Object.entries(action.verdict.variables ?? {})) {
        results.set(name, value);
        pending.delete(name);
      }
    }
  }
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
  }: {
    readonly host: string;
    readonly scopes: PlayScopes;
    readonly state: RunState;
    readonly files: ProjectFiles;
  },
): readonly Action[] {
  const list = loopItems(task, scopes.scope(host, task, state));
  const items: readonly (Item | undefined)[] =
    list === undefined || 'error' in list
      ? [undefined]
      : list.map((value, index) => ({ value, index, count: list.length }));
  return items.map((item) => {
    const scope = scopes.scope(host, task, state, item === undefined ? {} : { item });
    return planAction(task, scope, item, { files, mode: 'check', diff: false });
  });
}
