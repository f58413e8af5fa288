// Bob Jenkins' hash as Linux has it (include/linux/jhash.h, lookup3), and how Linux makes a bucket of a hash
// (reciprocal_scale in include/linux/math.h). Numbers in, numbers out: all are whole and below 2^32.

/** JHASH_INITVAL. */
const INITIAL = 0xdeadbeef;

/**
 * jhash2() of 32-bit words. jhash_1word(), jhash_2words() and jhash_3words() are the same of so many words; so is jhash() of
 * memory on a little-endian machine, where `bytes` says how many count if the last word is not full.
 */
export function jhash(words: readonly number[], seed: number, bytes = 4 * words.length): number {
  const start = (INITIAL + bytes + seed) | 0;
  let [a, b, c] = [start, start, start];
  let at = 0;
  for (; words.length - at > 3; at += 3) {
    a = (a + word(words, at)) | 0;
    b = (b + word(words, at + 1)) | 0;
    c = (c + word(words, at + 2)) | 0;
    [a, b, c] = mixed(a, b, c);
  }
  if (at === words.length) return c >>> 0;
  return ended((a + word(words, at)) | 0, (b + word(words, at + 1)) | 0, (c + word(words, at + 2)) | 0);
}

/** From 0 on and below `buckets`: the hash's place among all hashes, not its remainder. */
export function scaled(hash: number, buckets: number): number {
  return Number((BigInt(hash) * BigInt(buckets)) >> 32n);
}

function word(words: readonly number[], at: number): number {
  return words[at] ?? 0;
}

/** __jhash_mix */
function mixed(x: number, y: number, z: number): [number, number, number] {
  let [a, b, c] = [x, y, z];
  a = ((a - c) ^ rotated(c, 4)) | 0;
  c = (c + b) | 0;
  b = ((b - a) ^ rotated(a, 6)) | 0;
  a = (a + c) | 0;
  c = ((c - b) ^ rotated(b, 8)) | 0;
  b = (b + a) | 0;
  a = ((a - c) ^ rotated(c, 16)) | 0;
  c = (c + b) | 0;
  b = ((b - a) ^ rotated(a, 19)) | 0;
  a = (a + c) | 0;
  c = ((c - b) ^ rotated(b, 4)) | 0;
  b = (b + a) | 0;
  return [a, b, c];
}

/** __jhash_final */
function ended(x: number, y: number, z: number): number {
  let [a, b, c] = [x, y, z];
  c = ((c ^ b) - rotated(b, 14)) | 0;
  a = ((a ^ c) - rotated(c, 11)) | 0;
  b = ((b ^ a) - rotated(a, 25)) | 0;
  c = ((c ^ b) - rotated(b, 16)) | 0;
  a = ((a ^ c) - rotated(c, 4)) | 0;
  b = ((b ^ a) - rotated(a, 14)) | 0;
  c = ((c ^ b) - rotated(b, 24)) | 0;
  return c >>> 0;
}

function rotated(value: number, by: number): number {
  return (value << by) | (value >>> (32 - by));
}
