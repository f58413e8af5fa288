import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Problems } from '../../src/diagnostic.ts';
import { findRole, loadRole, loadVariablesFile } from '../../src/load/role.ts';
import { writeProject } from '../resolve/support/project.ts';

describe("a role's folder", () => {
  it('is read as Ansible lays it out', () => {
    const folder = writeProject({
      'defaults/main.yml': 'port: 80\n',
      'vars/main.yaml': 'user: www\n',
      'tasks/main.yml': '- ping:\n- command: uptime\n',
      'handlers/main.yml': '- {name: restart, ping: }\n',
      'meta/main.yml': 'galaxy_info: {author: me}\ndependencies: [base, {role: net, port: 1}]\n',
      'meta/variables.schema.json': '{"type": "object", "properties": {"port": {"type": "integer"}}}',
    });
    const problems = new Problems();
    const role = loadRole('web', folder, problems);
    expect(problems.list).toEqual([]);
    expect([role.name, role.folder]).toEqual(['web', folder]);
    expect([role.defaults.get('port')?.value, role.vars.get('user')?.value]).toEqual([80, 'www']);
    expect(role.tasks.map((task) => task.kind === 'task' && task.module.value)).toEqual(['ping', 'command']);
    expect(role.handlers.map((task) => task.kind === 'task' && task.name?.value)).toEqual(['restart']);
    expect(role.dependencies.map(({ name, parameters }) => [name.value, [...parameters.keys()]])).toEqual([
      ['base', []],
      ['net', ['port']],
    ]);
    expect(role.variablesSchema).toMatchObject({ type: 'object' });
  });

  it('may hold next to nothing', () => {
    const problems = new Problems();
    const role = loadRole('empty', writeProject({ 'tasks/main.yml': '' }), problems);
    expect(problems.list).toEqual([]);
    expect([role.tasks, role.dependencies, role.variablesSchema, role.defaults.size]).toEqual([
      [],
      [],
      undefined,
      0,
    ]);
  });

  it('is looked for in one place after the other', () => {
    const folder = writeProject({ 'a/web/x': '', 'b/web/x': '', 'b/db/x': '' });
    const places = [join(folder, 'a'), join(folder, 'b')];
    expect(findRole('web', places)).toBe(join(folder, 'a/web'));
    expect(findRole('db', places)).toBe(join(folder, 'b/db'));
    expect(findRole('mail', places)).toBeUndefined();
  });
});

describe('a file of variables', () => {
  it('is YAML as Ansible reads it', () => {
    const folder = writeProject({ 'vars.yml': 'on_boot: yes\nmode: 0644\ntext: "yes"\n' });
    const variables = loadVariablesFile(join(folder, 'vars.yml'), new Problems());
    expect([...variables].map(([name, { value }]) => [name, value])).toEqual([
      ['on_boot', true],
      ['mode', 0o644],
      ['text', 'yes'],
    ]);
  });

  it('need not be there', () => {
    expect(loadVariablesFile(undefined, new Problems()).size).toBe(0);
  });
});
