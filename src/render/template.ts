// A text with Handlebars in it: parsed once, checked against names, rendered for each host.
// Only the user's own files are ever parsed here; what a host said is data.
import Handlebars from 'handlebars';
import type { Problems, Span } from '../diagnostic.ts';
import { guardedContext, unguarded } from './guard.ts';
import { asText, HELPERS, handlebarsWithHelpers } from './helpers.ts';
import type { Values } from './shape.ts';
import { isCall, rootName, scopeNames } from './template-scope.ts';

/** Where a template's text stands, so that an offset in it becomes a place in a file. */
export interface TextOrigin {
  span(part?: { readonly offset: number; readonly length: number }): Span;
}

/** Partials by name (`init-script/header`). `undefined`: there is none of that name. */
export interface Partials {
  find(name: string): { readonly text: string; readonly origin: TextOrigin } | undefined;
  names(): readonly string[];
}

export const NO_PARTIALS: Partials = { find: () => undefined, names: () => [] };

/** A template cannot be rendered for this host: a name or value that could not be known earlier. */
export class RenderError extends Error {
  readonly at: Span;

  constructor(message: string, at: Span) {
    super(message);
    this.name = 'RenderError';
    this.at = at;
  }
}

/** True where the text has something for Handlebars to do. */
export function hasTemplate(text: string): boolean {
  return text.includes('{{');
}

const KEEP = '__keep';
const TEXT = '__text';
const handlebars = handlebarsWithHelpers();
let kept: unknown;
handlebars.registerHelper(KEEP, (value: unknown) => {
  kept = unguarded(value);
  return '';
});
handlebars.registerHelper(TEXT, asText);

const COMPILE_OPTIONS: CompileOptions = {
  noEscape: true,
  strict: true,
  knownHelpersOnly: true,
  preventIndent: true,
  knownHelpers: Object.fromEntries(
    [KEEP, TEXT, ...HELPERS.keys()].map((name) => [name, true]),
  ) as KnownHelpers,
};

export class Template {
  readonly text: string;
  readonly origin: TextOrigin;
  readonly partials: Partials;
  /** As parsed, with lexical names: for the name checker. */
  readonly ast: hbs.AST.Program;
  /** Partials used, at any depth, each in the variant for the argument names it is called with. */
  readonly partialTemplates: ReadonlyMap<string, Template>;
  #compiled: { readonly kind: 'text' | 'value'; readonly run: Handlebars.TemplateDelegate } | undefined;

  private constructor(
    text: string,
    origin: TextOrigin,
    partials: Partials,
    ast: hbs.AST.Program,
    partialTemplates: ReadonlyMap<string, Template>,
  ) {
    this.text = text;
    this.origin = origin;
    this.partials = partials;
    this.ast = ast;
    this.partialTemplates = partialTemplates;
  }

  /** Undefined where the text is not a template; the reason went to `problems`. */
  static parse(
    text: string,
    origin: TextOrigin,
    problems: Problems,
    partials: Partials = NO_PARTIALS,
    partialArguments: ReadonlySet<string> = new Set(),
    callers: readonly string[] = [],
  ): Template | undefined {
    const ast = parseText(text, origin, problems);
    if (ast === undefined) return undefined;
    scopeNames(ast, partialArguments);
    const used = new Map<string, Template>();
    for (const call of partialCalls(ast)) {
      const name = partialName(call);
      const at = origin.span(part(text, call.loc));
      const found = name === undefined ? undefined : partials.find(name);
      if (name === undefined || found === undefined || callers.includes(name)) {
        problems.add({
          code: 'name-unknown',
          summary: callers.includes(name ?? '') ? 'partial includes itself' : 'partial is not known',
          at,
          ...(partials.names().length > 0 && { details: [`partials: ${partials.names().join(', ')}`] }),
        });
        continue;
      }
      const argumentNames = new Set((call.hash?.pairs ?? []).map((pair) => pair.key));
      const variant = partialVariant(name, argumentNames);
      const inner = Template.parse(found.text, found.origin, problems, partials, argumentNames, [
        ...callers,
        name,
      ]);
      if (inner === undefined) continue;
      used.set(variant, inner);
      for (const [key, value] of inner.partialTemplates) used.set(key, value);
      call.name = { ...(call.name as hbs.AST.PathExpression), original: variant, parts: [variant] };
    }
    return new Template(text, origin, partials, ast, used);
  }

