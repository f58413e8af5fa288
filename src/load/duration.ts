// Times as people write them: 60s, 5m, 1h, 1h30m; a bare number is seconds.

const UNITS = { h: 3600, m: 60, s: 1 } as const;

/** Whole seconds; undefined where it is no time. */
export function parseDuration(text: string): number | undefined {
  const trimmed = text.trim();
  if (/^\d{1,9}$/.test(trimmed)) return Number(trimmed);
  const match = /^(?:(\d{1,6})h)?(?:(\d{1,6})m)?(?:(\d{1,9})s)?$/.exec(trimmed);
  if (match === null || trimmed === '') return undefined;
  const [, hours = 0, minutes = 0, seconds = 0] = match;
  return Number(hours) * UNITS.h + Number(minutes) * UNITS.m + Number(seconds) * UNITS.s;
}
