// Lexical names for Handlebars, done once on the parsed template before it is compiled.
//
// Handlebars looks a name up in the innermost block's item and nowhere else; `{{#each links as |link|}}` would hide
// every variable of the play. Here a block that names its item (`as |link|`) changes nothing else: other names
// mean what they mean outside, by being rewritten to `@root.name`. A block without block parameters keeps
// Handlebars' own rule. A partial's arguments become `@args.name`, so that they too are seen inside its loops.

type Node = hbs.AST.Node;
type Call = Node & { path: Node; params: hbs.AST.Expression[]; hash?: hbs.AST.Hash };

/** What encloses a node. */
interface Scope {
  /** Argument names of the partial that this is. */
  readonly partialArguments: ReadonlySet<string>;
  readonly blockParams: ReadonlySet<string>;
  /** An enclosing block that changes the context without naming it. */
  readonly ownContext: boolean;
}

/** Rewrites `program` in place. */
export function scopeNames(program: hbs.AST.Program, partialArguments: ReadonlySet<string>): void {
  visitProgram(program, { partialArguments, blockParams: new Set(), ownContext: false });
}

/** The name that a path starts with if it is one of the play's variables (after scoping), else undefined. */
export function rootName(path: hbs.AST.PathExpression): string | undefined {
  if (!path.data || path.depth > 0) return undefined;
  const [first, second] = path.parts;
  return first === 'root' ? second : undefined;
}

export function isPath(node: Node): node is hbs.AST.PathExpression {
  return node.type === 'PathExpression';
}

/**
 * Whether it calls a helper: whether anything follows the name. Every helper takes arguments, so that a name alone is
 * a variable's, also where a helper is called the same (`address`, `network`).
 */
export function isCall(call: Call): boolean {
  return call.type === 'SubExpression' || call.params.length > 0 || (call.hash?.pairs.length ?? 0) > 0;
}

function visitProgram(program: hbs.AST.Program | undefined, scope: Scope): void {
  for (const statement of program?.body ?? []) visitStatement(statement, scope);
}

function visitStatement(statement: hbs.AST.Statement, scope: Scope): void {
  switch (statement.type) {
    case 'MustacheStatement':
      visitCall(statement as hbs.AST.MustacheStatement, scope);
      return;
    case 'BlockStatement':
      visitBlock(statement as hbs.AST.BlockStatement, scope);
      return;
    case 'PartialStatement': {
      const partial = statement as hbs.AST.PartialStatement;
      for (const parameter of partial.params) visitExpression(parameter, scope);
      for (const pair of partial.hash?.pairs ?? []) visitExpression(pair.value, scope);
      return;
    }
    default:
      return;
  }
}

function visitBlock(block: hbs.AST.BlockStatement, scope: Scope): void {
  visitCall(block, scope);
  const changesContext = isPath(block.path) && ['each', 'with'].includes(block.path.original);
  const names = block.program?.blockParams ?? [];
  const inner: Scope = {
    ...scope,
    blockParams: new Set([...scope.blockParams, ...names]),
    ownContext: scope.ownContext || (changesContext && names.length === 0),
  };
  visitProgram(block.program, inner);
  visitProgram(block.inverse, scope);
}

/** A helper's name is left alone; its arguments, or a plain path, are names. */
function visitCall(call: Call, scope: Scope): void {
  if (!isCall(call)) visitExpression(call.path, scope);
  for (const parameter of call.params) visitExpression(parameter, scope);
  for (const pair of call.hash?.pairs ?? []) visitExpression(pair.value, scope);
}

function visitExpression(node: Node, scope: Scope): void {
  if (node.type === 'SubExpression') {
    const call = node as hbs.AST.SubExpression;
    for (const parameter of call.params) visitExpression(parameter, scope);
    for (const pair of call.hash?.pairs ?? []) visitExpression(pair.value, scope);
    return;
  }
  if (!isPath(node) || node.data || node.depth > 0 || isThis(node)) return;
  const first = node.parts[0];
  if (first === undefined || scope.blockParams.has(first) || scope.ownContext) return;
  node.data = true;
  node.parts = [scope.partialArguments.has(first) ? 'args' : 'root', ...node.parts];
}

function isThis(path: hbs.AST.PathExpression): boolean {
  return path.parts.length === 0 || /^(this\b|\.)/.test(path.original);
}
