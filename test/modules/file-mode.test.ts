import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { applyMode, chmodWord, modeText, parseMode } from '../../src/modules/file/file-mode.ts';
import { temporaryFolder } from './support/this-machine.ts';

const symbolic = fc
  .array(
    fc.tuple(
      fc.constantFrom('u', 'g', 'o', 'a', 'ug', 'go', 'uo', 'ugo'),
      fc.constantFrom('+', '-', '='),
      fc.constantFrom('', 'r', 'w', 'x', 'rw', 'rx', 'rwx', 'X', 'rX', 'rwX', 'u', 'g', 'o'),
    ),
    { minLength: 1, maxLength: 4 },
  )
  .map((clauses) => clauses.map((clause) => clause.join('')).join(','));

describe('modes', () => {
  it.each([
    ['0644', '0644'],
    ['644', '0644'],
    ['0o755', '0755'],
    ['1777', '1777'],
    ['04750', '4750'],
    ['000', '0000'],
  ])('%s is %s, whatever was there', (text, bits) => {
    expect(modeText(applyMode(parseMode(text), { bits: 0o123, kind: 'file' }))).toBe(bits);
  });

  it.each(['', '8', '64', '0648', 'u', 'u=rz', 'rw', '+r;', 'u+x,', 'u=rw g=r', '06444444'])(
    '%j is none',
    (text) => {
      expect(() => parseMode(text)).toThrow(`${JSON.stringify(text)} is not a mode`);
    },
  );

  it('of a number are refused, whatever the number', () => {
    expect(() => parseMode(420, 'directory_mode')).toThrow(
      'directory_mode is the number 420, not an octal mode',
    );
  });

  it.each([
    ['g+s', 0o755, 0o2755],
    ['u+s,o+t', 0o755, 0o5755],
    ['u=', 0o4755, 0o055],
    ['a+X', 0o600, 0o600],
    ['a+X', 0o610, 0o711],
    ['+w', 0o444, 0o644],
    ['-w', 0o666, 0o466],
    ['=rw', 0o777, 0o644],
    ['u=g,o=u', 0o750, 0o555],
  ])('%s makes of %o %o', (text, before, after) => {
    expect(applyMode(parseMode(text), { bits: before, kind: 'file' })).toBe(after);
  });

  it('have five digits for chmod', () => {
    expect(chmodWord(0o755)).toBe('00755');
  });

  describe('in symbols', () => {
    const folder = temporaryFolder();
    beforeAll(() => {
      writeFileSync(join(folder.path, 'file'), '');
      mkdirSync(join(folder.path, 'directory'));
    });

    it.each(['file', 'directory'] as const)('mean for a %s what chmod takes them for', (kind) => {
      const path = join(folder.path, kind);
      fc.assert(
        fc.property(symbolic, fc.integer({ min: 0, max: 0o777 }), (text, bits) => {
          chmodSync(path, bits);
          execFileSync('chmod', ['--', text, path]);
          expect(modeText(applyMode(parseMode(text), { bits, kind }))).toBe(
            modeText(statSync(path).mode & 0o7777),
          );
        }),
        { numRuns: 60 },
      );
    });
  });
});
