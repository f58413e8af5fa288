// The numbers of with_sequence, as texts: `start=1 end=9 stride=2 format=host%02d`, `count=4`, or `1-9/2:host%02d`.

interface Sequence {
  readonly start: number;
  readonly end: number;
  readonly stride: number;
  readonly format: string;
}

const MOST = 100_000;

export function sequenceOf(value: unknown): readonly string[] | { readonly error: string } {
  const sequence = typeof value === 'string' ? (short(value) ?? long(wordsOf(value))) : fromMapping(value);
  if (typeof sequence === 'string') return { error: sequence };
  const { start, end, stride, format } = sequence;
  const count = stride === 0 ? 0 : Math.max(0, Math.floor((end - start) / stride) + 1);
  if (count > MOST) return { error: `with_sequence gives at most ${MOST} items` };
  return Array.from({ length: count }, (_, index) => formatted(format, start + index * stride));
}

/** `1-9/2:host%02d` */
function short(text: string): Sequence | undefined {
  const match = /^(?:(-?\w+)-)?(-?\w+)(?:\/(-?\w+))?(?::(.+))?$/.exec(text.trim());
  const [start, end, stride] = [match?.[1] ?? '1', match?.[2], match?.[3]].map((each) => integer(each));
  if (match === null || start === undefined || end === undefined) return undefined;
  return { start, end, stride: stride ?? (end < start ? -1 : 1), format: match[4] ?? '%d' };
}

function wordsOf(text: string): Readonly<Record<string, unknown>> {
  const pairs = [...text.matchAll(/(\w+)=("[^"]*"|'[^']*'|\S+)/g)];
  return Object.fromEntries(pairs.map(([, key, value = '']) => [key, value.replace(/^(["'])(.*)\1$/, '$2')]));
}

function fromMapping(value: unknown): Sequence | string {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return 'with_sequence takes text';
  return long(value as Readonly<Record<string, unknown>>);
}

function long(words: Readonly<Record<string, unknown>>): Sequence | string {
  const known = ['start', 'end', 'count', 'stride', 'format'];
  const unknown = Object.keys(words).find((each) => !known.includes(each));
  if (unknown !== undefined) return `with_sequence knows no "${unknown}"`;
  const wrong = ['start', 'end', 'count', 'stride'].find(
    (each) => words[each] !== undefined && integer(words[each]) === undefined,
  );
  if (wrong !== undefined) return `${wrong} of with_sequence is no whole number`;
  const start = integer(words.start) ?? 1;
  const count = integer(words.count);
  const stride = integer(words.stride) ?? 1;
  const end =
    count === undefined ? integer(words.end) : count === 0 ? start - stride : start + (count - 1) * stride;
  if (end === undefined) return 'with_sequence needs end or count';
  const backwards = end < start && words.stride === undefined && count === undefined;
  return { start, end, stride: backwards ? -1 : stride, format: String(words.format ?? '%d') };
}

function integer(value: unknown): number | undefined {
  if (typeof value !== 'number' && typeof value !== 'string') return undefined;
  if (value === '') return undefined;
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : undefined;
}

/** One %d, %x, %o or %u as in printf, with flags and width. */
function formatted(format: string, number: number): string {
  return format.replace(/%%|%([-0]?)(\d*)([duxXo])/g, (all, flag: string, width: string, kind: string) => {
    if (all === '%%') return '%';
    const digits = number.toString(kind === 'o' ? 8 : kind === 'x' || kind === 'X' ? 16 : 10);
    const text = kind === 'X' ? digits.toUpperCase() : digits;
    const length = Number(width || 0);
    if (flag === '-') return text.padEnd(length);
    if (flag !== '0') return text.padStart(length);
    return text.startsWith('-') ? `-${text.slice(1).padStart(length - 1, '0')}` : text.padStart(length, '0');
  });
}
