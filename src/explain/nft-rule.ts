// One line of what `nft list table` prints inside a chain, to rules. Statements that are not known here make a rule one that
// cannot be judged.
import { type Family, type Prefix, parsePrefix } from './address.ts';
import { rangesOf } from './iptables-save.ts';
import { ipProtocolOf } from './names.ts';
import { ALL_BITS, type ChainRule, type Condition, type Target } from './netfilter.ts';
import { bucketsOf, JHASH, mapOf, parseJhash } from './nft-jhash-text.ts';

/** Several where it has a map of verdicts: one for each. */
export function parseNftRule(line: string, family: Family): readonly ChainRule[] {
  const reading: Reading = { family, conditions: [], target: { kind: 'continue' } };
  let rest = line;
  while (rest !== '') {
    const taken = READERS.flatMap(([pattern, read]) => {
      const words = pattern.exec(rest);
      return words === null ? [] : [{ words, read }];
    })[0];
    if (taken === undefined) {
      // Whatever it is: nobody can say whether the rest of the rule is reached.
      reading.conditions.push({ kind: 'unknown', text: rest, not: false });
      break;
    }
    taken.read(taken.words, reading);
    rest = rest.slice(taken.words[0].length).trim();
  }
  const { conditions, target, branches } = reading;
  if (branches === undefined) return [{ text: line, conditions, target }];
  return branches.map((branch) => ({
    text: line,
    conditions: [...conditions, branch.condition],
    target: branch.target,
  }));
}

interface Reading {
  readonly family: Family;
  readonly conditions: Condition[];
  target: Target;
  /** A map of verdicts: a condition and a target for each. */
  branches?: readonly { readonly condition: Condition; readonly target: Target }[];
}

type Reader = (words: RegExpExecArray, reading: Reading) => void;

const VALUE = '(\\{[^}]*\\}|\\S+)';

function protocolIs(name: string | undefined): readonly Condition[] {
  const number = name === undefined ? undefined : ipProtocolOf(name);
  return number === undefined ? [] : [{ kind: 'protocol', numbers: [number], not: false }];
}

/** `fin,syn`, `(fin | syn)`, `0x0` */
function tcpFlags({
  mask,
  set,
  not,
}: {
  readonly mask: string;
  readonly set: string;
  readonly not: boolean;
}) {
  const list = (text: string): readonly string[] =>
    [...text.matchAll(/\b[a-z]+\b/g)].map(([name]) => name.toUpperCase());
  return { kind: 'tcp-flags', mask: list(mask), set: list(set), not } as const;
}

