// The generations of a host as a table, the newest first.
import type { Generation } from '../guard/generations.ts';
import { escapeLine } from './escape.ts';
import type { Paint } from './paint.ts';

/** More are counted. */
const MAX_TOUCHED = 3;

/** A title and a row each. Without a newline at the end. */
export function generationsText(generations: readonly Generation[], paint: Paint): string {
  const head = ['generation', 'confirmed', 'by', 'playbook', 'play', 'hash', 'touched'];
  const rows = generations.map((each) => [
    String(each.number),
    each.confirmed,
    each.owner,
    each.playbook,
    each.play,
    each.hash,
    touchedText(each),
  ]);
  const cells = [head, ...rows.map((row) => row.map((cell) => escapeLine(cell === '' ? '-' : cell)))];
  const widths = head.map((_, at) => Math.max(...cells.map((row) => row[at]?.length ?? 0)));
  const lines = cells.map((row) =>
    row
      .map((cell, at) => (at === 0 ? cell.padStart(widths[0] ?? 0) : cell.padEnd(widths[at] ?? 0)))
      .join('  ')
      .trimEnd(),
  );
  return lines.map((line, at) => `  ${at === 0 ? paint.dim(line) : line}`).join('\n');
}

/** `/etc/x, /etc/y and 3 more`. */
export function touchedText({ files, services }: Pick<Generation, 'files' | 'services'>): string {
  const all = [...files, ...services.map((name) => `service ${name}`)];
  const left = all.length - MAX_TOUCHED;
  const shown = all.slice(0, MAX_TOUCHED).join(', ');
  return left > 0 ? `${shown} and ${left} more` : shown;
}
