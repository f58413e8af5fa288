// The check of a template's names against what is known, before any host is contacted.
// Handlebars' AST has line and column on each path; blocks and loops are followed with what is known of their items.
import { didYouMean, type Problems } from '../diagnostic.ts';
import { BLOCK_HELPERS, HELPERS, helperNames, isHelper } from './helpers.ts';
import { ANY, describe, items, known, member, type Names, type Shape } from './shape.ts';
import { part, type Template } from './template.ts';
import { isCall, isPath } from './template-scope.ts';

interface Frame {
  readonly template: Template;
  readonly names: Names;
  readonly problems: Problems;
  /** Innermost last: what `this` is. */
  readonly contexts: readonly Shape[];
  readonly blockParams: ReadonlyMap<string, Shape>;
  /** Of the partial that this is. */
  readonly partialArguments: ReadonlyMap<string, Shape>;
}

/** Adds a diagnostic for each name in `template` that nothing stands behind. */
export function checkTemplateNames(template: Template, names: Names, problems: Problems): void {
  checkProgram(template.ast, {
    template,
    names,
    problems,
    contexts: [{ kind: 'record', fields: new Map() }],
    blockParams: new Map(),
    partialArguments: new Map(),
  });
}

function checkProgram(program: hbs.AST.Program | undefined, frame: Frame): void {
  for (const statement of program?.body ?? []) checkStatement(statement, frame);
}

function checkStatement(statement: hbs.AST.Statement, frame: Frame): void {
  switch (statement.type) {
    case 'MustacheStatement': {
      const mustache = statement as hbs.AST.MustacheStatement;
      const shape = checkCall(mustache, frame);
      if (!frame.template.isExpression) checkHasText(shape, mustache, frame);
      return;
    }
    case 'BlockStatement':
      checkBlock(statement as hbs.AST.BlockStatement, frame);
      return;
    case 'PartialStatement':
      checkPartial(statement as hbs.AST.PartialStatement, frame);
      return;
    default:
      return;
  }
}

function checkBlock(block: hbs.AST.BlockStatement, frame: Frame): void {
  const name = isPath(block.path) ? block.path.original : '';
  if (!BLOCK_HELPERS.has(name)) {
    report(frame, block.path, {
      summary: 'block helper is not known',
      details: [`${name}; blocks are ${[...BLOCK_HELPERS].join(', ')}`],
      wrong: name,
      candidates: BLOCK_HELPERS,
    });
    return;
  }
  const subject = block.params[0] === undefined ? ANY : checkExpression(block.params[0], frame);
  const parameters = block.program?.blockParams ?? [];
  if (name === 'each') {
    for (const item of items(subject)) checkProgram(block.program, enter(frame, item, parameters));
  } else if (name === 'with') {
    const isNull = subject.kind === 'known' && subject.value === null;
    checkProgram(block.program, enter(frame, isNull ? ANY : subject, parameters));
  } else {
    checkProgram(block.program, frame);
  }
  checkProgram(block.inverse, frame);
}

function enter(frame: Frame, item: Shape, [itemName, keyName]: readonly string[]): Frame {
  const blockParams = new Map(frame.blockParams);
  if (itemName !== undefined) blockParams.set(itemName, item);
  if (keyName !== undefined) blockParams.set(keyName, ANY);
  return { ...frame, contexts: [...frame.contexts, item], blockParams };
}

function checkPartial(call: hbs.AST.PartialStatement, frame: Frame): void {
  const partial = frame.template.partialTemplates.get(String((call.name as hbs.AST.PathExpression).original));
  const argumentShapes = new Map(
    (call.hash?.pairs ?? []).map((pair) => [pair.key, checkExpression(pair.value, frame)] as const),
  );
  if (partial === undefined) return;
  checkProgram(partial.ast, {
    ...frame,
    template: partial,
    contexts: [{ kind: 'record', fields: argumentShapes }],
    blockParams: new Map(),
    partialArguments: argumentShapes,
  });
}

/** `{{path}}`, `{{helper a b}}`, `(helper a b)`: what is known of its value. */
function checkCall(call: hbs.AST.MustacheStatement | hbs.AST.SubExpression, frame: Frame): Shape {
  if (!isPath(call.path)) return checkExpression(call.path as hbs.AST.Expression, frame);
  const name = call.path.original;
  if (!isCall(call)) return checkExpression(call.path, frame);
  const shapes = call.params.map((parameter) => checkExpression(parameter, frame));
  if (!isHelper(name) || BLOCK_HELPERS.has(name)) {
    report(frame, call.path, {
      summary: 'helper is not known',
      details: [`${name} is followed by arguments, so it has to be a helper`],
      wrong: name,
      candidates: helperNames().filter((each) => !BLOCK_HELPERS.has(each)),
    });
    return ANY;
  }
  return evaluate(name, shapes, call, frame);
}