/** Each takes what it knows off the front of a rule. */
const READERS: readonly (readonly [RegExp, Reader])[] = [
  [
    new RegExp(`^(i|o)ifname (!= )?${VALUE}`),
    ([, way, not, text = ''], { conditions }) => {
      conditions.push({ kind: way === 'i' ? 'in' : 'out', devices: listOf(text), not: not !== undefined });
    },
  ],
  [
    new RegExp(`^ip6? (saddr|daddr) (!= )?${VALUE}`),
    ([, side, not, text = ''], { conditions, family }) => {
      const prefixes = listOf(text).map((each) => parsePrefix(each, family));
      const known = prefixes.filter((each): each is Prefix => each !== undefined);
      const kind = side === 'saddr' ? 'source' : 'destination';
      const isNot = not !== undefined;
      if (known.length < prefixes.length) conditions.push({ kind: 'unknown', text, not: isNot });
      else conditions.push({ kind, prefixes: known, not: isNot });
    },
  ],
  [
    new RegExp(`^(?:meta l4proto|ip protocol|ip6 nexthdr) (!= )?${VALUE}`),
    ([, not, text = ''], { conditions }) => {
      const numbers = listOf(text).flatMap((each) => ipProtocolOf(each) ?? []);
      conditions.push({ kind: 'protocol', numbers, not: not !== undefined });
    },
  ],
  [
    new RegExp(`^(tcp|udp|th) (sport|dport) (!= )?${VALUE}`),
    ([, protocol = '', side, not, text = ''], { conditions }) => {
      conditions.push(...protocolIs(protocol));
      const kind = side === 'sport' ? 'sport' : 'dport';
      conditions.push({ kind, ranges: listOf(text).flatMap(rangesOf), not: not !== undefined });
    },
  ],
  [
    /^fib saddr type (!= )?(\w+)/,
    ([, not, type = ''], { conditions }) => {
      conditions.push({ kind: 'source-type', types: [type.toUpperCase()], not: not !== undefined });
    },
  ],
  [
    /^tcp flags (!= |== )?([a-z,]+) \/ ([a-z,]+)/,
    ([, how, set = '', mask = ''], { conditions }) => {
      conditions.push(...protocolIs('tcp'), tcpFlags({ mask, set, not: how === '!= ' }));
    },
  ],
  [
    /^tcp flags & (\([a-z |]+\)|[a-z]+) (==|!=) (\([a-z |]+\)|[a-z]+|0x0)/,
    ([, mask = '', how, set = ''], { conditions }) => {
      conditions.push(...protocolIs('tcp'), tcpFlags({ mask, set, not: how === '!=' }));
    },
  ],
  [
    // Any of them, or none.
    /^tcp flags (! )?([a-z,]+)(?= |$)/,
    ([, none, mask = ''], { conditions }) => {
      conditions.push(...protocolIs('tcp'), tcpFlags({ mask, set: '', not: none === undefined }));
    },
  ],
  [
    new RegExp(`^ct state (!= )?${VALUE}`),
    ([, not, text = ''], { conditions }) => {
      const states = listOf(text).map((each) => each.toUpperCase());
      conditions.push({ kind: 'ctstate', states, not: not !== undefined });
    },
  ],
  [
    /^(meta|ct) mark (?:and|&) (0x[0-9a-f]+|\d+) (!=|==) (0x[0-9a-f]+|\d+)/,
    ([, what, mask, how, value], { conditions }) => {
      const kind = what === 'ct' ? 'ctmark' : 'mark';
      conditions.push({ kind, value: Number(value), mask: Number(mask), not: how === '!=' });
    },
  ],
  [
    /^(meta|ct) mark (!= )?(0x[0-9a-f]+|\d+)/,
    ([, what, not, value], { conditions }) => {
      const kind = what === 'ct' ? 'ctmark' : 'mark';
      conditions.push({ kind, value: Number(value), mask: ALL_BITS, not: not !== undefined });
    },
  ],
  [
    new RegExp(`^${JHASH} vmap (\\{[^}]*\\})`),
    ([text, ...groups], reading) => {
      const jhash = parseJhash(groups);
      if (jhash === undefined) {
        reading.conditions.push({ kind: 'unknown', text, not: false });
        return;
      }
      reading.conditions.push(...protocolIs(jhash.protocol));
      reading.branches = [...mapOf(groups[4] ?? '', jhash.offset)].map(([bucket, verdict]) => ({
        condition: { kind: 'hash', hash: jhash.hash, buckets: [bucket], not: false },
        target: verdictOf(verdict) ?? { kind: 'unknown', text: verdict },
      }));
    },
  ],
  [
    new RegExp(`^${JHASH} (!= )?(\\{[^}]*\\}|\\d+(?:-\\d+)?)`),
    ([text, ...groups], { conditions }) => {
      const jhash = parseJhash(groups);
      if (jhash === undefined) {
        conditions.push({ kind: 'unknown', text, not: false });
        return;
      }
      const { hash, offset, protocol } = jhash;
      const buckets = bucketsOf(groups[5] ?? '', offset);
      conditions.push(...protocolIs(protocol), { kind: 'hash', hash, buckets, not: groups[4] !== undefined });
    },
  ],
  [/^meta pkttype set \w+/, () => {}],
  [/^counter(?: packets \d+ bytes \d+)?/, () => {}],
  [/^comment "[^"]*"/, () => {}],
  [
    new RegExp(`^snat (?:ip6? )?to (?:${JHASH}|numgen inc mod \\d+(?: offset (\\d+))?) map (\\{[^}]*\\})`),
    ([text, fields, buckets, seed, offset, turns, map = ''], reading) => {
      const jhash = fields === undefined ? undefined : parseJhash([fields, buckets, seed, offset]);
      const slots = [...mapOf(map, Number(offset ?? turns ?? 0))].sort(([a], [b]) => a - b);
      if (fields !== undefined && jhash === undefined) reading.target = { kind: 'unknown', text };
      else {
        reading.target = {
          kind: 'snat',
          slots: slots.map(([, address]) => address),
          by: jhash?.hash ?? 'turns',
        };
      }
    },
  ],
  [
    /^snat (?:ip6? )?to (\[?[0-9a-f.:]+\]?(?:-[0-9a-f.:]+)?)/,
    ([, text = ''], reading) => {
      reading.target = { kind: 'snat', slots: [text], by: 'turns' };
    },
  ],
  [
    /^masquerade/,
    (_, reading) => {
      reading.target = { kind: 'masquerade' };
    },
  ],
  [/^(?:persistent|random|fully-random)\b,?/, () => {}],
  [
    /^(?:return|accept|drop|continue|(?:jump|goto) \S+|reject(?: with (?:tcp reset|\S+ \S+))?)(?= |$)/,
    ([text], reading) => {
      reading.target = verdictOf(text) ?? { kind: 'unknown', text };
    },
  ],
];

function verdictOf(text: string): Target | undefined {
  const [word, chain = ''] = text.split(' ');
  switch (word) {
    case 'return':
    case 'accept':
    case 'drop':
    case 'continue':
      return { kind: word };
    case 'reject':
      return { kind: 'drop' };
    case 'jump':
    case 'goto':
      return { kind: word, chain };
    default:
      return undefined;
  }
}

function listOf(text: string): readonly string[] {
  return text
    .replace(/^\{|\}$/g, '')
    .split(',')
    .map((each) => each.trim().replace(/^"|"$/g, ''))
    .filter((each) => each !== '');
}
