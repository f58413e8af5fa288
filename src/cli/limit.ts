// --limit with files: `@FILE` among its parts stands for the patterns in it, one on each line, as in Ansible's retry files.
import { readFileSync } from 'node:fs';
import { systemErrorText } from '../load/source.ts';
import { usageError } from './context.ts';

/** The limit as one pattern. Throws a DiagnosticError where a file cannot be read or holds nothing. */
export function limitPattern(limit: string): string {
  const parts = limit.split(',').map((part) => part.trim());
  if (!parts.some((part) => part.startsWith('@'))) return limit;
  const all = parts.flatMap((part) => (part.startsWith('@') ? patternsIn(part.slice(1)) : [part]));
  // With a comma, colons separate nothing.
  return `${all.join(',')},`;
}

function patternsIn(path: string): readonly string[] {
  const lines = read(path)
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
  // No pattern at all would be no limit.
  if (lines.length === 0) throw usageError(`--limit @${path}: the file names no host`);
  return lines;
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw usageError(`--limit @${path}: ${systemErrorText(error)}`);
  }
}
