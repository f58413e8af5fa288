// The names in a condition: which there are, and whether something stands behind each.
import type { ASTNode } from '@marcbachmann/cel-js';
import type { Problems } from '../diagnostic.ts';
import type { TextOrigin } from '../load/source.ts';
import { ANY, items, known, member, type Names, type Shape } from './shape.ts';
import { type Unknown, unknownKey, unknownVariable } from './unknown-name.ts';

/** Macros whose first argument is the name of the item. */
const COMPREHENSIONS = new Set(['all', 'exists', 'exists_one', 'filter', 'map']);

/** CEL's types have names, too: `type(x) == int`. */
const TYPES = new Set(['bool', 'bytes', 'double', 'int', 'list', 'map', 'null_type', 'string', 'uint']);

/** The play's variables that the expression names, `vars.x` among them. */
export function referencesOf(ast: ASTNode, bound: ReadonlySet<string> = new Set()): ReadonlySet<string> {
  const variable = variableOf(ast);
  if (variable !== undefined) return new Set(bound.has(variable) ? [] : [variable]);
  const inner = new Set([...bound, ...itemNames(ast)]);
  return new Set(childrenOf(ast).flatMap((child) => [...referencesOf(child, inner)]));
}

/** Whether it says `vars` anywhere. */
export function namesVars(ast: ASTNode): boolean {
  return (ast.op === 'id' && ast.args === 'vars') || childrenOf(ast).some(namesVars);
}

/** Adds a diagnostic for each name that nothing stands behind; names tested with has(vars.x) are allowed. */
export function checkConditionNames(
  ast: ASTNode,
  context: Pick<Walk, 'text' | 'origin' | 'names' | 'tested'>,
  problems: Problems,
): void {
  walk(ast, { ...context, problems, locals: new Map() });
}

/** The variables that it asks for with has(). */
export function testedNames(node: ASTNode): ReadonlySet<string> {
  if (node.op === 'call' && node.args[0] === 'has') {
    return new Set(node.args[1].flatMap((each) => variableOf(each) ?? []));
  }
  return new Set(childrenOf(node).flatMap((child) => [...testedNames(child)]));
}

interface Walk {
  readonly text: string;
  readonly origin: TextOrigin;
  readonly names: Names;
  readonly problems: Problems;
  /** Names that may be missing, because the condition asks for them with has(). */
  readonly tested: ReadonlySet<string>;
  /** What comprehensions call their items. */
  readonly locals: ReadonlyMap<string, Shape>;
}

/** Checks a node and everything below it; what is known of its value. */
function walk(node: ASTNode, state: Walk): Shape {
  const variable = variableOf(node);
  if (variable !== undefined) return nameShape(variable, node, state);
  switch (node.op) {
    case 'value':
      return known(node.args);
    case '.': {
      const [object, key] = node.args;
      return memberShape(object, key, { start: node.range.end - key.length, end: node.range.end }, state);
    }
    case '[]': {
      const [object, index] = node.args;
      const key = walk(index, state);
      if (key.kind === 'known' && ['string', 'bigint'].includes(typeof key.value)) {
        return memberShape(object, String(key.value), index.range, state);
      }
      walk(object, state);
      return ANY;
    }
    case 'call': {
      const [name, parameters] = node.args;
      for (const parameter of parameters) {
        // has(x.y) is there to ask whether x has y: only x has to exist.
        if (name !== 'has') walk(parameter, state);
        else if (parameter.op === '.' && variableOf(parameter) === undefined) walk(parameter.args[0], state);
      }
      return ANY;
    }
    case 'rcall': {
      const [, receiver, parameters] = node.args;
      const shape = walk(receiver, state);
      const [item] = itemNames(node);
      if (item === undefined) {
        for (const parameter of parameters) walk(parameter, state);
        return ANY;
      }
      for (const each of items(shape)) {
        const locals = new Map(state.locals).set(item, each);
        for (const body of parameters.slice(1)) walk(body, { ...state, locals });
      }
      return ANY;
    }
    default:
      for (const child of childrenOf(node)) walk(child, state);
      return ANY;
  }
}

function nameShape(name: string, node: ASTNode, state: Walk): Shape {
  const local = node.op === 'id' ? state.locals.get(name) : undefined;
  const shape = local ?? state.names.shape(name);
  if (shape !== undefined) return shape;
  if (!state.tested.has(name) && !(node.op === 'id' && TYPES.has(name))) {
    const start = node.op === '.' ? node.range.end - name.length : node.range.start;
    report(state, { start, end: node.range.end }, unknownVariable(name, state.names));
  }
  return ANY;
}

function memberShape(
  object: ASTNode,
  key: string,
  range: { readonly start: number; readonly end: number },
  state: Walk,
): Shape {
  const shape = walk(object, state);
  const next = member(shape, key);
  if ('found' in next) return next.found;
  const owner = state.text.slice(object.range.start, object.range.end);
  report(state, range, unknownKey(owner, shape, key, next.known));
  return ANY;
}

function report(
  { problems, origin }: Walk,
  range: { readonly start: number; readonly end: number },
  { detail, hint }: Unknown,
): void {
  problems.add({
    code: 'name-unknown',
    summary: 'name is not known',
    at: origin.span({ offset: range.start, length: range.end - range.start }),
    details: [detail],
    ...(hint !== undefined && { hint }),
  });
}

/** The variable that a node is: `x`, `vars.x`, `vars["x"]`. */
function variableOf(node: ASTNode): string | undefined {
  if (node.op === 'id') return node.args === 'vars' ? undefined : node.args;
  if (node.op !== '.' && node.op !== '[]') return undefined;
  const [object, key] = node.args;
  if (object.op !== 'id' || object.args !== 'vars') return undefined;
  if (typeof key === 'string') return key;
  return key.op === 'value' && typeof key.args === 'string' ? key.args : undefined;
}

/** What a comprehension calls its item. */
function itemNames(node: ASTNode): readonly string[] {
  if (node.op !== 'rcall' || !COMPREHENSIONS.has(node.args[0])) return [];
  const [item] = node.args[2];
  return item?.op === 'id' ? [item.args] : [];
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
