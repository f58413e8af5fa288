// Whether a play's changes are guarded, and for how long: what the command line says, else what the play says, else by
// default where some task of it may cut off the way to the host.
import type { GuardWish } from './guard-wish.ts';
import { tasksOf } from './play-tasks.ts';
import type { ResolvedPlay } from './resolved-play.ts';
import type { ResolvedTask } from './resolved-task.ts';

export const DEFAULT_GUARD_S = 60;

const GUARDED_BY_DEFAULT = false;

/** `asked`: on the command line. */
export function guardOf(play: ResolvedPlay, asked: GuardWish | undefined): GuardWish {
  const wish = asked ?? play.guard;
  if (wish !== undefined) return wish;
  return GUARDED_BY_DEFAULT && tasksOf(play).some(touchesNetwork) ? DEFAULT_GUARD_S : 'off';
}

function touchesNetwork({ module, args }: ResolvedTask): boolean {
  if (module.kind !== 'host') return false;
  const { written } = args;
  const known = typeof written === 'object' && written !== null && !Array.isArray(written) ? written : {};
  return module.touchesNetwork?.(known as Readonly<Record<string, unknown>>) ?? false;
}
