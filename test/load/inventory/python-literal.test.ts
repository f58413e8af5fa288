import { describe, expect, it } from 'vitest';
import { splitWords } from '../../../src/load/inventory/ini-line.ts';
import { pythonValue } from '../../../src/load/inventory/python-literal.ts';

describe('a value of an INI inventory', () => {
  it.each<[string, unknown]>([
    ['5', 5],
    ['-5', -5],
    ['+ 5', 5],
    ['1_000', 1000],
    ['0x1F', 31],
    ['0o17', 15],
    ['0b101', 5],
    ['00', 0],
    ['1.50', 1.5],
    ['.5', 0.5],
    ['5.', 5],
    ['01.5', 1.5],
    ['1e3', 1000],
    ['1E-2', 0.01],
    ['True', true],
    ['False', false],
    ['None', null],
    ['5 # comment', 5],
    ['"a b"', 'a b'],
    ['\'a\' "b"', 'ab'],
    ["'''it's'''", "it's"],
    ['"tab\\t\\x41\\u00e9\\101\\q"', 'tab\tAéA\\q'],
    ["r'\\n'", '\\n'],
    ["u'x'", 'x'],
    ["b'x'", 'x'],
    ['1, 2', [1, 2]],
    ['1,', [1]],
    ['()', []],
    ['(1)', 1],
    ['(1, [2, {3}])', [1, [2, [3]]]],
    ['[]', []],
    ['["a", True, None,]', ['a', true, null]],
    ['{}', {}],
    ["{'a': [1], 2: 'b',}", { a: [1], 2: 'b' }],
  ])('%s is a Python literal', (text, value) => {
    expect(pythonValue(text)).toEqual(value);
  });

  it.each([
    '',
    'text',
    'true',
    'null',
    'yes',
    '0644',
    '007',
    '1.2.3',
    '1__0',
    '10.0.0.1',
    'inf',
    '1 2',
    '1+1',
    '--1',
    '-True',
    '0x',
    '5L',
    '1e',
    'Truely',
    "'a' b",
    "'open",
    '"\\x4"',
    "f'x'",
    '[1',
    '[1 2]',
    '[a]',
    '{1: 2, 3}',
    '{[]: 1}',
    '{{ x }}',
    '{{ 1 }}',
    'some words # kept',
    '12345678901234567890',
    '['.repeat(300) + ']'.repeat(300),
  ])('%s stays text', (text) => {
    expect(pythonValue(text)).toBe(text);
  });
});

describe('a host line', () => {
  it.each<[string, readonly string[]]>([
    ['a b=1  c=2', ['a', 'b=1', 'c=2']],
    ['a b="x y" c=\'x "y"\'', ['a', 'b=x y', 'c=x "y"']],
    ['a b="say \\"x\\" \\\\ \\n"', ['a', 'b=say "x" \\ \\n']],
    ['a b=x\\ y', ['a', 'b=x y']],
    ["a b=''", ['a', 'b=']],
    ['a b=x#y c=1', ['a', 'b=x']],
    ['a b="x#y" # c', ['a', 'b=x#y']],
    ['a\tb', ['a', 'b']],
    ["'' b", ['', 'b']],
    ['# all', []],
  ])('%s has its words', (line, words) => {
    const split = splitWords(line);
    expect(split.kind === 'words' && split.words.map((word) => word.text)).toEqual(words);
  });

  it('knows where its words stand, quotes included', () => {
    const line = '  a  b="x y"#c';
    const split = splitWords(line);
    expect(split.kind === 'words' && split.words.map(({ start, end }) => line.slice(start, end))).toEqual([
      'a',
      'b="x y"',
    ]);
  });

  it.each<[string, string, number]>([
    ['a b="x', 'a quote is not closed', 4],
    ["a 'b", 'a quote is not closed', 2],
    ['a b\\', 'a backslash escapes nothing', 3],
  ])('%s is refused', (line, reason, start) => {
    expect(splitWords(line)).toEqual({ kind: 'error', reason, start });
  });
});
