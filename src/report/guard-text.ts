// What became of a guarded host, as lines of text.
import type { RunEvent } from '../event.ts';
import { unreachable } from '../unreachable.ts';
import { escapeForTerminal, escapeLine, hang } from './escape.ts';
import { STATUS_WIDTH } from './outcome-text.ts';
import type { Paint } from './paint.ts';

export type GuardEvent = Extract<
  RunEvent,
  { kind: 'guard-confirmed' | 'guard-rolled-back' | 'guard-unseen' | 'guard-told' }
>;

/** Undefined where this verbosity says nothing about it. */
export function guardText(
  event: GuardEvent,
  options: { readonly paint: Paint; readonly hostWidth: number; readonly verbosity: number },
): string | undefined {
  const { paint, hostWidth, verbosity } = options;
  const host = escapeLine(event.host).padEnd(hostWidth);
  const line = (word: string, colour: (text: string) => string, text: string) =>
    `${host}  ${colour(word.padEnd(STATUS_WIDTH))}  ${text}`;
  switch (event.kind) {
    case 'guard-confirmed':
      return verbosity >= 1 ? line('confirmed', paint.green, 'a new connection gets in') : undefined;
    case 'guard-rolled-back':
      return [
        line('rolled back', paint.red, hang(escapeForTerminal(event.reason), 4)),
        ...event.failures.map((each) => paint.red(`    could not be put back: ${escapeLine(each)}`)),
        ...event.differences.map((each) => paint.red(`    not as before: ${escapeLine(each)}`)),
      ].join('\n');
    case 'guard-unseen':
      return line('unreachable', paint.red, `it goes back by itself, unseen: ${escapeLine(event.message)}`);
    case 'guard-told':
      if (event.verbosity === undefined)
        return line('earlier', paint.yellow, hang(escapeForTerminal(event.message), 4));
      return verbosity >= event.verbosity ? line('guard', paint.dim, escapeLine(event.message)) : undefined;
    default:
      return unreachable(event);
  }
}
