// --start-at-task: which task is meant, and which plays and includes lead to it. Where a host itself begins is
// apply/first-place.ts; what the tasks before it would have set is told by check-host.ts.
import { type Diagnostic, didYouMean } from '../diagnostic.ts';
import { globExpression } from '../glob.ts';
import { namesSetBy } from './names-set.ts';
import { tasksOf } from './play-tasks.ts';
import type { ResolvedPlay } from './resolved-play.ts';
import type { ResolvedTask } from './resolved-task.ts';
import { isInRescue, type TaskList } from './task-list.ts';

export interface StartAt {
  /** Whether the run may begin at the task. */
  isHere(task: ResolvedTask): boolean;
  /** Whether the task includes, at any depth, one at which the run may begin. */
  leadsThere(task: ResolvedTask): boolean;
}

/**
 * As in Ansible, `pattern` is a name as it was written, with or without `role : `, or a glob of one (`*`, `?`, `[a-z]`).
 * What includes bring in has to be loaded by now.
 */
export function startAt(pattern: string): StartAt {
  const glob = globExpression(pattern);
  const isHere = (task: ResolvedTask): boolean =>
    namesOf(task).some((name) => name === pattern || glob.test(name));
  const leadsThere = (task: ResolvedTask, seen: ReadonlySet<TaskList> = new Set()): boolean =>
    (task.include?.loaded() ?? []).some((list) => !seen.has(list) && holds(list, new Set([...seen, list])));
  const holds = (list: TaskList, seen: ReadonlySet<TaskList>): boolean =>
    list.tasks.some((task, index) => !isInRescue(list, index) && (isHere(task) || leadsThere(task, seen)));
  return { isHere, leadsThere: (task) => leadsThere(task) };
}

/** Whether a play has a task to begin at, and a host that could. */
export function canStartIn(play: ResolvedPlay, start: StartAt): boolean {
  const isOnTheWay = ({ list }: { readonly list: TaskList }): boolean =>
    list.tasks.some(
      (task, index) => !isInRescue(list, index) && (start.isHere(task) || start.leadsThere(task)),
    );
  return play.hosts.length > 0 && play.sections.some(isOnTheWay);
}

/** Why no play has such a task. */
export function noStart(
  pattern: string,
  plays: readonly ResolvedPlay[],
  lateIncludes: Iterable<ResolvedTask>,
): Diagnostic {
  const start = startAt(pattern);
  const tasks = plays.flatMap(tasksOf);
  const [found] = tasks.filter((task) => start.isHere(task));
  const [late] = lateIncludes;
  const known = new Set(tasks.flatMap(namesOf));
  const hint = didYouMean(pattern, known);
  return {
    code: 'usage',
    summary: 'command line cannot be used',
    details: [
      found === undefined
        ? `no task that is selected is called "${pattern}"`
        : `"${pattern}" (${placeOf(found)}) cannot be the first: no host comes there unless a task notifies it or fails`,
      ...(found === undefined && late !== undefined
        ? [`what ${placeOf(late)} includes is only known when it runs, and was not looked through`]
        : []),
    ],
    ...(found === undefined && { hint: hint ?? 'see all names with --list-tasks' }),
  };
}

/** The names that a task would have set if the run did not begin behind it, and what is said of each. */
export function namesLeftOut(task: ResolvedTask): ReadonlyMap<string, string> {
  const why = (name: string) => `"${name}" is set by a task before the one to start at (${placeOf(task)})`;
  return new Map(namesSetBy(task).map((name) => [name, why(name)]));
}

/** The names by which people may call a task. */
function namesOf({ writtenName, module, role }: ResolvedTask): readonly string[] {
  const name = writtenName ?? module.name;
  return role === undefined
    ? [name]
    : [`${role.role.name} : ${name}`, ...(writtenName === undefined ? [] : [name])];
}

function placeOf({ origin }: ResolvedTask): string {
  const { file, line } = origin.span();
  return `${file}:${line}`;
}
