// The names that tasks leave behind for later ones, as far as the text of the task tells them.
import type { ResolvedTask } from './resolved-task.ts';

/** What a rescue part is told of the task that failed. */
export const FAILURE_NAMES = ['ansible_failed_task', 'ansible_failed_result'] as const;

/** What a task leaves behind for later ones: its registered name, the names that set_fact sets. */
export function namesSetBy(task: ResolvedTask): readonly string[] {
  const registered = task.register === undefined ? [] : [task.register];
  if (task.module.name !== 'set_fact') return registered;
  const shape = task.args.shape({ shape: () => undefined, names: () => [] });
  const names =
    shape.kind === 'known'
      ? Object.keys(shape.value as object)
      : shape.kind === 'record'
        ? [...shape.fields.keys()]
        : [];
  return [...registered, ...names.filter((name) => name !== 'cacheable')];
}
