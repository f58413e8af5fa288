// The check of a play before any host is contacted: each of its hosts, and what is wrong on several of them told once.
import { type Diagnostic, Problems } from '../diagnostic.ts';
import type { Shape } from '../render/shape.ts';
import { HostCheck } from './check-host.ts';
import type { RunState } from './host-scope.ts';
import type { PlayScopes } from './play-scopes.ts';
import type { ProjectFiles } from './project-files.ts';
import type { ResolvedPlay } from './resolved-play.ts';

export interface PlayCheck {
  readonly scopes: PlayScopes;
  readonly files: ProjectFiles;
  /** What the facts will look like, undefined where the play gathers none. */
  readonly factsShape: Shape | undefined;
}

/** Everything found goes to `problems`. */
export function checkPlay(
  play: ResolvedPlay,
  { scopes, files, factsShape }: PlayCheck,
  problems: Problems,
): { readonly hasLateIncludes: boolean; readonly delegates: ReadonlySet<string> } {
  const found = new Map<string, { diagnostic: Diagnostic; hosts: string[] }>();
  const state: RunState = { facts: factsShape, results: new Map(), pending: new Set() };
  const tasks = play.sections.flatMap(({ list }) => list.tasks);
  const roles = [...play.roles];
  let hasLateIncludes = false;
  const delegates = new Set<string>();
  for (const host of play.hosts) {
    const own = new Problems();
    const check = new HostCheck({ host, scopes, files, state, problems: own });
    for (const role of roles) check.checkRole(role, tasks);
    for (const { list } of play.sections) check.checkList(list);
    check.checkHandlers(play.handlers);
    hasLateIncludes ||= check.hasLateIncludes;
    for (const name of check.delegates) delegates.add(name);
    for (const diagnostic of own.list) {
      const key = JSON.stringify(diagnostic);
      const entry = found.get(key) ?? { diagnostic, hosts: [] };
      entry.hosts.push(host);
      found.set(key, entry);
    }
  }
  for (const { diagnostic, hosts } of found.values())
    problems.add(withHosts(diagnostic, hosts, play.hosts.length));
  return { hasLateIncludes, delegates };
}

function withHosts(diagnostic: Diagnostic, hosts: readonly string[], all: number): Diagnostic {
  if (hosts.length === all) return diagnostic;
  const named = hosts.slice(0, 3).join(', ');
  const more = hosts.length > 3 ? ` and ${hosts.length - 3} more` : '';
  return { ...diagnostic, details: [...(diagnostic.details ?? []), `on ${named}${more}`] };
}
