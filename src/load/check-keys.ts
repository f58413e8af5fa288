// The keywords of a play, task or role reference: types by their schema, Ansible's that we do not take, and templates
// that nobody would render.
import type { Diagnostic, Problems } from '../diagnostic.ts';
import { TEMPLATED_KEYS, UNSUPPORTED_KEYS } from './playbook-schema.ts';
import { type SchemaCodes, type SchemaProblem, schemaDiagnostics, validate } from './schema.ts';
import type { Origin } from './source.ts';

export const CODES: SchemaCodes = {
  unknown: { code: 'key-unknown', summary: 'key is not known' },
  missing: { code: 'key-missing', summary: 'key is missing' },
  value: { code: 'key-type', summary: 'value is of the wrong type' },
};

type Mapping = Readonly<Record<string, unknown>>;

/**
 * The mapping without the keywords that are wrong: of a type that their schema does not allow, or with a template that
 * nobody would render. `isKnown`: what has been told already.
 */
export function soundKeys(
  what: { readonly data: Mapping; readonly origin: Origin; readonly schema: object; readonly keys: object },
  problems: Problems,
  isKnown: (problem: SchemaProblem) => boolean = () => false,
): Mapping {
  const { data, origin, schema, keys } = what;
  const templated = Object.keys(keys).filter((key) => !TEMPLATED_KEYS.has(key) && holdsTemplate(data[key]));
  for (const key of templated) {
    problems.add({
      code: 'key-unsupported',
      summary: 'a template cannot stand here',
      at: origin.child(key).span(),
      details: [`"${key}" is read before any variable has a value`],
    });
  }
  const found = validate(schema, data).filter(
    (problem) => !templated.includes(problem.path[0] ?? '') && !isKnown(problem),
  );
  for (const diagnostic of schemaDiagnostics(found, origin, CODES)) problems.add(diagnostic);
  const wrong = new Set([...templated, ...found.map(({ path }) => path[0])]);
  return Object.fromEntries(Object.entries(data).filter(([key]) => !wrong.has(key)));
}

/**
 * The same, and keywords of Ansible's that nobody here takes are told too. A schema that closes its mapping with
 * additionalProperties tells unknown keys.
 */
export function keywordsOf(
  what: { readonly data: Mapping; readonly origin: Origin; readonly schema: object; readonly keys: object },
  problems: Problems,
  isKnown: (problem: SchemaProblem) => boolean = () => false,
): Mapping {
  const unsupported = Object.keys(what.data).filter(
    (key) => UNSUPPORTED_KEYS.has(key) && !Object.hasOwn(what.keys, key),
  );
  for (const key of unsupported) problems.add(unsupportedKey(key, what.origin));
  return soundKeys(
    what,
    problems,
    (found) => (found.problem === 'unknown' && unsupported.includes(found.key ?? '')) || isKnown(found),
  );
}

function holdsTemplate(value: unknown): boolean {
  if (Array.isArray(value)) return value.some((each) => typeof each === 'string' && each.includes('{{'));
  return typeof value === 'string' && value.includes('{{');
}

/** For a key of UNSUPPORTED_KEYS. */
export function unsupportedKey(key: string, origin: Origin): Diagnostic {
  const hint = UNSUPPORTED_KEYS.get(key);
  return {
    code: 'key-unsupported',
    summary: "key of Ansible's that this version does not take",
    at: origin.key(key).span(),
    details: [`"${key}" would be ignored, and what it asks for would not happen`],
    ...(hint !== undefined && { hint }),
  };
}
