// What iptables-save prints of one table, to chains. Matches that are not known here are kept as such; what comes behind
// -j is for iptables-target.ts.
import { type Family, type Prefix, parsePrefix } from './address.ts';
import { MOST_BUCKETS } from './cluster/hash.ts';
import type { Range } from './ip-rule.ts';
import { clusteripCondition, markOf, targetOf } from './iptables-target.ts';
import { ipProtocolOf } from './names.ts';
import type { ChainRule, Chains, Condition, Target } from './netfilter.ts';

export type IptablesTable = 'raw' | 'mangle' | 'nat' | 'filter';

/** Undefined where the table is not in it. */
export function parseIptables(lines: readonly string[], context: IptablesContext): Chains | undefined {
  const { table } = context;
  const start = lines.indexOf(`*${table}`);
  if (start === -1) return undefined;
  const rules = new Map<string, ChainRule[]>();
  const drops = new Set<string>();
  for (const line of lines.slice(start + 1)) {
    if (line.startsWith('*') || line === 'COMMIT') break;
    const [, declared, policy] = /^:(\S+) (\S+)/.exec(line) ?? [];
    if (declared !== undefined) rules.set(declared, rules.get(declared) ?? []);
    if (declared !== undefined && policy === 'DROP') drops.add(declared);
    const [, chain, words] = /^-A (\S+) ?(.*)$/.exec(line) ?? [];
    if (chain === undefined || words === undefined) continue;
    rules.set(chain, [...(rules.get(chain) ?? []), new RuleReader(words, context).read()]);
  }
  return { title: table, rules, drops };
}

export interface IptablesContext {
  readonly table: IptablesTable;
  readonly family: Family;
  /** By the address of a CLUSTERIP: what its file in /proc says, the nodes that this host is. */
  readonly clusterNodes?: ReadonlyMap<string, readonly number[]>;
}

class RuleReader {
  readonly #text: string;
  readonly #context: IptablesContext;
  readonly #words: string[];
  readonly #conditions: Condition[] = [];
  #target: Target = { kind: 'continue' };
  #statistic: { every?: number; probability?: number; isNth?: boolean } | undefined;
  #cluster: { total?: number; mask?: number; seed?: number; not?: boolean } | undefined;
  #module = '';

  constructor(text: string, context: IptablesContext) {
    this.#text = text;
    this.#context = context;
    this.#words = wordsOf(text);
  }

