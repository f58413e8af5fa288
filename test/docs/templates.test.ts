import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import {
  condition,
  conditionProblems,
  nameProblems,
  partialsOf,
  render,
  scopeOf,
  syntaxProblems,
  template,
} from '../render/support/rendering.ts';
import { prepareProject, scopeOf as taskScope } from '../resolve/support/project.ts';
import { type Block, sectionOf } from './support/markdown.ts';

const VALUES = {
  links: [{ device: 'eth0' }, { device: 'eth1' }],
  names: ['a', 'b'],
  vlan: null,
  on: true,
  port: 80,
};

describe('templates in docs/templates.md', () => {
  const examples = ['Names', 'Values', 'Partials'].flatMap((heading) =>
    groupsOf(sectionOf('templates.md', heading).blocks),
  );

  it.each(examples.filter(({ template: text }) => text !== undefined))(
    '$template gives what it gives there',
    (example) => {
      const variables = parse(example.yaml) as Record<string, unknown>;
      const partials = partialsOf(example.partials);
      expect(nameProblems(example.template ?? '', variables, { partials })).toEqual([]);
      expect(render(example.template ?? '', variables, partials)).toBe(example.text);
    },
  );

  it('values keep their types', () => {
    const { yaml = '', json = '' } = groupsOf(sectionOf('templates.md', 'Values').blocks)[0] ?? {};
    const vars = yaml.replace(/^/gm, '    ');
    const prepared = prepareProject({ 'site.yml': `- hosts: all\n  vars:\n${vars}\n  tasks: [{ping: }]\n` });
    const scope = taskScope(prepared, undefined);
    const expected = JSON.parse(json) as Record<string, unknown>;
    expect(Object.fromEntries(Object.keys(expected).map((name) => [name, scope.get(name)]))).toEqual(
      expected,
    );
  });

  it.each(sectionOf('templates.md', 'Helpers').rows)(
    '%s: %s: %s is %s',
    (_helper, _gives, example, value) => {
      expect(nameProblems(example ?? '', VALUES)).toEqual([]);
      expect(render(example ?? '', VALUES)).toBe(value);
    },
  );

  it.each(sectionOf('templates.md', 'From Jinja').rows)('%s is told from %s', (jinja, ours) => {
    expect(syntaxProblems(jinja ?? '')).toHaveLength(1);
    const partials = partialsOf({ head: 'x' });
    expect(nameProblems(ours ?? '', VALUES, { partials })).toEqual([]);
    expect(template(ours ?? '', partials).render(scopeOf(VALUES))).not.toBe('');
  });
});

describe('conditions in docs/templates.md', () => {
  const result = { changed: true, failed: false, skipped: false, rc: 0, stdout: 'x' };
  const { vlan: _, ...others } = VALUES;
  const values = { ...others, result, text: 'web', facts: { kernel: { release: '6.1.0-13' } } };
  const { rows } = sectionOf('templates.md', 'Conditions');

  it.each(rows.filter((row) => row.length === 2))('%s is told from %s', (theirs, ours) => {
    expect(conditionProblems(theirs ?? '', values)).toHaveLength(1);
    expect(conditionProblems(ours ?? '', values)).toEqual([]);
    expect(typeof condition(ours ?? '').value(scopeOf(values))).toBe('boolean');
  });

  it.each(rows.filter((row) => row.length === 3))('%s: %s is %s', (_name, example, value) => {
    expect(condition(example ?? '').value(scopeOf(values))).toEqual(JSON.parse(value ?? ''));
  });
});

interface Example {
  readonly yaml: string;
  readonly template: string | undefined;
  readonly partials: Readonly<Record<string, string>>;
  readonly text: string | undefined;
  readonly json: string | undefined;
}

/** Each YAML block with what follows it up to the next. */
function groupsOf(blocks: readonly Block[]): readonly Example[] {
  const starts = blocks.flatMap((block, index) => (block.language === 'yaml' ? [index] : []));
  return starts.map((start, index) => {
    const group = blocks.slice(start, starts[index + 1]);
    const textOf = (language: string) =>
      group.find((block) => block.language === language && block.title === '')?.text;
    const partials = group.filter((block) => block.language === 'handlebars' && block.title !== '');
    return {
      yaml: textOf('yaml') ?? '',
      template: textOf('handlebars'),
      partials: Object.fromEntries(partials.map(({ title, text }) => [title, text])),
      text: textOf('text'),
      json: textOf('json'),
    };
  });
}
