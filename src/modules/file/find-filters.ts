// Which of the files that a host listed are wanted: the pure part of find, with Ansible's rules.
import { globExpression } from '../../glob.ts';
import { ArgumentError } from '../module.ts';
import { expression } from './expression.ts';
import { applyMode, type Mode } from './file-mode.ts';

/** One of them has to match, from the first letter on. */
export type NamePatterns = readonly RegExp[];

/** A glob has to match the whole name, an expression its beginning. Throws an ArgumentError for what is no expression. */
export function namePatterns(
  argument: string,
  patterns: readonly string[],
  kind: 'glob' | 'expression',
): NamePatterns {
  return patterns.map((pattern) =>
    kind === 'glob' ? globExpression(pattern) : expression(argument, pattern, 'y'),
  );
}

export function isNamed(name: string, patterns: NamePatterns): boolean {
  return patterns.some((pattern) => name.search(pattern) === 0);
}

const SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 };
const BYTES: Readonly<Record<string, number>> = {
  b: 1,
  k: 1024,
  m: 1024 ** 2,
  g: 1024 ** 3,
  t: 1024 ** 4,
};

/** At least so many seconds, bytes …; where the number is negative, at most. */
export interface Bound {
  readonly kind: 'at-least' | 'at-most';
  readonly value: number;
}

export function ageBound(text: string | number): Bound {
  const parts = /^(-?\d+)(?:([smhdw])\w*)?$/i.exec(String(text));
  if (parts === null) {
    throw new ArgumentError(
      'age',
      `${JSON.stringify(text)} is not an age`,
      'write a number and s, m, h, d or w',
    );
  }
  return bound(parts[1] ?? '0', SECONDS[(parts[2] ?? 's').toLowerCase()] ?? 1);
}

export function sizeBound(text: string | number): Bound {
  const parts = /^(-?\d+)([bkmgt]?)$/i.exec(String(text));
  if (parts === null) {
    throw new ArgumentError(
      'size',
      `${JSON.stringify(text)} is not a size`,
      'write a number and b, k, m, g or t',
    );
  }
  return bound(parts[1] ?? '0', BYTES[(parts[2] || 'b').toLowerCase()] ?? 1);
}

function bound(digits: string, unit: number): Bound {
  const kind = digits.startsWith('-') ? 'at-most' : 'at-least';
  return { kind, value: Math.abs(Number(digits)) * unit };
}

export function within(value: number, bound: Bound | undefined): boolean {
  if (bound === undefined) return true;
  return bound.kind === 'at-least' ? value >= bound.value : value <= bound.value;
}

/** `any`: one of the bits is enough. */
export function modeMatches(
  bits: number,
  wanted: { readonly mode: Mode; readonly match: 'exact' | 'any' } | undefined,
): boolean {
  if (wanted === undefined) return true;
  const asked = applyMode(wanted.mode, { bits: 0, kind: 'file' });
  return wanted.match === 'exact' ? bits === asked : (bits & asked) !== 0;
}
