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
  /** Where in the condition. Undefined: nowhere in particular. */
  readonly place?: { readonly offset: number; readonly length: number };
}

/** `text` is the whole condition. Errors that are none of the library's come back with their own message. */
export function celMessage(error: unknown, text: string): CelMessage {
  if (!(error instanceof Error)) return { detail: String(error) };
  const { code = '', summary, range } = error as Partial<ParseError | EvaluationError>;
  if (summary === undefined || range === undefined) return { detail: firstLine(error.message) };
  const place = { offset: range.start, length: Math.max(1, range.end - range.start) };
  return {
    // The library points at the left operand, whichever it is that is wrong.
    ...(code !== 'invalid_logical_operand' && { place }),
    ...messageOf({ code, summary, wrong: text.slice(range.start, range.end), start: range.start }),
  };
}

interface CelError {
  readonly code: string;
  readonly summary: string;
  /** The part of the condition that is to blame, and where it starts. */
  readonly wrong: string;
  readonly start: number;
}

function messageOf(error: CelError): CelMessage {
  const { code, summary, wrong } = error;
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
      return callMessage(error);
    case 'no_such_overload':
      return operatorMessage(summary);
    case 'invalid_logical_operand':
      return { detail: `one side of && or || is of type ${typesIn(summary)}, not true or false` };
    case 'no_such_key':
      return { detail: `there is no "${wrong}"`, hint: 'test for it first: has(x.y) && …' };
    case 'unknown_variable':
      return { detail: `"${wrong}" has no value` };
    default:
      return { detail: firstLine(summary).replace(/^No such key: /, '') };
  }
}

function firstLine(text: string): string {
  return text.split('\n')[0] ?? text;
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

/** What the functions of other languages are called here. */
const STAND_INS: ReadonlyMap<string, string> = new Map([
  ['find', 'contains'],
  ['len', 'size'],
  ['length', 'size'],
  ['lower', 'lowerAscii'],
  ['match', 'matches'],
  ['strip', 'trim'],
  ['upper', 'upperAscii'],
  ['version', 'versionAtLeast'],
]);

/** `found no matching overload for 'int.contains(string)'`: no such function, or not for these types. */
function callMessage({ summary, wrong, start }: CelError): CelMessage {
  const [, call = summary] = /'(.*)'$/.exec(summary) ?? [];
  const [, name = call] = /(\w+)\(/.exec(call) ?? [];
  const { functions } = environment.getDefinitions();
  const same = functions.find((each) => each.name === name);
  if (same !== undefined) {
    return { detail: `there is no ${withoutDyn(call)}, but ${same.signature.replace(/:.*$/, '')}` };
  }
  const standIn = STAND_INS.get(name);
  const hint =
    standIn === undefined
      ? didYouMean(
          name,
          functions.map((each) => each.name),
        )
      : `write ${standIn}`;
  return {
    detail: `there is no function or method "${name}"`,
    ...(hint !== undefined && { hint }),
    place: { offset: start + Math.max(0, wrong.lastIndexOf(`${name}(`)), length: name.length },
  };
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
  return withoutDyn(summary.replace(/^.*?overload: |^.*got /, '')).replaceAll("'", '');
}

/** `dyn<int>` is an int that was not known to be one. */
function withoutDyn(types: string): string {
  return types.replaceAll(/dyn<((?:[^<>]|<[^<>]*>)*)>/g, '$1');
}
