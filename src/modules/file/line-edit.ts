// One line in a text that shall be there or not: the pure part of lineinfile, with Ansible's rules for which line
// is replaced and where a new one goes. Expressions are JavaScript's, matched against lines without their ending.

export interface LineRule {
  /** The regular expression or text that picks lines; undefined: the line itself does. */
  readonly pick: LinePicker | undefined;
  /** Groups of the picked line may stand in the new one, as \1 or \g<name>. */
  readonly backReferences: boolean;
  readonly insert: InsertPlace;
  /** Which of several picked lines, or places to insert, counts. */
  readonly match: 'first' | 'last';
}

export type LinePicker =
  | { readonly kind: 'expression'; readonly expression: RegExp }
  | { readonly kind: 'text'; readonly text: string };

export type InsertPlace =
  | { readonly kind: 'beginning' }
  | { readonly kind: 'end' }
  | { readonly kind: 'before' | 'after'; readonly expression: RegExp };

export interface Edit {
  readonly text: string;
  /** For people: `line added`; undefined where nothing changed. */
  readonly done: string | undefined;
  /** Lines removed. */
  readonly removed: number;
}

/** The text with the line in it. */
export function withLine(text: string, line: string, rule: LineRule): Edit {
  const lines = splitLines(text);
  const picked = rule.pick === undefined ? undefined : find(lines, rule.match, pickTest(rule.pick));
  const exact = picked === undefined ? find(lines, 'last', (candidate) => candidate === line) : undefined;
  const at = picked ?? exact;
  if (at !== undefined) {
    const fresh =
      rule.backReferences && picked !== undefined ? expand(line, lines[picked] ?? '', rule.pick) : line;
    if (lines[at] === `${fresh}\n`) return unchanged(text);
    return edited(lines.with(at, `${fresh}\n`), 'line replaced');
  }
  if (rule.backReferences) return unchanged(text);
  return insert(lines, line, rule);
}

/** The text without the lines that are picked or, without a pick, equal `line`. */
export function withoutLines(text: string, line: string | undefined, pick: LinePicker | undefined): Edit {
  const lines = splitLines(text);
  const goes = pick === undefined ? (candidate: string) => candidate === line : pickTest(pick);
  const kept = lines.filter((candidate) => !goes(bare(candidate)));
  const removed = lines.length - kept.length;
  if (removed === 0) return unchanged(text);
  return {
    text: kept.join(''),
    done: removed === 1 ? '1 line removed' : `${removed} lines removed`,
    removed,
  };
}

function insert(lines: readonly string[], line: string, rule: LineRule): Edit {
  const fresh = `${line}\n`;
  const place = rule.insert;
  if (place.kind === 'beginning') return edited([fresh, ...lines], 'line added');
  const at =
    place.kind === 'end'
      ? undefined
      : find(lines, rule.match, (candidate) => place.expression.test(candidate));
  if (at === undefined) {
    const last = lines.at(-1);
    const gap = last === undefined || /[\r\n]$/.test(last) ? [] : ['\n'];
    return edited([...lines, ...gap, fresh], 'line added');
  }
  if (place.kind === 'before') return edited(lines.toSpliced(at, 0, fresh), 'line added');
  const before = lines[at] ?? '';
  const gap = before.endsWith('\n') ? [] : ['\n'];
  return edited(lines.toSpliced(at + 1, 0, ...gap, fresh), 'line added');
}

/** Lines with their endings. */
function splitLines(text: string): readonly string[] {
  return text.match(/[^\n]*\n|[^\n]+$/g) ?? [];
}

function bare(line: string): string {
  return line.replace(/[\r\n]+$/, '');
}

function find(
  lines: readonly string[],
  which: 'first' | 'last',
  test: (line: string) => boolean,
): number | undefined {
  const index =
    which === 'first'
      ? lines.findIndex((line) => test(bare(line)))
      : lines.findLastIndex((line) => test(bare(line)));
  return index < 0 ? undefined : index;
}

function pickTest(pick: LinePicker): (line: string) => boolean {
  return pick.kind === 'text' ? (line) => line.includes(pick.text) : (line) => pick.expression.test(line);
}

function expand(template: string, line: string, pick: LinePicker | undefined): string {
  const match = pick?.kind === 'expression' ? pick.expression.exec(bare(line)) : null;
  if (match === null) return template;
  return template.replace(/\\(?:g<(\w+)>|([0-9]{1,2}))/g, (_whole, name?: string, digits?: string) => {
    const group = digits ?? name ?? '';
    return (/^\d+$/.test(group) ? match[Number(group)] : match.groups?.[group]) ?? '';
  });
}

function edited(lines: readonly string[], done: string): Edit {
  return { text: lines.join(''), done, removed: 0 };
}

function unchanged(text: string): Edit {
  return { text, done: undefined, removed: 0 };
}
