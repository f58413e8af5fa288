// Lots on a way through chains: by turns, by chance, or by a hash of the client. A lot splits a way in two, each with its
// exact share; a hash whose bucket is known splits nothing. Rules in a row that ask the same hash share its buckets out.

import type { Way } from './chain-packet.ts';
import { type ClusterHash, hashKey } from './cluster/hash.ts';
import { type Fraction, ONE, share, times, without } from './fraction.ts';
import type { Condition } from './netfilter.ts';

export type LotCondition = Extract<Condition, { readonly kind: 'nth' | 'random' | 'hash' }>;

export type DrawnHow = 'no' | 'by-turns' | 'by-chance' | 'by-hash';

/** A way, and what has been drawn on it. */
export type DrawnWay = Way & {
  readonly drawn: DrawnHow;
  /** By hash: the buckets that the client may be in, if not all. */
  readonly possible: ReadonlyMap<string, readonly number[]>;
};

export interface Split {
  readonly taken: DrawnWay | undefined;
  readonly left: DrawnWay | undefined;
}

export function isLot(condition: Condition): condition is LotCondition {
  return condition.kind === 'nth' || condition.kind === 'random' || condition.kind === 'hash';
}

/** `bucket` is the client's, undefined where nobody can say. */
export function split(condition: LotCondition, way: DrawnWay, bucket: number | undefined): Split {
  switch (condition.kind) {
    case 'nth':
      return parted(share(1, condition.every), {
        ...way,
        drawn: way.drawn === 'by-chance' ? way.drawn : 'by-turns',
      });
    case 'random':
      return parted(share(condition.probability, 1), { ...way, drawn: 'by-chance' });
    case 'hash': {
      const key = hashKey(condition.hash);
      const known = bucket === undefined ? undefined : [bucket];
      const possible = known ?? way.possible.get(key) ?? all(condition.hash);
      const inside = possible.filter((each) => condition.buckets.includes(each) !== condition.not);
      const outside = possible.filter((each) => !inside.includes(each));
      const within = (buckets: readonly number[]): DrawnWay | undefined =>
        buckets.length === 0
          ? undefined
          : {
              ...way,
              drawn: 'by-hash',
              share: times(way.share, share(buckets.length, possible.length)),
              possible: new Map(way.possible).set(key, buckets),
            };
      return { taken: within(inside), left: within(outside) };
    }
  }
}

function parted(part: Fraction, way: DrawnWay): Split {
  const rest = without(part);
  return {
    taken: part.above === 0 ? undefined : { ...way, share: times(way.share, part) },
    left: rest.above === 0 ? undefined : { ...way, share: times(way.share, rest) },
  };
}

export function startingWay(mark: number): DrawnWay {
  return { mark, ctmark: 0, share: ONE, drawn: 'no', possible: new Map() };
}

function all({ buckets }: ClusterHash): readonly number[] {
  return Array.from({ length: buckets }, (_, bucket) => bucket);
}
