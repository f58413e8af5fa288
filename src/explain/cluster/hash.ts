// The hashes by which nodes of one address share its clients, behind one door. Each has a file of its own.
import type { Family } from '../address.ts';
import { type ClusteripHash, clusteripBucket } from './clusterip.ts';
import { type NftJhash, nftJhashBucket } from './nft-jhash.ts';
import { type XtClusterHash, xtClusterBucket } from './xt-cluster.ts';

export type ClusterHash = ClusteripHash | NftJhash | XtClusterHash;

/** What is hashed of a connection's first packet. Undefined: not known. */
export interface HashedPacket {
  readonly family: Family;
  readonly from: bigint | undefined;
  readonly to: bigint;
  readonly ipProtocol: number;
  readonly sport: number | undefined;
  readonly dport: number | undefined;
  /** Of the machine that hashes it: what it makes of words in memory nobody has seen yet. */
  readonly isBigEndian?: boolean;
}

/** More are not worked with: each bucket is looked at by itself. */
export const MOST_BUCKETS = 4096;

/** The same for hashes that put every client in the same bucket. */
export function hashKey(hash: ClusterHash): string {
  return JSON.stringify(hash);
}

/** From 0 on; undefined where something that it hashes is not known. */
export function bucketOf(hash: ClusterHash, packet: HashedPacket): number | undefined {
  const { from } = packet;
  if (from === undefined || packet.isBigEndian === true) return undefined;
  switch (hash.kind) {
    case 'xt-cluster':
      return xtClusterBucket(hash, { ...packet, from });
    case 'clusterip':
      return clusteripBucket(hash, { ...packet, from });
    case 'nft-jhash':
      return nftJhashBucket(hash, { ...packet, from });
  }
}

export type HashedField = 'saddr' | 'daddr' | 'sport' | 'dport';

/** What of a packet decides, in the order in which it is hashed. */
export function hashedFields(hash: ClusterHash): readonly HashedField[] {
  switch (hash.kind) {
    case 'xt-cluster':
      return ['saddr'];
    case 'clusterip':
      return (['saddr', 'sport', 'dport'] as const).slice(0, hash.mode.split('-').length);
    case 'nft-jhash':
      return hash.fields;
  }
}
