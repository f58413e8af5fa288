import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  DIAGNOSTIC_CODES,
  type Diagnostic,
  DiagnosticError,
  didYouMean,
  inFileOrder,
  nearest,
  Problems,
} from '../src/diagnostic.ts';

function diagnostic(file: string | undefined, line = 1, column = 1, detail = ''): Diagnostic {
  const at = file === undefined ? undefined : { file, line, column, length: 1, lineText: 'x' };
  return { code: 'usage', summary: 's', ...(at && { at }), details: [detail] };
}

describe('the nearest name', () => {
  it.each<[string, readonly string[], string | undefined]>([
    ['edges', ['edge', 'core'], 'edge'],
    ['hots', ['hosts'], 'hosts'],
    ['hotss', ['hosts'], 'hosts'],
    ['regsiter', ['register', 'when'], 'register'],
    ['EDGE', ['edge'], 'edge'],
    ['ab', ['ba', 'xy'], 'ba'],
    ['abc', ['xyz'], undefined],
    ['a', ['b'], 'b'],
    ['web', ['database'], undefined],
    ['interface', ['interfaces', 'interlace'], 'interfaces'],
    ['anything', [], undefined],
  ])('of %s among %j is %s', (wrong, known, expected) => {
    expect(nearest(wrong, known)).toBe(expected);
  });

  it('is proposed', () => {
    expect(didYouMean('hots', ['hosts'])).toBe('did you mean "hosts"?');
    expect(didYouMean('hots', ['tasks'])).toBeUndefined();
  });
});

describe('problems', () => {
  it('count once at one place, whoever finds them', () => {
    const problems = new Problems();
    problems.add(diagnostic('a', 1));
    problems.add(diagnostic('a', 1));
    problems.add(diagnostic('a', 1, 2));
    problems.add(diagnostic('a', 1, 1, 'another'));
    expect(problems.count).toBe(3);
    expect(problems.list).toHaveLength(3);
  });

  it('end a stage all together, in the order of the files', () => {
    const problems = new Problems();
    expect(() => problems.throwIfAny()).not.toThrow();
    const found = [
      diagnostic('b', 9),
      diagnostic('a', 5),
      diagnostic('b', 1, 7),
      diagnostic('b', 1, 2),
      diagnostic(undefined),
    ];
    for (const each of found) problems.add(each);
    expect(() => problems.throwIfAny()).toThrow(DiagnosticError);
    const places = inFileOrder(problems.list).map(({ at }) => at && `${at.file}:${at.line}:${at.column}`);
    expect(places).toEqual([undefined, 'b:1:2', 'b:1:7', 'b:9:1', 'a:5:1']);
  });
});

describe('docs/errors.md', () => {
  it('has an entry for each code, in the order of the alphabet', () => {
    const docs = readFileSync(new URL('../docs/errors.md', import.meta.url), 'utf8');
    const entries = [...docs.matchAll(/^## (.+)$/gm)].map(([, heading]) => heading);
    expect(entries).toEqual([...DIAGNOSTIC_CODES].sort());
  });
});
