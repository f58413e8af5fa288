// The files that a play would put on a host, found without asking the host anything.
import type { HostModule } from '../modules/module.ts';
import { namesSetBy } from '../resolve/check-play.ts';
import { namesOf } from '../resolve/needs-facts.ts';
import type { PlayScopes } from '../resolve/play-scopes.ts';
import type { ProjectFiles } from '../resolve/project-files.ts';
import type { ResolvedPlay } from '../resolve/resolved-play.ts';
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
  const pending = new Set<string>(['facts']);
  for (const task of play.sections.flatMap((section) => section.tasks)) {
    const state = { facts: undefined, results: new Map(), pending };
    const scope = scopes.scope(host, task, state);
    const writesFiles = task.module.kind === 'host' && (task.module as HostModule).files !== undefined;
    if (writesFiles && scope.isPending(namesOf(task, files))) {
      left.push({ title: titleOf(task, scope), reason: 'it depends on what only the host can tell' });
    } else if (writesFiles) {
      const items = loopItems(task, scope);
      const list =
        items === undefined || 'error' in items
          ? [undefined]
          : items.map((value, index) => ({ value, index, count: items.length }));
      for (const item of list) {
        const itemScope = item === undefined ? scope : scopes.scope(host, task, state, { item });
        const action = planAction(task, itemScope, item, { files, mode: 'check', diff: false });
        if (action.kind === 'host') found.push(...(action.module.files?.(action.wanted) ?? []));
        if (action.kind === 'failed') left.push({ title: action.title, reason: action.message });
      }
    }
    for (const name of namesSetBy(task)) pending.add(name);
  }
  return { files: found, left };
}
