// docs/modules.md is what the schemas say, for people. To renew it: npx vitest run --project unit test/docs/modules.test.ts -u
import { expect, it } from 'vitest';
import type { PropertySchema } from '../../src/modules/module.ts';
import { findModule, moduleNames } from '../../src/modules/registry.ts';

const HEAD = `# Modules

Arguments, with the type or the values they take, the default in brackets. **Bold** ones are required. A module's name may
be written with \`ansible.builtin.\` in front. Any text may be a template; conditions are CEL.
`;

it('docs/modules.md lists every module with every argument as its schema has them', async () => {
  const text = [HEAD, ...moduleNames().map(moduleText)].join('\n');
  await expect(text).toMatchFileSnapshot('../../docs/modules.md');
});

it('every argument of every module is described', () => {
  const silent = moduleNames().flatMap((name) =>
    Object.entries(findModule(name)?.schema.properties ?? {})
      .filter(([, property]) => property.description.length < 4)
      .map(([argument]) => `${name}.${argument}`),
  );
  expect(silent).toEqual([]);
});

function moduleText(name: string): string {
  const module = findModule(name);
  if (module === undefined) return '';
  const { properties, required = [] } = module.schema;
  const freeForm = module.freeForm === undefined ? '' : ` A bare text is \`${module.freeForm}\`.`;
  const rows = Object.entries(properties).map(([argument, property]) => {
    const shown = required.includes(argument) ? `**${argument}**` : argument;
    return `| ${shown} | ${typeText(property)} | ${property.description.replaceAll('|', '\\|')} |`;
  });
  const table = rows.length === 0 ? [] : ['| argument | value | meaning |', '|---|---|---|', ...rows, ''];
  return [`## ${name}`, '', `${module.summary}${freeForm}`, '', ...table].join('\n');
}

function typeText(property: PropertySchema): string {
  const fallback = property.default === undefined ? '' : ` [${JSON.stringify(property.default)}]`;
  if (property.condition === true) return `condition${fallback}`;
  if (Array.isArray(property.enum)) return `${property.enum.map(String).join(', ')}${fallback}`;
  return `${types(property).join(' or ') || 'anything'}${fallback}`;
}

function types(schema: Readonly<Record<string, unknown>>): readonly string[] {
  if (Array.isArray(schema.anyOf)) return [...new Set(schema.anyOf.flatMap(types))];
  const names: Readonly<Record<string, string>> = {
    string: 'text',
    integer: 'whole number',
    number: 'number',
    boolean: 'true or false',
    array: 'list',
    object: 'mapping',
  };
  return [schema.type ?? []].flat().map((type) => names[String(type)] ?? String(type));
}
