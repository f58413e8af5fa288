import { spawnSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { emit, quote, words } from '../src/shell.ts';

const SHELLS: readonly (readonly [string, readonly string[]])[] = [
  ['dash', []],
  ['busybox', ['sh']],
];

/** Text of every sort: quotes, blanks, newlines, what shells expand, what printf would. */
const text = fc.oneof(
  fc.string({ unit: 'grapheme' }),
  fc.string({
    unit: fc.constantFrom(
      "'",
      '"',
      '\\',
      '$',
      '`',
      '!',
      '*',
      '~',
      '#',
      ';',
      '\n',
      '\t',
      ' ',
      '%',
      '-',
      'a',
      'é',
    ),
  }),
);

const bytes: fc.Arbitrary<Uint8Array> = fc.oneof(
  fc.uint8Array({ maxLength: 300 }),
  fc
    .string({ unit: fc.constantFrom('\n', "'", '\\', '%', '-', '$x', 'END_OF_FILE', 'é') })
    .map((each) => Buffer.from(each)),
  fc.string().map((each) => Buffer.from(`${each}\n`)),
);

describe.each(SHELLS)('%s %s', (program, before) => {
  function output(script: string): Buffer {
    const { stdout, stderr, status } = spawnSync(program, [...before, '-c', script]);
    if (status !== 0) throw new Error(`exited ${status}: ${stderr}`);
    return stdout;
  }

  it('gets from quote() the very words that were meant', () => {
    const lists = fc.array(
      text.filter((each) => !each.includes('\0')),
      { minLength: 1, maxLength: 20 },
    );
    fc.assert(
      fc.property(lists, (list) => {
        const out = output(`printf '%s\\0' ${words(...list)}`).toString('utf8');
        expect(out.split('\0').slice(0, -1)).toEqual(list.map((each) => Buffer.from(each).toString('utf8')));
      }),
      { numRuns: 60, examples: [[['']], [["it's", '-n', '~', '$HOME', 'a\nb']]] },
    );
  });

  it('writes with emit() the very bytes that were meant', () => {
    fc.assert(
      fc.property(bytes, (each: Uint8Array) => {
        expect(output(emit(each)).equals(Buffer.from(each))).toBe(true);
      }),
      {
        numRuns: 60,
        examples: [
          [Buffer.from('')],
          [Buffer.from('END_OF_FILE\nEND_OF_FILE_\n')],
          [Buffer.from('-n\n')],
          [Buffer.from('-x')],
          [Buffer.from([0, 1, 2, 255, 10])],
        ],
      },
    );
  });

  it('writes large binary content', () => {
    const large = Buffer.from(Array.from({ length: 20_000 }, (_, i) => (i * 7919) % 256));
    expect(output(`{ ${emit(large)}\n} | cat`).equals(large)).toBe(true);
  });

  it('writes to where the braces are sent', () => {
    expect(output(`x=$(\n{ ${emit(Buffer.from('a\nb\n'))}\n}\n); printf '%s' "$x"`).toString()).toBe('a\nb');
  });
});

describe('quote', () => {
  it.each([
    ['plain', 'plain'],
    ['/etc/x-1.2@a:b,c=d+e%f', '/etc/x-1.2@a:b,c=d+e%f'],
    ['', "''"],
    ['a b', "'a b'"],
    ["it's", "'it'\\''s'"],
    ['~root', "'~root'"],
    ['{a,b}', "'{a,b}'"],
  ])('%j is %s', (given, expected) => {
    expect(quote(given)).toBe(expected);
  });

  it('refuses NUL, which no word can hold', () => {
    expect(() => quote('a\0b')).toThrow(RangeError);
  });
});

describe('emit', () => {
  it('is a here-document for what a person would write as one', () => {
    expect(emit(Buffer.from('a $x\nb\n'))).toBe("cat <<'END_OF_FILE'\na $x\nb\nEND_OF_FILE");
  });
});
