// What is for the host itself, as lines: its bucket, whether it gets in, and which servers IPVS has for it.
import { type ClusterHash, type HashedField, hashedFields } from './cluster/hash.ts';
import { type ClusterShare, type Delivery, verdictOf } from './delivery.ts';
import { fractionText } from './fraction.ts';
import type { VirtualService } from './ipvs.ts';

export function deliveryText(
  delivery: Delivery,
  services: readonly VirtualService[],
): {
  readonly clusters: readonly string[];
  readonly arrives: string;
} {
  return { clusters: delivery.clusters.map(clusterText), arrives: arrivesText(delivery, services) };
}

/** `-m cluster (source, seed 0x7)` */
export function hashText(hash: ClusterHash): string {
  const fields = hashedFields(hash).map((field) => FIELDS[field]);
  const seed = hash.seed === undefined ? 'a seed of its own' : `seed ${hash.seed}`;
  return `${NAMES[hash.kind]} (${fields.join(', ')}; ${seed})`;
}

/** `tcp 192.0.2.100:80, wlc over 2 servers: …` */
export function serviceText({ name, scheduler, persistentS, servers }: VirtualService): string {
  const persistent = persistentS === 0 ? '' : `, a client stays for ${persistentS} s`;
  const each = servers.map(
    (server) =>
      `${server.name} (${server.forwarding}, ${server.weight === 0 ? 'gets no new ones' : `weight ${server.weight}`})`,
  );
  const over = each.length === 0 ? 'has no server' : `over ${each.join(', ')}`;
  return `${name}: ${scheduler} ${over}${persistent}`;
}

const NAMES: Readonly<Record<ClusterHash['kind'], string>> = {
  'xt-cluster': '-m cluster',
  clusterip: 'CLUSTERIP',
  'nft-jhash': 'nft jhash',
};

const FIELDS: Readonly<Record<HashedField, string>> = {
  saddr: 'source',
  daddr: 'destination',
  sport: 'source port',
  dport: 'destination port',
};

function clusterText({ hash, bucket, own }: ClusterShare): string {
  const which =
    bucket === undefined ? `one of ${hash.buckets} buckets` : `bucket ${bucket} of ${hash.buckets}`;
  return `${which} by ${hashText(hash)}; this host has ${own.length === 0 ? 'none' : numbersText(own)}`;
}

/** `1, 3 to 5` */
function numbersText(numbers: readonly number[]): string {
  const runs: [number, number][] = [];
  for (const number of numbers) {
    const last = runs.at(-1);
    if (last !== undefined && last[1] === number - 1) last[1] = number;
    else runs.push([number, number]);
  }
  return runs
    .map(([first, last]) => (last - first < 2 ? range(first, last).join(', ') : `${first} to ${last}`))
    .join(', ');
}

function range(first: number, last: number): readonly number[] {
  return Array.from({ length: last - first + 1 }, (_, at) => first + at);
}

function arrivesText({ share, droppedBy }: Delivery, services: readonly VirtualService[]): string {
  const by = droppedBy.length === 0 ? '' : `: dropped by ${droppedBy.join(' and ')}`;
  switch (verdictOf(share)) {
    case 'yes':
      return services.length === 0 ? 'yes: at the host itself' : 'yes: IPVS hands it on';
    case 'no':
      return `no${by}`;
    case 'partly':
      return `for ${fractionText(share)} of new connections${by}`;
  }
}
