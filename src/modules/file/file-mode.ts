// Permission bits as people write them: octal text, or chmod's symbols. Pure; who applies them is not said here.
import { ArgumentError, type PropertySchema } from '../module.ts';

export type Mode =
  | { readonly kind: 'exact'; readonly bits: number }
  | { readonly kind: 'symbolic'; readonly clauses: readonly Clause[] };

interface Clause {
  /** Some of `ugo`. */
  readonly who: string;
  /** Bits that a clause without `ugoa` neither gives nor takes: the umask of chmod(1), taken to be 022. */
  readonly spared: number;
  readonly operator: string;
  readonly permissions: string;
}

export const MODE_PROPERTY: PropertySchema = {
  description:
    'Permissions, octal as text ("0644") or in symbols (u=rw,g=r,o=). Unsaid: those the file has; 0644 for a new file and 0755 for a new folder, whatever the umask.',
  type: ['string', 'integer'],
};

/** Throws an ArgumentError for what is no mode; for a number too, since YAML reads 0644 as six hundred and forty-four. */
export function parseMode(value: string | number, argument = 'mode'): Mode {
  if (typeof value === 'number') {
    const digits = /^[0-7]{3,4}$/.test(String(value)) ? String(value) : value.toString(8);
    const hint = `write it as a string: ${argument}: "${digits.padStart(4, '0')}"`;
    throw new ArgumentError(argument, `${argument} is the number ${value}, not an octal mode`, hint);
  }
  if (/^(0o|0)?[0-7]{3,4}$/.test(value)) {
    return { kind: 'exact', bits: Number.parseInt(value.replace('0o', ''), 8) };
  }
  const clauses = value.split(',').flatMap(parseClauses);
  if (clauses.length === 0 || clauses.includes(undefined)) {
    throw new ArgumentError(
      argument,
      `${JSON.stringify(value)} is not a mode`,
      'an octal mode is "0644", a symbolic one u=rw,g=r,o=',
    );
  }
  return { kind: 'symbolic', clauses: clauses.filter((clause) => clause !== undefined) };
}

/** The bits after the mode is applied to what is there (or, for something new, to what it would have had). */
export function applyMode(
  mode: Mode,
  to: { readonly bits: number; readonly kind: 'file' | 'directory' },
): number {
  if (mode.kind === 'exact') return mode.bits;
  return mode.clauses.reduce((bits, clause) => applyClause(clause, bits, to.kind), to.bits);
}

/** `0644`, four digits as Ansible prints them. */
export function modeText(bits: number): string {
  return bits.toString(8).padStart(4, '0');
}

/** The word for chmod(1): five digits, because GNU's leaves the set-ID bits of a folder alone when given four. */
export function chmodWord(bits: number): string {
  return `0${modeText(bits)}`;
}

/**
 * A symbolic mode for chmod(1), the same whatever was there: u=rwX becomes u+rwX,u-s, because BusyBox's chmod takes the
 * bits of = away before it looks, for X, whether something may be executed.
 */
export function chmodSymbols(mode: string): string {
  return mode
    .split(',')
    .map((clause) => {
      const parts = /^([ugoa]*)=([rwst]*X[rwXst]*)$/.exec(clause);
      if (parts === null) return clause;
      const [, who = '', permissions = ''] = parts;
      const bits = /[oa]/.test(who) ? ['r', 'w', 's', 't'] : ['r', 'w', 's'];
      return `${who}+${permissions},${who}-${bits.filter((bit) => !permissions.includes(bit)).join('')}`;
    })
    .join(',');
}

const CLASSES = {
  u: { shift: 6, special: 0o4000, all: 0o4700 },
  g: { shift: 3, special: 0o2000, all: 0o2070 },
  o: { shift: 0, special: 0, all: 0o1007 },
} as const;

function parseClauses(text: string): readonly (Clause | undefined)[] {
  const parts = /^([ugoa]*)((?:[-+=](?:[ugo]|[rwxXst]*))+)$/.exec(text);
  if (parts === null) return [undefined];
  const who = parts[1] === '' || parts[1]?.includes('a') ? 'ugo' : (parts[1] ?? '');
  return [...(parts[2] ?? '').matchAll(/([-+=])([ugo]|[rwxXst]*)/g)].map((action) => ({
    who,
    spared: parts[1] === '' ? 0o022 : 0,
    operator: action[1] ?? '=',
    permissions: action[2] ?? '',
  }));
}

function applyClause(clause: Clause, before: number, kind: 'file' | 'directory'): number {
  let touched = 0;
  let wanted = clause.permissions.includes('t') ? 0o1000 : 0;
  for (const [name, { shift, special, all }] of Object.entries(CLASSES)) {
    if (!clause.who.includes(name)) continue;
    touched |= all;
    wanted |= permissionBits(clause.permissions, before, kind) << shift;
    if (clause.permissions.includes('s')) wanted |= special;
  }
  wanted &= ~clause.spared;
  if (clause.operator === '+') return before | wanted;
  if (clause.operator === '-') return before & ~wanted;
  return (before & ~touched) | wanted;
}

function permissionBits(permissions: string, before: number, kind: 'file' | 'directory'): number {
  if (permissions === 'u') return (before >> 6) & 7;
  if (permissions === 'g') return (before >> 3) & 7;
  if (permissions === 'o') return before & 7;
  const executable = kind === 'directory' || (before & 0o111) !== 0;
  return (
    (permissions.includes('r') ? 4 : 0) |
    (permissions.includes('w') ? 2 : 0) |
    (permissions.includes('x') || (permissions.includes('X') && executable) ? 1 : 0)
  );
}
