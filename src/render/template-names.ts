// The check of a template's names against what is known, before any host is contacted.
// Handlebars' AST has line and column on each path; blocks and loops are followed with what is known of their items.
import { didYouMean, type Problems } from '../diagnostic.ts';
import { argumentCountProblem, BLOCK_HELPERS, HELPERS, helperNames, isHelper, truthy } from './helpers.ts';
import { ANY, describe, items, known, member, type Names, type Shape } from './shape.ts';
import type { Template } from './template.ts';
import { part } from './template-forms.ts';
import { isCall, isPath } from './template-scope.ts';
import { type Unknown, unknownKey, unknownVariable } from './unknown-name.ts';

interface Frame {
  readonly template: Template;
  readonly names: Names;
  readonly problems: Problems;
  /** What has to have a text form: everything, or all but a template that is one expression. */
  readonly as: 'text' | 'value';
  /** Innermost last: what `this` is. `variables`: all of the play's. */
  readonly contexts: readonly (Shape | 'variables')[];
  readonly blockParams: ReadonlyMap<string, Shape>;
  /** Of the partial that this is. */
  readonly partialArguments: ReadonlyMap<string, Shape>;
}

/**
 * Adds a diagnostic for each name in `template` that nothing stands behind, and for values that cannot be what the
 * template makes of them. `as`: whether a template that is one expression may be a list or mapping.
 */
