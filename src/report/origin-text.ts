// Where the variables of a host were set, for people: one line for each setting, the one that counts first.
import type { HostOrigins, VariableSetting } from '../variable-origin.ts';
import { escapeLine } from './escape.ts';
import type { Paint } from './paint.ts';

/** Beyond it a value is cut. */
const WIDEST_VALUE = 40;
const HEADS = ['VARIABLE', 'VALUE', 'SET BY', 'PLACE'] as const;
const BEATEN = '  beats';

type Row = readonly [name: string, value: string, setBy: string, place: string];

export function originText(all: readonly HostOrigins[], paint: Paint): string {
  return all.map((each) => oneText(each, paint)).join('\n');
}

function oneText({ play, variables }: HostOrigins, paint: Paint): string {
  const head =
    play === undefined ? '' : `play ${escapeLine(play.name)}  ${escapeLine(play.file)}:${play.line}\n`;
  const rows = variables.flatMap(({ name, winner, beaten }): readonly Row[] => [
    rowOf(name, winner),
    ...beaten.map((each) => rowOf(BEATEN, each)),
  ]);
  if (rows.length === 0) return `${head}no variables\n`;
  const widths = HEADS.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => (row[column] ?? '').length)),
  );
  const line = (row: Row): string =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd();
  const lines = rows.map((row) => (row[0] === BEATEN ? paint.dim(line(row)) : line(row)));
  return `${head}${[line(HEADS), ...lines].join('\n')}\n`;
}

function rowOf(name: string, { value, setBy, place }: VariableSetting): Row {
  const where = place.file === '-e' ? '-e' : `${place.file}:${place.line}`;
  return [escapeLine(name), valueText(value), escapeLine(setBy), escapeLine(where)];
}

/** A text is shown as it is, unless it could be taken for something else. */
function valueText(value: unknown): string {
  const isPlain = typeof value === 'string' && /^(?![\s"'[]|\{(?!\{))[^\n]+$/.test(value) && !isNoText(value);
  const text = escapeLine(isPlain ? value : (JSON.stringify(value) ?? ''));
  return text.length <= WIDEST_VALUE ? text : `${text.slice(0, WIDEST_VALUE - 1)}…`;
}

/** Text that would look like a number or a word of JSON. */
function isNoText(text: string): boolean {
  return /^(?:true|false|null|-?\d+(?:\.\d+)?)$/.test(text);
}
