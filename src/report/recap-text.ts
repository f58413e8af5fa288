// How hosts ended: a table with a row per host, and the sum in one line.
import type { HostRecap, HostStatus } from '../event.ts';
import { escapeLine } from './escape.ts';
import { count, duration } from './numbers.ts';
import type { Paint } from './paint.ts';

export interface RecapOptions {
  readonly mode: 'apply' | 'check';
  readonly elapsedMs: number;
  readonly paint: Paint;
}

/** Up to this many hosts have a row each; of more, those that are well and alike share one. */
const MAX_ROWS = 30;

interface Row {
  readonly label: string;
  readonly recap: HostRecap;
}

type Column = 'ok' | 'changed' | 'skipped' | 'failed' | 'rescued' | 'ignored';

/** Columns that are only there where somebody has something in them. */
const RARE: readonly Column[] = ['rescued', 'ignored'];

/** Without a newline at the end. */
export function recapText(recap: readonly HostRecap[], options: RecapOptions): string {
  const { paint, mode } = options;
  const rows = rowsOf(recap);
  const width = Math.max(4, ...rows.map(({ label }) => label.length));
  const columns = (['ok', 'changed', 'skipped', 'failed', 'rescued', 'ignored'] as const).filter(
    (name) => !RARE.includes(name) || recap.some((each) => each[name] > 0),
  );
  const title = (name: Column): string => (name === 'changed' && mode === 'check' ? 'differs' : name);
  const cell = (text: string, name: Column): string => text.padStart(Math.max(title(name).length, 4));
  const head = ['host'.padEnd(width), ...columns.map((name) => cell(title(name), name)), 'state'].join('  ');
  const lines = rows.map(({ label, recap: each }) => {
    const numbers = columns.map((name) => colourOf(name, each, paint)(cell(String(each[name]), name)));
    return [label.padEnd(width), ...numbers, stateText(each, paint)].join('  ');
  });
  return [paint.dim(head), ...lines, '', sumText(recap, options)].join('\n');
}

/** Hosts in trouble stand last, where the eye ends up. */
function rowsOf(recap: readonly HostRecap[]): readonly Row[] {
  const own = (each: HostRecap): Row => ({ label: escapeLine(each.host), recap: each });
  if (recap.length <= MAX_ROWS) return recap.map(own);
  const groups = new Map<string, { readonly first: HostRecap; size: number }>();
  for (const each of recap) {
    if (each.status !== 'ok') continue;
    const { host: _, ...rest } = each;
    const key = JSON.stringify(rest);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, { first: each, size: 1 });
    else group.size += 1;
  }
  const shared = [...groups.values()].map(({ first, size }): Row => {
    return size === 1
      ? own(first)
      : { label: `${escapeLine(first.host)} and ${size - 1} more`, recap: first };
  });
  return [...shared, ...recap.filter((each) => each.status !== 'ok').map(own)];
}

function colourOf(name: Column, recap: HostRecap, paint: Paint): (text: string) => string {
  if (recap[name] === 0) return paint.dim;
  if (name === 'changed' || RARE.includes(name)) return paint.yellow;
  return name === 'failed' ? paint.red : (text) => text;
}

function stateText({ status, state }: HostRecap, paint: Paint): string {
  return status === 'ok' ? escapeLine(state) : paint.red(`${status}, ${escapeLine(state)}`);
}

const STATUSES: readonly HostStatus[] = ['failed', 'unreachable', 'interrupted', 'stopped', 'not-started'];

function sumText(recap: readonly HostRecap[], { mode, elapsedMs, paint }: RecapOptions): string {
  const amount = (status: HostStatus): number => recap.filter((each) => each.status === status).length;
  const ill = STATUSES.filter((status) => amount(status) > 0).map((status) =>
    paint.red(`${amount(status)} ${status.replace('-', ' ')}`),
  );
  const hosts = ill.length === 0 ? paint.green('all ok') : [`${amount('ok')} ok`, ...ill].join(', ');
  const changed = recap.reduce((sum, each) => sum + each.changed, 0);
  const changes = mode === 'check' ? `${changed} would change` : `${changed} changed`;
  return `${count(recap.length, 'host')}: ${hosts}, ${changes}, ${duration(elapsedMs)}`;
}
