// A mapping whose values are worked out when somebody asks for them: thousands of hosts cost nothing as long as nobody
// looks. Templates and conditions take it for a plain object.

export interface LazySource {
  keys(): Iterable<string>;
  has(key: string): boolean;
  /** Asked only for keys that are there. */
  get(key: string): unknown;
}

const SOURCES = new WeakMap<object, LazySource>();

/** The object; nobody can write to it. */
export function lazyMapping(source: LazySource): object {
  const isThere = (key: string | symbol): key is string => typeof key === 'string' && source.has(key);
  const mapping = new Proxy(Object.create(null), {
    get: (_target, key) => (isThere(key) ? source.get(key) : undefined),
    has: (_target, key) => isThere(key),
    ownKeys: () => [...new Set(source.keys())],
    getOwnPropertyDescriptor: (_target, key) =>
      isThere(key) ? { configurable: true, enumerable: true, writable: false, value: undefined } : undefined,
    set: () => false,
    defineProperty: () => false,
  });
  SOURCES.set(mapping, source);
  return mapping;
}

/** What stands behind a lazy mapping; undefined for all other values. */
export function lazySource(value: unknown): LazySource | undefined {
  return value !== null && typeof value === 'object' ? SOURCES.get(value) : undefined;
}

/** The value with everything worked out, as it is now: for whoever keeps it. */
export function settled(value: unknown): unknown {
  const source = lazySource(value);
  if (source === undefined) return value;
  const plain: Record<string, unknown> = Object.create(null);
  for (const key of source.keys()) plain[key] = settled(source.get(key));
  return plain;
}

/** A Map whose values are made from a source's, one by one. */
export class LazyMap<V> extends Map<string, V> {
  readonly #source: LazySource;
  readonly #convert: (value: unknown) => V;

  static {
    // The CEL library knows a Map by its constructor.
    LazyMap.prototype.constructor = Map;
  }

  constructor(source: LazySource, convert: (value: unknown) => V) {
    super();
    this.#source = source;
    this.#convert = convert;
  }

  override get(key: string): V | undefined {
    return this.has(key) ? this.#convert(this.#source.get(key)) : undefined;
  }

  override has(key: string): boolean {
    return typeof key === 'string' && this.#source.has(key);
  }

  override get size(): number {
    return new Set(this.#source.keys()).size;
  }

  override keys(): MapIterator<string> {
    return new Set(this.#source.keys()).keys();
  }

  override *values(): MapIterator<V> {
    for (const [, value] of this.entries()) yield value;
  }

  override *entries(): MapIterator<[string, V]> {
    for (const key of this.keys()) yield [key, this.#convert(this.#source.get(key))];
  }

  override [Symbol.iterator](): MapIterator<[string, V]> {
    return this.entries();
  }
}
