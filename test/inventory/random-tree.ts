// Random trees of groups, hosts and variables, and the two ways to write one down: INI and YAML.
import fc from 'fast-check';
import { stringify } from 'yaml';

type Values = Readonly<Record<string, unknown>>;

export interface RandomGroup {
  readonly name: string;
  readonly hosts: readonly string[];
  /** Always later in the list of groups, so that there are no loops. */
  readonly children: readonly string[];
  readonly priority: number | undefined;
  readonly variables: Values;
  readonly fileVariables: Values | undefined;
}

export interface RandomTree {
  readonly groups: readonly RandomGroup[];
  readonly hosts: readonly { readonly name: string; readonly variables: Values }[];
  readonly isFlat: boolean;
}

const GROUP_NAMES = ['web', 'db', 'eu-west', 'a', 'zone.1', 'All', '_x'] as const;
export const HOST_NAMES = ['h1', 'h2', 'web-1.example.org', '192.0.2.9', 'n', 'Z9'] as const;

const text = fc.oneof(
  fc.stringMatching(/^[a-z]{1,6}$/),
  fc.constantFrom(
    'yes',
    'True',
    '010',
    '1.5',
    'a b',
    "it's",
    '"q"',
    'x # y',
    '{{ z }}',
    '',
    'é☃',
    'a\\b',
    '12:30',
  ),
);
const leaf = fc.oneof(
  text,
  fc.integer({ min: -9999, max: 9999 }),
  fc.integer({ min: -99, max: 99 }).map((n) => n / 4),
  fc.boolean(),
  fc.constant(null),
);
const value = fc.oneof(
  { weight: 4, arbitrary: leaf },
  { weight: 1, arbitrary: fc.array(leaf, { maxLength: 3 }) },
  { weight: 1, arbitrary: fc.dictionary(fc.constantFrom('k', 'l', 'm'), leaf, { noNullPrototype: true }) },
);
const values = fc.dictionary(fc.constantFrom('v', 'w', 'u'), value, { maxKeys: 3, noNullPrototype: true });

export const randomTree: fc.Arbitrary<RandomTree> = fc.boolean().chain((isFlat) =>
  fc.record({
    isFlat: fc.constant(isFlat),
    hosts: fc
      .subarray([...HOST_NAMES], { minLength: 1 })
      .chain((names) =>
        fc.tuple(...names.map((name) => fc.record({ name: fc.constant(name), variables: values }))),
      ),
    groups: fc.shuffledSubarray([...GROUP_NAMES], { minLength: 1 }).chain((names) =>
      fc.tuple(
        ...names.map((name, index) =>
          fc.record({
            name: fc.constant(name as string),
            hosts: fc.shuffledSubarray([...HOST_NAMES] as string[], { maxLength: 3 }),
            children: isFlat
              ? fc.constant([] as string[])
              : fc.shuffledSubarray(names.slice(index + 1) as string[], {
                  maxLength: Math.min(2, names.length - index - 1),
                }),
            priority: fc.option(fc.integer({ min: -2, max: 12 }), { nil: undefined, freq: 3 }),
            variables: values,
            fileVariables: fc.option(values, { nil: undefined, freq: 4 }),
          }),
        ),
      ),
    ),
  }),
);

export function iniForm({ groups, hosts }: RandomTree): string {
  const lines = hosts.map(({ name, variables }) =>
    [
      name,
      ...Object.entries(variables).map(([key, each]) => `${key}=${shellWord(pythonLiteral(each))}`),
    ].join(' '),
  );
  for (const { name, children } of groups)
    if (children.length > 0) lines.push(`[${name}:children]`, ...children);
  for (const { name, hosts: own, priority, variables } of groups) {
    lines.push(`[${name}]`, ...own, `[${name}:vars]`);
    if (priority !== undefined) lines.push(`ansible_group_priority=${priority}`);
    lines.push(...Object.entries(variables).map(([key, each]) => `${key} = ${pythonLiteral(each)}`));
  }
  return `${lines.join('\n')}\n`;
}

export function yamlForm({ groups, hosts }: RandomTree): string {
  const entries = groups.map(({ name, hosts: own, children, priority, variables }) => [
    name,
    {
      hosts: nulls(own),
      children: nulls(children),
      vars: { ...variables, ...(priority !== undefined && { ansible_group_priority: priority }) },
    },
  ]);
  const listed = Object.fromEntries(hosts.map((host) => [host.name, host.variables]));
  const tree = { all: { hosts: listed }, ...Object.fromEntries(entries) };
  return stringify(tree, { version: '1.1', aliasDuplicateObjects: false });
}

export function variablesFile(variables: Values): string {
  return stringify(variables, { version: '1.1', aliasDuplicateObjects: false });
}

function nulls(names: readonly string[]): Readonly<Record<string, null>> {
  return Object.fromEntries(names.map((name) => [name, null]));
}

function pythonLiteral(literal: unknown): string {
  if (literal === null) return 'None';
  if (typeof literal === 'boolean') return literal ? 'True' : 'False';
  if (typeof literal === 'string') return JSON.stringify(literal);
  if (Array.isArray(literal)) return `[${literal.map(pythonLiteral).join(', ')}]`;
  if (typeof literal === 'object') {
    return `{${Object.entries(literal)
      .map(([key, each]) => `'${key}': ${pythonLiteral(each)}`)
      .join(', ')}}`;
  }
  return String(literal);
}

function shellWord(word: string): string {
  return `'${word.replaceAll("'", `'"'"'`)}'`;
}
