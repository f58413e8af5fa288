// A condition in CEL: parsed once, names and types checked before any host is contacted, asked for each host.
// The language: https://cel.dev. Variables are dynamic; whole numbers are ints, so that `x % 2` works.
import { type ASTNode, Environment, ParseError } from '@marcbachmann/cel-js';
import { didYouMean, Problems, type Span } from '../diagnostic.ts';
import { foreignSpelling } from './foreign-spelling.ts';
import { compareVersions } from './helpers.ts';
import { ANY, describe, items, known, member, type Names, type Shape, type Values } from './shape.ts';
import type { TextOrigin } from './template.ts';

const environment = new Environment({
  unlistedVariablesAreDyn: true,
  homogeneousAggregateLiterals: false,
}).registerFunction(
  'versionAtLeast(string, string): bool',
  (a: string, b: string) => compareVersions(a, b) >= 0,
);

/** Macros whose first argument is the name of the item. */
const COMPREHENSIONS = new Set(['all', 'exists', 'exists_one', 'filter', 'map']);

export class ConditionError extends Error {
  readonly at: Span;

  constructor(message: string, at: Span) {
    super(message);
    this.name = 'ConditionError';
    this.at = at;
  }
}

export class Condition {
  readonly text: string;
  readonly origin: TextOrigin;
  /** The play's variables that it names, `vars.x` among them. */
  readonly references: ReadonlySet<string>;
  readonly #run: ReturnType<Environment['parse']>;

  private constructor(text: string, origin: TextOrigin, run: ReturnType<Environment['parse']>) {
    this.text = text;
    this.origin = origin;
    this.#run = run;
    this.references = referencesOf(run.ast);
  }

  /** Undefined where the text is not CEL; the reason, with CEL's spelling for Ansible's, went to `problems`. */
  static parse(text: string, origin: TextOrigin, problems: Problems): Condition | undefined {
    const foreign = foreignSpelling(text);
    if (foreign !== undefined) {
      problems.add({
        code: 'condition-syntax',
        summary: 'not a valid condition',
        at: origin.span(foreign.place),
        details: [foreign.detail],
        hint: foreign.hint,
      });
      return undefined;
    }
    try {
      const run = environment.parse(text);
      const check = run.check();
      if (!check.valid && check.error !== undefined) {
        problems.add({
          code: 'condition-type',
          summary: 'condition cannot be evaluated',
          at: origin.span(placeOf(check.error, text)),
          details: [firstLine(check.error.message)],
        });
        return undefined;
      }
      return new Condition(text, origin, run);
    } catch (error) {
      if (!(error instanceof ParseError)) throw error;
      problems.add({
        code: 'condition-syntax',
        summary: 'not a valid condition',
        at: origin.span(placeOf(error, text)),
        details: [firstLine(error.message)],
      });
      return undefined;
    }
  }

  /** The type that CEL infers: `bool`, `dyn`, `string` … */
  get type(): string {
    return this.#run.check().type ?? 'dyn';
  }

