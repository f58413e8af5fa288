// A new connection's first packet on its way through chains: where it ends, with which share of all connections, and
// which marks it has then. `statistic` splits the ways: each has its share.
//
//   chain ─► rule: condition? ─yes─► target: ends, jumps, marks
//              └─ no ─► next rule … end of chain ─► back to who jumped
import { contains, type Family } from './address.ts';
import { type Fraction, ONE, plus, share, times, without } from './fraction.ts';
import type { ChainRule, Chains, Condition } from './netfilter.ts';

/** What can be asked of the packet; unknown in, unknown out. */
export interface ChainPacket {
  readonly family: Family;
  readonly from: bigint | undefined;
  readonly to: bigint;
  readonly iif: string | undefined;
  readonly oif: string | undefined;
  readonly ipProtocol: number;
  readonly sport: number | undefined;
  readonly dport: number | undefined;
  /** Whether the source is one of the host's own. */
  readonly isFromHost: boolean;
}

/** One of the ways through, so far. */
export interface Way {
  readonly mark: number;
  readonly ctmark: number;
  readonly share: Fraction;
}

export interface End {
  readonly way: Way;
  /** What ended it; undefined: the end of the base chain, where nothing is done. */
  readonly by: { readonly chain: string; readonly rule: ChainRule } | undefined;
  /** Lots were drawn on the way: by turns, by chance, or by a hash of the client. */
  readonly drawn: 'no' | 'by-turns' | 'by-chance' | 'by-hash';
}

export interface ChainWalk {
  readonly ends: readonly End[];
  /** Rules that could not be judged, taken for not matching. */
  readonly doubts: readonly { readonly chain: string; readonly rule: ChainRule }[];
}

const DEEPEST = 32;

/** From the base chain on. An unknown chain is one without rules. */
export function walkChain(chains: Chains, base: string, packet: ChainPacket, mark: number): ChainWalk {
  const walk = new Walking(chains, packet);
  const left = walk.through(base, [{ mark, ctmark: 0, share: ONE, drawn: 'no', slots: 0 }], 0);
  const passed = left.map(({ drawn, slots: _, ...way }): End => ({ way, by: undefined, drawn }));
  return { ends: [...walk.ends, ...passed], doubts: walk.doubts };
}

type Drawn = Way & {
  readonly drawn: End['drawn'];
  /** Of a hash: how many have gone other ways already. */
  readonly slots: number;
};

class Walking {
  readonly ends: End[] = [];
  readonly doubts: { chain: string; rule: ChainRule }[] = [];
  readonly #chains: Chains;
  readonly #packet: ChainPacket;

  constructor(chains: Chains, packet: ChainPacket) {
    this.#chains = chains;
    this.#packet = packet;
  }

  /** The ways that come back out of the chain. */
  through(chain: string, ways: readonly Drawn[], depth: number): readonly Drawn[] {
    const returned: Drawn[] = [];
    let here = ways;
    for (const rule of depth > DEEPEST ? [] : (this.#chains.rules.get(chain) ?? [])) {
      const next: Drawn[] = [];
      for (const way of here) {
        const { taken, left } = this.#split(chain, rule, way);
        if (left !== undefined) next.push(left);
        if (taken !== undefined) this.#act(chain, rule, taken, { next, returned, depth });
      }
      here = merged(next);
    }
    return merged([...returned, ...here]);
  }

  #split(
    chain: string,
    rule: ChainRule,
    way: Drawn,
  ): { readonly taken: Drawn | undefined; readonly left: Drawn | undefined } {
    let taken: Drawn = way;
    let left: Drawn | undefined;
    let isDoubtful = false;
    for (const condition of rule.conditions) {
      if (condition.kind === 'nth' || condition.kind === 'random' || condition.kind === 'hash') {
        const { part, drawn, slots } = lot(condition, way);
        const rest = times(taken.share, without(part));
        const others: Drawn = {
          ...way,
          share: left === undefined ? rest : plus(left.share, rest),
          drawn,
          slots,
        };
        left = rest.above === 0 ? left : others;
        taken = { ...taken, share: times(taken.share, part), drawn };
        continue;
      }
      const answer = holds(condition, this.#packet, way);
      if (answer === 'no') return { taken: undefined, left: way };
      if (answer === 'unknown') isDoubtful = true;
    }
    if (!isDoubtful) return { taken, left };
    this.doubts.push({ chain, rule });
    return { taken: undefined, left: way };
  }

  #act(
    chain: string,
    rule: ChainRule,
    way: Drawn,
    to: { readonly next: Drawn[]; readonly returned: Drawn[]; readonly depth: number },
  ): void {
    const { target } = rule;
    switch (target.kind) {
      case 'continue':
        to.next.push(way);
        break;
      case 'return':
        to.returned.push(way);
        break;
      case 'jump':
      case 'goto': {
        if (!this.#chains.rules.has(target.chain)) {
          // A target that is not known here: what it does to the packet nobody can say.
          this.doubts.push({ chain, rule });
          to.next.push(way);
          break;
        }
        const back = this.through(target.chain, [way], to.depth + 1);
        (target.kind === 'jump' ? to.next : to.returned).push(...back);
        break;
      }
      case 'set-mark':
        to.next.push({ ...way, mark: ((way.mark & ~target.mask) ^ target.value) >>> 0 });
        break;
      case 'set-ctmark':
        to.next.push({ ...way, ctmark: ((way.ctmark & ~target.mask) ^ target.value) >>> 0 });
        break;
      case 'save-mark':
        to.next.push({
          ...way,
          ctmark: ((way.ctmark & ~target.ctmask) ^ (way.mark & target.nfmask)) >>> 0,
        });
        break;
      case 'restore-mark':
        to.next.push({ ...way, mark: ((way.mark & ~target.nfmask) ^ (way.ctmark & target.ctmask)) >>> 0 });
        break;
      case 'unknown':
        this.doubts.push({ chain, rule });
        to.next.push(way);
        break;
      default: {
        const { drawn, slots: _, ...plain } = way;
        this.ends.push({ way: plain, by: { chain, rule }, drawn });
      }
    }
  }
}

