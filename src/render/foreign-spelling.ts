// Conditions as people write them for Ansible (Jinja), told apart from CEL so that the error can show CEL's spelling.
// docs/templates.md has the same in a table.

export interface Foreign {
  readonly place: { readonly offset: number; readonly length: number };
  readonly detail: string;
  readonly hint: string;
}

/** The first piece of Ansible's spelling outside of string literals, with CEL's; undefined where there is none. */
export function foreignSpelling(text: string): Foreign | undefined {
  const blanked = withoutLiterals(text);
  let first: Foreign | undefined;
  for (const { pattern, detail, hint } of FOREIGN) {
    const match = pattern.exec(blanked);
    if (match === null || (first !== undefined && first.place.offset <= match.index)) continue;
    // What the literals hold belongs into the hint.
    const groups = (match.indices ?? []).map((range) => range && text.slice(...range));
    const expression = hint(groups);
    // At the start of a YAML value, ! would begin a tag.
    const needsQuotes = match.index === 0 && expression.startsWith('write !');
    first = {
      place: { offset: match.index, length: match[0].length },
      detail,
      hint: needsQuotes ? `${expression.replace('write ', 'write "')}", in quotes` : expression,
    };
  }
  return first;
}

type Groups = readonly (string | undefined)[];

/** A name with what may follow it: `result.stdout`, `facts.interfaces['eth0']`, `f(x)`; or a literal. */
const OPERAND = String.raw`((?:[\w.]|\[[^\]]*\]|(?<=\w)\([^()]*\))+|'_*'|"_*")`;

const FOREIGN: readonly {
  readonly pattern: RegExp;
  readonly detail: string;
  readonly hint: (groups: Groups) => string;
}[] = [
  {
    pattern: /\{\{\s*(.*?)\s*\}\}/d,
    detail: 'a condition is an expression already',
    hint: ([, inner]) => `write ${inner} without the braces`,
  },
  {
    pattern: new RegExp(`${OPERAND}\\s+is\\s+(not\\s+)?((?:un)?defined)\\b`, 'd'),
    detail: '"is defined" is Ansible\'s spelling',
    hint: ([, name = '', not, test]) => {
      const isNegated = (not === undefined) === (test === 'undefined');
      return `write ${isNegated ? '!' : ''}has(${name.includes('.') ? name : `vars.${name}`})`;
    },
  },
  {
    pattern: new RegExp(`${OPERAND}\\s+is\\s+(not\\s+)?(\\w+)`, 'd'),
    detail: 'tests with "is" are Ansible\'s spelling',
    hint: ([, name = '', not, test = '']) => testHint(name, not !== undefined, test),
  },
  {
    pattern: new RegExp(`${OPERAND}\\s+not\\s+in\\s+${OPERAND}`, 'd'),
    detail: '"not in" is Ansible\'s spelling',
    hint: ([, item, list]) => `write !(${item} in ${list})`,
  },
  {
    pattern: new RegExp(`${OPERAND}\\s*(?<!\\|)\\|(?!\\|)\\s*(\\w+)(?:\\(([^()]*)\\))?`, 'd'),
    detail: 'CEL has functions and methods instead of filters',
    hint: ([, value = '', filter = '', argument]) => filterHint(value, filter, argument),
  },
  { pattern: /(?<![.\w])and\b/d, detail: '"and" is Ansible\'s spelling', hint: () => 'write &&' },
  { pattern: /(?<![.\w])or\b/d, detail: '"or" is Ansible\'s spelling', hint: () => 'write ||' },
  {
    pattern: new RegExp(`(?<![.\\w])not\\b(?:\\s+${OPERAND})?`, 'd'),
    detail: '"not" is Ansible\'s spelling',
    hint: ([, operand]) => `write !${operand ?? '(…)'}`,
  },
  {
    pattern: /(?<![.\w])(True|False|None)\b/d,
    detail: "Python's constants are spelled differently here",
    hint: ([, constant = '']) => `write ${constant === 'None' ? 'null' : constant.toLowerCase()}`,
  },
];

function testHint(name: string, isNegated: boolean, test: string): string {
  const not = isNegated ? '!' : '';
  switch (test) {
    case 'changed':
    case 'failed':
    case 'skipped':
      return `write ${not}${name}.${test}`;
    case 'succeeded':
    case 'success':
      return `write ${isNegated ? '' : '!'}${name}.failed`;
    case 'none':
      return `write ${name} ${isNegated ? '!=' : '=='} null`;
    case 'match':
    case 'search':
    case 'regex':
      return `write ${not}${name}.matches('…')`;
    case 'version':
      return `write ${not}versionAtLeast(${name}, '…')`;
    default:
      return `write a comparison, such as size(${name}) > 0`;
  }
}

function filterHint(value: string, filter: string, argument: string | undefined): string {
  switch (filter) {
    case 'length':
    case 'count':
      return `write size(${value})`;
    case 'int':
    case 'string':
    case 'bool':
      return `write ${filter}(${value})`;
    case 'float':
      return `write double(${value})`;
    case 'lower':
    case 'upper':
      return `write ${value}.${filter}Ascii()`;
    case 'trim':
      return `write ${value}.trim()`;
    case 'first':
      return `write ${value}[0]`;
    case 'success':
    case 'succeeded':
      return `write !${value}.failed`;
    case 'failed':
    case 'changed':
    case 'skipped':
      return `write ${value}.${filter}`;
    case 'default':
    case 'd':
      return `write (has(${value.includes('.') ? value : `vars.${value}`}) ? ${value} : ${argument || '""'})`;
    default:
      return 'docs/templates.md lists the functions and methods there are';
  }
}

/** The same length, with underscores in place of what string literals hold. */
function withoutLiterals(text: string): string {
  return text.replace(
    /'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"/g,
    (literal) => `${literal[0]}${'_'.repeat(literal.length - 2)}${literal.at(-1)}`,
  );
}
