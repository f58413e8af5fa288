// Values of the user's that know where they stand, and the keywords of a play, block or task as such values.
import type { Origin } from './source.ts';

/** A value of the user's with the place it has in a file. */
export interface Located<T> {
  readonly value: T;
  readonly origin: Origin;
  /** Of the key that the value has in its mapping, where that is known. */
  readonly keyOrigin?: Origin;
  /** A variable of the same name and rank that it has replaced. */
  readonly over?: Located<T>;
}

/** Sets a variable that wins over one of that name in the same layer, which it remembers. */
export function replace<V extends Located<unknown>>(
  variables: Map<string, V>,
  name: string,
  variable: V,
): void {
  const over = variables.get(name);
  variables.set(name, over === undefined ? variable : { ...variable, over });
}

/** Keywords of a task or play by name, read through `get` so that each value comes with its place. */
export class TaskKeys {
  readonly #data: Readonly<Record<string, unknown>>;
  readonly #origin: Origin;

  constructor(data: Readonly<Record<string, unknown>>, origin: Origin) {
    this.#data = data;
    this.#origin = origin;
  }

  get<T>(key: string): Located<T> | undefined {
    const value = this.#data[key];
    return value === undefined || value === null
      ? undefined
      : { value: value as T, origin: this.#origin.child(key), keyOrigin: this.#origin.key(key) };
  }

  /** A text or a list of texts, as a list. */
  list<T = string>(key: string): readonly Located<T>[] {
    const found = this.get<T | readonly T[]>(key);
    if (found === undefined) return [];
    if (!Array.isArray(found.value)) return [{ value: found.value as T, origin: found.origin }];
    return found.value.map((value: T, index) => ({ value, origin: found.origin.child(index) }));
  }

  /** Of those that have a value. */
  names(): readonly string[] {
    return Object.keys(this.#data).filter((key) => this.#data[key] !== undefined && this.#data[key] !== null);
  }

  /** A mapping's values, each with its place. */
  mapping(key: string): ReadonlyMap<string, Located<unknown>> {
    const found = this.get(key);
    return found === undefined ? new Map() : locatedEntries(found.value, found.origin);
  }
}

/** A mapping's values with their places. */
export function locatedEntries(data: unknown, origin: Origin): ReadonlyMap<string, Located<unknown>> {
  if (data === null || typeof data !== 'object') return new Map();
  return new Map(
    Object.entries(data).map(([key, value]) => [
      key,
      { value, origin: origin.child(key), keyOrigin: origin.key(key) },
    ]),
  );
}
