// What an argument takes, in words, out of its schema: for docs/modules.md and `fairlead doc`.
import type { PropertySchema } from '../modules/module.ts';

/** `text or whole number ["main"]`: the type or the values, the default in brackets. */
export function valueText(property: PropertySchema): string {
  const fallback = property.default === undefined ? '' : ` [${JSON.stringify(property.default)}]`;
  if (property.condition === true) return `condition${fallback}`;
  if (Array.isArray(property.enum)) return `${property.enum.map(String).join(', ')}${fallback}`;
  return `${[...new Set(typesOf(property))].join(' or ') || 'anything'}${fallback}`;
}

/** The description, with the other names and, of mappings, the keys. */
export function meaningText(property: PropertySchema): string {
  const { description, aliases = [] } = property;
  const keys = keysOf(property);
  return [
    description,
    ...(keys.length === 0 ? [] : [`Keys: ${keys.join(', ')}.`]),
    ...(aliases.length === 0 ? [] : [`Also called ${aliases.join(', ')}.`]),
  ].join(' ');
}

type Schema = Readonly<Record<string, unknown>>;

const WORDS: Readonly<Record<string, string>> = {
  string: 'text',
  integer: 'whole number',
  number: 'number',
  boolean: 'true or false',
  array: 'list',
  object: 'mapping',
};

function typesOf(schema: Schema): readonly string[] {
  const branches = branchesOf(schema);
  if (branches.length > 0) return branches.flatMap(typesOf);
  return [schema.type ?? []].flat().map((type) => WORDS[String(type)] ?? String(type));
}

/** Keys of a mapping, or of the mappings in a list. */
function keysOf(schema: Schema): readonly string[] {
  const { items, properties } = schema as { items?: Schema; properties?: Readonly<Record<string, Schema>> };
  const inner = [...branchesOf(schema), ...(items === undefined ? [] : [items])];
  return [...Object.keys(properties ?? {}), ...inner.flatMap(keysOf)];
}

function branchesOf(schema: Schema): readonly Schema[] {
  return ['anyOf', 'oneOf'].flatMap((word) => (Array.isArray(schema[word]) ? schema[word] : []));
}
