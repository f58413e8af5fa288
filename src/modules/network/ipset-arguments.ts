// What the arguments of ipset ask for, in the spelling of ipset.
import { Buffer } from 'node:buffer';
import ipaddr from 'ipaddr.js';
import { ArgumentError } from '../module.ts';
import type { Family } from './addresses.ts';
import { canonicalElement, ElementError, type Entry, type SET_TYPES } from './ipset-entry.ts';

interface EntryArgs {
  readonly entry: string;
  readonly timeout?: number;
  readonly comment?: string;
  readonly nomatch?: boolean;
}

export interface SetArgs {
  readonly name: string;
  readonly type?: (typeof SET_TYPES)[number];
  readonly family?: Family;
  readonly timeout?: number;
  readonly maxelem?: number;
  readonly hashsize?: number;
  readonly comment?: boolean;
  readonly counters?: boolean;
  readonly range?: string;
  readonly size?: number;
  readonly entries?: readonly (string | EntryArgs)[];
  readonly exclusive?: boolean;
  readonly state?: 'present' | 'absent' | 'flushed';
}

export interface WantedSet {
  readonly name: string;
  readonly type: string;
  /** Undefined: the type has none. */
  readonly family: Family | undefined;
  /** Those that are said, by ipset's words; `true` and `false` for flags. */
  readonly options: ReadonlyMap<string, string | boolean>;
  readonly entries: readonly Entry[];
  readonly exclusive: boolean;
  readonly state: 'present' | 'absent' | 'flushed';
}

/** Arguments that the schema takes to the wanted set; throws ArgumentError. */
export function prepareSet(args: SetArgs): WantedSet {
  if (/[\s,"']/.test(args.name) || args.name.startsWith('-')) {
    throw new ArgumentError('name', 'the name of a set has no blank, comma or quote, and no "-" in front');
  }
  if (Buffer.byteLength(args.name) > 31) throw new ArgumentError('name', 'it has more than 31 characters');
  const state = args.state ?? 'present';
  const type = args.type ?? '';
  if (state === 'present' && type === '') throw new ArgumentError('type', 'type is missing');
  const family = type.startsWith('hash:') && type !== 'hash:mac' ? (args.family ?? 'inet') : undefined;
  if (state === 'present' && args.family !== undefined && family === undefined) {
    throw new ArgumentError('family', `a set of type ${type} has no family`);
  }
  const entries = state === 'present' ? entriesOf(args, type, family ?? 'inet') : [];
  return {
    ...{ name: args.name, type, family, state, entries },
    options: state === 'present' ? optionsOf(args, type) : new Map(),
    exclusive: args.exclusive ?? false,
  };
}

function entriesOf(args: SetArgs, type: string, family: Family): readonly Entry[] {
  const byElement = new Map<string, Entry>();
  for (const said of args.entries ?? []) {
    const { entry, timeout, comment, nomatch } = typeof said === 'string' ? { entry: said } : { ...said };
    if (timeout !== undefined && args.timeout === undefined) {
      throw new ArgumentError('entries', `the set of ${entry} has no timeouts`, 'add timeout: 0 to the set');
    }
    if (comment !== undefined && args.comment !== true) {
      throw new ArgumentError(
        'entries',
        `the set of ${entry} has no comments`,
        'add comment: true to the set',
      );
    }
    if (/["\r\n\0]/.test(comment ?? '') || Buffer.byteLength(comment ?? '') > 255) {
      throw new ArgumentError('entries', `a comment is one line without '"', of 255 bytes at most`);
    }
    const element = elementArgument(type, family, entry);
    if (byElement.has(element)) throw new ArgumentError('entries', `${element} is in the list twice`);
    byElement.set(element, { element, timeout, comment, nomatch: nomatch ?? false, others: '' });
  }
  return [...byElement.values()];
}

function elementArgument(type: string, family: Family, said: string): string {
  try {
    return canonicalElement(type, family, said);
  } catch (error) {
    if (error instanceof ElementError) throw new ArgumentError('entries', error.message);
    throw error;
  }
}

/** Which types take which option (ipset(8)). */
const TAKERS: Readonly<Record<string, RegExp>> = {
  maxelem: /^hash:/,
  hashsize: /^hash:/,
  range: /^bitmap:/,
  size: /^list:/,
};

function optionsOf(args: SetArgs, type: string): ReadonlyMap<string, string | boolean> {
  const options = new Map<string, string | boolean>();
  for (const name of ['timeout', 'maxelem', 'hashsize', 'comment', 'counters', 'range', 'size'] as const) {
    const value = args[name];
    if (value === undefined) continue;
    if (TAKERS[name]?.test(type) === false) {
      throw new ArgumentError(name, `a set of type ${type} has no ${name}`);
    }
    options.set(name, typeof value === 'boolean' ? value : String(value));
  }
  if (type.startsWith('bitmap:')) options.set('range', rangeArgument(type, args.range));
  return options;
}

/** As ipset prints it: FIRST-LAST. */
function rangeArgument(type: string, said: string | undefined): string {
  if (said === undefined) throw new ArgumentError('range', `a set of type ${type} needs a range`);
  if (type === 'bitmap:port') {
    if (/^\d{1,5}-\d{1,5}$/.test(said)) return said.split('-').map(Number).join('-');
    throw new ArgumentError('range', `${said} is no range of ports`, 'write it as 0-1023');
  }
  if (ipaddr.IPv4.isValidCIDRFourPartDecimal(said)) {
    const first = ipaddr.IPv4.networkAddressFromCIDR(said);
    return `${first}-${ipaddr.IPv4.broadcastAddressFromCIDR(said)}`;
  }
  const ends = said.split('-');
  if (ends.length === 2 && ends.every((end) => ipaddr.IPv4.isValidFourPartDecimal(end))) return said;
  throw new ArgumentError('range', `${said} is no range of IPv4 addresses`, 'write it as 192.0.2.0/24');
}
