import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { splitWords } from '../../src/modules/command/command-words.ts';
import { words } from '../../src/shell.ts';

describe('splitWords', () => {
  it.each([
    ['a b', ['a', 'b']],
    ['  a\tb\n', ['a', 'b']],
    ['"a b"c', ['a bc']],
    ["'a \"b\\'", ['a "b\\']],
    ['"a \\" \\\\ \\n"', ['a " \\ \\n']],
    ['a\\ b \\"', ['a b', '"']],
    ['\'\' ""', ['', '']],
    ['$x `y` * # z', ['$x', '`y`', '*', '#', 'z']],
  ])('makes of %j %j', (line, expected) => {
    expect(splitWords('cmd', line)).toEqual(expected);
  });

  it.each([
    ["it's", "cmd has a ' that is never closed"],
    ['"a\\"', 'cmd has a " that is never closed'],
    ['a\\', 'cmd ends in a backslash'],
    [' ', 'cmd is empty'],
    ['a\0b', 'cmd has a NUL byte in it'],
  ])('refuses %j', (line, message) => {
    expect(() => splitWords('cmd', line)).toThrow(message);
  });

  it('gives back words that were quoted for sh', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'binary' }), { minLength: 1 }), (list) => {
        const clean = list.map((word) => word.replaceAll('\0', ''));
        expect(splitWords('cmd', words(...clean))).toEqual(clean);
      }),
    );
  });
});