/** A helper whose arguments are all known is called: what it cannot take is told before any host is contacted. */
function evaluate(
  name: string,
  shapes: readonly Shape[],
  call: hbs.AST.MustacheStatement | hbs.AST.SubExpression,
  frame: Frame,
): Shape {
  const helper = HELPERS.get(name);
  if (helper === undefined) return ANY;
  const values: unknown[] = [];
  for (const shape of shapes) {
    // Null may be guarded by an #if around this place, which is not followed here.
    if (shape.kind !== 'known' || shape.value === null) {
      if (name === 'default' && shape.kind === 'known') return shapes[1] ?? ANY;
      return ANY;
    }
    values.push(shape.value);
  }
  try {
    return known(helper(...(values as never[])));
  } catch (error) {
    frame.problems.add({
      code: 'template-value',
      summary: 'helper cannot take this value',
      at: frame.template.origin.span(part(frame.template.text, call.loc)),
      details: [`${name}: ${error instanceof Error ? error.message : String(error)}`],
    });
    return ANY;
  }
}

function checkExpression(expression: hbs.AST.Expression, frame: Frame): Shape {
  switch (expression.type) {
    case 'PathExpression':
      return checkPath(expression as hbs.AST.PathExpression, frame);
    case 'SubExpression':
      return checkCall(expression as hbs.AST.SubExpression, frame);
    case 'StringLiteral':
    case 'NumberLiteral':
    case 'BooleanLiteral':
      return known((expression as hbs.AST.StringLiteral).value);
    case 'NullLiteral':
      return known(null);
    default:
      return ANY;
  }
}

function checkPath(path: hbs.AST.PathExpression, frame: Frame): Shape {
  if (path.data) {
    const [first, name, ...rest] = path.parts;
    // @index, @key, @first, @last
    if ((first !== 'root' && first !== 'args') || name === undefined) return ANY;
    const shape = first === 'args' ? frame.partialArguments.get(name) : frame.names.shape(name);
    if (shape !== undefined) return follow(shape, name, rest, path, frame);
    report(frame, path, {
      summary: 'name is not known',
      details: [`"${name}" is no variable, fact or registered result of this task`],
      wrong: name,
      candidates: frame.names.names(),
    });
    return ANY;
  }
  const [first, ...rest] = path.parts;
  const blockParam = first === undefined || path.depth > 0 ? undefined : frame.blockParams.get(first);
  if (blockParam !== undefined && first !== undefined) return follow(blockParam, first, rest, path, frame);
  const context = frame.contexts.at(-1 - path.depth) ?? ANY;
  return follow(context, 'this', path.parts, path, frame);
}

function follow(
  start: Shape,
  startName: string,
  keys: readonly string[],
  path: hbs.AST.PathExpression,
  frame: Frame,
): Shape {
  let shape = start;
  let name = startName;
  for (const key of keys) {
    const next = member(shape, key);
    if ('known' in next) {
      const owner = shape.kind === 'known' ? describe(shape.value) : 'a mapping';
      report(frame, path, {
        summary: 'name is not known',
        details: [
          next.known.length > 0
            ? `${name} has ${listed(next.known)}, not "${key}"`
            : `${name} is ${owner}, it has nothing named "${key}"`,
        ],
        wrong: key,
        candidates: next.known,
      });
      return ANY;
    }
    shape = next.found;
    name = name === 'this' ? key : `${name}.${key}`;
  }
  return shape;
}

function listed(names: readonly string[]): string {
  return names.length <= 12
    ? names.join(', ')
    : `${names.slice(0, 12).join(', ')} and ${names.length - 12} more`;
}

/** Lists and mappings in text would print as `1,2` and `[object Object]`. Null may be in a branch not taken. */
function checkHasText(shape: Shape, mustache: hbs.AST.MustacheStatement, frame: Frame): void {
  if (shape.kind !== 'known' || shape.value === null || typeof shape.value !== 'object') return;
  frame.problems.add({
    code: 'template-value',
    summary: 'value has no text form',
    at: frame.template.origin.span(part(frame.template.text, mustache.loc)),
    details: [
      `${mustache.path.type === 'PathExpression' ? pathText(mustache.path as hbs.AST.PathExpression) : 'it'} is ${describe(shape.value)}`,
    ],
    hint: 'write {{json x}} for its JSON, {{join x ", "}} for a list, or loop with {{#each x as |item|}}',
  });
}

function pathText(path: hbs.AST.PathExpression): string {
  return `"${path.original}"`;
}

function report(
  frame: Frame,
  node: hbs.AST.Node,
  found: { summary: string; details: readonly string[]; wrong: string; candidates: Iterable<string> },
): void {
  const hint = didYouMean(found.wrong, found.candidates);
  frame.problems.add({
    code: 'name-unknown',
    summary: found.summary,
    at: frame.template.origin.span(part(frame.template.text, node.loc)),
    details: found.details,
    ...(hint !== undefined && { hint }),
  });
}
