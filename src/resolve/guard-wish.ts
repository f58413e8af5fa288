// How long a play is guarded, as somebody says it.
import type { Problems } from '../diagnostic.ts';
import { parseDuration } from '../load/duration.ts';
import type { Located } from '../load/located.ts';

/** Seconds that a change has to be confirmed in; `off`: it stays, come what may. */
export type GuardWish = number | 'off';

/** Long enough for a new connection over a slow line. */
const MIN_S = 5;
const MAX_S = 24 * 3600;

/** Undefined: it is neither a time nor `off`. */
export function parseGuard(text: string): GuardWish | undefined {
  if (text === 'off' || text === 'false') return 'off';
  const seconds = parseDuration(text);
  return seconds === undefined || seconds < MIN_S || seconds > MAX_S ? undefined : seconds;
}

/** What a play says; undefined where it says nothing, or nothing that can be. */
export function guardWish(
  said: Located<string | number | false> | undefined,
  problems: Problems,
): GuardWish | undefined {
  if (said === undefined) return undefined;
  const wish = parseGuard(String(said.value));
  if (wish !== undefined) return wish;
  problems.add({
    code: 'key-type',
    summary: 'value is of the wrong type',
    at: said.origin.span(),
    details: [`a guard is a time from ${MIN_S}s to 24h, or off`],
    hint: 'guard: 60s',
  });
  return undefined;
}
