// Arguments by their other names: those that Ansible documents, and what becomes of them.
import { spawnSync } from 'node:child_process';
import { describe, expect, it, test } from 'vitest';
import { Problems } from '../../src/diagnostic.ts';
import { fixedOrigin } from '../../src/load/source.ts';
import { findModule, moduleNames } from '../../src/modules/registry.ts';
import { withRealNames } from '../../src/resolve/argument-aliases.ts';
import { runPlaybook } from '../support/playbook-run.ts';

const NOWHERE = fixedOrigin({ file: 'x', line: 1, column: 1, length: 1, lineText: '' });

const ALIASES = moduleNames().flatMap((name) =>
  Object.entries(findModule(name)?.schema.properties ?? {}).flatMap(([argument, { aliases = [] }]) =>
    aliases.map((alias) => ({ name, argument, alias })),
  ),
);

describe('another name of an argument', () => {
  test.each(ALIASES)('$alias of $name is $argument', ({ name, argument, alias }) => {
    const problems = new Problems();
    const module = findModule(name) ?? expect.unreachable();
    const { value } = withRealNames(module, { value: { [alias]: 7, x: 1 }, origin: NOWHERE }, problems);
    expect(value).toEqual({ [argument]: 7, x: 1 });
    expect(problems.list).toEqual([]);
  });

  it('is never the name of another argument of the module, or of two', () => {
    for (const name of moduleNames()) {
      const own = ALIASES.filter((each) => each.name === name).map(({ alias }) => alias);
      const all = [...own, ...Object.keys(findModule(name)?.schema.properties ?? {})];
      expect(all).toEqual([...new Set(all)]);
    }
  });

  it('leaves arguments alone that go by their own', () => {
    const args = { value: { path: '/etc/motd' }, origin: NOWHERE };
    expect(withRealNames(findModule('file') ?? expect.unreachable(), args, new Problems())).toBe(args);
  });

  it('reaches the host', async () => {
    const { events } = await runPlaybook(`
- hosts: all
  gather_facts: false
  tasks:
    - stat: { dest: /etc/passwd }
      register: found
    - slurp: { path: "{{found.stat.path}}" }
`);
    const outcomes = events.flatMap((event) => (event.kind === 'task-finished' ? [event.outcome] : []));
    expect(outcomes.map(({ status }) => status)).toEqual(['ok', 'ok']);
    expect(outcomes[1]?.fields.source).toBe('/etc/passwd');
  });
});

/** What `ansible-doc` has of modules of the same name. */
function ansibleDoc(): Readonly<
  Record<string, { doc: { options?: Record<string, { aliases?: string[] }> } }>
> {
  const { status, stdout } = spawnSync('ansible-doc', ['--json', ...moduleNames()], { encoding: 'utf8' });
  return status === null ? {} : JSON.parse(stdout || '{}');
}

/** Both an argument of its own and another name of one, as it always was here. */
const OWN_ARGUMENTS = ['assert.msg'];

test('all of them that Ansible documents for arguments that are here, and no others', ({ skip }) => {
  const documented = ansibleDoc();
  if (Object.keys(documented).length === 0) skip('ansible-doc is not here');
  const theirs = Object.entries(documented).flatMap(([name, { doc }]) =>
    Object.entries(doc.options ?? {}).flatMap(([argument, { aliases = [] }]) =>
      Object.hasOwn(findModule(name)?.schema.properties ?? {}, argument)
        ? aliases.map((alias) => `${name}.${alias}: ${argument}`)
        : [],
    ),
  );
  expect(theirs.length).toBeGreaterThan(25);
  const ours = ALIASES.filter(({ name }) => Object.hasOwn(documented, name));
  expect(ours.map(({ name, alias, argument }) => `${name}.${alias}: ${argument}`).sort()).toEqual(
    theirs.filter((each) => !OWN_ARGUMENTS.includes(each.split(':')[0] ?? '')).sort(),
  );
});
