// The rules themselves are in test/cases/lineinfile; here is what holds for all of them.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type LineRule, withLine, withoutLines } from '../../src/modules/file/line-edit.ts';

const line = fc.stringMatching(/^[ab#=]{0,4}$/);
const text = fc
  .tuple(fc.array(fc.tuple(line, fc.constantFrom('\n', '\r\n'))), line)
  .map(([lines, last]) => lines.map((parts) => parts.join('')).join('') + last);
const expression = fc.constantFrom(/^a/, /b$/, /#/, /^$/);
const rule: fc.Arbitrary<LineRule> = fc.record({
  // A pick that the new line does not match can pick another line the next time: with Ansible too.
  pick: fc.constant(undefined),
  backReferences: fc.constant(false),
  match: fc.constantFrom('first', 'last'),
  insert: fc.oneof(
    fc.constantFrom({ kind: 'beginning' as const }, { kind: 'end' as const }),
    fc.record({ kind: fc.constantFrom('before', 'after'), expression }),
  ),
});

describe('an edit', () => {
  it('has the line afterwards, and is done once', () => {
    fc.assert(
      fc.property(text, line, rule, (before, wanted, how) => {
        const once = withLine(before, wanted, how);
        expect(once.text.split('\n').slice(0, -1)).toContain(wanted);
        expect(withLine(once.text, wanted, how)).toMatchObject({ text: once.text, done: undefined });
      }),
    );
  });

  it('leaves all other lines as they were', () => {
    fc.assert(
      fc.property(text, rule, (before, how) => {
        const { text: after } = withLine(before, 'new', how);
        expect([before, `${before}\n`]).toContain(after.replace('new\n', ''));
      }),
    );
  });

  it('that removes lines removes them all at once', () => {
    fc.assert(
      fc.property(text, expression, (before, picked) => {
        const pick = { kind: 'expression' as const, expression: picked };
        const once = withoutLines(before, undefined, pick);
        expect(withoutLines(once.text, undefined, pick).done).toBeUndefined();
        expect(once.done === undefined).toBe(once.text === before);
      }),
    );
  });
});
