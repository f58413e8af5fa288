// Values of a plan as JSON and back: what modules want of a host may hold bytes, patterns, maps and secrets, which JSON
// has no words for. They become objects of one key that begins with `$`.
//
//   bytes   {"$text": "…"} or, where they are no text, {"$bytes": base64}       map     {"$map": [[key, value]…]}
//   pattern {"$pattern": [source, flags]}                                       set     {"$set": […]}
//   secret  {"$secret": "…"}                                                    nothing {"$undefined": true}
import { Buffer, isUtf8 } from 'node:buffer';
import { Secret } from '../secret.ts';

export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };

/** It cannot be written down: a function, or an object of a class that is not known here. */
export class UnwritableError extends Error {}

/** Keys in the order they are in; what is undefined in a mapping is left out. Throws an UnwritableError. */
export function written(value: unknown): Json {
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return value;
  if (value === undefined) return { $undefined: true };
  if (typeof value === 'number') return Number.isFinite(value) ? value : { $number: String(value) };
  if (typeof value === 'bigint') return { $bigint: String(value) };
  if (typeof value !== 'object') throw new UnwritableError(`a ${typeof value}`);
  if (Array.isArray(value)) return value.map(written);
  if (value instanceof Uint8Array)
    return isUtf8(value) ? { $text: textOf(value) } : { $bytes: base64Of(value) };
  if (value instanceof RegExp) return { $pattern: [value.source, value.flags] };
  if (value instanceof Secret) return { $secret: value.reveal() };
  if (value instanceof Map) return { $map: [...value].map(([key, each]) => [written(key), written(each)]) };
  if (value instanceof Set) return { $set: [...value].map(written) };
  const prototype = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) {
    throw new UnwritableError(`a ${value.constructor?.name ?? 'thing'}`);
  }
  const entries = Object.entries(value).filter(([, each]) => each !== undefined);
  const plain = Object.fromEntries(entries.map(([key, each]) => [key, written(each)]));
  // Somebody's own key of that sort stays apart from ours.
  return entries.some(([key]) => key.startsWith('$')) ? { $mapping: plain } : plain;
}

/** The value that was written. Throws an UnwritableError for what never was. */
export function read(json: Json): unknown {
  if (json === null || typeof json !== 'object') return json;
  if (isList(json)) return json.map(read);
  const [[key, value] = ['', null], ...more] = Object.entries(json);
  if (!key.startsWith('$') || more.length > 0) return fieldsOf(json);
  switch (key) {
    case '$undefined':
      return undefined;
    case '$number':
      return Number(value);
    case '$bigint':
      return BigInt(String(value));
    case '$text':
      return Buffer.from(String(value), 'utf8');
    case '$bytes':
      return Buffer.from(String(value), 'base64');
    case '$pattern': {
      const [source, flags] = listOf(value);
      return new RegExp(String(source), String(flags));
    }
    case '$secret':
      return new Secret(String(value));
    case '$map':
      return new Map(
        listOf(value).map((pair) => {
          const [name, each] = listOf(pair);
          return [read(name ?? null), read(each ?? null)] as const;
        }),
      );
    case '$set':
      return new Set(listOf(value).map(read));
    case '$mapping':
      return fieldsOf(value);
    default:
      throw new UnwritableError(`a ${key}`);
  }
}

/** Whether a secret is somewhere in it. */
export function hasSecret(json: Json): boolean {
  if (json === null || typeof json !== 'object') return false;
  if (isList(json)) return json.some(hasSecret);
  return Object.entries(json).some(([key, value]) => key === '$secret' || hasSecret(value));
}

function fieldsOf(json: Json): Record<string, unknown> {
  if (json === null || typeof json !== 'object' || isList(json)) throw new UnwritableError('no mapping');
  return Object.fromEntries(Object.entries(json).map(([key, each]) => [key, read(each)]));
}

function listOf(json: Json): readonly Json[] {
  if (!isList(json)) throw new UnwritableError('no list');
  return json;
}

function isList(json: Json): json is readonly Json[] {
  return Array.isArray(json);
}

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('utf8');
}

function base64Of(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64');
}
