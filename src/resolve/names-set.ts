// The names that tasks leave behind for later ones, as far as the text of the task tells them.
import { GROWING_NAMES } from './host-vars.ts';
import type { ResolvedTask } from './resolved-task.ts';

/** What a rescue part is told of the task that failed. */
export const FAILURE_NAMES = ['ansible_failed_task', 'ansible_failed_result'] as const;

/** Whether a task may add hosts or groups to the inventory. */
export function mayGrowInventory({ module, args }: ResolvedTask): boolean {
  if (module.name === 'add_host' || module.name === 'group_by') return true;
  if (module.name !== 'meta') return false;
  const shape = args.shape({ shape: () => undefined, names: () => [] });
  return shape.kind === 'known' && (shape.value as { action?: unknown }).action === 'refresh_inventory';
}

/** What a task leaves behind for later ones: its registered name, the names that set_fact sets, what the inventory tells. */
export function namesSetBy(task: ResolvedTask): readonly string[] {
  const registered = task.register === undefined ? [] : [task.register];
  if (mayGrowInventory(task)) return [...registered, ...GROWING_NAMES];
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

/** What include_vars tasks have been seen to set, as far as their files are known. */
export function namesIncludedBy({ variables }: ResolvedTask): readonly string[] {
  return (variables?.loaded() ?? []).flatMap((layer) => [...layer.keys()]);
}
