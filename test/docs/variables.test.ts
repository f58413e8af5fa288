import { describe, expect, it } from 'vitest';
import { factsShape } from '../../src/host/facts/facts.ts';
import { ANSIBLE_FACTS } from '../../src/render/unknown-name.ts';
import { prepareProject, tasksOf } from '../resolve/support/project.ts';
import { runInFolder } from './support/command.ts';
import { sectionOf, sectionsOf } from './support/markdown.ts';

describe('docs/variables.md', () => {
  const examples = sectionsOf('variables.md').filter(({ blocks }) => blocks.length > 0);

  it.each(examples.map((section) => [section.heading, section.blocks] as const))(
    'the example of "%s" does what it says there',
    async (_, blocks) => {
      const command = blocks.find((block) => block.language === 'sh')?.text ?? '';
      const expected = blocks.find((block) => block.language === 'text')?.text;
      const { status, out, err } = await runInFolder(blocks, command);
      expect({ status, err }).toEqual({ status: 0, err: '' });
      expect(out).toContain(expected);
    },
  );

  it('names every variable that is always there', () => {
    const rows = sectionOf('variables.md', 'Names that are always there').rows.map(([name]) => name);
    const prepared = prepareProject({
      'site.yml': '- hosts: all\n  roles: [own]\n',
      'roles/own/tasks/main.yml': '- debug: {msg: "{{item}}"}\n  loop: [1]\n',
    });
    const [task] = tasksOf(prepared);
    const scope = prepared.plays[0]?.scopes.scope(
      'web-1',
      task,
      { facts: { kind: 'any' }, results: new Map(), pending: new Set() },
      { values: new Map([['item', 1]]) },
    );
    expect(rows.sort()).toEqual([...(scope?.names() ?? [])].sort());
  });

  it("has Ansible's names of facts, and ours are there", () => {
    const rows = sectionOf('variables.md', 'Facts').rows.map(([theirs, ours]) => [theirs, ours]);
    expect(rows).toEqual([...ANSIBLE_FACTS]);
    for (const ours of ANSIBLE_FACTS.values()) {
      const keys = ours.split('.').slice(1);
      const found = keys.reduce<unknown>((shape, key) => (shape as Record<string, unknown>)[key], factsShape);
      expect(found, ours).toBeDefined();
    }
  });
});
