// The CEL library's errors in words for people who never read its source.
import { Environment, type EvaluationError, type ParseError } from '@marcbachmann/cel-js';
import { didYouMean } from '../diagnostic.ts';
import { compareVersions } from './helpers.ts';

/** What conditions are parsed in: CEL's standard functions and versionAtLeast. */
export const environment = new Environment({
  unlistedVariablesAreDyn: true,
  homogeneousAggregateLiterals: false,
}).registerFunction(
  'versionAtLeast(string, string): bool',
  (a: string, b: string) => compareVersions(a, b) >= 0,
);

export interface CelMessage {
  readonly detail: string;
  readonly hint?: string;
}

/** `text` is the whole condition. Errors that are none of the library's come back with their own message. */
export function celMessage(error: unknown, text: string): CelMessage {
  if (!(error instanceof Error)) return { detail: String(error) };
  const {
    code = '',
    summary = error.message,
    range,
  } = error as Partial<ParseError | EvaluationError> & Error;
  const wrong = range === undefined ? '' : text.slice(range.start, range.end);
  switch (code) {
    case 'unexpected_token':
    case 'expected_token':
      return tokenMessage(summary, wrong);
    case 'unexpected_character':
      return characterMessage(wrong);
    case 'unterminated_string':
      return { detail: 'the quotes are not closed' };
    case 'invalid_macro_argument':
      return { detail: 'has() asks for a key of something', hint: 'write has(vars.x) for a variable' };
    case 'no_matching_overload':
      return callMessage(summary);
    case 'no_such_overload':
      return operatorMessage(summary);
    case 'invalid_logical_operand':
      return { detail: `&&, || and ! take true or false, and "${wrong}" is of type ${typesIn(summary)}` };
    case 'no_such_key':
      return { detail: `there is no "${wrong}"`, hint: 'test for it first: has(x.y) && …' };
    case 'unknown_variable':
      return { detail: `"${wrong}" has no value` };
    default:
      return { detail: (summary.split('\n')[0] ?? '').replace(/^No such key: /, '') };
  }
}

const TOKENS: Readonly<Record<string, string>> = {
  RPAREN: ')',
  RBRACKET: ']',
  RBRACE: '}',
  COLON: ':',
};

function tokenMessage(summary: string, wrong: string): CelMessage {
  const missing = TOKENS[/Expected (\w+)/.exec(summary)?.[1] ?? ''];
  if (missing !== undefined) return { detail: `"${missing}" is missing` };
  return { detail: wrong === '' ? 'the condition ends too early' : `"${wrong}" is not expected here` };
}

const OPERATORS: Readonly<Record<string, string>> = { '=': '==', '&': '&&', '|': '||', '<>': '!=' };

function characterMessage(wrong: string): CelMessage {
  const meant = OPERATORS[wrong];
  return {
    detail: `"${wrong}" is not expected here`,
    ...(meant !== undefined && { hint: `write ${meant}` }),
  };
}

/** `found no matching overload for 'int.contains(string)'`: no such function, or not for these types. */
function callMessage(summary: string): CelMessage {
  const [, call = summary] = /'(.*)'$/.exec(summary) ?? [];
  const [, , name = call] = /^(?:(.*)\.)?(\w+)\(/.exec(call.replaceAll(/dyn<(.*?)>/g, '$1')) ?? [];
  const { functions } = environment.getDefinitions();
  const same = functions.filter((each) => each.name === name);
  const [first] = same;
  if (first !== undefined)
    return { detail: `there is no ${call}, but ${first.signature.replace(/:.*$/, '')}` };
  const hint = didYouMean(
    name,
    functions.map((each) => each.name),
  );
  return { detail: `there is no function or method "${name}"`, ...(hint !== undefined && { hint }) };
}

/** `no such overload: dyn<int> > string` */
function operatorMessage(summary: string): CelMessage {
  const types = typesIn(summary);
  if (/^string in string$/.test(types)) {
    return { detail: '"in" looks into lists and mappings', hint: 'write text.contains("part")' };
  }
  return { detail: `there is no ${types}: the types do not fit` };
}

function typesIn(summary: string): string {
  const types = summary.replace(/^.*?overload: |^.*got /, '').replaceAll(/dyn<((?:[^<>]|<[^<>]*>)*)>/g, '$1');
  return types.replaceAll("'", '');
}
