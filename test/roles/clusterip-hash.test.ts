// The kernel's hashes, computed again: for random seeds, totals, addresses and ports the very bucket that this machine's
// kernel puts the packet in.
import fc from 'fast-check';
import { expect, test, vi } from 'vitest';
import { addressText } from '../../src/explain/address.ts';
import { bucketOf, type ClusterHash, type HashedPacket } from '../../src/explain/cluster/hash.ts';
import type { JhashField } from '../../src/explain/cluster/nft-jhash.ts';
import { HashingKernel, MOST_BUCKETS } from './support/hashing-kernel.ts';

vi.setConfig({ testTimeout: 60_000 });

const HASHES = 10;
const PACKETS = 600;
const UDP = 17;

const common = {
  seed: fc.oneof(fc.constantFrom(0, 1, 0xdeadbeef, 0xffff_ffff), fc.nat(0xffff_ffff)),
  buckets: fc.integer({ min: 2, max: MOST_BUCKETS }),
};
const FIELDS: readonly (readonly JhashField[])[] = [
  ['saddr'],
  ['saddr', 'sport'],
  ['saddr', 'sport', 'dport'],
  ['sport'],
  ['saddr', 'daddr', 'sport'],
  ['saddr', 'daddr', 'sport', 'dport'],
];
const CLUSTER = fc.record({ kind: fc.constant('xt-cluster' as const), ...common });
const JHASH = fc.record({
  kind: fc.constant('nft-jhash' as const),
  fields: fc.constantFrom(...FIELDS),
  ...common,
});

function packetsTo(family: 4 | 6): fc.Arbitrary<HashedPacket> {
  return fc
    .record({
      number: fc.bigInt(1n, (1n << 125n) - 1n),
      sport: fc.integer({ min: 10_000, max: 65_535 }),
      hash: fc.nat(HASHES - 1),
    })
    .map(({ number, sport, hash }) => ({
      family,
      from: HashingKernel.sender(family, number),
      to: HashingKernel.receiver(family),
      ipProtocol: UDP,
      sport,
      dport: HashingKernel.port(hash),
    }));
}

test.each([
  { name: '-m cluster', family: 4, hashes: CLUSTER },
  { name: '-m cluster', family: 6, hashes: CLUSTER },
  { name: 'nft jhash', family: 4, hashes: JHASH },
  { name: 'nft jhash', family: 6, hashes: JHASH },
] as const)('$name, IPv$family', async ({ family, hashes }) => {
  const used = fc.sample<ClusterHash>(hashes, HASHES);
  // A source and port that come twice are one connection, and its bucket is that of the first packet.
  const drawn = new Map(
    fc.sample(packetsTo(family), PACKETS).map((each) => [`${each.from} ${each.sport}`, each]),
  );
  const packets = [...drawn.values()];
  const kernel = await HashingKernel.create();
  try {
    kernel.use(family, used);
    const buckets = await kernel.buckets(packets);
    const wrong = packets.flatMap((packet, at) => {
      const hash = used[(packet.dport ?? 0) - HashingKernel.port(0)];
      const foretold = hash && bucketOf(hash, packet);
      const from = addressText(family, packet.from ?? 0n);
      return foretold === buckets[at]
        ? []
        : [{ hash, from, sport: packet.sport, foretold, bucket: buckets[at] }];
    });
    expect(wrong.slice(0, 5)).toEqual([]);
    expect(packets.length).toBeGreaterThan(PACKETS / 2);
    expect(new Set(buckets).size).toBeGreaterThan(2);
  } finally {
    kernel.close();
  }
});
