// Conditions as people write them for Ansible (Jinja), told apart from CEL so that the error can show CEL's spelling.

export interface Foreign {
  readonly place: { readonly offset: number; readonly length: number };
  readonly detail: string;
  readonly hint: string;
}

const FOREIGN: readonly {
  readonly pattern: RegExp;
  readonly detail: string;
  readonly hint: (match: RegExpExecArray) => string;
}[] = [
  {
    pattern: /\{\{.*?\}\}/,
    detail: 'a condition is an expression already',
    hint: (m) => `write ${m[0].slice(2, -2).trim()} without the braces`,
  },
  {
    pattern: /([\w.]+) is not defined/,
    detail: '"is not defined" is Ansible\'s spelling',
    hint: (m) => `write !has(${inVars(m[1])})`,
  },
  {
    pattern: /([\w.]+) is defined/,
    detail: '"is defined" is Ansible\'s spelling',
    hint: (m) => `write has(${inVars(m[1])})`,
  },
  {
    pattern: /([\w.]+) is (changed|failed|skipped)\b/,
    detail: 'tests with "is" are Ansible\'s spelling',
    hint: (m) => `write ${m[1]}.${m[2]}`,
  },
  {
    pattern: /([\w.]+) is (succeeded|success)\b/,
    detail: 'tests with "is" are Ansible\'s spelling',
    hint: (m) => `write !${m[1]}.failed`,
  },
  { pattern: /\bnot in\b/, detail: '"not in" is Ansible\'s spelling', hint: () => 'write !(x in list)' },
  { pattern: /\band\b/, detail: '"and" is Ansible\'s spelling', hint: () => 'write &&' },
  { pattern: /\bor\b/, detail: '"or" is Ansible\'s spelling', hint: () => 'write ||' },
  { pattern: /\bnot\b/, detail: '"not" is Ansible\'s spelling', hint: () => 'write ! before the expression' },
  {
    pattern: /\b(True|False|None)\b/,
    detail: "Python's constants are spelled differently here",
    hint: (m) => `write ${m[0] === 'None' ? 'null' : m[0].toLowerCase()}`,
  },
  {
    pattern: /[^|]\|\s*(\w+)/,
    detail: 'CEL has methods instead of filters',
    hint: (m) =>
      m[1] === 'length'
        ? 'write size(x)'
        : `write int(x), string(x), x.contains(y) and their like instead of | ${m[1]}`,
  },
];

/** The first piece of Ansible's spelling outside of string literals, with CEL's; undefined where there is none. */
export function foreignSpelling(text: string): Foreign | undefined {
  const blanked = text.replace(
    /'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"/g,
    (literal) => literal[0] + '_'.repeat(Math.max(0, literal.length - 2)) + (literal.at(-1) ?? ''),
  );
  let first: Foreign | undefined;
  for (const { pattern, detail, hint } of FOREIGN) {
    const match = pattern.exec(blanked);
    if (match === null || (first !== undefined && first.place.offset <= match.index)) continue;
    first = { place: { offset: match.index, length: match[0].length }, detail, hint: hint(match) };
  }
  return first;
}

function inVars(name: string | undefined): string {
  return name?.includes('.') === true ? name : `vars.${name}`;
}
