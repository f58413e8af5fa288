// JSON schemas (draft 7) over data with origins: what ajv finds becomes diagnostics that point at the place.
// The one file that knows ajv. Keywords and formats that JSON schema lacks are added here.
import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv';
import ipaddr from 'ipaddr.js';
import { type Diagnostic, type DiagnosticCode, didYouMean } from '../diagnostic.ts';
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
  let check = compiled.get(schema);
  if (check === undefined) {
    ajv ??= createAjv();
    check = ajv.compile(schema);
    compiled.set(schema, check);
  }
  if (check(data)) return [];
  return withoutNoise(check.errors ?? [])
    .filter((error) => !ignore(error.data))
    .map((error) => toProblem(error));
}

/** The problems as diagnostics, each at its place below `origin`. */
export function schemaDiagnostics(
  problems: readonly SchemaProblem[],
  origin: Origin,
  codes: SchemaCodes,
): readonly Diagnostic[] {
  return problems.map((problem) => {
    const place = problem.path.reduce((at, key) => at.child(key), origin);
    const at = problem.problem === 'unknown' && problem.key !== undefined ? place.key(problem.key) : place;
    return {
      ...codes[problem.problem],
      at: at.span(),
      details: [problem.detail],
      ...(problem.hint !== undefined && { hint: problem.hint }),
    };
  });
}

function createAjv(): Ajv {
  const instance = new Ajv({
    allErrors: true,
    useDefaults: true,
    strict: true,
    strictTypes: false,
    strictRequired: false,
    verbose: true,
    allowUnionTypes: true,
  });
  instance.addFormat('ipv4', (text) => ipaddr.IPv4.isValidFourPartDecimal(text));
  instance.addFormat('ipv6', (text) => ipaddr.IPv6.isValid(text) && !text.includes('%'));
  instance.addFormat('cidr4', (text) => ipaddr.IPv4.isValidCIDRFourPartDecimal(text));
  instance.addFormat('cidr6', (text) => ipaddr.IPv6.isValidCIDR(text));
  instance.addFormat('interface', /^(?!\.{1,2}$)[^\s/:]{1,15}$/);
  // Annotations for people and for the name checker.
  instance.addKeyword({
    keyword: ['condition', 'template', 'examples_of'],
    schemaType: ['boolean', 'array'],
  });
  instance.addKeyword({
    keyword: 'addressInNetwork',
    type: 'object',
    schemaType: ['object', 'array'],
    validate: gatewayInNetwork,
    errors: true,
  });
  instance.addKeyword({
    keyword: 'uniqueItemProperties',
    type: 'array',
    schemaType: 'array',
    validate: uniqueProperties,
    errors: true,
  });
  return instance;
}

type KeywordErrors = { errors?: Partial<ErrorObject>[] };
interface NetworkPair {
  readonly address: string;
  readonly gateway: string;
}

/** `{address, gateway}` names two properties: the second must lie in the first's network. */
const gatewayInNetwork = Object.assign(
  (schema: NetworkPair | readonly NetworkPair[], data: Record<string, unknown>): boolean => {
    const errors: Partial<ErrorObject>[] = [];
    for (const { address, gateway } of [schema].flat() as NetworkPair[]) {
      const [cidr, ip] = [data[address], data[gateway]];
      if (typeof cidr !== 'string' || typeof ip !== 'string') continue;
      if (!ipaddr.isValidCIDR(cidr) || !ipaddr.isValid(ip)) continue;
      const [network, bits] = ipaddr.parseCIDR(cidr);
      const parsed = ipaddr.parse(ip);
      if (parsed.kind() === 'ipv6' && parsed.range() === 'linkLocal') continue;
      if (parsed.kind() === network.kind() && parsed.match(network, bits)) continue;
      errors.push({
        keyword: 'addressInNetwork',
        instancePath: `/${gateway}`,
        message: `${ip} is not in the network of ${address} ${cidr}`,
        params: { hint: 'the gateway is a neighbour on the link: an address of the same network' },
      });
    }
    (gatewayInNetwork as KeywordErrors).errors = errors;
    return errors.length === 0;
  },
  {} as KeywordErrors,
);

/** Items of the list must differ in each of the named properties; null and absent never clash. */
const uniqueProperties = Object.assign(
  (names: readonly string[], list: readonly Record<string, unknown>[]): boolean => {
    const errors: Partial<ErrorObject>[] = [];
    for (const name of names) {
      const seen = new Map<unknown, number>();
      list.forEach((item, index) => {
        const value = item?.[name];
        if (value === null || value === undefined) return;
        const key = typeof value === 'string' ? value.split('/')[0] : value;
        const first = seen.get(key);
        if (first === undefined) seen.set(key, index);
        else {
          errors.push({
            keyword: 'uniqueItemProperties',
            instancePath: `/${index}/${name}`,
            message: `${name} ${String(value)} is also that of item ${first + 1}`,
            params: {},
          });
        }
      });
    }
    (uniqueProperties as KeywordErrors).errors = errors;
    return errors.length === 0;
  },
  {} as KeywordErrors,
);

/** ajv reports each branch of an anyOf and the anyOf itself: the branches are dropped. */
function withoutNoise(errors: readonly ErrorObject[]): readonly ErrorObject[] {
  const combined = errors.filter((error) => error.keyword === 'anyOf' || error.keyword === 'oneOf');
  return errors.filter(
    (error) =>
      error.keyword !== 'if' &&
      !combined.some((outer) => error !== outer && error.schemaPath.startsWith(`${outer.schemaPath}/`)),
  );
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
        detail: `"${key}" is not one of ${allowed.sort().join(', ')}`,
        ...(hint !== undefined && { hint }),
      };
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
  const got = JSON.stringify(error.data);
  const shown = got !== undefined && got.length > 60 ? `${got.slice(0, 57)}...` : got;
  switch (error.keyword) {
    case 'type':
      return `${shown} is not ${typeWords(error.params.type)}`;
    case 'anyOf':
    case 'oneOf':
      return `${shown} is not ${branchWords(error)}`;
    case 'enum':
      return `${shown} is not one of ${(error.params.allowedValues as unknown[]).map(String).join(', ')}`;
    case 'const':
      return `${shown} is not ${JSON.stringify(error.params.allowedValue)}`;
    case 'format':
      return `${shown} is not ${formatWords(String(error.params.format))}`;
    case 'addressInNetwork':
    case 'uniqueItemProperties':
      return error.message ?? 'is not allowed';
    default:
      return `${shown} ${error.message ?? 'is not allowed'}`;
  }
}

function hintOf(error: ErrorObject): { hint?: string } {
  const { hint } = error.params as { hint?: string };
  if (hint !== undefined) return { hint };
  const own = (error.parentSchema as { hint?: string } | undefined)?.hint;
  if (own !== undefined) return { hint: own };
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
  const names = (Array.isArray(types) ? types : String(types).split(',')).map(
    (type) => words[String(type)] ?? String(type),
  );
  return names.length < 2 ? names.join('') : `${names.slice(0, -1).join(', ')} or ${names.at(-1)}`;
}

function formatWords(format: string): string {
  const words: Record<string, string> = {
    ipv4: 'an IPv4 address',
    ipv6: 'an IPv6 address',
    cidr4: 'an IPv4 address with prefix length, such as 192.0.2.10/24',
    cidr6: 'an IPv6 address with prefix length, such as 2001:db8::10/64',
    interface: 'an interface name (15 characters at most, no blank, "/" or ":")',
  };
  return words[format] ?? `a valid ${format}`;
}

function unescapePointer(text: string): string {
  return text.replaceAll('~1', '/').replaceAll('~0', '~');
}
