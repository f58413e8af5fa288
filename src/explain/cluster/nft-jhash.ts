// `jhash` of nft (net/netfilter/nft_hash.c, nft_jhash_eval()): jhash() over the registers that its fields were loaded into,
// each filled up with zeros to whole words. A port by itself is two bytes long, and counts as such.
import type { Family } from '../address.ts';
import { jhash, scaled } from './jhash.ts';
import { addressWords, portWord } from './packet-words.ts';

export type JhashField = 'saddr' | 'daddr' | 'sport' | 'dport';

export interface NftJhash {
  readonly kind: 'nft-jhash';
  readonly fields: readonly JhashField[];
  /** Undefined: the kernel has drawn one, and does not tell. */
  readonly seed: number | undefined;
  readonly buckets: number;
}

export interface JhashPacket {
  readonly family: Family;
  readonly from: bigint;
  readonly to: bigint;
  readonly sport: number | undefined;
  readonly dport: number | undefined;
}

/** From 0 on, whatever the rule's `offset`. Undefined where the seed, or a port that it takes, is not known. */
export function nftJhashBucket({ fields, seed, buckets }: NftJhash, packet: JhashPacket): number | undefined {
  const words = fields.map((field) => wordsOf(field, packet));
  if (seed === undefined || words.includes(undefined)) return undefined;
  const known = words.flatMap((each) => each ?? []);
  const isPort = fields.length === 1 && !fields.some((field) => field.endsWith('addr'));
  return scaled(jhash(known, seed, isPort ? 2 : 4 * known.length), buckets);
}

function wordsOf(field: JhashField, packet: JhashPacket): readonly number[] | undefined {
  switch (field) {
    case 'saddr':
      return addressWords(packet.family, packet.from);
    case 'daddr':
      return addressWords(packet.family, packet.to);
    default: {
      const port = packet[field];
      return port === undefined ? undefined : [portWord(port)];
    }
  }
}
