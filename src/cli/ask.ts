// Asks a person at the terminal for something that nobody else shall see: nothing of what is typed is shown.
// The terminal is the process's own (/dev/tty), so that stdin and stdout may be files.
import { openSync, writeSync } from 'node:fs';
import { isatty, ReadStream } from 'node:tty';
import { Interrupted } from './context.ts';

const ENTER = /[\r\n\u0004]/;
const CTRL_C = '\u0003';
const CTRL_U = '\u0015';
const ERASE = /[\b\u007f]/;

/** What was typed, or undefined where there is no terminal. Throws Interrupted at Ctrl-C. */
export async function askHidden(question: string, signal: AbortSignal): Promise<string | undefined> {
  const terminal = openTerminal();
  if (terminal === undefined) return undefined;
  const input = new ReadStream(terminal);
  try {
    input.setRawMode(true);
    writeSync(terminal, question);
    return await typedLine(input, signal);
  } finally {
    input.setRawMode(false);
    writeSync(terminal, '\n');
    input.destroy();
  }
}

function openTerminal(): number | undefined {
  try {
    const terminal = openSync('/dev/tty', 'r+');
    return isatty(terminal) ? terminal : undefined;
  } catch {
    return undefined;
  }
}

function typedLine(input: ReadStream, signal: AbortSignal): Promise<string> {
  return new Promise((resolve, reject) => {
    let line = '';
    const interrupt = (): void => reject(new Interrupted());
    signal.addEventListener('abort', interrupt, { once: true });
    input.setEncoding('utf8').on('error', reject);
    input.on('data', (typed) => {
      for (const character of String(typed)) {
        if (ENTER.test(character)) resolve(line);
        else if (character === CTRL_C) interrupt();
        else if (character === CTRL_U) line = '';
        else line = ERASE.test(character) ? [...line].slice(0, -1).join('') : line + character;
      }
    });
  });
}
