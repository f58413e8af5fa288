// What iptables-save prints of one table, to chains. Matches that are not known here are kept as such.
import { type Family, type Prefix, parsePrefix } from './address.ts';
import type { Range } from './ip-rule.ts';
import { ipProtocolOf } from './names.ts';
import { ALL_BITS, type ChainRule, type Chains, type Condition, type Target } from './netfilter.ts';

/** Undefined where the table is not in it. */
export function parseIptables(
  lines: readonly string[],
  table: 'nat' | 'mangle',
  family: Family,
): Chains | undefined {
  const start = lines.indexOf(`*${table}`);
  if (start === -1) return undefined;
  const rules = new Map<string, ChainRule[]>();
  for (const line of lines.slice(start + 1)) {
    if (line.startsWith('*') || line === 'COMMIT') break;
    const declared = /^:(\S+) /.exec(line)?.[1];
    if (declared !== undefined) rules.set(declared, rules.get(declared) ?? []);
    const [, chain, words] = /^-A (\S+) ?(.*)$/.exec(line) ?? [];
    if (chain === undefined || words === undefined) continue;
    rules.set(chain, [...(rules.get(chain) ?? []), new RuleReader(words, family).read()]);
  }
  return { title: table, rules };
}

class RuleReader {
  readonly #text: string;
  readonly #family: Family;
  readonly #words: string[];
  readonly #conditions: Condition[] = [];
  #target: Target = { kind: 'continue' };
  #statistic: { every?: number; probability?: number; isNth?: boolean } | undefined;
  #cluster: { of?: number; slots?: number } | undefined;
  #module = '';

  constructor(text: string, family: Family) {
    this.#text = text;
    this.#family = family;
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
        this.#cluster = { ...this.#cluster, of: Number(this.#value()) };
        break;
      case '--cluster-local-node':
        this.#value();
        this.#cluster = { ...this.#cluster, slots: 1 };
        break;
      case '--cluster-local-nodemask':
        this.#cluster = { ...this.#cluster, slots: bitsIn(Number(this.#value())) };
        break;
      case '--cluster-hash-seed':
        this.#value();
        break;
      case '--comment':
        this.#value();
        break;
      case '-j':
      case '-g':
        this.#target = this.#targetOf(option === '-g' ? 'goto' : 'jump', this.#value());
        break;
      default:
        this.#addUnknown(option, not);
    }
  }

  #value(): string {
    return this.#words.shift() ?? '';
  }

  #addPrefixes(kind: 'source' | 'destination', text: string, not: boolean): void {
    const prefixes = text.split(',').map((each) => prefixOf(each, this.#family));
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
    const { slots, of } = this.#cluster;
    const isKnown = slots !== undefined && of !== undefined;
    this.#conditions.push(
      isKnown ? { kind: 'hash', slots, of, not: false } : { kind: 'unknown', text: '-m cluster', not: false },
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
  #targetOf(how: 'jump' | 'goto', name: string): Target {
    const words = this.#words.splice(0);
    const option = (wanted: string): string | undefined => {
      const at = words.indexOf(wanted);
      return at === -1 ? undefined : words[at + 1];
    };
    switch (name) {
      case 'ACCEPT':
        return { kind: 'accept' };
      case 'DROP':
        return { kind: 'drop' };
      case 'RETURN':
        return { kind: 'return' };
      case 'MASQUERADE':
        return { kind: 'masquerade' };
      case 'SNAT':
        return { kind: 'snat', slots: [option('--to-source') ?? ''], by: 'turns' };
      case 'DNAT':
      case 'REDIRECT':
        return { kind: 'dnat', text: option('--to-destination') ?? 'the host itself' };
      case 'MARK':
        return { kind: 'set-mark', ...markOf(option('--set-xmark') ?? '0x0/0x0') };
      case 'CONNMARK':
        return connmarkOf(words, option);
      case 'LOG':
      case 'NFLOG':
      case 'TRACE':
      case 'TCPMSS':
      case 'CHECKSUM':
        return { kind: 'continue' };
      default:
        // Targets of the kernel's are in capitals; so may be somebody's chain, which the walk finds by its name.
        return { kind: how, chain: name };
    }
  }
}

function connmarkOf(words: readonly string[], option: (name: string) => string | undefined): Target {
  const set = option('--set-xmark');
  if (set !== undefined) return { kind: 'set-ctmark', ...markOf(set) };
  const nfmask = Number(option('--nfmask') ?? ALL_BITS);
  const ctmask = Number(option('--ctmask') ?? ALL_BITS);
  if (words.includes('--save-mark')) return { kind: 'save-mark', nfmask, ctmask };
  if (words.includes('--restore-mark')) return { kind: 'restore-mark', nfmask, ctmask };
  return { kind: 'unknown', text: `CONNMARK ${words.join(' ')}` };
}

function markOf(text: string): { readonly value: number; readonly mask: number } {
  const [value, mask = ALL_BITS] = text.split('/');
  return { value: Number(value), mask: Number(mask) };
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

function bitsIn(mask: number): number {
  return mask.toString(2).replaceAll('0', '').length;
}

/** Words; double quotes keep blanks together, a backslash what follows it. */
function wordsOf(text: string): string[] {
  return [...text.matchAll(/"((?:[^"\\]|\\.)*)"|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? '');
}
