// A condition in CEL: parsed once, names and types checked before any host is contacted, asked for each host.
// The language: https://cel.dev. Variables are dynamic; whole numbers are ints, so that `x % 2` works.
import { type Environment, ParseError } from '@marcbachmann/cel-js';
import { type Diagnostic, Problems, type Span } from '../diagnostic.ts';
import type { TextOrigin } from '../load/source.ts';
import { type CelMessage, celMessage, environment } from './cel-message.ts';
import { checkConditionNames, namesVars, referencesOf, testedNames } from './condition-names.ts';
import { foreignSpelling } from './foreign-spelling.ts';
import { conditionReads, type HostReads, NO_READS } from './host-reads.ts';
import { LazyMap, lazySource } from './lazy-mapping.ts';
import { describe, type Names, NotYetError, type Values } from './shape.ts';
import { valuesOf } from './value-template.ts';

/** A condition has no value, or one that is neither true nor false. */
export class ConditionError extends Error {
  readonly at: Span;
  readonly hint: string | undefined;

  constructor({ detail, hint }: CelMessage, at: Span) {
    super(detail);
    this.name = 'ConditionError';
    this.at = at;
    this.hint = hint;
  }
}

export class Condition {
  readonly text: string;
  readonly origin: TextOrigin;
  /** The play's variables that it names, `vars.x` among them. */
  readonly references: ReadonlySet<string>;
  /** What CEL makes of it: `bool`, `dyn`, `string` … */
  readonly type: string;
  /** What it may ask of other hosts. */
  readonly hostReads: HostReads;
  readonly #run: ReturnType<Environment['parse']>;
  readonly #namesVars: boolean;
  readonly #tested: ReadonlySet<string>;

  private constructor(text: string, origin: TextOrigin, run: ReturnType<Environment['parse']>, type: string) {
    this.text = text;
    this.origin = origin;
    this.type = type;
    this.#run = run;
    this.#namesVars = namesVars(run.ast);
    this.#tested = testedNames(run.ast);
    this.references = referencesOf(run.ast);
    this.hostReads = this.references.has('hostvars') ? conditionReads(run.ast) : NO_READS;
  }

  /** Undefined where the text is not CEL; the reason, with CEL's spelling for Ansible's, went to `problems`. */
  static parse(text: string, origin: TextOrigin, problems: Problems): Condition | undefined {
    const foreign = foreignSpelling(text);
    if (foreign !== undefined) {
      problems.add(celDiagnostic('syntax', foreign, text, origin));
      return undefined;
    }
    try {
      const run = environment.parse(text);
      const { error, type = 'dyn' } = run.check();
      if (error === undefined) return new Condition(text, origin, run, type);
      problems.add(celDiagnostic('type', celMessage(error, text), text, origin));
    } catch (error) {
      if (!(error instanceof ParseError)) throw error;
      problems.add(celDiagnostic('syntax', celMessage(error, text), text, origin));
    }
    return undefined;
  }

