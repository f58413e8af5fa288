// The run-time half of "an unknown name is an error": values as Handlebars sees them.
// Handlebars' strict mode lets unknown names pass inside #if, #each and helper arguments; these proxies do not.
import { NameError, type Values } from './shape.ts';

/** The root context: names are looked up, and their templates rendered, only when a template asks for them. */
export function strictContext(values: Values): object {
  return new Proxy(
    {},
    {
      get: (_target, name) =>
        typeof name === 'string' ? strict(values.get(name), name) : symbolProperty({}, name),
      has: (_target, name) => typeof name === 'string' && values.has(name),
      getOwnPropertyDescriptor: (_target, name) =>
        typeof name === 'string' && values.has(name)
          ? { configurable: true, enumerable: true, value: undefined }
          : undefined,
    },
  );
}

const proxies = new WeakMap<object, object>();
const originals = new WeakMap<object, object>();

/** The value that `strict` was given; anything else as it is. */
export function original(value: unknown): unknown {
  return value !== null && typeof value === 'object' ? (originals.get(value) ?? value) : value;
}

/** The value with every list and mapping in it, at any depth, throwing a NameError for keys it does not have. */
export function strict(value: unknown, path: string): unknown {
  if (value === null || typeof value !== 'object') return value;
  const before = proxies.get(value);
  if (before !== undefined) return before;
  const proxy = new Proxy(value, {
    get: (target, key) => {
      if (typeof key !== 'string') return symbolProperty(target, key);
      if (Object.hasOwn(target, key)) return strict(Reflect.get(target, key), `${path}.${key}`);
      // JSON.stringify asks; helpers use the methods of lists.
      if (key === 'toJSON' || (Array.isArray(target) && key in Array.prototype))
        return Reflect.get(target, key);
      throw new NameError(`${path}.${key}`);
    },
  });
  proxies.set(value, proxy);
  originals.set(proxy, value);
  return proxy;
}

/** Handlebars compares contexts, loosely, with whatever stands around them: they have to become some text for it. */
function symbolProperty(target: object, key: symbol): unknown {
  return key === Symbol.toPrimitive ? () => 'mapping' : Reflect.get(target, key);
}
