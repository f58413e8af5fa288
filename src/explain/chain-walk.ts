// A new connection's first packet on its way through chains: where it ends, with which share of all connections, and
// which marks it has then. `statistic` splits the ways, and so does a hash of what is not known: each has its share.
//
//   chain ─► rule: condition? ─yes─► target: ends, jumps, marks
//              └─ no ─► next rule … end of chain ─► back to who jumped
import type { ChainPacket, Way } from './chain-packet.ts';
import { bucketOf, type ClusterHash, hashKey } from './cluster/hash.ts';
import { holds } from './condition-match.ts';
import { plus } from './fraction.ts';
import { type DrawnHow, type DrawnWay, isLot, split, startingWay } from './lots.ts';
import type { ChainRule, Chains } from './netfilter.ts';

/** Chains, and the one that packets enter them by. */
export interface BaseChain {
  readonly chains: Chains;
  readonly base: string;
}

export interface ChainStart {
  readonly packet: ChainPacket;
  readonly mark: number;
  /** In place of what the kernel computes: what if the client were in that bucket? */
  readonly bucketOf?: (hash: ClusterHash) => number | undefined;
}

export interface End {
  readonly way: Way;
  /** What ended it; undefined: the end of the base chain, where nothing is done. */
  readonly by: { readonly chain: string; readonly rule: ChainRule } | undefined;
  /** Lots were drawn on the way: by turns, by chance, or by a hash of the client. */
  readonly drawn: DrawnHow;
}

export interface ChainWalk {
  readonly ends: readonly End[];
  /** Rules that could not be judged, taken for not matching. */
  readonly doubts: readonly { readonly chain: string; readonly rule: ChainRule }[];
  /** What clients were told apart by on the way. */
  readonly hashes: readonly ClusterHash[];
}

const DEEPEST = 32;
const POLICY: ChainRule = { text: 'its policy', conditions: [], target: { kind: 'drop' } };

/** From the base chain on. An unknown chain is one without rules. */
export function walkChain({ chains, base }: BaseChain, start: ChainStart): ChainWalk {
  const walk = new Walking(chains, start);
  const left = walk.through(base, [startingWay(start.mark)], 0);
  const by = chains.drops.has(base) ? { chain: base, rule: POLICY } : undefined;
  const passed = left.map((way): End => ({ way: plain(way), by, drawn: way.drawn }));
  return { ends: [...walk.ends, ...passed], doubts: walk.doubts, hashes: [...walk.hashes.values()] };
}

interface Back {
  readonly next: DrawnWay[];
  readonly returned: DrawnWay[];
  readonly depth: number;
}

class Walking {
  readonly ends: End[] = [];
  readonly doubts: { chain: string; rule: ChainRule }[] = [];
  readonly hashes = new Map<string, ClusterHash>();
  readonly #chains: Chains;
  readonly #packet: ChainPacket;
  readonly #bucketOf: (hash: ClusterHash) => number | undefined;

  constructor(chains: Chains, { packet, bucketOf: wanted }: ChainStart) {
    this.#chains = chains;
    this.#packet = packet;
    this.#bucketOf = wanted ?? ((hash) => bucketOf(hash, packet));
  }

  /** The ways that come back out of the chain. */
  through(chain: string, ways: readonly DrawnWay[], depth: number): readonly DrawnWay[] {
    const returned: DrawnWay[] = [];
    let here = ways;
    for (const rule of depth > DEEPEST ? [] : (this.#chains.rules.get(chain) ?? [])) {
      const next: DrawnWay[] = [];
      for (const way of here) {
        const { taken, left } = this.#split(chain, rule, way);
        next.push(...left);
        if (taken !== undefined) this.#act(chain, rule, taken, { next, returned, depth });
      }
      here = merged(next);
    }
    return merged([...returned, ...here]);
  }

  #split(
    chain: string,
    rule: ChainRule,
    way: DrawnWay,
  ): { readonly taken: DrawnWay | undefined; readonly left: readonly DrawnWay[] } {
    let taken: DrawnWay = way;
    const left: DrawnWay[] = [];
    let isDoubtful = false;
    for (const condition of rule.conditions) {
      if (isLot(condition)) {
        const parts = split(condition, taken, this.#bucketHere(condition));
        if (parts.left !== undefined) left.push(parts.left);
        if (parts.taken === undefined) return { taken: undefined, left };
        taken = parts.taken;
        continue;
      }
      const answer = holds(condition, this.#packet, way);
      if (answer === 'no') return { taken: undefined, left: [way] };
      if (answer === 'unknown') isDoubtful = true;
    }
    if (!isDoubtful) return { taken, left };
    this.doubts.push({ chain, rule });
    return { taken: undefined, left: [way] };
  }

  #bucketHere(condition: ChainRule['conditions'][number]): number | undefined {
    if (condition.kind !== 'hash') return undefined;
    this.hashes.set(hashKey(condition.hash), condition.hash);
    return this.#bucketOf(condition.hash);
  }

  #act(chain: string, rule: ChainRule, way: DrawnWay, to: Back): void {
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
      default:
        this.ends.push({ way: plain(way), by: { chain, rule }, drawn: way.drawn });
    }
  }
}

function plain({ mark, ctmark, share }: DrawnWay): Way {
  return { mark, ctmark, share };
}

/** Ways with the same marks are one. */
function merged(ways: readonly DrawnWay[]): readonly DrawnWay[] {
  const found = new Map<string, DrawnWay>();
  for (const way of ways) {
    const key = JSON.stringify([way.mark, way.ctmark, way.drawn, [...way.possible]]);
    const same = found.get(key);
    found.set(key, same === undefined ? way : { ...way, share: plus(same.share, way.share) });
  }
  return [...found.values()];
}
