// A command line as words, the way Python's shlex (and so Ansible's command module) splits it: quotes and
// backslashes count, while $, *, | and their like mean nothing. Running the words is left to others.
import { ArgumentError } from '../module.ts';

/** Throws an ArgumentError for a quote that is never closed, a NUL byte, and a line without words. */
export function splitWords(argument: string, line: string): readonly string[] {
  refuseNul(argument, line);
  const words: string[] = [];
  let word: string | undefined;
  let at = 0;
  while (at < line.length) {
    const char = line[at] ?? '';
    if (/\s/.test(char)) {
      if (word !== undefined) words.push(word);
      word = undefined;
      at++;
    } else if (char === "'") {
      const end = line.indexOf("'", at + 1);
      if (end < 0) throw unclosed(argument, "'");
      word = (word ?? '') + line.slice(at + 1, end);
      at = end + 1;
    } else if (char === '"') {
      const quoted = doubleQuoted(argument, line, at + 1);
      word = (word ?? '') + quoted.text;
      at = quoted.next;
    } else if (char === '\\') {
      if (at + 1 >= line.length) throw new ArgumentError(argument, `${argument} ends in a backslash`);
      word = (word ?? '') + (line[at + 1] ?? '');
      at += 2;
    } else {
      word = (word ?? '') + char;
      at++;
    }
  }
  if (word !== undefined) words.push(word);
  if (words.length === 0) throw new ArgumentError(argument, `${argument} is empty`);
  return words;
}

export function refuseNul(argument: string, text: string): void {
  if (text.includes('\0')) throw new ArgumentError(argument, `${argument} has a NUL byte in it`);
}

function doubleQuoted(
  argument: string,
  line: string,
  from: number,
): { readonly text: string; readonly next: number } {
  let text = '';
  for (let at = from; at < line.length; at++) {
    const char = line[at] ?? '';
    if (char === '"') return { text, next: at + 1 };
    if (char === '\\' && /["\\]/.test(line[at + 1] ?? '')) at++;
    text += line[at] ?? '';
  }
  throw unclosed(argument, '"');
}

function unclosed(argument: string, mark: string): ArgumentError {
  return new ArgumentError(argument, `${argument} has a ${mark} that is never closed`);
}
