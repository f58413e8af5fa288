// The check of a play before any host is contacted: each of its hosts, and what is wrong on several of them told once.
import { type Diagnostic, Problems } from '../diagnostic.ts';
import { ANY, type Shape } from '../render/shape.ts';
import { HostCheck } from './check-host.ts';
import type { RunState } from './host-scope.ts';
import { LeftNames } from './left-names.ts';
import { OthersThen } from './others-then.ts';
import type { PlayScopes } from './play-scopes.ts';
import { tasksOf } from './play-tasks.ts';
import type { ProjectFiles } from './project-files.ts';
import type { ResolvedPlay } from './resolved-play.ts';
import type { ResolvedTask } from './resolved-task.ts';
import type { StartAt } from './start-at.ts';

export interface PlayCheck {
  readonly scopes: PlayScopes;
  readonly files: ProjectFiles;
  /** What the facts will look like, undefined where the play gathers none. */
  readonly factsShape: Shape | undefined;
  /** What earlier plays leave behind. Default: nothing. */
  readonly left?: LeftNames;
  /** Undefined: the play is run from its first task. */
  readonly start?: StartAt | undefined;
  /** Variables of groups and hosts that tasks may add to the inventory. Default: none. */
  readonly namesThatMayCome?: () => ReadonlySet<string>;
  /** What tasks of plays before the start would have set, and what is said of each name. */
  readonly leftOut?: ReadonlyMap<string, string>;
}

export interface CheckedPlay {
  /** Includes of which some part is only known when they run. */
  readonly lateIncludes: ReadonlySet<ResolvedTask>;
  readonly delegates: ReadonlySet<string>;
  /** Variables come from files that only facts or results can name. */
  readonly hasLateVariables: boolean;
  /** Tasks before the start, on any host. */
  readonly leftOut: ReadonlySet<ResolvedTask>;
}

/** Everything found goes to `problems`. */
export function checkPlay(
  play: ResolvedPlay,
  {
    scopes,
    files,
    factsShape,
    left = new LeftNames(),
    start,
    leftOut = new Map(),
    namesThatMayCome,
  }: PlayCheck,
  problems: Problems,
): CheckedPlay {
  const found = new Map<string, { diagnostic: Diagnostic; hosts: string[] }>();
  const others = new OthersThen({
    hosts: play.hosts,
    left,
    factsShape: factsShape ?? ANY,
    gathersFacts: factsShape !== undefined,
    setsElsewhere: () => tasksOf(play).some((task) => task.delegateFacts),
  });
  const tasks = play.sections.flatMap(({ list }) => list.tasks);
  const roles = [...play.roles];
  const lateIncludes = new Set<ResolvedTask>();
  let hasLateVariables = false;
  const delegates = new Set<string>();
  const tasksLeftOut = new Set<ResolvedTask>();
  for (const host of play.hosts) {
    const own = new Problems();
    const state: RunState = { facts: factsShape, results: new Map(), pending: left.of(host), leftOut };
    const check = new HostCheck({
      host,
      scopes,
      files,
      state,
      others: (name, names) => others.state(name, names),
      problems: own,
      start,
      namesThatMayCome,
    });
    for (const role of roles) check.checkRole(role, tasks);
    for (const { list } of play.sections) check.checkList(list);
    check.checkHandlers(play.handlers);
    for (const task of check.lateIncludes) lateIncludes.add(task);
    hasLateVariables ||= check.hasLateVariables;
    for (const task of check.leftOut) tasksLeftOut.add(task);
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
  return { lateIncludes, delegates, hasLateVariables, leftOut: tasksLeftOut };
}

function withHosts(diagnostic: Diagnostic, hosts: readonly string[], all: number): Diagnostic {
  if (hosts.length === all) return diagnostic;
  const named = hosts.slice(0, 3).join(', ');
  const more = hosts.length > 3 ? ` and ${hosts.length - 3} more` : '';
  return { ...diagnostic, details: [...(diagnostic.details ?? []), `on ${named}${more}`] };
}
