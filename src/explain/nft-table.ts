// What `nft list table` prints of the tables that are ours, to the same chains. Statements that are not known here make
// their rule one that cannot be judged.
import { type Family, type Prefix, parsePrefix } from './address.ts';
import { rangesOf } from './iptables-save.ts';
import { ipProtocolOf } from './names.ts';
import { ALL_BITS, type ChainRule, type Chains, type Condition, type Target } from './netfilter.ts';

export interface NftTable extends Chains {
  /** Base chains of type nat in postrouting, by their names. */
  readonly postrouting: readonly string[];
}

export function parseNftTables(lines: readonly string[], family: Family): readonly NftTable[] {
  const tables: { title: string; rules: Map<string, ChainRule[]>; postrouting: string[] }[] = [];
  let chain: string | undefined;
  for (const line of lines.map((each) => each.trim())) {
    const [, name] = /^table \S+ (\S+) \{$/.exec(line) ?? [];
    const table = tables.at(-1);
    if (name !== undefined) tables.push({ title: `nft ${name}`, rules: new Map(), postrouting: [] });
    else if (table === undefined) continue;
    else if (/^chain (\S+) \{$/.test(line)) {
      chain = /^chain (\S+) /.exec(line)?.[1] ?? '';
      table.rules.set(chain, []);
    } else if (line === '}') chain = undefined;
    else if (chain === undefined || line === '') continue;
    else if (line.startsWith('type ')) {
      if (/^type nat hook postrouting /.test(line)) table.postrouting.push(chain);
    } else table.rules.get(chain)?.push(parseNftRule(line, family));
  }
  return tables;
}

/** `ip NAME` of each table with a nat chain in postrouting, out of `nft list chains`. */
export function natTables(lines: readonly string[]): readonly string[] {
  const found = new Set<string>();
  let table = '';
  for (const line of lines) {
    table = /^table (\S+ \S+) \{/.exec(line)?.[1] ?? table;
    if (/^\s*type nat hook postrouting /.test(line)) found.add(table);
  }
  return [...found];
}

interface Reading {
  readonly family: Family;
  readonly conditions: Condition[];
  target: Target;
}

type Reader = (words: RegExpExecArray, reading: Reading) => void;

const VALUE = '(\\{[^}]*\\}|\\S+)';

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
      const number = ipProtocolOf(protocol);
      if (number !== undefined) conditions.push({ kind: 'protocol', numbers: [number], not: false });
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
  [/^counter(?: packets \d+ bytes \d+)?/, () => {}],
  [/^comment "[^"]*"/, () => {}],
  [
    /^snat (?:ip6? )?to (numgen inc|jhash ip6? saddr) mod \d+(?: seed \w+)?(?: offset \d+)? map \{([^}]*)\}/,
    ([, lot = '', map = ''], reading) => {
      reading.target = { kind: 'snat', slots: slotsOf(map), by: lot.startsWith('jhash') ? 'hash' : 'turns' };
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
    /^(return|accept|drop)\b/,
    ([, kind], reading) => {
      reading.target = { kind: kind as 'return' | 'accept' | 'drop' };
    },
  ],
  [
    /^(jump|goto) (\S+)/,
    ([, kind, chain = ''], reading) => {
      reading.target = { kind: kind === 'goto' ? 'goto' : 'jump', chain };
    },
  ],
];

function parseNftRule(line: string, family: Family): ChainRule {
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
  return { text: line, conditions: reading.conditions, target: reading.target };
}

/** `{ 0 : a, 1-2 : b }`: the address of each slot. */
function slotsOf(map: string): readonly string[] {
  return map.split(',').flatMap((each) => {
    const [, first, last = first, address] = /^\s*(\d+)(?:\s*-\s*(\d+))?\s*:\s*(\S+)\s*$/.exec(each) ?? [];
    if (first === undefined || address === undefined) return [];
    return Array.from({ length: Number(last) - Number(first) + 1 }, () => address);
  });
}

function listOf(text: string): readonly string[] {
  return text
    .replace(/^\{|\}$/g, '')
    .split(',')
    .map((each) => each.trim().replace(/^"|"$/g, ''))
    .filter((each) => each !== '');
}
