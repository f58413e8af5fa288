// A rule of the routing policy as ip prints it and takes it: read, compared, written. Numbers in place of names.
import { destinationOf } from './addresses.ts';
import { type HostIp, numberOf } from './ip-command.ts';

export interface Rule {
  readonly priority: number;
  readonly not: boolean;
  /** `default` is unsaid. */
  readonly from: string | undefined;
  readonly to: string | undefined;
  readonly iif: string | undefined;
  readonly oif: string | undefined;
  /** `0x1`, or `0x100/0xff00` where not all bits count. */
  readonly fwmark: string | undefined;
  readonly ipproto: number | undefined;
  /** `80` or `1000-2000`. */
  readonly sport: string | undefined;
  readonly dport: string | undefined;
  /** `lookup 100`, or what else becomes of the packet. */
  readonly action: string;
  readonly suppress_prefixlength: number | undefined;
  /** 0: none. */
  readonly proto: number;
  /** Selectors that cannot be said here, as ip prints them. */
  readonly others: string;
}

/** What a rule is told from others by, besides its proto. */
const IDENTITY = [
  'not',
  'from',
  'to',
  'iif',
  'oif',
  'fwmark',
  'ipproto',
  'sport',
  'dport',
  'action',
  'suppress_prefixlength',
  'others',
] as const;

export const RULE_ACTIONS = ['lookup', 'blackhole', 'unreachable', 'prohibit'] as const;

/** A line of `ip -o rule show`, such as `100:	from 192.0.2.0/24 lookup 100 proto 77`. */
export function readRule(line: string, host: HostIp): Rule | undefined {
  const match = /^(\d+):\s+(.*)$/.exec(line.trim());
  if (match === null) return undefined;
  const words = (match[2] ?? '').split(/\s+/);
  const said = new Map<string, string>();
  const others: string[] = [];
  let not = false;
  let action = '';
  for (let word = words.shift(); word !== undefined; word = words.shift()) {
    if (word === 'not') not = true;
    else if (VALUED.includes(word)) said.set(word, words.shift() ?? '');
    else if (word === 'lookup') action = `lookup ${tableOf(words.shift() ?? '', host)}`;
    else if (isAction(word)) action = word;
    // `[detached]` describes a device.
    else if (word !== '[detached]') others.push(word);
  }
  const prefix = (name: string) => {
    const text = destinationOf(said.get(name) ?? 'all')?.text;
    return text === 'default' ? undefined : text;
  };
  const length = said.get('suppress_prefixlength');
  return {
    priority: Number(match[1]),
    ...{ not, action, from: prefix('from'), to: prefix('to') },
    ...{ iif: said.get('iif'), oif: said.get('oif'), sport: said.get('sport'), dport: said.get('dport') },
    fwmark: markOf(said.get('fwmark')),
    ipproto: transportOf(said.get('ipproto'), host),
    suppress_prefixlength: length === undefined ? undefined : Number(length),
    proto: numberOf(host.protocols, said.get('proto') ?? '0') ?? -1,
    others: others.join(' '),
  };
}

const VALUED = [
  'from',
  'to',
  'iif',
  'oif',
  'fwmark',
  'ipproto',
  'sport',
  'dport',
  'proto',
  'suppress_prefixlength',
];

function isAction(word: string): boolean {
  return word === 'blackhole' || word === 'unreachable' || word === 'prohibit';
}

function tableOf(word: string, host: HostIp): number | string {
  return numberOf(host.tables, word) ?? word;
}

/** A number that has no name is printed as `ipproto-253`. */
function transportOf(word: string | undefined, host: HostIp): number | undefined {
  if (word === undefined) return undefined;
  return numberOf(host.transports, word.replace(/^ipproto-/, '')) ?? -1;
}

/** `VALUE` or `VALUE/MASK` in one spelling; undefined where it is neither. */
export function markOf(said: string | undefined): string | undefined {
  const match = /^(0[xX][0-9a-fA-F]{1,8}|\d{1,10})(?:\/(0[xX][0-9a-fA-F]{1,8}|\d{1,10}))?$/.exec(said ?? '');
  if (match === null) return undefined;
  const mark = Number(match[1]);
  const mask = Number(match[2] ?? ALL_BITS);
  if (mark > ALL_BITS || mask > ALL_BITS) return undefined;
  const hex = (number: number) => `0x${number.toString(16)}`;
  return mask === ALL_BITS ? hex(mark) : `${hex(mark)}/${hex(mask)}`;
}

const ALL_BITS = 0xffffffff;

/** Same priority, selectors and action; the proto may differ. */
export function sameButProto(one: Rule, other: Rule): boolean {
  return one.priority === other.priority && IDENTITY.every((name) => one[name] === other[name]);
}

/**
 * Whether the kernel takes `found` for `wanted` when it is told to delete that: it looks only at what is said, never at
 * `not`, and stops at the first that fits (net/core/fib_rules.c).
 */
export function fitsDeletion(wanted: Rule, found: Rule): boolean {
  return (
    wanted.priority === found.priority &&
    (wanted.proto === 0 || wanted.proto === found.proto) &&
    IDENTITY.every(
      (name) => LOOSE.includes(name) || wanted[name] === undefined || wanted[name] === found[name],
    )
  );
}

/**
 * Whether the kernel refuses to add `wanted` because of `found`. It ought to be the same one, but an unsaid from or to is
 * anything to it here, too.
 */
export function fitsAddition(wanted: Rule, found: Rule): boolean {
  return (
    wanted.priority === found.priority &&
    wanted.proto === found.proto &&
    IDENTITY.every(
      (name) =>
        LOOSE.includes(name) ||
        ((name === 'from' || name === 'to') && wanted[name] === undefined) ||
        wanted[name] === found[name],
    )
  );
}

/** What the kernel does not compare where it is not said, or not at all. */
const LOOSE: readonly string[] = ['not', 'others'];

/** The words after `ip rule add` and `ip rule del`. */
export function ruleWords(rule: Rule): readonly string[] {
  const said = (name: string, value: string | number | undefined) =>
    value === undefined ? [] : [name, String(value)];
  return [
    'priority',
    String(rule.priority),
    ...(rule.not ? ['not'] : []),
    'from',
    rule.from ?? 'all',
    ...said('to', rule.to),
    ...said('fwmark', rule.fwmark),
    ...said('iif', rule.iif),
    ...said('oif', rule.oif),
    ...said('ipproto', rule.ipproto),
    ...said('sport', rule.sport),
    ...said('dport', rule.dport),
    ...(rule.others === '' ? [] : rule.others.split(' ')),
    ...rule.action.split(' '),
    ...said('suppress_prefixlength', rule.suppress_prefixlength),
    ...(rule.proto === 0 ? [] : ['protocol', String(rule.proto)]),
  ];
}
