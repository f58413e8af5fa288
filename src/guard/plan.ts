// What going back to an earlier generation of a host would undo, touch and change, as the host tells it.
import type { Resource } from '../modules/module.ts';
import { type Differences, parseDifferences } from './differences.ts';
import { after, type Generation, parseGenerations } from './generations.ts';
import { type GuardStatus, parseStatus } from './status.ts';

export type RollbackPlan =
  /** Nothing has been confirmed there, nothing since, or it is as it was then. */
  | { readonly kind: 'nothing'; readonly newest: number; readonly to: number | undefined }
  /** Somebody's change is pending. */
  | { readonly kind: 'busy'; readonly status: GuardStatus }
  | {
      readonly kind: 'back';
      readonly newest: number;
      /** Back to how it was after this generation. */
      readonly to: number;
      /** Oldest first. */
      readonly undone: readonly Generation[];
      /** What will be written to. */
      readonly touched: readonly Resource[];
      /** From now to then. */
      readonly differences: Differences;
    };

/** Undefined: it said nothing that could be read. */
export function parsePlan(text: string): RollbackPlan | undefined {
  const number = (key: string) => {
    const [, digits] = new RegExp(`^${key}=(\\d+)$`, 'm').exec(text) ?? [];
    return digits === undefined ? undefined : Number(digits);
  };
  const newest = number('newest');
  if (newest === undefined) return undefined;
  const to = number('to');
  const status = /^state=/m.test(text) ? parseStatus(text) : undefined;
  if (status !== undefined) return { kind: 'busy', status };
  if (to === undefined || to >= newest) return { kind: 'nothing', newest, to };
  const touched = after(text, 'touched').flatMap(resourceOf);
  const differences = parseDifferences(text);
  // What services are up to does not show in differences.
  const isThere = differences.list.length === 0 && !touched.some((each) => each.startsWith('service:'));
  if (isThere) return { kind: 'nothing', newest, to };
  return { kind: 'back', newest, to, undone: parseGenerations(text), touched, differences };
}

function resourceOf(words: string): readonly Resource[] {
  const [, kind, name] = /^(file|service) (.+)$/.exec(words) ?? [];
  if (name === undefined) return [];
  return [kind === 'file' ? `file:${name}` : `service:${name}`];
}