export function checkTemplateNames(
  template: Template,
  names: Names,
  problems: Problems,
  as: 'text' | 'value' = 'value',
): void {
  checkProgram(template.ast, {
    template,
    names,
    problems,
    as,
    contexts: ['variables'],
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
      if (frame.as === 'text' || !frame.template.isExpression) checkHasText(shape, mustache, frame);
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
    report(frame, partOf(block.path, frame), 'block is not known', {
      detail: `blocks are ${[...BLOCK_HELPERS].map((each) => `#${each}`).join(', ')}`,
      hint: didYouMean(name, BLOCK_HELPERS),
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
    const asksForForm = asksIsText(block.params[0]) && subject.kind === 'known';
    const holds = asksForForm ? truthy(subject.value) === (name === 'if') : undefined;
    checkProgram(block.program, holds === false ? passedOver(frame) : frame);
    checkProgram(block.inverse, holds === true ? passedOver(frame) : frame);
    return;
  }
  checkProgram(block.inverse, frame);
}

function asksIsText(condition: hbs.AST.Expression | undefined): boolean {
  const path = condition?.type === 'SubExpression' ? (condition as hbs.AST.SubExpression).path : undefined;
  return path !== undefined && isPath(path) && path.original === 'isText';
}

/** The branch for values of the other form: only whether there are such names can be said there. */
function passedOver(frame: Frame): Frame {
  const { names } = frame;
  return {
    ...frame,
    names: {
      names: () => names.names(),
      shape: (name) => (names.shape(name) === undefined ? undefined : ANY),
    },
    contexts: frame.contexts.map((context) => (context === 'variables' ? context : ANY)),
    blockParams: new Map([...frame.blockParams.keys()].map((name) => [name, ANY])),
  };
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
    as: 'text',
    contexts: [{ kind: 'record', fields: argumentShapes }],
    blockParams: new Map(),
    partialArguments: argumentShapes,
  });
}

/** `{{path}}`, `{{helper a b}}`, `(helper a b)`: what is known of its value. */
function checkCall(call: hbs.AST.MustacheStatement | hbs.AST.SubExpression, frame: Frame): Shape {
  if (!isPath(call.path) || !isCall(call)) return checkExpression(call.path as hbs.AST.Expression, frame);
  const name = call.path.original;
  const shapes = call.params.map((parameter) => checkExpression(parameter, frame));
  if (!isHelper(name) || BLOCK_HELPERS.has(name)) {
    report(frame, partOf(call.path, frame), 'helper is not known', {
      detail: `${name} is followed by arguments, so it has to be a helper`,
      hint: /^els?e?_?if$/.test(name)
        ? 'write {{else if …}}'
        : didYouMean(
            name,
            helperNames().filter((each) => !BLOCK_HELPERS.has(each)),
          ),
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
  const wrongCount = argumentCountProblem(name, shapes.length);
  const helper = HELPERS.get(name);
  if (wrongCount !== undefined) {
    addValueProblem(frame, call, 'helper cannot take these arguments', wrongCount);
    return ANY;
  }
  if (name === 'lookup') return lookedUp(shapes, call, frame);
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
    return known(helper(...values));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    addValueProblem(frame, call, 'helper cannot take these arguments', `${name}: ${reason}`);
    return ANY;
  }
}

/** `{{lookup x key}}`, where the key is known. */
function lookedUp(
  [owner = ANY, key = ANY]: readonly Shape[],
  call: hbs.AST.MustacheStatement | hbs.AST.SubExpression,
  frame: Frame,
): Shape {
  if (key.kind !== 'known' || !['string', 'number'].includes(typeof key.value)) return ANY;
  const next = member(owner, String(key.value));
  if ('found' in next) return next.found;
  const [subject, index] = call.params;
  const { offset, length } = partOf(subject ?? call, frame);
  const name = frame.template.text.slice(offset, offset + length);
  const problem = unknownKey(name, owner, String(key.value), next.known);
  report(frame, partOf(index ?? call, frame), 'name is not known', problem);
  return ANY;
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
    return reportVariable(name, path, frame);
  }
  const [first, ...rest] = path.parts;
  const blockParam = first === undefined || path.depth > 0 ? undefined : frame.blockParams.get(first);
  if (blockParam !== undefined && first !== undefined) return follow(blockParam, first, rest, path, frame);
  const context = frame.contexts.at(-1 - path.depth) ?? ANY;
  if (context !== 'variables') return follow(context, 'this', path.parts, path, frame);
  if (first === undefined) return ANY;
  const shape = frame.names.shape(first);
  return shape === undefined ? reportVariable(first, path, frame) : follow(shape, first, rest, path, frame);
}

/** Goes down from a value by the keys of a path, which are the path's last. */
function follow(
  start: Shape,
  startName: string,
  keys: readonly string[],
  path: hbs.AST.PathExpression,
  frame: Frame,
): Shape {
  let shape = start;
  let name = startName;
  for (const [index, key] of keys.entries()) {
    const next = member(shape, key);
    if ('known' in next) {
      const place = segmentPlace(path, keys.length - index, frame);
      report(frame, place, 'name is not known', unknownKey(name, shape, key, next.known));
      return ANY;
    }
    shape = next.found;
    name = name === 'this' ? key : `${name}.${key}`;
  }
  return shape;
}

function reportVariable(name: string, path: hbs.AST.PathExpression, frame: Frame): Shape {
  const segments = path.parts.length - (path.data ? 1 : 0);
  report(frame, segmentPlace(path, segments, frame), 'name is not known', unknownVariable(name, frame.names));
  return ANY;
}

type Place = { readonly offset: number; readonly length: number };

function partOf(node: hbs.AST.Node, frame: Frame): Place {
  return part(frame.template.text, node.loc);
}

/** The place of one segment of a path, counted from its end (1: the last). */
function segmentPlace(path: hbs.AST.PathExpression, fromEnd: number, frame: Frame): Place {
  const whole = partOf(path, frame);
  const text = frame.template.text.slice(whole.offset, whole.offset + whole.length);
  const segment = [...text.matchAll(/\[[^\]]*\]|[^./[\]]+/g)].at(-fromEnd);
  if (segment === undefined) return whole;
  return { offset: whole.offset + segment.index, length: segment[0].length };
}

/** Lists and mappings in text would print as `1,2` and `[object Object]`. Null may be in a branch not taken. */
function checkHasText(shape: Shape, mustache: hbs.AST.MustacheStatement, frame: Frame): void {
  if (shape.kind !== 'known' || shape.value === null || typeof shape.value !== 'object') return;
  const { offset, length } = partOf(mustache.path, frame);
  const name = isCall(mustache) ? undefined : frame.template.text.slice(offset, offset + length);
  const detail = `${name === undefined ? 'it' : `"${name}"`} is ${describe(shape.value)}`;
  addValueProblem(frame, mustache, 'value has no text form', detail, textHint(name ?? '(…)', shape.value));
}

function textHint(name: string, value: object): string {
  if (!Array.isArray(value)) return `write {{json ${name}}}`;
  const isFlat = value.every((item) => item === null || typeof item !== 'object');
  return isFlat ? `write {{join ${name} ", "}}` : `write {{#each ${name} as |item|}} … {{/each}}`;
}

function addValueProblem(
  frame: Frame,
  node: hbs.AST.Node,
  summary: string,
  detail: string,
  hint?: string,
): void {
  frame.problems.add({
    code: 'template-value',
    summary,
    at: frame.template.origin.span(partOf(node, frame)),
    details: [detail],
    ...(hint !== undefined && { hint }),
  });
}

function report(frame: Frame, place: Place, summary: string, { detail, hint }: Unknown): void {
  frame.problems.add({
    code: 'name-unknown',
    summary,
    at: frame.template.origin.span(place),
    details: [detail],
    ...(hint !== undefined && { hint }),
  });
}
