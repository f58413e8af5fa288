// The text of nft's `jhash`: what it hashes, and the values that a rule or a map names. `offset` is added by the kernel; here
// a bucket is what it was before.
import { MOST_BUCKETS } from './cluster/hash.ts';
import type { JhashField, NftJhash } from './cluster/nft-jhash.ts';

/** Of a regular expression: four groups that parseJhash() takes. Fields are joined by ` . `. */
export const JHASH =
  'jhash ((?:[a-z0-9]+ )+[a-z]+(?: \\. (?:[a-z0-9]+ )+[a-z]+)*) mod (\\d+)(?: seed (\\w+))?(?: offset (\\d+))?';

export interface JhashText {
  readonly hash: NftJhash;
  readonly offset: number;
  /** What it is only asked of. */
  readonly protocol: string | undefined;
}

/** Undefined where it hashes something that is not known here. */
export function parseJhash([fields = '', buckets, seed, offset]: readonly (string | undefined)[]):
  | JhashText
  | undefined {
  const words = fields.split(' . ');
  const known = words.flatMap((each) => fieldOf(each) ?? []);
  if (known.length < words.length || Number(buckets) > MOST_BUCKETS) return undefined;
  const hash: NftJhash = {
    kind: 'nft-jhash',
    fields: known,
    seed: seed === undefined ? undefined : Number(seed),
    buckets: Number(buckets),
  };
  const protocol = words.flatMap((each) => /^(tcp|udp) /.exec(each)?.[1] ?? [])[0];
  return { hash, offset: Number(offset ?? 0), protocol };
}

/** `{ 0, 2-3 }` or `2`: the buckets. */
export function bucketsOf(text: string, offset: number): readonly number[] {
  return text
    .replace(/^\{|\}$/g, '')
    .split(',')
    .flatMap((each) => {
      const [, first, last = first] = /^\s*(\d+)(?:\s*-\s*(\d+))?\s*$/.exec(each) ?? [];
      return first === undefined ? [] : numbers(Number(first) - offset, Number(last) - offset);
    });
}

/** `{ 0 : a, 1-2 : b }`: what each bucket gets. */
export function mapOf(text: string, offset: number): ReadonlyMap<number, string> {
  const entries = text.replace(/^\{|\}$/g, '').split(',');
  return new Map(
    entries.flatMap((each) => {
      const [, keys = '', value = ''] = /^\s*([\d\s-]+?)\s*:\s*(.+?)\s*$/.exec(each) ?? [];
      return bucketsOf(keys, offset).map((bucket): [number, string] => [bucket, value]);
    }),
  );
}

const FIELDS: readonly (readonly [RegExp, JhashField])[] = [
  [/^(?:ip6?|ct original(?: ip6?)?) saddr$/, 'saddr'],
  [/^ip6? daddr$/, 'daddr'],
  [/^(?:tcp|udp|th) sport$/, 'sport'],
  [/^(?:tcp|udp|th) dport$/, 'dport'],
];

function fieldOf(text: string): JhashField | undefined {
  return FIELDS.find(([pattern]) => pattern.test(text))?.[1];
}

function numbers(first: number, last: number): readonly number[] {
  return Array.from({ length: Math.max(0, Math.min(last - first + 1, MOST_BUCKETS)) }, (_, at) => first + at);
}
