// Splits a host line of an INI inventory into words, as Python's `shlex.split(line, comments=True)` does,
// and remembers where each word starts, so that a problem can point at it.

export interface Word {
  /** Without its quotes. */
  readonly text: string;
  /** Of its first letter in the line, from 0, and of what follows its last. */
  readonly start: number;
  readonly end: number;
}

export type Words =
  | { readonly kind: 'words'; readonly words: readonly Word[] }
  | { readonly kind: 'error'; readonly reason: string; readonly start: number };

/**
 * Blanks and tabs separate. POSIX rules: single quotes keep everything, double quotes let a backslash escape `"` and itself. An unquoted `#`
 * starts a comment, also inside a word.
 */
export function splitWords(line: string): Words {
  const words: Word[] = [];
  let at = 0;
  for (;;) {
    while (/[ \t]/.test(line[at] ?? '')) at++;
    if (at >= line.length || line[at] === '#') return { kind: 'words', words };
    const start = at;
    let text = '';
    while (at < line.length && !/[ \t#]/.test(line[at] ?? '')) {
      const letter = line[at] ?? '';
      if (letter === '"' || letter === "'") {
        const quoted = readQuoted(line, at, letter);
        if (quoted === undefined) return { kind: 'error', reason: 'a quote is not closed', start: at };
        text += quoted.text;
        at = quoted.end;
      } else if (letter === '\\') {
        if (at + 1 >= line.length) return { kind: 'error', reason: 'a backslash escapes nothing', start: at };
        text += line[at + 1];
        at += 2;
      } else {
        text += letter;
        at++;
      }
    }
    words.push({ text, start, end: at });
  }
}

function readQuoted(line: string, open: number, quote: string): { text: string; end: number } | undefined {
  let text = '';
  for (let at = open + 1; at < line.length; at++) {
    const letter = line[at] ?? '';
    if (letter === quote) return { text, end: at + 1 };
    const next = line[at + 1];
    if (quote === '"' && letter === '\\' && (next === '"' || next === '\\')) {
      text += next;
      at++;
    } else text += letter;
  }
  return undefined;
}
