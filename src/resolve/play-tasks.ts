// All tasks that a play may come to, wherever they stand.
import type { ResolvedPlay } from './resolved-play.ts';
import type { ResolvedTask } from './resolved-task.ts';
import type { TaskList } from './task-list.ts';

/** Of sections, handlers, and whatever includes have loaded so far. */
export function tasksOf(play: ResolvedPlay): readonly ResolvedTask[] {
  const seen = new Set<TaskList>();
  const inList = (list: TaskList): readonly ResolvedTask[] => {
    if (seen.has(list)) return [];
    seen.add(list);
    return list.tasks.flatMap(withIncluded);
  };
  const withIncluded = (task: ResolvedTask): readonly ResolvedTask[] => [
    task,
    ...(task.include?.loaded().flatMap(inList) ?? []),
  ];
  return [...play.sections.flatMap(({ list }) => inList(list)), ...play.handlers.flatMap(withIncluded)];
}
