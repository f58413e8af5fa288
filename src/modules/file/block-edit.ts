// Lines between two markers in a text: the pure part of blockinfile, with Ansible's rules for where a new block goes.
import type { TextEdit } from './edited-file.ts';

export interface Block {
  /** The marker lines, without ending. */
  readonly begin: string;
  readonly end: string;
  /** What stands between them; empty: neither it nor the markers shall be there. */
  readonly text: string;
}

export interface BlockPlace {
  readonly insert:
    | { readonly kind: 'beginning' }
    | { readonly kind: 'end' }
    /** The last line that matches; with the flag m, the first match in the whole text. */
    | { readonly kind: 'before' | 'after'; readonly expression: RegExp };
  /** An empty line is wanted there, but not at the beginning or end of the file. */
  readonly emptyLine: { readonly before: boolean; readonly after: boolean };
}

/** The text with the block in it, in the place of an older one where there is one, or without any. */
export function withBlock(text: string, block: Block, place: BlockPlace): TextEdit {
  const lines = splitLines(text);
  const found = findBlock(lines, block);
  if (block.text === '') {
    if (found === undefined) return { text, done: undefined };
    return { text: lines.toSpliced(found.first, found.count).join(''), done: 'block removed' };
  }
  const at = found?.first ?? insertIndex(text, lines, place.insert);
  const above = lines.slice(0, at);
  const below = lines.slice(at + (found?.count ?? 0));
  const openEnd = above.at(-1)?.endsWith('\n') === false;
  const fresh = [
    ...above,
    ...(openEnd ? ['\n'] : []),
    ...(place.emptyLine.before && above.length > 0 && above.at(-1) !== '\n' ? ['\n'] : []),
    `${block.begin}\n${block.text.replace(/\n?$/, '\n')}${block.end}\n`,
    ...(place.emptyLine.after && below.length > 0 && below[0] !== '\n' ? ['\n'] : []),
    ...below,
  ].join('');
  if (fresh === text) return { text, done: undefined };
  return { text: fresh, done: found === undefined ? 'block inserted' : 'block replaced' };
}

/** From one marker to the other, whichever comes first; the last of each counts. */
function findBlock(
  lines: readonly string[],
  { begin, end }: Block,
): { readonly first: number; readonly count: number } | undefined {
  const find = (marker: string) => lines.findLastIndex((line) => bare(line) === marker);
  const [from, to] = [find(begin), find(end)].sort((a, b) => a - b);
  if (from === undefined || to === undefined || from < 0) return undefined;
  return { first: from, count: to - from + 1 };
}

function insertIndex(text: string, lines: readonly string[], insert: BlockPlace['insert']): number {
  if (insert.kind === 'beginning') return 0;
  if (insert.kind === 'end') return lines.length;
  const at = insert.expression.multiline
    ? lineOfMatch(text, insert)
    : lines.findLastIndex((line) => insert.expression.test(bare(line)));
  if (at < 0) return lines.length;
  return insert.kind === 'after' ? Math.min(at + 1, lines.length) : at;
}

function lineOfMatch(
  text: string,
  { kind, expression }: { readonly kind: 'before' | 'after'; readonly expression: RegExp },
): number {
  const match = expression.exec(text);
  if (match === null) return -1;
  const until = match.index + (kind === 'after' ? match[0].length : 0);
  return text.slice(0, until).split('\n').length - 1;
}

function splitLines(text: string): readonly string[] {
  return text.match(/[^\n]*\n|[^\n]+$/g) ?? [];
}

function bare(line: string): string {
  return line.replace(/\r?\n$/, '');
}
