// The hash by itself: values that lookup3 in C gives, and its edges. Against kernels: test/roles/clusterip-hash, test/vm.
import { expect, test } from 'vitest';
import { clusteripBucket } from '../../src/explain/cluster/clusterip.ts';
import { jhash, scaled } from '../../src/explain/cluster/jhash.ts';
import { addressWords, portWord } from '../../src/explain/cluster/packet-words.ts';

test.each<[readonly number[], number, number]>([
  [[1], 7, 3003314766],
  [[1, 2], 0, 2337044857],
  [[1, 2], 4294967295, 3595516014],
  [[1, 2, 3], 7, 4225110701],
  [[1, 2, 3, 4], 0, 1716064838],
  [[1, 2, 3, 4], 4294967295, 3238302591],
  [[1, 2, 3, 4, 4294967295], 7, 3032964255],
  [[1, 2, 3, 4, 4294967295, 2147483648], 0, 1531220587],
  [[1, 2, 3, 4, 4294967295, 2147483648], 4294967295, 190382523],
  [[1, 2, 3, 4, 4294967295, 2147483648, 7], 7, 777001398],
])('jhash of %j with seed %d is %d', (words, seed, hash) => {
  expect(jhash(words, seed)).toBe(hash);
});

test('a bucket is the place among all hashes, not the remainder', () => {
  expect([0, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff].map((hash) => scaled(hash, 2))).toEqual([0, 0, 1, 1]);
  expect(scaled(0xffff_ffff, 0xffff_ffff)).toBe(0xffff_fffe);
});

test('words are as they lie in memory', () => {
  expect(addressWords(4, 0x0a09_0007n)).toEqual([0x0700_090a]);
  expect(addressWords(6, 0x2001_0db8_0000_0001_0000_0000_0000_00ffn)).toEqual([
    0xb80d_0120, 0x0100_0000, 0, 0xff00_0000,
  ]);
  expect(portWord(80)).toBe(0x5000);
});

test('CLUSTERIP: the address as a number, the ports as in memory', () => {
  const packet = { from: 0xc633_6407n, ipProtocol: 6, sport: 2001, dport: 80 };
  const modes = ['sourceip', 'sourceip-sourceport', 'sourceip-sourceport-destport'] as const;
  const of = (more: object = {}) =>
    modes.map((mode) =>
      clusteripBucket({ kind: 'clusterip', mode, seed: 7, buckets: 16 }, { ...packet, ...more }),
    );
  expect(of()).toEqual([9, 11, 5]);
  expect(of({ sport: undefined })[1]).toBeUndefined();
  // ICMP has no ports: they are hashed as 0.
  expect(of({ ipProtocol: 1, sport: undefined, dport: undefined })).toEqual([9, 4, 5]);
});
