// The text that takes the place of a match, in the spelling of Python's re.sub: \1, \g<name>, \n.

const ESCAPES: Readonly<Record<string, string>> = {
  '\\': '\\',
  n: '\n',
  t: '\t',
  r: '\r',
  a: '\x07',
  b: '\b',
  f: '\f',
  v: '\v',
  0: '\0',
};

const PART = /\\(?:g<(\w+)>|([1-9][0-9]?)|([\s\S]?))/g;

/** What is wrong with the template, or undefined. */
export function replacementFault(template: string, pattern: RegExp): string | undefined {
  // An expression that also matches nothing tells of all its groups.
  const groups = new RegExp(`${pattern.source}|`, pattern.flags.replace('g', '')).exec('');
  const numbered = (groups?.length ?? 1) - 1;
  for (const [part, name, digits, letter] of template.matchAll(PART)) {
    const group = name ?? digits;
    if (group !== undefined) {
      const known = /^\d+$/.test(group) ? Number(group) <= numbered : group in (groups?.groups ?? {});
      if (!known) return `${part} stands for a group that regexp has not got`;
    } else if (letter === '' || (/[A-Za-z0-9]/.test(letter ?? '') && ESCAPES[letter ?? ''] === undefined)) {
      return `${part} has no meaning; a backslash is written as \\\\`;
    }
  }
  return undefined;
}

/** `match`: the arguments of a replacer of String.replaceAll. Groups that took no part are empty. */
export function expandReplacement(template: string, match: readonly unknown[]): string {
  const last = match.at(-1);
  const named = typeof last === 'object' && last !== null ? new Map(Object.entries(last)) : new Map();
  return template.replace(PART, (part, name?: string, digits?: string, letter?: string) => {
    const group = name ?? digits;
    if (group === undefined) return ESCAPES[letter ?? ''] ?? part;
    const value: unknown = /^\d+$/.test(group) ? match[Number(group)] : named.get(group);
    return typeof value === 'string' ? value : '';
  });
}
