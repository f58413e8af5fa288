// What `ip rule` prints, one rule per line, to data. iproute2's words, with or without -N, and BusyBox's.
// What a rule asks for and this file does not know is kept by name: the walk has to say so rather than guess.
import { type Family, type Prefix, parsePrefix } from './address.ts';
import {
  ipProtocolOf,
  ipProtocolText,
  type Names,
  protocolOf,
  routeTypeOf,
  tableOf,
  tableText,
} from './names.ts';

export interface Range {
  readonly first: number;
  readonly last: number;
}

export type RuleAction =
  | { readonly kind: 'lookup'; readonly table: number }
  | { readonly kind: 'goto'; readonly priority: number }
  | { readonly kind: 'nop' }
  | { readonly kind: 'blackhole' | 'unreachable' | 'prohibit' }
  | { readonly kind: 'unknown'; readonly word: string };

export interface IpRule {
  readonly priority: number;
  /** Selectors and action for people, without the protocol. */
  readonly text: string;
  readonly isInverted: boolean;
  readonly from: Prefix | undefined;
  readonly to: Prefix | undefined;
  readonly fwmark: { readonly value: number; readonly mask: number } | undefined;
  readonly iif: string | undefined;
  readonly oif: string | undefined;
  /** The device that it names is not there. */
  readonly isDetached: boolean;
  readonly tos: number | undefined;
  readonly ipProtocol: number | undefined;
  readonly sport: Range | undefined;
  readonly dport: Range | undefined;
  readonly uid: Range | undefined;
  /** Selectors that are not known here. */
  readonly unknown: readonly string[];
  readonly action: RuleAction;
  readonly suppressPrefixLength: number | undefined;
  readonly suppressGroup: string | undefined;
  /** Who made it: the number behind `proto`. */
  readonly protocol: number | undefined;
}

/** In the order of the lines, which is the kernel's. Lines that are no rules are left out. */
export function parseRules(lines: readonly string[], family: Family, names: Names): readonly IpRule[] {
  return lines.flatMap((line) => parseRule(line, family, names) ?? []);
}

type Draft = { -readonly [Key in keyof IpRule]: IpRule[Key] } & { unknown: string[] };

function parseRule(line: string, family: Family, names: Names): IpRule | undefined {
  const [, priority, rest = ''] = /^(\d+):\s+(.*)$/.exec(line) ?? [];
  if (priority === undefined) return undefined;
  const rule: Draft = {
    priority: Number(priority),
    text: '',
    isInverted: false,
    from: undefined,
    to: undefined,
    fwmark: undefined,
    iif: undefined,
    oif: undefined,
    isDetached: false,
    tos: undefined,
    ipProtocol: undefined,
    sport: undefined,
    dport: undefined,
    uid: undefined,
    unknown: [],
    action: { kind: 'nop' },
    suppressPrefixLength: undefined,
    suppressGroup: undefined,
    protocol: undefined,
  };
  const shown: string[] = [];
  const words = rest.split(/\s+/).filter((word) => word !== '');
  while (words.length > 0) shown.push(...takeWord(rule, words, family, names));
  return { ...rule, text: shown.join(' ') };
}

/** Takes a selector or action off the front of the words. What it gives is shown of it. */
function takeWord(rule: Draft, words: string[], family: Family, names: Names): readonly string[] {
  const key = words.shift() ?? '';
  const value = (): string => words.shift() ?? '';
  /** A value that is not understood makes the selector an unknown one. */
  const keep = <T>(text: string, found: T | undefined): T | undefined => {
    if (found === undefined) rule.unknown.push(`${key} ${text}`);
    return found;
  };
  switch (key) {
    case 'not':
      rule.isInverted = true;
      return [key];
    case 'from':
    case 'to': {
      const text = value();
      const prefix = keep(text, parsePrefix(text, family));
      rule[key] = prefix?.length === 0 ? undefined : prefix;
      return [key, text];
    }
    case 'fwmark': {
      const text = value();
      rule.fwmark = keep(text, markOf(text));
      return [key, text];
    }
    case 'iif':
    case 'oif':
    case 'dev': {
      const text = value();
      rule[key === 'dev' ? 'iif' : key] = text;
      return [key, text];
    }
    case '[detached]':
      rule.isDetached = true;
      return [key];
    case '[unresolved]':
      return [key];
    case 'tos':
    case 'dsfield': {
      const text = value();
      rule.tos = keep(text, numberOf(text));
      return [key, text];
    }
    case 'ipproto': {
      const text = value();
      rule.ipProtocol = keep(text, ipProtocolOf(text));
      return [key, rule.ipProtocol === undefined ? text : ipProtocolText(rule.ipProtocol)];
    }
    case 'sport':
    case 'dport': {
      const text = value();
      rule[key] = keep(text, rangeOf(text));
      return [key, text];
    }
    case 'uidrange': {
      const text = value();
      rule.uid = keep(text, rangeOf(text));
      return [key, text];
    }
    case 'lookup':
    case 'table': {
      const text = value();
      // BusyBox prints `lookup unspec unreachable` where there is an action in place of a table.
      if (text === 'unspec') return [];
      const table = tableOf(text, names);
      if (text === '[l3mdev-table]') rule.unknown.push('l3mdev');
      rule.action =
        table === undefined ? { kind: 'unknown', word: `lookup ${text}` } : { kind: 'lookup', table };
      return ['lookup', table === undefined ? text : tableText(table, names)];
    }
    case 'goto': {
      const text = value();
      rule.action = { kind: 'goto', priority: Number(text) };
      return [key, text];
    }
    case 'suppress_prefixlength': {
      const text = value();
      rule.suppressPrefixLength = numberOf(text);
      return [key, text];
    }
    case 'suppress_ifgroup':
      rule.suppressGroup = value();
      return [key, rule.suppressGroup];
    case 'proto':
    case 'protocol':
      rule.protocol = protocolOf(value(), names);
      return [];
    case 'realms': {
      const text = value();
      return [key, text];
    }
    case 'nop':
      return [key];
    default:
      return takeAction(rule, key, words);
  }
}

/** An action by its word or number, or a selector that is not known, with its value. */
function takeAction(rule: Draft, word: string, words: string[]): readonly string[] {
  const type = routeTypeOf(word);
  if (type === 'blackhole' || type === 'unreachable' || type === 'prohibit') {
    rule.action = { kind: type };
    return [type];
  }
  if (type !== undefined) {
    rule.action = { kind: 'unknown', word };
    return [word];
  }
  const [next] = words;
  const hasValue = next !== undefined && !['lookup', 'goto', 'nop', 'proto'].includes(next);
  const selector = hasValue ? `${word} ${words.shift()}` : word;
  rule.unknown.push(selector);
  return [selector];
}

function markOf(text: string): IpRule['fwmark'] {
  const [value = '', mask = '0xffffffff'] = text.split('/');
  const [number, bits] = [numberOf(value), numberOf(mask)];
  return number === undefined || bits === undefined ? undefined : { value: number, mask: bits };
}

function rangeOf(text: string): Range | undefined {
  const [first = '', last = first] = text.split('-');
  if (!/^\d{1,10}$/.test(first) || !/^\d{1,10}$/.test(last)) return undefined;
  return { first: Number(first), last: Number(last) };
}

function numberOf(text: string): number | undefined {
  return /^(\d{1,10}|0x[0-9a-f]{1,8})$/i.test(text) ? Number(text) : undefined;
}
