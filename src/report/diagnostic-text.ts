// Diagnostics as people read them: place, line, caret, details, hint. A pure function of the data.
//
//   error[unknown-group]: group is not in the inventory
//     playbooks/edge.yml:7:12
//     7 |   hosts: edges
//       |          ^^^^^
//     inventories/lab.yml has edge, core, all
//     hint: did you mean "edge"?
import type { Diagnostic } from '../diagnostic.ts';
import { escapeForTerminal, escapeLine } from './escape.ts';
import { NO_COLOURS, type Paint } from './paint.ts';

/** All of them, a blank line between, ending with a newline. */
export function diagnosticsText(diagnostics: readonly Diagnostic[], paint: Paint = NO_COLOURS): string {
  return diagnostics.map((each) => `${diagnosticText(each, paint)}\n`).join('\n');
}

/** The same for what stops nothing. */
export function warningsText(warnings: readonly Diagnostic[], paint: Paint = NO_COLOURS): string {
  return warnings.map((each) => `${diagnosticText(each, paint, 'warning')}\n`).join('\n');
}

export function diagnosticText(
  diagnostic: Diagnostic,
  paint: Paint = NO_COLOURS,
  level: 'error' | 'warning' = 'error',
): string {
  const { code, summary, at, details = [], hint } = diagnostic;
  const mark = level === 'error' ? paint.red : paint.yellow;
  const lines = [`${mark(`${level}[${code}]`)}: ${summary}`];
  if (at !== undefined) {
    const number = String(at.line);
    const gutter = ' '.repeat(number.length);
    const before = at.lineText.slice(0, at.column - 1);
    lines.push(`  ${escapeLine(at.file)}:${at.line}:${at.column}`);
    lines.push(`  ${paint.dim(`${number} |`)} ${escapeLine(at.lineText)}`.trimEnd());
    // Tabs are kept so that the caret stands below what it points at.
    const margin = escapeLine(before).replace(/[^\t]/g, ' ');
    lines.push(`  ${paint.dim(`${gutter} |`)} ${margin}${mark('^'.repeat(at.length))}`);
  }
  for (const detail of details) lines.push(`  ${escapeForTerminal(detail)}`);
  if (hint !== undefined) lines.push(`  ${paint.cyan('hint:')} ${escapeForTerminal(hint)}`);
  return lines.join('\n');
}
