// JSON schemas (draft 7) over data with origins: what ajv finds becomes diagnostics that point at the place.
// Keywords and formats that JSON schema lacks are in schema-vocabulary.ts.
import type { Ajv, ErrorObject, ValidateFunction } from 'ajv';
import { type Diagnostic, type DiagnosticCode, didYouMean } from '../diagnostic.ts';
import { createAjv, FORMAT_WORDS } from './schema-vocabulary.ts';
import type { Origin } from './source.ts';

export interface SchemaCodes {
  readonly unknown: { readonly code: DiagnosticCode; readonly summary: string };
  readonly missing: { readonly code: DiagnosticCode; readonly summary: string };
  readonly value: { readonly code: DiagnosticCode; readonly summary: string };
}

export interface SchemaProblem {
  /** Way from the data's root to the place. */
  readonly path: readonly string[];
  readonly problem: 'unknown' | 'missing' | 'value';
  /** The key, for unknown ones and missing ones. */
  readonly key?: string;
  readonly detail: string;
  readonly hint?: string;
}

const compiled = new WeakMap<object, ValidateFunction>();
let ajv: Ajv | undefined;

/**
 * Everything about `data` that the schema does not allow. Defaults of the schema are written into `data`.
 * `ignore`: values that are not known yet (templates) and so cannot be wrong yet.
 */
export function validate(
  schema: object,
  data: unknown,
  ignore: (value: unknown) => boolean = () => false,
): readonly SchemaProblem[] {
  const check = compile(schema);
  if (check(data)) return [];
  const problems = withoutNoise(check.errors ?? [])
    .filter((error) => !ignore(error.data))
    .map((error) => toProblem(error));
  return problems.filter((problem) => !isMisspelledThere(problem, problems));
}

/** What makes a user's own schema unusable, or undefined. */
export function schemaFault(schema: object): string | undefined {
  try {
    compile(schema);
    return undefined;
  } catch (error) {
    // The metaschema knows the place; it is only asked once something is wrong.
    const strict = createAjv();
    strict.validateSchema(schema);
    const [first] = strict.errors ?? [];
    if (first !== undefined) return `${first.instancePath} ${first.message}`;
    return error instanceof Error ? error.message : String(error);
  }
}

/** The problems as diagnostics, each at its place below `origin`; `whole` is where to point for the data itself. */
export function schemaDiagnostics(
  problems: readonly SchemaProblem[],
  origin: Origin,
  codes: SchemaCodes,
  whole: Origin = origin,
): readonly Diagnostic[] {
  return problems.map((problem) => {
    const place = problem.path.reduce((at, key) => at.child(key), origin);
    const key = problem.problem === 'unknown' ? problem.key : undefined;
    const at = key !== undefined ? place.key(key) : problem.path.length === 0 ? whole : place;
    return {
      ...codes[problem.problem],
      at: at.span(),
      details: [problem.detail],
      ...(problem.hint !== undefined && { hint: problem.hint }),
    };
  });
}

function compile(schema: object): ValidateFunction {
  let check = compiled.get(schema);
  if (check === undefined) {
    ajv ??= createAjv();
    check = ajv.compile(schema);
    compiled.set(schema, check);
  }
  return check;
}

/** Whether a key is missing only because it is spelled wrong: one message is enough. */
function isMisspelledThere(missing: SchemaProblem, problems: readonly SchemaProblem[]): boolean {
  if (missing.problem !== 'missing') return false;
  const hint = `did you mean "${missing.key}"?`;
  const path = missing.path.join('/');
  return problems.some((each) => each.hint === hint && each.path.join('/') === path);
}

/**
 * ajv reports each branch of an anyOf and the anyOf itself: the branches are dropped. But where a list is allowed and one of
 * its items is wrong, that item is what to point at.
 */
function withoutNoise(found: readonly ErrorObject[]): readonly ErrorObject[] {
  const isChoice = (error: ErrorObject): boolean => error.keyword === 'anyOf' || error.keyword === 'oneOf';
  const ofItems = (list: ErrorObject): readonly ErrorObject[] =>
    Array.isArray(list.data)
      ? found.filter(
          (error) =>
            error.schemaPath.startsWith(`${list.schemaPath}/`) &&
            /^\/\d+$/.test(error.instancePath.slice(list.instancePath.length)),
        )
      : [];
  const lists = found.filter((error) => isChoice(error) && ofItems(error).length > 0);
  const items = lists.flatMap((list) => ofItems(list).map((error) => ({ ...error, schemaPath: '' })));
  const errors = [...found.filter((error) => !lists.includes(error) && !isBelow(error, lists)), ...items];
  const combined = errors.filter(isChoice);
  return errors.filter(
    (error) =>
      error.keyword !== 'if' &&
      error.propertyName === undefined &&
      !combined.some((outer) => error !== outer && error.schemaPath.startsWith(`${outer.schemaPath}/`)),
  );
}

/** More names than these nobody reads. */
const MAX_LISTED = 16;

function isBelow(error: ErrorObject, outer: readonly ErrorObject[]): boolean {
  return outer.some((each) => error.schemaPath.startsWith(`${each.schemaPath}/`));
}

