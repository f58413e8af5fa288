import { describe, expect, it } from 'vitest';
import type { Diagnostic } from '../../src/diagnostic.ts';
import { diagnosticsText, diagnosticText } from '../../src/report/diagnostic-text.ts';
import { COLOURS } from '../../src/report/paint.ts';

const GROUP: Diagnostic = {
  code: 'unknown-group',
  summary: 'group is not in the inventory',
  at: { file: 'playbooks/edge.yml', line: 7, column: 12, length: 5, lineText: '    hosts: edges' },
  details: ['inventories/lab.yml has edge, core, all'],
  hint: 'did you mean "edge"?',
};

/** The diagnostic with another line to point at. */
function pointing(lineText: string, column: number, length = 1, line = 1): Diagnostic {
  return { ...GROUP, at: { file: 'x', line, column, length, lineText } };
}

describe('a diagnostic', () => {
  it('shows place, line, caret, details and hint', () => {
    expect(diagnosticText(GROUP)).toBe(`error[unknown-group]: group is not in the inventory
  playbooks/edge.yml:7:12
  7 |     hosts: edges
    |            ^^^^^
  inventories/lab.yml has edge, core, all
  hint: did you mean "edge"?`);
  });

  it('may have nothing but a summary', () => {
    expect(diagnosticText({ code: 'usage', summary: 'command line cannot be used' })).toBe(
      'error[usage]: command line cannot be used',
    );
  });

  it('keeps its gutter as wide as the number of the line', () => {
    expect(diagnosticText(pointing('y', 1, 1, 100))).toContain('  100 | y\n      | ^\n');
  });

  it('keeps tabs, so that the caret stands below its word', () => {
    expect(diagnosticText(pointing('\ta\tbcd', 4, 3))).toContain('  1 | \ta\tbcd\n    | \t \t^^^\n');
  });

  it('shows an empty line without trailing blanks', () => {
    expect(diagnosticText(pointing('', 1))).toContain('\n  1 |\n    | ^\n');
  });

  it('lets nothing through to the terminal that it would act on', () => {
    const text = diagnosticText({
      code: 'usage',
      summary: 's',
      at: { file: 'a\x1b[31m', line: 1, column: 3, length: 1, lineText: 'a\x07b' },
      details: ['\x1b]0;title\x07'],
      hint: '\u202egnp',
    });
    expect(text).not.toMatch(/[\x00-\x08\x0b-\x1f\x7f\u202e]/);
  });

  it('points at the right column behind what was made visible', () => {
    const [, , line = '', caret = ''] = diagnosticText(pointing('\x07a?', 3)).split('\n');
    expect(line.indexOf('?')).toBe(caret.indexOf('^'));
  });

  it('says the same without colours as with them', () => {
    expect(diagnosticText(GROUP, COLOURS).replace(/\x1b\[\d+m/g, '')).toBe(diagnosticText(GROUP));
    expect(diagnosticText(GROUP, COLOURS)).toContain('\x1b[');
  });
});

describe('several diagnostics', () => {
  it('have a blank line between them', () => {
    const short: Diagnostic = { code: 'usage', summary: 's' };
    expect(diagnosticsText([short, short])).toBe('error[usage]: s\n\nerror[usage]: s\n');
    expect(diagnosticsText([])).toBe('');
  });
});
