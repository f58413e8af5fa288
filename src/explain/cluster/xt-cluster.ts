// `-m cluster` of iptables (net/netfilter/xt_cluster.c): jhash_1word() of the source that began the connection, as it lies in
// memory. Of IPv6 it hashes the first of four words alone (NF_CT_TUPLE_L3SIZE counts words, and is taken for bytes): clients
// of one /32 are all in one bucket.
import type { Family } from '../address.ts';
import { jhash, scaled } from './jhash.ts';
import { addressWords } from './packet-words.ts';

export interface XtClusterHash {
  readonly kind: 'xt-cluster';
  readonly seed: number;
  readonly buckets: number;
}

/** From 0 on: `--cluster-local-node 1` has bucket 0. */
export function xtClusterBucket(
  { seed, buckets }: XtClusterHash,
  { family, from }: { readonly family: Family; readonly from: bigint },
): number {
  return scaled(jhash(addressWords(family, from).slice(0, 1), seed), buckets);
}
