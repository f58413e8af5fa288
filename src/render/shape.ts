// What is known of a value before any host is contacted: enough to tell a typo from a name that will exist.
//
//   known   the value itself: play and inventory variables
//   any     nothing: what a host will say (registered results), or what depends on it
//   record  fixed keys, such as the facts · tuple: fixed items, not all of them known
//   list, map  any number of items of one shape

export type Shape =
  | { readonly kind: 'known'; readonly value: unknown }
  | { readonly kind: 'any' }
  | {
      readonly kind: 'record';
      readonly fields: ReadonlyMap<string, Shape>;
      /** Gives the values of those that have one; asked for another, it throws a NotYetError. */
      readonly values?: object;
    }
  | { readonly kind: 'tuple'; readonly items: readonly Shape[] }
  | { readonly kind: 'list'; readonly item: Shape }
  | { readonly kind: 'map'; readonly item: Shape };

export const ANY: Shape = { kind: 'any' };

/** The names that a template or condition may use, with what is known of each. */
export interface Names {
  shape(name: string): Shape | undefined;
  /** All of them, for "did you mean". */
  names(): Iterable<string>;
  /** Why a name that one could expect is not there, as a sentence. */
  whyUnknown?(name: string): string | undefined;
}

/** The values behind the names at the time a task runs on one host. */
export interface Values {
  has(name: string): boolean;
  /** Throws a NameError for an unknown name. */
  get(name: string): unknown;
}

/** A name without a value: a typo that could not be seen earlier, such as a key of a registered result. */
export class NameError extends Error {
  constructor(name: string) {
    super(`"${name}" is not known`);
    this.name = 'NameError';
  }
}

/** A name that has no value yet, or none in check mode: what only the run can tell. */
export class NotYetError extends Error {
  constructor(name: string) {
    super(`"${name}" has no value yet`);
    this.name = 'NotYetError';
  }
}

/** The shape below `key`, or the keys there are instead. Below null everything is possible: a branch not taken. */
export function member(
  shape: Shape,
  key: string,
): { readonly found: Shape } | { readonly known: readonly string[] } {
  switch (shape.kind) {
    case 'any':
      return { found: ANY };
    case 'record': {
      const field = shape.fields.get(key);
      return field === undefined ? { known: [...shape.fields.keys()] } : { found: field };
    }
    case 'tuple':
      return /^\d+$/.test(key) ? { found: shape.items[Number(key)] ?? ANY } : { known: ['length'] };
    case 'list':
      return key === 'length' || /^\d+$/.test(key) ? { found: shape.item } : { known: ['length'] };
    case 'map':
      return { found: shape.item };
    case 'known': {
      const { value } = shape;
      if (value === null) return { found: ANY };
      if (typeof value !== 'object') return { known: [] };
      if (Object.hasOwn(value, key)) return { found: known((value as Record<string, unknown>)[key]) };
      // An index past the end is a matter of the data, not of the spelling.
      if (Array.isArray(value)) return /^\d+$/.test(key) ? { found: ANY } : { known: ['length'] };
      return { known: Object.keys(value) };
    }
  }
}

/** The shapes that a loop over the value will see; empty where there is nothing to loop over. */
export function items(shape: Shape): readonly Shape[] {
  switch (shape.kind) {
    case 'any':
      return [ANY];
    case 'record':
      return [...shape.fields.values()];
    case 'tuple':
      return shape.items;
    case 'list':
    case 'map':
      return [shape.item];
    case 'known': {
      const { value } = shape;
      if (value === null || typeof value !== 'object') return [];
      return Object.values(value).map(known);
    }
  }
}

export function known(value: unknown): Shape {
  return { kind: 'known', value };
}

/** A value's type in the words of a message. */
export function describe(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'a list';
  switch (typeof value) {
    case 'object':
      return 'a mapping';
    case 'boolean':
      return 'a boolean';
    case 'number':
    case 'bigint':
      return 'a number';
    case 'string':
      return 'a string';
    default:
      return `a ${typeof value}`;
  }
}