function toProblem(error: ErrorObject): SchemaProblem {
  const path = error.instancePath.split('/').slice(1).map(unescapePointer);
  switch (error.keyword) {
    case 'additionalProperties': {
      const key = String(error.params.additionalProperty);
      const allowed = Object.keys((error.parentSchema?.properties as object | undefined) ?? {});
      const hint = didYouMean(key, allowed);
      return {
        path,
        problem: 'unknown',
        key,
        detail:
          hint === undefined && allowed.length <= MAX_LISTED
            ? `"${key}" is none of ${allowed.sort().join(', ')}`
            : `there is no "${key}"`,
        ...(hint !== undefined && { hint }),
      };
    }
    case 'propertyNames': {
      const key = String(error.params.propertyName);
      return { path, problem: 'unknown', key, detail: `"${key}" cannot be a name`, ...nameHint(key) };
    }
    case 'required': {
      const key = String(error.params.missingProperty);
      return { path, problem: 'missing', key, detail: `"${key}" is required` };
    }
    default:
      return { path, problem: 'value', detail: valueDetail(error), ...hintOf(error) };
  }
}

function valueDetail(error: ErrorObject): string {
  const shown = shownValue(error.data);
  switch (error.keyword) {
    case 'type':
      return notThat(error.data, typeWords(error.params.type));
    case 'anyOf':
    case 'oneOf':
      return notThat(error.data, branchWords(error));
    case 'enum':
      return `${shown} is none of ${(error.params.allowedValues as unknown[]).map(String).join(', ')}`;
    case 'const':
      return `${shown} is not ${JSON.stringify(error.params.allowedValue)}`;
    case 'format':
      return `${shown} is not ${FORMAT_WORDS[String(error.params.format)] ?? 'as it has to be'}`;
    case 'minimum':
      return `${shown} is below ${error.params.limit}`;
    case 'maximum':
      return `${shown} is above ${error.params.limit}`;
    case 'minLength':
    case 'minItems':
      return `${shown} is too short: it needs at least ${error.params.limit}`;
    case 'maxItems':
      return `the list is too long: it takes at most ${error.params.limit}`;
    case 'pattern':
      return hintOf(error).hint === undefined
        ? `${shown} does not match ${error.params.pattern}`
        : `${shown} cannot stand here`;
    case 'dependencies':
      return `"${error.params.missingProperty}" is required beside "${error.params.property}"`;
    case 'addressInNetwork':
    case 'uniqueItemProperties':
      return error.message ?? 'is not allowed';
    default:
      return `${shown} ${error.message ?? 'is not allowed'}`;
  }
}

function nameHint(key: string): { hint?: string } {
  const plain = key.replace(/[^A-Za-z0-9_]/g, '_').replace(/^(?=\d)/, '_');
  return plain === key ? {} : { hint: `write ${plain}: a name has letters, digits and underscores` };
}

function shownValue(data: unknown): string {
  const text = JSON.stringify(data) ?? String(data);
  if (text.length <= 60) return text;
  if (data !== null && typeof data === 'object') return Array.isArray(data) ? 'a list' : 'a mapping';
  return `${text.slice(0, 57)}...`;
}

function notThat(data: unknown, wanted: string): string {
  return data === null
    ? `nothing stands here, and it takes ${wanted}`
    : `${shownValue(data)} is not ${wanted}`;
}

function hintOf(error: ErrorObject): { hint?: string } {
  const { hint } = error.params as { hint?: string };
  if (hint !== undefined) return { hint };
  const own = (error.parentSchema as { hint?: string } | undefined)?.hint;
  if (own !== undefined) return { hint: own };
  // What Ansible's YAML 1.1 takes for a boolean is text in YAML 1.2.
  if (error.keyword === 'type' && error.params.type === 'boolean' && typeof error.data === 'string') {
    const word = /^(?:(yes|on)|no|off)$/i.exec(error.data);
    if (word !== null) return { hint: `write ${word[1] !== undefined}` };
  }
  if (error.keyword !== 'enum' || typeof error.data !== 'string') return {};
  const near = didYouMean(error.data, (error.params.allowedValues as unknown[]).map(String));
  return near === undefined ? {} : { hint: near };
}

function branchWords(error: ErrorObject): string {
  const branches = (error.schema as { type?: string | string[] }[]).flatMap((branch) => branch.type ?? []);
  return branches.length > 0 ? typeWords([...new Set(branches)]) : 'in one of the forms this takes';
}

function typeWords(types: unknown): string {
  const words: Record<string, string> = {
    string: 'text',
    boolean: 'true or false',
    integer: 'a whole number',
    number: 'a number',
    array: 'a list',
    object: 'a mapping',
    null: 'null',
  };
  const all = (Array.isArray(types) ? types : String(types).split(',')).map(String);
  // That a value may also be left out is nobody's mistake.
  const names = all.filter((type) => type !== 'null' || all.length === 1).map((type) => words[type] ?? type);
  return names.length < 2 ? names.join('') : `${names.slice(0, -1).join(', ')} or ${names.at(-1)}`;
}

function unescapePointer(text: string): string {
  return text.replaceAll('~1', '/').replaceAll('~0', '~');
}
