// What is wrong with a file that is only read while a play runs, as the failure of one host: in lines, each problem with its
// place, the line and a caret.
import type { Diagnostic, Span } from '../diagnostic.ts';

export function failureText(diagnostics: readonly Diagnostic[]): string {
  return diagnostics.map((each) => [messageOf(each), ...excerptOf(each.at)].join('\n')).join('\n');
}

function messageOf({ summary, details = [], at, hint }: Diagnostic): string {
  const place = at === undefined ? '' : ` (${at.file}:${at.line}:${at.column})`;
  return `${[summary, ...details].join(': ')}${place}${hint === undefined ? '' : `; ${hint}`}`;
}

/** The line, and a caret under what is wrong in it. */
function excerptOf(at: Span | undefined): readonly string[] {
  if (at === undefined) return [];
  const number = String(at.line);
  const indent = ' '.repeat(number.length);
  return [`${number} | ${at.lineText}`, `${indent} | ${' '.repeat(at.column - 1)}${'^'.repeat(at.length)}`];
}
