// What Handlebars would take and we do not, because it fails at run time or means something nobody expects.
import { BLOCK_HELPERS } from './helpers.ts';
import { isPath } from './template-scope.ts';

/** A stretch of the text, what is wrong with it, and one act that cures it. */
export interface SyntaxProblem {
  readonly place: { readonly offset: number; readonly length: number };
  readonly summary?: string;
  readonly detail?: string;
  readonly hint?: string;
}

type Call = hbs.AST.MustacheStatement | hbs.AST.BlockStatement | hbs.AST.SubExpression;

/** `@name` that blocks define; root and args are where scoping puts names. */
const DATA_NAMES = new Set(['index', 'key', 'first', 'last', 'root']);

/** Every such form in a program. */
export function forbiddenForms(program: hbs.AST.Program, text: string): readonly SyntaxProblem[] {
  return nodesIn(program).flatMap((node) => {
    const problem = problemOf(node);
    return problem === undefined ? [] : [{ place: part(text, node.loc), ...problem }];
  });
}

/** The offset and length, within the text, of a node. */
export function part(text: string, loc: hbs.AST.SourceLocation): { offset: number; length: number } {
  const start = offsetOf(text, loc.start);
  return { offset: start, length: Math.max(1, offsetOf(text, loc.end) - start) };
}

function problemOf(node: hbs.AST.Node): Omit<SyntaxProblem, 'place'> | undefined {
  switch (node.type) {
    case 'Decorator':
    case 'DecoratorBlock':
    case 'PartialBlockStatement':
      return {
        detail: 'decorators, inline partials and partial blocks are not taken',
        hint: 'put the text into a file of its own under templates/ and write {{> name}}',
      };
    case 'PartialStatement':
      return partialProblem(node as hbs.AST.PartialStatement);
    case 'BlockStatement':
      return callProblem(node as Call) ?? blockProblem(node as hbs.AST.BlockStatement);
    case 'MustacheStatement':
    case 'SubExpression':
      return callProblem(node as Call);
    case 'PathExpression':
      return dataProblem(node as hbs.AST.PathExpression);
    default:
      return undefined;
  }
}

function partialProblem(call: hbs.AST.PartialStatement): Omit<SyntaxProblem, 'place'> | undefined {
  if (!isPath(call.name)) return { detail: 'the name of a partial is fixed' };
  if (call.params.length === 0) return undefined;
  return {
    detail: 'a partial takes its arguments by name',
    hint: `write {{> ${call.name.original} link=link}}`,
  };
}

function blockProblem(block: hbs.AST.BlockStatement): Omit<SyntaxProblem, 'place'> | undefined {
  const name = isPath(block.path) ? block.path.original : '';
  if (!BLOCK_HELPERS.has(name) || block.params.length === 1) return undefined;
  return { detail: `#${name} takes 1 argument, ${block.params.length} are given` };
}

function callProblem(call: Call): Omit<SyntaxProblem, 'place'> | undefined {
  if (!isPath(call.path)) {
    const choice = call.params.some((each) => isPath(each) && each.original === 'if');
    return {
      detail: 'a name or a helper comes first, not a literal',
      ...(choice && { hint: 'write {{#if x}} … {{else}} … {{/if}}' }),
    };
  }
  if ((call.hash?.pairs.length ?? 0) === 0) return undefined;
  return { detail: 'helpers take their arguments by position, not by name' };
}

function dataProblem(path: hbs.AST.PathExpression): Omit<SyntaxProblem, 'place'> | undefined {
  const [name = ''] = path.parts;
  if (!path.data || DATA_NAMES.has(name)) return undefined;
  return { detail: `there is no @${name}; blocks have @index, @key, @first and @last` };
}

/** Every node of a tree, a parent before its children. */
function nodesIn(value: unknown): readonly hbs.AST.Node[] {
  if (Array.isArray(value)) return value.flatMap(nodesIn);
  if (value === null || typeof value !== 'object') return [];
  const inner = Object.entries(value).flatMap(([key, each]) => (key === 'loc' ? [] : nodesIn(each)));
  return 'type' in value && 'loc' in value ? [value as hbs.AST.Node, ...inner] : inner;
}

function offsetOf(text: string, position: { line: number; column: number }): number {
  let start = 0;
  for (let line = 1; line < position.line; line++) start = text.indexOf('\n', start) + 1;
  return start + position.column;
}