  /**
   * Adds a diagnostic for each name that nothing stands behind (names tested with has(vars.x) are allowed);
   * where every name has its value already, also for an evaluation that fails.
   */
  checkNames(names: Names, problems: Problems): void {
    const found = new Problems();
    const tested = testedNames(this.#run.ast);
    walk(this.#run.ast, { names, problems: found, tested, locals: new Map(), condition: this });
    for (const each of found.list) problems.add(each);
    if (found.list.length > 0) return;
    const values = knownValues(this.references, names);
    if (values === undefined) return;
    try {
      this.value(values);
    } catch (error) {
      if (!(error instanceof ConditionError)) throw error;
      problems.add({
        code: 'condition-type',
        summary: 'condition cannot be evaluated',
        at: error.at,
        details: [error.message],
      });
    }
  }

  /** Its value for one host. Throws ConditionError. */
  value(values: Values): unknown {
    try {
      const context: Record<string, unknown> = {};
      for (const name of this.references) {
        if (values.has(name)) context[name] = toCel(values.get(name));
      }
      if (namesVars(this.#run.ast)) {
        context.vars = Object.fromEntries(Object.entries(context));
      }
      return fromCel(this.#run(context));
    } catch (error) {
      throw new ConditionError(
        firstLine(error instanceof Error ? error.message : String(error)),
        this.origin.span(placeOf(error, this.text)),
      );
    }
  }

  /** Its value, or `fallback` where it cannot be evaluated. */
  valueOr(values: Values, fallback: unknown): unknown {
    try {
      return this.value(values);
    } catch (error) {
      if (error instanceof ConditionError) return fallback;
      throw error;
    }
  }

  /** True or false; anything else is a ConditionError. */
  holds(values: Values): boolean {
    const value = this.value(values);
    if (typeof value === 'boolean') return value;
    throw new ConditionError(
      `the condition gives ${describe(value)}, not true or false`,
      this.origin.span({ offset: 0, length: this.text.length }),
    );
  }
}

/** The values of all these names, or undefined where one is only known later. */
function knownValues(references: ReadonlySet<string>, names: Names): Values | undefined {
  const values = new Map<string, unknown>();
  for (const name of references) {
    const shape = names.shape(name);
    if (shape === undefined) continue;
    if (shape.kind !== 'known') return undefined;
    values.set(name, shape.value);
  }
  return { has: (name) => values.has(name), get: (name) => values.get(name) };
}

interface Walk {
  readonly names: Names;
  readonly problems: Problems;
  readonly tested: ReadonlySet<string>;
  readonly locals: ReadonlyMap<string, Shape>;
  readonly condition: Condition;
}

/** Checks a node and everything below it; what is known of its value. */
function walk(node: ASTNode, state: Walk): Shape {
  switch (node.op) {
    case 'value':
      return known(node.args);
    case 'id':
      return nameShape(node.args, node, state);
    case '.': {
      const [object, key] = node.args;
      if (object.op === 'id' && object.args === 'vars' && !state.locals.has('vars')) {
        return nameShape(key, node, state);
      }
      return memberShape(walk(object, state), key, node, state);
    }
    case '[]': {
      const [object, index] = node.args;
      const shape = walk(object, state);
      const key = walk(index, state);
      if (key.kind !== 'known' || !['string', 'bigint'].includes(typeof key.value)) return ANY;
      return memberShape(shape, String(key.value), node, state);
    }
    case 'call': {
      const [name, parameters] = node.args;
      if (name === 'has') return known(true);
      for (const parameter of parameters) walk(parameter, state);
      return ANY;
    }
    case 'rcall': {
      const [name, receiver, parameters] = node.args;
      const shape = walk(receiver, state);
      const [item, ...bodies] = parameters;
      if (COMPREHENSIONS.has(name) && item?.op === 'id') {
        for (const each of items(shape)) {
          const locals = new Map(state.locals).set(item.args, each);
          for (const body of bodies) walk(body, { ...state, locals });
        }
        return ANY;
      }
      for (const parameter of parameters) walk(parameter, state);
      return ANY;
    }
    default:
      for (const child of childrenOf(node)) walk(child, state);
      return ANY;
  }
}

function nameShape(name: string, node: ASTNode, state: Walk): Shape {
  const shape = state.locals.get(name) ?? state.names.shape(name);
  if (shape !== undefined) return shape;
  if (state.tested.has(name)) return ANY;
  report(
    state,
    node,
    name,
    `"${name}" is no variable, fact or registered result of this task`,
    state.names.names(),
  );
  return ANY;
}

function memberShape(shape: Shape, key: string, node: ASTNode, state: Walk): Shape {
  const next = member(shape, key);
  if ('found' in next) return next.found;
  report(state, node, key, `there is ${next.known.join(', ') || 'nothing'}, not "${key}"`, next.known);
  return ANY;
}

function report(
  state: Walk,
  node: ASTNode,
  wrong: string,
  detail: string,
  candidates: Iterable<string>,
): void {
  const hint = didYouMean(wrong, candidates);
  state.problems.add({
    code: 'name-unknown',
    summary: 'name is not known',
    at: state.condition.origin.span({ offset: node.range.start, length: node.range.end - node.range.start }),
    details: [detail],
    ...(hint !== undefined && { hint }),
  });
}

/** Direct child nodes, whatever the operator. */
function childrenOf(node: ASTNode): ASTNode[] {
  const found: ASTNode[] = [];
  const collect = (value: unknown): void => {
    if (Array.isArray(value)) value.forEach(collect);
    else if (value !== null && typeof value === 'object' && 'op' in value) found.push(value as ASTNode);
  };
  collect(node.args);
  return found;
}

function referencesOf(ast: ASTNode, bound: ReadonlySet<string> = new Set()): Set<string> {
  if (ast.op === 'id') return new Set(bound.has(ast.args) || ast.args === 'vars' ? [] : [ast.args]);
  if (ast.op === '.' && ast.args[0].op === 'id' && ast.args[0].args === 'vars') return new Set([ast.args[1]]);
  let inner = bound;
  if (ast.op === 'rcall' && COMPREHENSIONS.has(ast.args[0])) {
    const [item] = ast.args[2];
    if (item?.op === 'id') inner = new Set([...bound, item.args]);
  }
  return new Set(childrenOf(ast).flatMap((child) => [...referencesOf(child, inner)]));
}

function testedNames(ast: ASTNode): ReadonlySet<string> {
  if (ast.op === 'call' && ast.args[0] === 'has')
    return new Set(ast.args[1].flatMap((each) => [...referencesOf(each)]));
  return new Set(childrenOf(ast).flatMap((child) => [...testedNames(child)]));
}

function namesVars(ast: ASTNode): boolean {
  return (ast.op === 'id' && ast.args === 'vars') || childrenOf(ast).some(namesVars);
}

function placeOf(error: unknown, text: string): { offset: number; length: number } {
  const range = (error as { range?: { start: number; end: number } }).range;
  if (range === undefined) return { offset: 0, length: Math.max(1, text.length) };
  return { offset: range.start, length: Math.max(1, range.end - range.start) };
}

function firstLine(text: string): string {
  return text.split('\n')[0] ?? text;
}

const converted = new WeakMap<object, unknown>();

function toCel(value: unknown): unknown {
  if (typeof value === 'number') return Number.isInteger(value) ? BigInt(value) : value;
  if (value === null || typeof value !== 'object') return value;
  const before = converted.get(value);
  if (before !== undefined) return before;
  const result = Array.isArray(value)
    ? value.map(toCel)
    : Object.fromEntries(Object.entries(value).map(([key, each]) => [key, toCel(each)]));
  converted.set(value, result);
  return result;
}

function fromCel(value: unknown): unknown {
  if (typeof value === 'bigint') return Number(value);
  if (Array.isArray(value)) return value.map(fromCel);
  if (value !== null && typeof value === 'object' && Object.getPrototypeOf(value) === Object.prototype) {
    return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, fromCel(each)]));
  }
  return value;
}
