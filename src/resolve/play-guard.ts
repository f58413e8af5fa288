// Whether a play's changes are guarded, and for how long: what the command line says, else what the play says, else by
// default where some task of it may cut off the way to the host.
import type { GuardWish } from './guard-wish.ts';
import { tasksOf } from './play-tasks.ts';
import type { ResolvedPlay } from './resolved-play.ts';
import type { ResolvedTask } from './resolved-task.ts';

export const DEFAULT_GUARD_S = 60;

/** `begins`: with the first change, or with the first wave that touches the network. */
export type PlayGuardWish =
  | 'off'
  | { readonly windowS: number; readonly begins: 'at once' | 'with the network' };

/** `asked`: on the command line. `mayGrow`: includes may bring in tasks that nobody has seen yet. */
export function guardOf(
  play: ResolvedPlay,
  { asked, mayGrow }: { readonly asked: GuardWish | undefined; readonly mayGrow: boolean },
): PlayGuardWish {
  const wish = asked ?? play.guard;
  if (wish !== undefined) return wish === 'off' ? 'off' : { windowS: wish, begins: 'at once' };
  if (tasksOf(play).some(touchesNetwork)) return { windowS: DEFAULT_GUARD_S, begins: 'at once' };
  return mayGrow ? { windowS: DEFAULT_GUARD_S, begins: 'with the network' } : 'off';
}

export function touchesNetwork({ module, args }: ResolvedTask): boolean {
  if (module.kind !== 'host') return false;
  const { written } = args;
  const known = typeof written === 'object' && written !== null && !Array.isArray(written) ? written : {};
  return module.touchesNetwork?.(known as Readonly<Record<string, unknown>>) ?? false;
}
