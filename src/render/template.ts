// A text with Handlebars in it: parsed once, checked against names, rendered for each host.
// Only the user's own files are ever parsed here; what a host said is data.
import type { TemplateDelegate } from 'handlebars';
import { type Diagnostic, didYouMean, type Problems, type Span } from '../diagnostic.ts';
import type { TextOrigin } from '../load/source.ts';
import { type HostReads, merged, templateReads } from './host-reads.ts';
import { NotYetError, type Values } from './shape.ts';
import { strictContext } from './strict-names.ts';
import { type CompileForm, compileProgram, lastPlace, takeKept } from './template-compile.ts';
import { part } from './template-forms.ts';
import { rootName, scopeNames } from './template-scope.ts';
import { parseTemplate } from './template-syntax.ts';

/** Partials by name (`init-script/header`). `undefined`: there is none of that name. */
export interface Partials {
  find(name: string): { readonly text: string; readonly origin: TextOrigin } | undefined;
  names(): readonly string[];
}

export const NO_PARTIALS: Partials = { find: () => undefined, names: () => [] };

/** A template cannot be rendered for this host: a name or value that could not be known earlier. */
export class RenderError extends Error {
  readonly at: Span;
  /** What the user is told before any host is contacted, where that is more than the message. */
  readonly diagnostic: Diagnostic | undefined;

  constructor(message: string, at: Span, diagnostic?: Diagnostic) {
    super(message);
    this.name = 'RenderError';
    this.at = at;
    this.diagnostic = diagnostic;
  }
}

/** True where the text has something for Handlebars to do, or for Jinja. */
export function hasTemplate(text: string): boolean {
  return text.includes('{{') || text.includes('{%');
}

export class Template {
  readonly text: string;
  readonly origin: TextOrigin;
  /** As parsed, with lexical names: for the name checker. */
  readonly ast: hbs.AST.Program;
  /** Partials used, at any depth, each in the variant for the argument names it is called with. */
  readonly partialTemplates: ReadonlyMap<string, Template>;
  readonly #compiled = new Map<string, TemplateDelegate>();
  #references: ReadonlySet<string> | undefined;
  #hostReads: HostReads | undefined;

  private constructor(
    text: string,
    origin: TextOrigin,
    ast: hbs.AST.Program,
    partialTemplates: ReadonlyMap<string, Template>,
  ) {
    this.text = text;
    this.origin = origin;
    this.ast = ast;
    this.partialTemplates = partialTemplates;
  }

  /** Undefined where the text is not a template; the reason went to `problems`. */
  static parse(
    text: string,
    origin: TextOrigin,
    problems: Problems,
    partials: Partials = NO_PARTIALS,
    /** Of the partial that the text is: its arguments' names, and the partials that led to it. */
    caller: { readonly argumentNames: ReadonlySet<string>; readonly names: readonly string[] } = NO_CALLER,
  ): Template | undefined {
    const ast = parseTemplate(text, origin, problems);
    if (ast === undefined) return undefined;
    scopeNames(ast, caller.argumentNames);
    const used = new Map<string, Template>();
    for (const call of partialCalls(ast)) {
      const name = partialName(call);
      const found = partials.find(name);
      if (found === undefined || caller.names.includes(name)) {
        const hint = didYouMean(name, partials.names());
        problems.add({
          code: 'name-unknown',
          summary: found === undefined ? 'partial is not known' : 'partial includes itself',
          at: origin.span(part(text, call.name.loc)),
          details: [
            found === undefined
              ? `there is no "${name}" in the templates folders of the role, the playbook or fairlead itself`
              : [...caller.names, name].join(' includes '),
          ],
          ...(found === undefined && hint !== undefined && { hint }),
        });
        continue;
      }
      const argumentNames = new Set((call.hash?.pairs ?? []).map((pair) => pair.key));
      const variant = `${name} ${[...argumentNames].sort().join(' ')}`;
      const names = [...caller.names, name];
      const inner = Template.parse(found.text, found.origin, problems, partials, { argumentNames, names });
      if (inner === undefined) continue;
      used.set(variant, inner);
      for (const [key, value] of inner.partialTemplates) used.set(key, value);
      call.name = { ...(call.name as hbs.AST.PathExpression), original: variant, parts: [variant] };
    }
    return new Template(text, origin, ast, used);
  }

  /** The play's variables that this template names, directly or in partials. */
  get references(): ReadonlySet<string> {
    if (this.#references === undefined) {
      const found = new Set<string>();
      for (const { ast } of [this, ...this.partialTemplates.values()]) collectReferences(ast, found);
      this.#references = found;
    }
    return this.#references;
  }

  /** What it may ask of other hosts, directly or in partials. */
  get hostReads(): HostReads {
    this.#hostReads ??= merged(
      [this, ...this.partialTemplates.values()].map(({ ast }) => templateReads(ast)),
    );
    return this.#hostReads;
  }

  /** True where the whole text is one `{{expression}}`: its value keeps its type. */
  get isExpression(): boolean {
    const [only, ...others] = this.ast.body;
    return only?.type === 'MustacheStatement' && others.length === 0;
  }

  /** The value: of the expression where the text is one, else the rendered text. Throws RenderError. */
  value(values: Values): unknown {
    if (!this.isExpression) return this.render(values);
    this.#run('value', values);
    return takeKept();
  }

  /** The text, also where it is one expression. Throws RenderError. */
  render(values: Values): string {
    return this.#run('text', values);
  }

  #run(as: CompileForm['as'], values: Values): string {
    const partials = Object.fromEntries(
      [...this.partialTemplates].map(([name, partial]) => [name, partial.#partial()]),
    );
    const context = strictContext(values);
    return this.#withPlaces((isTraced) => this.#program({ as, isTraced })(context, { partials }));
  }

  #partial(): TemplateDelegate {
    return (context, options) =>
      this.#withPlaces((isTraced) =>
        this.#program({ as: 'text', isTraced })(context, {
          ...options,
          data: { ...options?.data, args: context },
        }),
      );
  }

  #program(form: CompileForm): TemplateDelegate {
    const key = `${form.as} ${form.isTraced}`;
    let program = this.#compiled.get(key);
    if (program === undefined) {
      program = compileProgram(this.ast, form);
      this.#compiled.set(key, program);
    }
    return program;
  }

  /** Rendering has no effects: what fails is run again, traced, to find out where. */
  #withPlaces(run: (isTraced: boolean) => string): string {
    try {
      return run(false);
    } catch (first) {
      if (first instanceof RenderError || first instanceof NotYetError) throw first;
      try {
        return run(true);
      } catch (error) {
        if (error instanceof RenderError) throw error;
        const loc = lastPlace();
        const message = error instanceof Error ? error.message : String(error);
        throw new RenderError(
          message.replace(/ - \d+:\d+$/, ''),
          this.origin.span(loc && part(this.text, loc)),
        );
      }
    }
  }
}

const NO_CALLER = { argumentNames: new Set<string>(), names: [] };

/** Every call of a partial in a program, at any depth. */
function partialCalls(program: hbs.AST.Program | undefined): hbs.AST.PartialStatement[] {
  return (program?.body ?? []).flatMap((statement) => {
    if (statement.type === 'PartialStatement') return [statement as hbs.AST.PartialStatement];
    if (statement.type !== 'BlockStatement') return [];
    const block = statement as hbs.AST.BlockStatement;
    return [...partialCalls(block.program), ...partialCalls(block.inverse)];
  });
}

function partialName(call: hbs.AST.PartialStatement): string {
  return String((call.name as hbs.AST.PathExpression).original);
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
