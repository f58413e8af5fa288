// Hosts that stand in for each other (guard_peers): no two of them are in one batch, so that one of them is always left.
import type { ResolvedPlay } from '../resolve/resolved-play.ts';

/** Of each host that has some; who is named by one is the other's peer, too. */
export type Peers = ReadonlyMap<string, ReadonlySet<string>>;

const NO_PEERS: Peers = new Map();

/** Whom hosts name as their peers; plain data, for it is kept in files, too. */
export type NamedPeers = readonly (readonly [host: string, peers: readonly string[]])[];

/** Both directions of it. */
export function peersOf(named: NamedPeers): Peers {
  const all = new Map<string, Set<string>>();
  const add = (host: string, peer: string): void => {
    const own = all.get(host) ?? new Set();
    own.add(peer);
    all.set(host, own);
  };
  for (const [host, peers] of named) {
    for (const peer of peers) {
      if (peer === host) continue;
      add(host, peer);
      add(peer, host);
    }
  }
  return all;
}

interface Named {
  readonly name: string;
}

/**
 * The hosts in batches, as `serial` wants them; the last size repeats. Each batch takes the next hosts in order that have
 * no peer in it. Without sizes there are as few batches as peers allow (exact for pairs and for groups of peers).
 */
export function batchesOf<T extends Named>(
  hosts: readonly T[],
  sizes: ResolvedPlay['serial'],
  peers: Peers = NO_PEERS,
): readonly (readonly T[])[] {
  if (sizes.length === 0) return apart(hosts, peers);
  const batches: (readonly T[])[] = [];
  for (let left = hosts, index = 0; left.length > 0; index += 1) {
    const size = sizes[Math.min(index, sizes.length - 1)];
    const wanted =
      size?.kind === 'percent'
        ? Math.floor((hosts.length * size.amount) / 100)
        : (size?.amount ?? hosts.length);
    const batch = firstOf(left, Math.max(1, Math.floor(wanted)), peers);
    batches.push([...batch]);
    left = peers.size === 0 ? left.slice(batch.size) : left.filter((host) => !batch.has(host));
  }
  return batches;
}

function firstOf<T extends Named>(hosts: readonly T[], count: number, peers: Peers): ReadonlySet<T> {
  if (peers.size === 0) return new Set(hosts.slice(0, count));
  const batch = new Set<T>();
  const barred = new Set<string>();
  for (const host of hosts) {
    if (batch.size === count) break;
    if (barred.has(host.name)) continue;
    batch.add(host);
    for (const peer of peers.get(host.name) ?? []) barred.add(peer);
  }
  return batch;
}

function apart<T extends Named>(hosts: readonly T[], peers: Peers): readonly (readonly T[])[] {
  const batchOf = new Map<string, number>();
  const there = new Set(hosts.map(({ name }) => name));
  for (const host of hosts) {
    // From peer to peer: that way pairs, rows and even rings of them never need a third batch.
    for (const name of batchOf.has(host.name) ? [] : connectedTo(host.name, there, peers)) {
      const taken = new Set([...(peers.get(name) ?? [])].map((peer) => batchOf.get(peer)));
      let batch = 0;
      while (taken.has(batch)) batch += 1;
      batchOf.set(name, batch);
    }
  }
  const batches: T[][] = [];
  for (const host of hosts) {
    const batch = batchOf.get(host.name) ?? 0;
    while (batches.length <= batch) batches.push([]);
    batches[batch]?.push(host);
  }
  return batches;
}

/** Those who are peers of it, their peers, and so on; itself first. */
function connectedTo(name: string, there: ReadonlySet<string>, peers: Peers): ReadonlySet<string> {
  const found = new Set([name]);
  for (const each of found) for (const peer of peers.get(each) ?? []) if (there.has(peer)) found.add(peer);
  return found;
}
