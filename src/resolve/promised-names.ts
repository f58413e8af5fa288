// Hosts and groups that tasks may add to the inventory before a play starts, as far as their text tells: a pattern that
// names one of them is no mistake, though it selects nothing yet.
import { parseAddress } from '../load/inventory/host-name.ts';
import { mayGrowInventory } from './names-set.ts';
import { tasksOf } from './play-tasks.ts';
import type { ResolvedPlay } from './resolved-play.ts';
import type { ResolvedTask } from './resolved-task.ts';

/** `any`: nobody knows yet what they will be called. */
export type Promised = ReadonlySet<string> | 'any';

/** Nothing is. */
export const NOTHING_PROMISED: Promised = new Set();

/** `late`: whether what nobody has loaded yet may add something, too. */
export function promisedBy(
  plays: readonly ResolvedPlay[],
  { late }: { readonly late: (task: ResolvedTask) => boolean },
): Promised {
  const names = new Set<string>();
  for (const task of plays.flatMap(tasksOf)) {
    if (late(task)) return 'any';
    const own = mayGrowInventory(task) ? namesAddedBy(task) : NOTHING_PROMISED;
    if (own === 'any') return 'any';
    for (const name of own) names.add(name);
  }
  return names;
}

function namesAddedBy({ args, module, loop }: ResolvedTask): Promised {
  if (module.name === 'meta' || loop !== undefined) return 'any';
  const shape = args.shape({ shape: () => undefined, names: () => [] });
  if (shape.kind !== 'known' && shape.kind !== 'record') return 'any';
  const names = new Set<string>();
  const isNamedBy = module.name === 'add_host' ? ['name', 'groups'] : ['key', 'parents'];
  for (const argument of isNamedBy) {
    const field = shape.kind === 'record' ? shape.fields.get(argument) : undefined;
    if (field !== undefined && field.kind !== 'known') return 'any';
    const value =
      shape.kind === 'known' ? (shape.value as Readonly<Record<string, unknown>>)[argument] : field?.value;
    for (const name of textsOf(value)) {
      if (argument === 'name') names.add(parseAddress(name)?.host ?? name);
      else if (argument === 'groups') names.add(name);
      else names.add(name.replaceAll(' ', '-'));
    }
  }
  return names;
}

function textsOf(value: unknown): readonly string[] {
  const list = Array.isArray(value) ? value : typeof value === 'string' ? value.split(',') : [];
  return list.map((each) => String(each).trim());
}
