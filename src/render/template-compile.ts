// From a syntax tree to a function: each {{x}} goes through a helper that refuses what has no text form, or that
// keeps the value where the whole text is one expression. A second variant tells, after a failure, where it happened.
import type { TemplateDelegate } from 'handlebars';
import { asText, HELPERS, handlebarsWithHelpers } from './helpers.ts';
import { settled } from './lazy-mapping.ts';
import { original } from './strict-names.ts';
import { isCall } from './template-scope.ts';

export interface CompileForm {
  /** `value`: the program is one expression, whose value `run` leaves for `takeKept`. */
  readonly as: 'text' | 'value';
  /** True: `lastPlace` follows each expression. Slower; for finding the place of a failure. */
  readonly isTraced: boolean;
}

export function compileProgram(program: hbs.AST.Program, form: CompileForm): TemplateDelegate {
  return handlebars.compile(wrapProgram(program, form), COMPILE_OPTIONS);
}

/** The value of the expression that ran last. */
export function takeKept(): unknown {
  const value = kept;
  kept = undefined;
  return value;
}

/** Where the expression that was evaluated last, in a traced program, stands. */
export function lastPlace(): hbs.AST.SourceLocation | undefined {
  return place;
}

const KEEP = '__keep';
const TEXT = '__text';
const AT = '__at';
const SECOND = '__second';

let kept: unknown;
let place: hbs.AST.SourceLocation | undefined;
const handlebars = handlebarsWithHelpers();
handlebars.registerHelper(KEEP, (value: unknown) => {
  kept = settled(original(value));
  return '';
});
handlebars.registerHelper(TEXT, asText);
handlebars.registerHelper(
  AT,
  (startLine: number, startColumn: number, endLine: number, endColumn: number) => {
    place = {
      source: '',
      start: { line: startLine, column: startColumn },
      end: { line: endLine, column: endColumn },
    };
  },
);
handlebars.registerHelper(SECOND, (_first: unknown, second: unknown) => second);

const COMPILE_OPTIONS: CompileOptions = {
  noEscape: true,
  strict: true,
  knownHelpersOnly: true,
  preventIndent: true,
  knownHelpers: Object.fromEntries(
    [KEEP, TEXT, AT, SECOND, ...HELPERS.keys()].map((name) => [name, true]),
  ) as KnownHelpers,
};

function wrapProgram(program: hbs.AST.Program, form: CompileForm): hbs.AST.Program {
  const inner: CompileForm = { ...form, as: 'text' };
  const body = program.body.map((statement) => {
    if (statement.type === 'MustacheStatement') {
      return wrapMustache(statement as hbs.AST.MustacheStatement, form);
    }
    if (statement.type !== 'BlockStatement') return statement;
    const block = statement as hbs.AST.BlockStatement;
    return {
      ...block,
      params: form.isTraced ? block.params.map(traced) : block.params,
      program: block.program && wrapProgram(block.program, inner),
      inverse: block.inverse && wrapProgram(block.inverse, inner),
    } as hbs.AST.Statement;
  });
  return { ...program, body };
}

function wrapMustache(statement: hbs.AST.MustacheStatement, form: CompileForm): hbs.AST.Statement {
  const expression = (
    isCall(statement) ? { ...statement, type: 'SubExpression' } : statement.path
  ) as hbs.AST.Expression;
  const argument = form.isTraced ? traced({ ...expression, loc: statement.loc }) : expression;
  const helper = form.as === 'value' ? KEEP : TEXT;
  return { ...call(helper, [argument], statement.loc), type: 'MustacheStatement' } as hbs.AST.Statement;
}

/** The same expression, told to `lastPlace` before it is evaluated. */
function traced(expression: hbs.AST.Expression): hbs.AST.Expression {
  const { loc } = expression;
  const numbers = [loc.start.line, loc.start.column, loc.end.line, loc.end.column].map(
    (value) => ({ type: 'NumberLiteral', value, original: value, loc }) as unknown as hbs.AST.Expression,
  );
  return call(SECOND, [call(AT, numbers, loc), expression], loc);
}

function call(name: string, params: readonly hbs.AST.Expression[], loc: hbs.AST.SourceLocation) {
  const path = { type: 'PathExpression', data: false, depth: 0, parts: [name], original: name, loc };
  return { type: 'SubExpression', path, params, loc } as unknown as hbs.AST.SubExpression;
}
