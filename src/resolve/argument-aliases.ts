// Other names that a module's arguments go by (`dest` for the path of a file): turned into the one that the module
// knows, with places that still point at what was written.
import type { Problems } from '../diagnostic.ts';
import type { Located } from '../load/located.ts';
import { isMapping } from '../load/playbook-tasks.ts';
import type { Origin } from '../load/source.ts';
import type { Module } from '../modules/module.ts';

/** Arguments by their real names. Two names for the same argument are a problem; the real one is kept. */
export function withRealNames(
  { schema }: Module,
  args: Located<unknown>,
  problems: Problems,
): Located<unknown> {
  const { value, origin } = args;
  if (!isMapping(value)) return args;
  const realNames = realNamesOf(schema);
  if (!Object.keys(value).some((key) => realNames.has(key))) return args;
  const written = new Map<string, string>();
  const renamed: Record<string, unknown> = Object.create(null);
  // Real names first: they win.
  const keys = Object.keys(value).sort((a, b) => Number(realNames.has(a)) - Number(realNames.has(b)));
  for (const key of keys) {
    const name = realNames.get(key) ?? key;
    const earlier = written.get(name);
    if (earlier === undefined) {
      written.set(name, key);
      renamed[name] = value[key];
      continue;
    }
    problems.add({
      code: 'argument-value',
      summary: 'argument cannot be right',
      at: origin.key(key).span(),
      details: [`"${key}" and "${earlier}" are the same argument`],
      hint: `leave out "${key}"`,
    });
  }
  return { ...args, value: renamed, origin: renamedOrigin(origin, written) };
}

/** Real name by alias. A name that is an argument of its own is no alias. */
function realNamesOf({ properties }: Module['schema']): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const [name, { aliases = [] }] of Object.entries(properties)) {
    for (const alias of aliases) if (!Object.hasOwn(properties, alias)) found.set(alias, name);
  }
  return found;
}

/** `origin`, asked for real names, answers with the place of the name that was written. */
function renamedOrigin(origin: Origin, written: ReadonlyMap<string, string>): Origin {
  return {
    span: (part) => origin.span(part),
    child: (key) => origin.child(written.get(String(key)) ?? key),
    key: (key) => origin.key(written.get(key) ?? key),
  };
}
