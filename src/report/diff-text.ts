// A difference as a unified diff, indented below the task it belongs to.
import { createTwoFilesPatch } from 'diff';
import type { Diff } from '../modules/module.ts';
import { escapeLine } from './escape.ts';
import type { Paint } from './paint.ts';

const CONTEXT_LINES = 3;

/** Two header lines, then the hunks. Without a newline at the end. */
export function diffText(
  { title, before, after, contextLines = CONTEXT_LINES }: Diff & { readonly contextLines?: number },
  paint: Paint,
): string {
  const patch = createTwoFilesPatch(title, title, ended(before), ended(after), 'before', 'after', {
    context: contextLines,
  });
  return patch
    .split('\n')
    .slice(2, -1) // an index line and a rule come first
    .map((line) => colourOf(line, paint)(`    ${escapeLine(line)}`))
    .join('\n');
}

function colourOf(line: string, paint: Paint): (text: string) => string {
  if (line.startsWith('+')) return paint.green;
  return line.startsWith('-') ? paint.red : (text) => text;
}

function ended(text: string): string {
  return text === '' || text.endsWith('\n') ? text : `${text}\n`;
}
