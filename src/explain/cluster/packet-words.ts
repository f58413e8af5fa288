// A packet's fields as a little-endian machine loads them from memory, where the network's order has put the high byte
// first: 10.9.0.7 is 0x0700090a there, port 80 is 0x5000.
import type { Family } from '../address.ts';

/** One word for IPv4, four for IPv6. */
export function addressWords(family: Family, bits: bigint): readonly number[] {
  const count = family === 4 ? 1 : 4;
  return Array.from({ length: count }, (_, at) =>
    swapped(Number((bits >> BigInt(32 * (count - 1 - at))) & 0xffff_ffffn)),
  );
}

export function portWord(port: number): number {
  return ((port & 0xff) << 8) | (port >>> 8);
}

function swapped(word: number): number {
  const [low, high] = [portWord(word & 0xffff), portWord(word >>> 16)];
  return ((low << 16) | high) >>> 0;
}
