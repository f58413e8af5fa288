// What is for the host itself, at its door: whether rules of iptables and nft let it in, and what part of the clients they
// share out to this host, where several nodes have one address. Whoever the bucket belongs to answers.
//
//   raw PREROUTING ─► mangle PREROUTING ─► (it is for the host) ─► mangle INPUT ─► filter INPUT ─► a program
import type { Family } from './address.ts';
import { type BaseChain, type ChainStart, type End, walkChain } from './chain-walk.ts';
import { bucketOf, type ClusterHash, hashKey } from './cluster/hash.ts';
import type { Flow } from './flow.ts';
import { type Fraction, NONE, ONE, plus, times } from './fraction.ts';
import type { HostState } from './host-answer.ts';
import { type IptablesTable, parseIptables } from './iptables-save.ts';
import { chainPacket } from './marks.ts';
import { basesOf, type NftHook, parseNftTables } from './nft-table.ts';

export interface Delivery {
  /** Of new connections, what gets in: all, none, or less where lots are drawn. */
  readonly share: Fraction;
  /** Rules that drop it, or part of it. */
  readonly droppedBy: readonly string[];
  readonly clusters: readonly ClusterShare[];
  /** Rules that could not be judged. */
  readonly doubts: readonly string[];
}

/** Buckets are counted from 1 on. */
export interface ClusterShare {
  readonly hash: ClusterHash;
  /** The client's; undefined where nobody can say. */
  readonly bucket: number | undefined;
  /** Those that this host answers for. */
  readonly own: readonly number[];
}

/** `partly`: of new connections like this one some get in and some do not. */
export function verdictOf(share: Fraction): 'yes' | 'no' | 'partly' {
  if (share.above === 0) return 'no';
  return share.above === share.below ? 'yes' : 'partly';
}

/** `mark` as the packet has it when it comes in. */
export function deliveryOf(flow: Flow, state: HostState, mark: number): Delivery {
  const packet = chainPacket(flow, state, { oif: undefined, from: flow.from?.bits });
  const droppedBy = new Set<string>();
  const doubts = new Set<string>();
  const clusters = new Map<string, ClusterShare>();
  let inside: readonly Inside[] = [{ mark, share: ONE }];
  for (const door of doorsOf(state, flow.family)) {
    const { title } = door.chains;
    const next = new Map<number, Fraction>();
    for (const way of inside) {
      const start = { packet, mark: way.mark };
      const walked = walkChain(door, start);
      for (const { chain, rule } of walked.doubts) doubts.add(`${title} ${chain}: ${rule.text}`);
      for (const hash of walked.hashes) {
        const bucket = bucketOf(hash, packet);
        clusters.set(hashKey(hash), {
          hash,
          bucket: bucket === undefined ? undefined : bucket + 1,
          own: ownBuckets(door, start, hash),
        });
      }
      for (const end of walked.ends) {
        if (isDropped(end)) droppedBy.add(`${title} ${end.by?.chain}: ${end.by?.rule.text}`);
        else next.set(end.way.mark, plus(next.get(end.way.mark) ?? NONE, times(way.share, end.way.share)));
      }
    }
    inside = [...next].map(([left, share]) => ({ mark: left, share }));
  }
  return {
    share: inside.reduce((sum, each) => plus(sum, each.share), NONE),
    droppedBy: [...droppedBy],
    clusters: [...clusters.values()],
    doubts: [...doubts],
  };
}

interface Inside {
  readonly mark: number;
  readonly share: Fraction;
}

/** What if the client were in the first bucket, the second …: those that come through. */
function ownBuckets(door: BaseChain, start: ChainStart, hash: ClusterHash): readonly number[] {
  const key = hashKey(hash);
  return Array.from({ length: hash.buckets }, (_, bucket) => bucket)
    .filter((bucket) => {
      const asked = {
        ...start,
        bucketOf: (each: ClusterHash) => (hashKey(each) === key ? bucket : undefined),
      };
      return walkChain(door, asked).ends.some((end) => !isDropped(end));
    })
    .map((bucket) => bucket + 1);
}

function isDropped({ by }: End): boolean {
  return by?.rule.target.kind === 'drop';
}

const DOORS: readonly {
  readonly hook: NftHook;
  readonly base: string;
  readonly tables: readonly IptablesTable[];
}[] = [
  { hook: 'prerouting', base: 'PREROUTING', tables: ['raw', 'mangle'] },
  { hook: 'input', base: 'INPUT', tables: ['mangle', 'filter'] },
];

function doorsOf({ netfilter }: HostState, family: Family): readonly BaseChain[] {
  const { iptables, legacy, clusterNodes } = netfilter;
  const nft = parseNftTables(netfilter.nft, family);
  return DOORS.flatMap(({ hook, base, tables }) => [
    ...[iptables, legacy].flatMap((lines) =>
      tables.flatMap((table) => {
        const chains = parseIptables(lines, { table, family, clusterNodes });
        return chains === undefined ? [] : [{ chains, base }];
      }),
    ),
    ...nft.flatMap((chains) => basesOf(chains, { hook, type: 'filter' })),
  ]);
}