  read(): ChainRule {
    while (this.#words.length > 0) {
      const not = this.#words[0] === '!';
      if (not) this.#words.shift();
      this.#take(this.#words.shift() ?? '', not);
    }
    this.#endStatistic();
    this.#endCluster();
    return { text: this.#text, conditions: this.#conditions, target: this.#target };
  }

  #take(option: string, not: boolean): void {
    const add = (condition: Condition): number => this.#conditions.push(condition);
    switch (option) {
      case '-i':
      case '-o':
        add({ kind: option === '-i' ? 'in' : 'out', devices: [this.#value()], not });
        break;
      case '-s':
      case '-d':
        this.#addPrefixes(option === '-s' ? 'source' : 'destination', this.#value(), not);
        break;
      case '-p': {
        const name = this.#value();
        const number = ipProtocolOf(name);
        add(
          number === undefined
            ? { kind: 'unknown', text: `-p ${name}`, not }
            : { kind: 'protocol', numbers: [number], not },
        );
        break;
      }
      case '-m':
        this.#module = this.#value();
        if (this.#module === 'statistic') this.#statistic = {};
        if (this.#module === 'cluster') this.#cluster = {};
        break;
      case '--sport':
      case '--dport':
      case '--sports':
      case '--dports':
      case '--source-ports':
      case '--destination-ports':
        add({ kind: /^--s/.test(option) ? 'sport' : 'dport', ranges: rangesOf(this.#value()), not });
        break;
      case '--mark': {
        const { value, mask } = markOf(this.#value());
        add({ kind: this.#module === 'connmark' ? 'ctmark' : 'mark', value, mask, not });
        break;
      }
      case '--tcp-flags':
        add({ kind: 'tcp-flags', mask: flagsOf(this.#value()), set: flagsOf(this.#value()), not });
        break;
      case '--ctstate':
      case '--state':
        add({ kind: 'ctstate', states: this.#value().split(','), not });
        break;
      case '--ctdir':
        add({ kind: 'ctdir', direction: this.#value() === 'REPLY' ? 'reply' : 'original', not });
        break;
      case '--src-type':
        add({ kind: 'source-type', types: this.#value().split(','), not });
        break;
      case '--mode':
        this.#statistic = { ...this.#statistic, isNth: this.#value() === 'nth' };
        break;
      case '--every':
        this.#statistic = { ...this.#statistic, every: Number(this.#value()) };
        break;
      case '--packet':
        this.#value(); // which of them comes first: the shares are the same
        break;
      case '--probability':
        this.#statistic = { ...this.#statistic, probability: Number(this.#value()) };
        break;
      case '--cluster-total-nodes':
        this.#cluster = { ...this.#cluster, total: Number(this.#value()) };
        break;
      case '--cluster-local-node':
        this.#cluster = { ...this.#cluster, not, mask: 2 ** (Number(this.#value()) - 1) };
        break;
      case '--cluster-local-nodemask':
        this.#cluster = { ...this.#cluster, not, mask: Number(this.#value()) };
        break;
      case '--cluster-hash-seed':
        this.#cluster = { ...this.#cluster, seed: Number(this.#value()) };
        break;
      case '--comment':
        this.#value();
        break;
      case '-j':
      case '-g':
        this.#endWith(option === '-g' ? 'goto' : 'jump', this.#value());
        break;
      default:
        this.#addUnknown(option, not);
    }
  }

  #value(): string {
    return this.#words.shift() ?? '';
  }

  #addPrefixes(kind: 'source' | 'destination', text: string, not: boolean): void {
    const prefixes = text.split(',').map((each) => prefixOf(each, this.#context.family));
    if (prefixes.includes(undefined)) this.#conditions.push({ kind: 'unknown', text, not });
    else this.#conditions.push({ kind, prefixes: prefixes.flatMap((each) => each ?? []), not });
  }

  #addUnknown(option: string, not: boolean): void {
    const values: string[] = [];
    while (this.#words[0] !== undefined && !/^(-|!$)/.test(this.#words[0])) values.push(this.#value());
    this.#conditions.push({ kind: 'unknown', text: [option, ...values].join(' '), not });
  }

  #endCluster(): void {
    if (this.#cluster === undefined) return;
    const { total = 0, mask = 0, seed, not = false } = this.#cluster;
    const isKnown = seed !== undefined && total > 0 && total <= MOST_BUCKETS;
    this.#conditions.push(
      isKnown
        ? { kind: 'hash', hash: { kind: 'xt-cluster', seed, buckets: total }, buckets: bitsOf(mask), not }
        : { kind: 'unknown', text: '-m cluster', not: false },
    );
  }

  #endStatistic(): void {
    if (this.#statistic === undefined) return;
    const { isNth, every, probability } = this.#statistic;
    if (isNth === true && every !== undefined) this.#conditions.push({ kind: 'nth', every, not: false });
    else if (probability !== undefined) this.#conditions.push({ kind: 'random', probability, not: false });
    else this.#conditions.push({ kind: 'unknown', text: '-m statistic', not: false });
  }

  /** The rest of the words are the target's own. */
  #endWith(how: 'jump' | 'goto', name: string): void {
    const words = this.#words.splice(0);
    if (name !== 'CLUSTERIP') {
      this.#target = targetOf(how, name, words);
      return;
    }
    // What another node is responsible for it drops; what is left goes on.
    const address = /-d ([^\s/]+)/.exec(this.#text)?.[1] ?? '';
    this.#conditions.push(clusteripCondition(words, this.#context.clusterNodes?.get(address)));
    this.#target = { kind: 'drop' };
  }
}

function prefixOf(text: string, family: Family): Prefix | undefined {
  const [base = '', mask] = text.split('/');
  // Masks that are no prefix are printed as an address: those are not known here.
  return mask?.includes('.') ? undefined : parsePrefix(mask === undefined ? base : text, family);
}

export function rangesOf(text: string): readonly Range[] {
  return text.split(',').map((each) => {
    const [first = '', last = first] = each.split(/[:-]/);
    return { first: Number(first), last: last === '' ? 65_535 : Number(last) };
  });
}

/** `FIN,SYN`; `NONE` is none. */
function flagsOf(text: string): readonly string[] {
  return text === 'NONE' ? [] : text.split(',');
}

/** The places of the bits that are set. */
function bitsOf(mask: number): readonly number[] {
  return Array.from({ length: 32 }, (_, bit) => bit).filter((bit) => Math.floor(mask / 2 ** bit) % 2 === 1);
}

/** Words; double quotes keep blanks together, a backslash what follows it. */
function wordsOf(text: string): string[] {
  return [...text.matchAll(/"((?:[^"\\]|\\.)*)"|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? '');
}
