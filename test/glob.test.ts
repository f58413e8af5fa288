// Globs, against the fnmatch that Ansible uses.
import { execFileSync } from 'node:child_process';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { globExpression } from '../src/glob.ts';

const ORACLE = `
import fnmatch, json, sys
cases = json.load(sys.stdin)
json.dump([bool(fnmatch.fnmatchcase(text, glob)) for glob, text in cases], sys.stdout)`;

test.each([
  ['web*', 'web-1', true],
  ['web', 'web-1', false],
  ['a?c', 'a\nc', true],
  ['[!a-c]', 'd', true],
  ['[z-a]', 'z', false],
  ['[!z-a]', 'z', true],
  ['x[[-3]', 'x3', false],
  ['a[', 'a[', true],
  ['[]-]', '-', true],
  ['\\*', '\\x', true],
])('%s and %j: %s', (glob, text, matches) => {
  expect(globExpression(glob).test(text)).toBe(matches);
});

test('any glob, any text', () => {
  const letters = (from: string, maxLength: number) =>
    fc.array(fc.constantFrom(...from), { maxLength }).map((all) => all.join(''));
  const pair = fc.tuple(letters('ab3-[]!^*?&|~\\.(x', 8), letters('ab3-[]!^&\\.x', 3));
  const cases = fc.sample(pair, 10_000);
  const answers = execFileSync('python3', ['-c', ORACLE], { input: JSON.stringify(cases), encoding: 'utf8' });
  const told = JSON.parse(answers) as boolean[];
  expect(told.filter(Boolean).length).toBeGreaterThan(100);
  const wrong = told
    .map((matches, at) => ({ case: cases[at] ?? ['', ''], matches }))
    .filter(({ case: [glob, text], matches }) => globExpression(glob).test(text) !== matches);
  expect(wrong).toEqual([]);
});