  /**
   * Adds a diagnostic for each name that nothing stands behind (names tested with has(vars.x) are allowed); where
   * every name has its value already, also for a condition that has no value or, unless any will do, is neither true
   * nor false.
   */
  checkNames(names: Names, problems: Problems, expected: 'truth' | 'any-value' = 'truth'): void {
    const found = new Problems();
    const { text, origin } = this;
    checkConditionNames(this.#run.ast, { text, origin, names, tested: this.#tested }, found);
    for (const each of found.list) problems.add(each);
    if (found.list.length > 0) return;
    // A name without a value has been tested with has().
    const given = [...this.references].filter((name) => names.shape(name) !== undefined);
    const values = valuesOf(new Set(given), names);
    if (values === undefined) return;
    try {
      if (expected === 'truth') this.holds(values);
      else this.value(values);
    } catch (error) {
      if (error instanceof NotYetError) return;
      if (!(error instanceof ConditionError)) throw error;
      problems.add(
        diagnosticOf('type', { detail: error.message, ...(error.hint && { hint: error.hint }) }, error.at),
      );
    }
  }

  /** Its value for one host. Throws ConditionError. */
  value(values: Values): unknown {
    try {
      const given = [...this.references].filter((name) => values.has(name));
      const context = new Map(given.map((name) => [name, toCel(values.get(name))]));
      if (this.#namesVars) context.set('vars', new Map(context));
      return fromCel(this.#run(context));
    } catch (error) {
      if (error instanceof NotYetError) throw error;
      const message = celMessage(error, this.text);
      throw new ConditionError(message, this.origin.span(message.place ?? whole(this.text)));
    }
  }

  /** Its value, or `fallback` where it cannot be evaluated. */
  valueOr(values: Values, fallback: unknown): unknown {
    try {
      return this.value(values);
    } catch (error) {
      if (error instanceof ConditionError || error instanceof NotYetError) return fallback;
      throw error;
    }
  }

  /** True or false; anything else is a ConditionError. */
  holds(values: Values): boolean {
    const value = this.value(values);
    if (typeof value === 'boolean') return value;
    throw new ConditionError(notBoolean(describe(value), this.text), this.origin.span(whole(this.text)));
  }
}

/** The diagnostic for a condition that CEL knows will never be true or false; undefined where it may be. */
export function typeDiagnostic({ type, text, origin }: Condition): Diagnostic | undefined {
  if (type === 'bool' || type === 'dyn') return undefined;
  const words: Readonly<Record<string, string>> = { int: 'a number', double: 'a number', string: 'a string' };
  return celDiagnostic('type', notBoolean(words[type] ?? `a ${type}`, text), text, origin);
}

function notBoolean(what: string, text: string): CelMessage {
  const isName = /^[\w.]+$/.test(text);
  const test =
    what === 'a number' ? `${text} != 0` : what === 'null' ? `${text} != null` : `size(${text}) > 0`;
  return {
    detail: `it gives ${what}, not true or false`,
    ...(isName && { hint: `write ${test}` }),
  };
}

function celDiagnostic(
  what: 'syntax' | 'type',
  message: CelMessage,
  text: string,
  origin: TextOrigin,
): Diagnostic {
  return diagnosticOf(what, message, origin.span(message.place ?? whole(text)));
}

function diagnosticOf(what: 'syntax' | 'type', { detail, hint }: CelMessage, at: Span): Diagnostic {
  return {
    code: what === 'syntax' ? 'condition-syntax' : 'condition-type',
    summary: what === 'syntax' ? 'not a valid condition' : 'condition cannot be evaluated',
    at,
    details: [detail],
    ...(hint !== undefined && { hint }),
  };
}

function whole(text: string): { offset: number; length: number } {
  return { offset: 0, length: Math.max(1, text.length) };
}

const converted = new WeakMap<object, unknown>();

/** Mappings become Maps: the library would take a key called "constructor" of an object for its type. */
function toCel(value: unknown): unknown {
  if (typeof value === 'number') return Number.isInteger(value) ? BigInt(value) : value;
  if (value === null || typeof value !== 'object') return value;
  const source = lazySource(value);
  if (source !== undefined) return new LazyMap(source, toCel);
  const before = converted.get(value);
  if (before !== undefined) return before;
  const result = Array.isArray(value)
    ? value.map(toCel)
    : new Map(Object.entries(value).map(([key, each]) => [key, toCel(each)]));
  converted.set(value, result);
  return result;
}

function fromCel(value: unknown): unknown {
  if (typeof value === 'bigint') return Number(value);
  if (Array.isArray(value)) return value.map(fromCel);
  if (!isPlain(value)) return value;
  const entries = value instanceof Map ? [...value] : Object.entries(value);
  return Object.fromEntries(entries.map(([key, each]) => [String(key), fromCel(each)]));
}

function isPlain(value: unknown): value is object {
  if (value === null || typeof value !== 'object') return false;
  return value instanceof Map || Object.getPrototypeOf(value) === Object.prototype;
}