/** Ways with the same marks are one. */
function merged(ways: readonly Drawn[]): readonly Drawn[] {
  const found = new Map<string, Drawn>();
  for (const way of ways) {
    const key = `${way.mark} ${way.ctmark} ${way.drawn} ${way.slots}`;
    const same = found.get(key);
    found.set(key, same === undefined ? way : { ...way, share: plus(same.share, way.share) });
  }
  return [...found.values()];
}

type Lot = Extract<Condition, { readonly kind: 'nth' | 'random' | 'hash' }>;
type Plain = Exclude<Condition, Lot>;

/** The part that a lot takes of a way, and how what is left of it was drawn. */
function lot(condition: Lot, way: Drawn): Pick<Drawn, 'drawn' | 'slots'> & { readonly part: Fraction } {
  switch (condition.kind) {
    case 'nth':
      return {
        ...way,
        part: share(1, condition.every),
        drawn: way.drawn === 'by-chance' ? way.drawn : 'by-turns',
      };
    case 'random':
      return { ...way, part: share(condition.probability, 1), drawn: 'by-chance' };
    case 'hash': {
      const part = share(condition.slots, Math.max(condition.slots, condition.of - way.slots));
      return { part, drawn: 'by-hash', slots: way.slots + condition.slots };
    }
  }
}

function holds(condition: Plain, packet: ChainPacket, way: Way): 'yes' | 'no' | 'unknown' {
  const answer = asked(condition, packet, way);
  if (answer === undefined) return 'unknown';
  return answer !== condition.not ? 'yes' : 'no';
}

/** Undefined: nobody can say. */
function asked(condition: Plain, packet: ChainPacket, way: Way): boolean | undefined {
  switch (condition.kind) {
    case 'in':
      return packet.iif !== undefined && isOneOf(packet.iif, condition.devices);
    case 'out':
      return packet.oif !== undefined && isOneOf(packet.oif, condition.devices);
    case 'source':
      if (packet.from === undefined) return undefined;
      return condition.prefixes.some((prefix) => contains(prefix, packet.from ?? 0n));
    case 'destination':
      return condition.prefixes.some((prefix) => contains(prefix, packet.to));
    case 'protocol':
      return condition.numbers.includes(packet.ipProtocol);
    case 'sport':
    case 'dport': {
      const port = packet[condition.kind];
      return port === undefined
        ? undefined
        : condition.ranges.some(({ first, last }) => port >= first && port <= last);
    }
    case 'mark':
      return (way.mark & condition.mask) >>> 0 === condition.value;
    case 'ctmark':
      return (way.ctmark & condition.mask) >>> 0 === condition.value;
    case 'ctstate':
      return condition.states.includes('NEW');
    case 'ctdir':
      return condition.direction === 'original';
    case 'source-type':
      return packet.isFromHost
        ? condition.types.includes('LOCAL')
        : condition.types.includes('LOCAL')
          ? false
          : undefined;
    case 'unknown':
      return undefined;
  }
}

/** `eth+` and `eth*` stand for all that begin so. */
function isOneOf(device: string, names: readonly string[]): boolean {
  return names.some((name) => (/[+*]$/.test(name) ? device.startsWith(name.slice(0, -1)) : device === name));
}
