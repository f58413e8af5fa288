// docs/modules.md is what the schemas say, for people. To renew it: npx vitest run --project unit test/docs/modules.test.ts -u
import { expect, it } from 'vitest';
import { moduleExamples } from '../../src/modules/examples.ts';
import { findModule, moduleNames } from '../../src/modules/registry.ts';
import { meaningText, valueText } from '../../src/report/argument-text.ts';

const HEAD = `# Modules

Arguments, with the type or the values they take, the default in brackets. **Bold** ones are required. A module's name may
be written with \`ansible.builtin.\` in front. Any text may be a template; conditions are CEL.
\`fairlead doc MODULE\` says the same at a terminal.
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
    return `| ${shown} | ${valueText(property)} | ${meaningText(property).replaceAll('|', '\\|')} |`;
  });
  const table = rows.length === 0 ? [] : ['| argument | value | meaning |', '|---|---|---|', ...rows, ''];
  const fields = Object.entries(module.returns ?? {}).map(([field, meaning]) => `\`${field}\`: ${meaning}`);
  const returns = fields.length === 0 ? [] : ['Returns', '', ...fields.map((each) => `- ${each}`), ''];
  const examples = ['```yaml', `${moduleExamples(name) ?? ''}\`\`\``, ''];
  return [`## ${name}`, '', `${module.summary}${freeForm}`, '', ...table, ...returns, ...examples].join('\n');
}
