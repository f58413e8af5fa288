// A file's old and new content as a difference for people. How it is drawn is the report's business.
import { Buffer } from 'node:buffer';
import type { Diff } from '../module.ts';

/** Before and after as text; bytes that are no text as one line that says how many. Undefined: there was no file. */
export function contentDiff(path: string, before: Uint8Array | undefined, after: Uint8Array): Diff {
  return { title: path, before: before === undefined ? '' : readable(before), after: readable(after) };
}

/** How many lines of one or the other differ: the longer side once equal heads and tails are put aside. */
export function changedLines(before: Uint8Array, after: Uint8Array): number {
  const old = readable(before).split('\n');
  const fresh = readable(after).split('\n');
  const shorter = Math.min(old.length, fresh.length);
  let head = 0;
  while (head < shorter && old[head] === fresh[head]) head++;
  let tail = 0;
  while (tail < shorter - head && old.at(-1 - tail) === fresh.at(-1 - tail)) tail++;
  return Math.max(old.length, fresh.length) - head - tail;
}

function readable(bytes: Uint8Array): string {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const text = buffer.toString('utf8');
  const isText = !buffer.includes(0) && Buffer.from(text, 'utf8').equals(buffer);
  return isText ? text : `(${buffer.length} bytes that are not text)\n`;
}