  /** The play's variables that this template names, directly or in partials. */
  get references(): ReadonlySet<string> {
    if (this.#references === undefined) {
      this.#references = new Set();
      for (const { ast } of [this, ...this.partialTemplates.values()]) collectReferences(ast, this.#references);
    }
    return this.#references;
  }
  #references: Set<string> | undefined;

  /** True where the whole text is one `{{expression}}`: its value keeps its type. */
  get isExpression(): boolean {
    const [only, ...others] = this.ast.body;
    return only?.type === 'MustacheStatement' && others.length === 0;
  }

  /** The value: of the expression where the text is one, else the rendered text. Throws RenderError. */
  value(values: Values): unknown {
    const text = this.#run(values);
    if (!this.isExpression) return text;
    const value = kept;
    kept = undefined;
    return value;
  }

  #run(values: Values): string {
    this.#compiled ??= this.#compile();
    try {
      const context = guardedContext(values);
      return this.#compiled.run(context, {
        partials: Object.fromEntries(
          [...this.partialTemplates].map(([name, partial]) => [name, partial.#partial()]),
        ),
      });
    } catch (error) {
      if (error instanceof RenderError) throw error;
      throw new RenderError(messageOf(error), this.origin.span(partOfError(this.text, error)));
    }
  }

  #compile(): { kind: 'text' | 'value'; run: Handlebars.TemplateDelegate } {
    const kind = this.isExpression ? 'value' : 'text';
    const wrapped = wrapMustaches(this.ast, kind === 'value' ? KEEP : TEXT);
    return { kind, run: handlebars.compile(wrapped, COMPILE_OPTIONS) };
  }

  /** As a partial, even a single expression is text; errors are told at the partial's own place. */
  #partial(): Handlebars.TemplateDelegate {
    this.#compiledPartial ??= handlebars.compile(wrapMustaches(this.ast, TEXT), COMPILE_OPTIONS);
    const run = this.#compiledPartial;
    return (context, options) => {
      try {
        return run(context, { ...options, data: { ...options?.data, args: context } });
      } catch (error) {
        if (error instanceof RenderError) throw error;
        throw new RenderError(messageOf(error), this.origin.span(partOfError(this.text, error)));
      }
    };
  }
  #compiledPartial: Handlebars.TemplateDelegate | undefined;
}

/** The offset and length, within the text, of a node. */
export function part(text: string, loc: hbs.AST.SourceLocation): { offset: number; length: number } {
  const start = offsetOf(text, loc.start);
  return { offset: start, length: Math.max(1, offsetOf(text, loc.end) - start) };
}

/** Every call of a partial in a program, at any depth. */
function partialCalls(program: hbs.AST.Program | undefined): hbs.AST.PartialStatement[] {
  return (program?.body ?? []).flatMap((statement) => {
    if (statement.type === 'PartialStatement') return [statement as hbs.AST.PartialStatement];
    if (statement.type !== 'BlockStatement') return [];
    const block = statement as hbs.AST.BlockStatement;
    return [...partialCalls(block.program), ...partialCalls(block.inverse)];
  });
}

function partialName(call: hbs.AST.PartialStatement): string | undefined {
  return call.name.type === 'SubExpression'
    ? undefined
    : String((call.name as hbs.AST.PathExpression).original);
}

function partialVariant(name: string, argumentNames: ReadonlySet<string>): string {
  return `${name} ${[...argumentNames].sort().join(' ')}`;
}

