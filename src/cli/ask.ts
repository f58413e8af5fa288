// Asks a person at the terminal, also for something that nobody else shall see: then nothing of what is typed is shown.
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

/** The same for what may be seen. Ctrl-C is the signal that it always is. */
export async function askShown(question: string, signal: AbortSignal): Promise<string | undefined> {
  const terminal = openTerminal();
  if (terminal === undefined) return undefined;
  const input = new ReadStream(terminal);
  let typed = '';
  try {
    writeSync(terminal, question);
    return await new Promise((resolve, reject) => {
      const interrupt = (): void => {
        writeSync(terminal, '\n');
        reject(new Interrupted());
      };
      if (signal.aborted) return interrupt();
      signal.addEventListener('abort', interrupt, { once: true });
      input.setEncoding('utf8').on('error', reject);
      input.on('end', () => resolve(typed)); // Ctrl-D
      input.on('data', (more) => {
        typed += String(more);
        if (typed.includes('\n')) resolve(typed.replace(/\r?\n[\s\S]*$/, ''));
      });
    });
  } finally {
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
