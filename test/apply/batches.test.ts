// Batches: sizes as serial says, and never two peers in one.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { batchesOf, peersOf } from '../../src/apply/batches.ts';
import type { BatchSize } from '../../src/resolve/resolved-play.ts';

const hosts = (amount: number): BatchSize => ({ kind: 'hosts', amount });
const percent = (amount: number): BatchSize => ({ kind: 'percent', amount });
const named = (names: readonly string[]) => names.map((name) => ({ name }));
const numbered = (count: number) => named(Array.from({ length: count }, (_, index) => `h${index}`));
const shown = (batches: readonly (readonly { readonly name: string }[])[]) =>
  batches.map((batch) => batch.map(({ name }) => name).join(' '));

describe('by size', () => {
  test.each([
    { count: 5, sizes: [], batches: [5] },
    { count: 5, sizes: [hosts(2)], batches: [2, 2, 1] },
    { count: 7, sizes: [hosts(1), hosts(2)], batches: [1, 2, 2, 2] },
    { count: 10, sizes: [percent(30)], batches: [3, 3, 3, 1] },
    { count: 10, sizes: [hosts(1), percent(50)], batches: [1, 5, 4] },
    { count: 3, sizes: [percent(10)], batches: [1, 1, 1] },
    { count: 3, sizes: [percent(100)], batches: [3] },
    { count: 3, sizes: [percent(200)], batches: [3] },
    { count: 3, sizes: [hosts(10)], batches: [3] },
    { count: 3, sizes: [hosts(1.9)], batches: [1, 1, 1] },
    { count: 0, sizes: [], batches: [] },
    { count: 0, sizes: [hosts(2)], batches: [] },
  ])('$count hosts by $sizes', ({ count, sizes, batches }) => {
    const all = numbered(count);
    const made = batchesOf(all, sizes);
    expect(made.map((batch) => batch.length)).toEqual(batches);
    expect(made.flat()).toEqual(all);
  });
});

describe('peers', () => {
  test.each([
    { title: 'a pair, one direction', peers: { b: ['a'] }, sizes: [], batches: ['a c d', 'b'] },
    { title: 'both directions', peers: { a: ['b'], b: ['a'] }, sizes: [], batches: ['a c d', 'b'] },
    { title: 'two pairs', peers: { a: ['b'], c: ['d'] }, sizes: [], batches: ['a c', 'b d'] },
    { title: 'itself among them', peers: { a: ['a', 'b'] }, sizes: [], batches: ['a c d', 'b'] },
    { title: 'a group', peers: { a: ['a', 'b', 'c'], b: ['c'] }, sizes: [], batches: ['a d', 'b', 'c'] },
    { title: 'a row', peers: { a: ['c'], c: ['d'], d: ['b'] }, sizes: [], batches: ['a d', 'b c'] },
    { title: 'who is not there', peers: { a: ['x'], x: ['b'] }, sizes: [], batches: ['a b c d'] },
    { title: 'serial 2', peers: { a: ['b'] }, sizes: [hosts(2)], batches: ['a c', 'b d'] },
    { title: 'serial 3', peers: { a: ['b'], c: ['d'] }, sizes: [hosts(3)], batches: ['a c', 'b d'] },
    { title: '75 %', peers: { a: ['b'] }, sizes: [percent(75)], batches: ['a c d', 'b'] },
    { title: 'serial 1', peers: { a: ['b'] }, sizes: [hosts(1)], batches: ['a', 'b', 'c', 'd'] },
  ])('$title', ({ peers, sizes, batches }) => {
    expect(shown(batchesOf(named(['a', 'b', 'c', 'd']), sizes, peersOf(Object.entries(peers))))).toEqual(
      batches,
    );
  });
});

const SIZE = fc.oneof(fc.double({ min: 0.1, max: 9, noNaN: true }).map(hosts), fc.nat(300).map(percent));
const FLEET = fc.nat(30).chain((count) =>
  fc.record({
    all: fc.constant(numbered(count)),
    sizes: fc.array(SIZE, { maxLength: 4 }),
    pairs: fc.array(fc.tuple(fc.nat(count), fc.nat(count)), { maxLength: 60 }),
  }),
);

test('hold every host once and no two peers; who waits does so for a peer or for want of room', () => {
  fc.assert(
    fc.property(FLEET, ({ all, sizes, pairs }) => {
      const peers = peersOf(pairs.map(([a, b]) => [`h${a}`, [`h${b}`]] as const));
      const batches = batchesOf(all, sizes, peers);
      expect(batches.every((batch) => batch.length > 0)).toBe(true);
      const place = new Map(all.map((host, index) => [host, index]));
      const at = (host: { readonly name: string }) => place.get(host) ?? -1;
      expect(batches.flat().toSorted((a, b) => at(a) - at(b))).toEqual(all);
      const arePeers = (a: { readonly name: string }, b: { readonly name: string }) =>
        peers.get(a.name)?.has(b.name) === true;
      for (const [index, batch] of batches.entries()) {
        expect(batch.toSorted((a, b) => at(a) - at(b))).toEqual(batch);
        expect(batch.some((a) => batch.some((b) => arePeers(a, b)))).toBe(false);
        if (sizes.length === 0) continue;
        const waiting = batches.slice(index + 1).flat();
        // A batch takes whoever is next and may: those who wait come behind all of it, or have a peer in it.
        const waits = (host: { readonly name: string }) =>
          batch.some((other) => arePeers(host, other)) || batch.every((other) => at(other) < at(host));
        expect(waiting.every(waits)).toBe(true);
      }
    }),
  );
});

test('are as many as peers need: two for pairs in any order, and as many as a group of peers has hosts', () => {
  fc.assert(
    fc.property(
      fc.shuffledSubarray(numbered(16), { minLength: 2 }),
      fc.integer({ min: 2, max: 5 }),
      (all, size) => {
        const groups = all.map((_, index) => Math.floor(index / size));
        const peers = peersOf(
          all.map((host, index) => [
            host.name,
            all.filter((_, at) => groups[at] === groups[index]).map(({ name }) => name),
          ]),
        );
        const order = all.toSorted((a, b) => a.name.localeCompare(b.name));
        expect(batchesOf(order, [], peers)).toHaveLength(Math.min(size, all.length));
      },
    ),
  );
});