function parseText(text: string, origin: TextOrigin, problems: Problems): hbs.AST.Program | undefined {
  const jinja = /\{%-?\s*(if|elif|else|endif|for|endfor|set|include|macro|block)\b/.exec(text);
  if (jinja !== null) {
    problems.add({
      code: 'template-syntax',
      summary: 'this is Jinja, templates are Handlebars',
      at: origin.span({ offset: jinja.index, length: jinja[0].length }),
      hint: 'write {{#if x}} … {{else}} … {{/if}} and {{#each list as |item|}} … {{/each}}',
    });
    return undefined;
  }
  try {
    return Handlebars.parse(text);
  } catch (error) {
    const message = messageOf(error);
    const filter = /\{\{[^}]*?(\|\s*\w+)/.exec(text);
    const isFilter = filter !== null && !/\bas\s+\|/.test(filter[0]);
    const line = Number(/Parse error on line (\d+)/.exec(message)?.[1] ?? '1');
    const place = isFilter
      ? { offset: filter.index + filter[0].length - (filter[1]?.length ?? 0), length: filter[1]?.length ?? 1 }
      : (partOfError(text, error) ?? wholeLine(text, line));
    const expected = /Expecting (.+), got '(\w+)'/.exec(message);
    problems.add({
      code: 'template-syntax',
      summary: 'not a valid template',
      at: origin.span(place),
      ...(expected === null &&
        !message.startsWith('Parse error') && { details: [message.replace(/ - \d+:\d+$/, '')] }),
      ...(isFilter && {
        hint: 'Handlebars has helpers instead of filters, and they come first: {{default x "y"}}',
      }),
    });
    return undefined;
  }
}

function wholeLine(text: string, line: number): { offset: number; length: number } {
  const lines = text.split('\n');
  const offset = lines.slice(0, line - 1).reduce((sum, each) => sum + each.length + 1, 0);
  return { offset, length: lines[line - 1]?.length ?? 1 };
}

/** A copy in which each `{{x}}` in text goes through a helper that refuses what has no text form. */
function wrapMustaches(program: hbs.AST.Program, helper: string): hbs.AST.Program {
  return {
    ...program,
    body: program.body.map((statement) => {
      if (statement.type === 'MustacheStatement') {
        return wrapMustache(statement as hbs.AST.MustacheStatement, helper);
      }
      if (statement.type !== 'BlockStatement') return statement;
      const block = statement as hbs.AST.BlockStatement;
      return {
        ...block,
        program: block.program && wrapMustaches(block.program, TEXT),
        inverse: block.inverse && wrapMustaches(block.inverse, TEXT),
      } as hbs.AST.Statement;
    }),
  };
}

function wrapMustache(statement: hbs.AST.MustacheStatement, helper: string): hbs.AST.Statement {
  const argument = isCall(statement)
    ? ({ ...statement, type: 'SubExpression' } as unknown as hbs.AST.Expression)
    : (statement.path as hbs.AST.Expression);
  const path = {
    type: 'PathExpression',
    data: false,
    depth: 0,
    parts: [helper],
    original: helper,
    loc: statement.loc,
  };
  return { ...statement, path, params: [argument], hash: undefined } as unknown as hbs.AST.Statement;
}

function collectReferences(node: unknown, found: Set<string>): void {
  if (Array.isArray(node)) {
    for (const each of node) collectReferences(each, found);
  } else if (node !== null && typeof node === 'object') {
    if ((node as hbs.AST.Node).type === 'PathExpression') {
      const name = rootName(node as hbs.AST.PathExpression);
      if (name !== undefined) found.add(name);
    }
    for (const [key, value] of Object.entries(node)) if (key !== 'loc') collectReferences(value, found);
  }
}

function offsetOf(text: string, position: { line: number; column: number }): number {
  let start = 0;
  for (let line = 1; line < position.line; line++) start = text.indexOf('\n', start) + 1;
  return start + position.column;
}

/** Handlebars' own exceptions carry a line and a column; others do not. */
function partOfError(text: string, error: unknown): { offset: number; length: number } | undefined {
  const { lineNumber, column } = error as { lineNumber?: number; column?: number };
  if (typeof lineNumber !== 'number' || typeof column !== 'number') return undefined;
  return { offset: offsetOf(text, { line: lineNumber, column }), length: 1 };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
