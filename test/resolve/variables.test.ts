import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { RenderError } from '../../src/render/template.ts';
import { type Files, prepareProject, problemsOf, scopeOf, tasksOf } from './support/project.ts';

/** Where a variable can be set, from the lowest to the highest, as docs/variables.md has them. */
const RUNGS: readonly (readonly [name: string, set: (project: Project, value: string) => void])[] = [
  ['defaults of another role', inFile('roles/other/defaults/main.yml')],
  ['defaults of the role', inFile('roles/own/defaults/main.yml')],
  ['the inventory, for all', inPlaceOf('hosts/hosts.yml', 'OF_ALL')],
  ['the inventory, for the group', inPlaceOf('hosts/hosts.yml', 'OF_GROUP')],
  ['group_vars/all beside the inventory', inFile('hosts/group_vars/all.yml')],
  ['group_vars/all beside the playbook', inFile('group_vars/all.yml')],
  ['group_vars beside the inventory', inFile('hosts/group_vars/web.yml')],
  ['group_vars beside the playbook', inFile('group_vars/web.yml')],
  ['the inventory, for the host', inPlaceOf('hosts/hosts.yml', 'OF_HOST')],
  ['host_vars beside the inventory', inFile('hosts/host_vars/web-1.yml')],
  ['host_vars beside the playbook', inFile('host_vars/web-1.yml')],
  ['vars of the play', inPlaceOf('plays.yml', 'OF_PLAY')],
  ['vars of import_playbook', inPlaceOf('site.yml', 'OF_IMPORT')],
  [
    'vars_prompt',
    ({ files }, value) => {
      const prompts = `vars_prompt: [{name: x, default: "${value}"}]`;
      files['plays.yml'] = (files['plays.yml'] ?? '').replace('vars_prompt: []', prompts);
    },
  ],
  ['the first of vars_files', inFile('first.yml')],
  ['the last of vars_files', inFile('last.yml')],
  ['vars of another role', inFile('roles/other/vars/main.yml')],
  ['vars of the role', inFile('roles/own/vars/main.yml')],
  ['vars of the block, or of an import', inPlaceOf('roles/own/tasks/in.yml', 'OF_BLOCK')],
  ['vars of the task', inPlaceOf('roles/own/tasks/in.yml', 'OF_TASK')],
  [
    'include_vars',
    ({ included }, value) => {
      included.x = value;
    },
  ],
  [
    'set_fact and register',
    ({ results }, value) => {
      results.x = value;
    },
  ],
  ['parameters of the role', inPlaceOf('plays.yml', 'PARAMETER')],
  ['vars of includes', inPlaceOf('roles/own/tasks/main.yml', 'OF_INCLUDE')],
  [
    '-e',
    ({ extra }, value) => {
      extra.push(`x="${value}"`);
    },
  ],
  [
    'a later -e',
    ({ extra }, value) => {
      extra.push(JSON.stringify({ x: value }));
    },
  ],
];

interface Project {
  readonly files: Record<string, string>;
  readonly results: Record<string, unknown>;
  readonly included: Record<string, unknown>;
  readonly extra: string[];
}

function newProject(): Project {
  const files = {
    'site.yml': '- {import_playbook: plays.yml, vars: {OF_IMPORT: 1}}\n',
    'plays.yml': `
- hosts: web
  vars: {OF_PLAY: 1}
  vars_prompt: []
  vars_files: [first.yml, last.yml]
  roles:
    - other
    - {role: own, PARAMETER: 1}
`,
    'first.yml': '{}',
    'last.yml': '{}',
    'hosts/hosts.yml':
      'all: {vars: {OF_ALL: 1}, children: {web: {vars: {OF_GROUP: 1}, hosts: {web-1: {OF_HOST: 1}}}}}',
    'roles/other/tasks/main.yml': '- ping:',
    'roles/own/tasks/main.yml': '- {include_tasks: in.yml, vars: {OF_INCLUDE: 1}}',
    'roles/own/tasks/in.yml': '- {block: [{ping: , vars: {OF_TASK: 1}}], vars: {OF_BLOCK: 1}}',
  };
  return { files, results: {}, included: {}, extra: [] };
}

function inFile(path: string): (project: Project, value: string) => void {
  return ({ files }, value) => {
    files[path] = `x: ${value}`;
  };
}

function inPlaceOf(path: string, mark: string): (project: Project, value: string) => void {
  return ({ files }, value) => {
    files[path] = (files[path] ?? '').replace(`${mark}: 1`, `x: ${JSON.stringify(value)}`);
  };
}

describe('of two that set a variable', () => {
  it.each(RUNGS.slice(1).map(([name], index) => [name, RUNGS[index]?.[0] ?? '', index + 1] as const))(
    '%s wins over %s',
    (higher, lower, index) => {
      expect(winnerOf(RUNGS.slice(index - 1, index + 1))).toBe(higher);
      expect(winnerOf(RUNGS.slice(index - 1, index))).toBe(lower);
    },
  );

  it('the highest wins over all', () => {
    expect(winnerOf(RUNGS)).toBe('a later -e');
  });

  it('each rung has a row in docs/variables.md, the highest first', () => {
    const docs = readFileSync(new URL('../../docs/variables.md', import.meta.url), 'utf8');
    const rows = [...docs.matchAll(/^\| \d+ \| (.*?) \|/gm)].map(([, row]) => row);
    expect(rows).toEqual(RUNGS.map(([name]) => name).reverse());
  });

  function winnerOf(rungs: typeof RUNGS): unknown {
    const project = newProject();
    for (const [name, set] of rungs) set(project, name);
    const prepared = prepareProject(project.files, { inventory: 'hosts/hosts.yml', extra: project.extra });
    const include = tasksOf(prepared).find((each) => each.role?.role.name === 'own')?.include;
    const [task] = include?.load({ kind: 'tasks', file: 'in.yml' }).list.tasks ?? [];
    return scopeOf(prepared, task, project).get('x');
  }
});

describe('magic variables', () => {
  const files: Files = {
    'site.yml': '- name: a play\n  hosts: web\n  roles: [own]\n  tasks:\n    - ping:\n      loop: [a]\n',
    'hosts.yml': 'web: {hosts: {web-1.example.org: {inventory_hostname: not this}, web-2: }}\n',
    'roles/own/tasks/main.yml': '- ping:\n',
  };

  it('tell about the host, the play and the role, and cannot be set', () => {
    const prepared = prepareProject(files);
    const [own, last] = tasksOf(prepared);
    const scope = scopeOf(prepared, own, { host: 'web-1.example.org' });
    const names = [
      'inventory_hostname',
      'inventory_hostname_short',
      'group_names',
      'groups',
      'ansible_check_mode',
    ];
    expect(names.map((name) => scope.get(name))).toEqual([
      'web-1.example.org',
      'web-1',
      ['web'],
      { all: ['web-1.example.org', 'web-2'], ungrouped: [], web: ['web-1.example.org', 'web-2'] },
      false,
    ]);
    expect([scope.get('ansible_play_name'), scope.get('ansible_play_hosts'), scope.get('role_name')]).toEqual(
      ['a play', ['web-1.example.org', 'web-2'], 'own'],
    );
    expect(String(scope.get('role_path'))).toBe(`${scope.get('playbook_dir')}/roles/own`);
    expect(scopeOf(prepared, last).has('role_name')).toBe(false);
  });

  it('say whether only differences are looked for', () => {
    const prepared = prepareProject(files, { mode: 'check' });
    expect(scopeOf(prepared, undefined).get('ansible_check_mode')).toBe(true);
  });
});

describe('templates in variables', () => {
  it('are rendered when a task asks, with what that task sees', () => {
    const prepared = prepareProject({
      'site.yml': `
- hosts: all
  vars:
    url: "http://{{inventory_hostname}}:{{port}}/"
    port: 80
    ports: ["{{port}}", 443]
    broken_but_unused: "{{nothing}}"
  tasks:
    - ping:
    - ping:
      vars: {port: 8080}
`,
    });
    const [first, second] = tasksOf(prepared);
    expect(scopeOf(prepared, first).get('url')).toBe('http://web-1:80/');
    expect(scopeOf(prepared, second, { host: 'web-2' }).get('url')).toBe('http://web-2:8080/');
    expect(scopeOf(prepared, first).get('ports')).toEqual([80, 443]);
    expect(() => scopeOf(prepared, first).get('broken_but_unused')).toThrow(RenderError);
  });

  it('are not looked for in what a host said', () => {
    const prepared = prepareProject({
      'site.yml': '- hosts: all\n  vars: {copy: "{{said}}"}\n  tasks: [{ping: }]\n',
    });
    const [task] = tasksOf(prepared);
    const said = { stdout: '{{inventory_hostname}}' };
    expect(scopeOf(prepared, task, { results: { said } }).get('copy')).toBe(said);
  });

  it('may be switched off with !unsafe', () => {
    const prepared = prepareProject({
      'site.yml':
        '- hosts: all\n  vars: {text: !unsafe "{{x}}", more: {deep: [!unsafe "{% y %}"]}}\n  tasks: [{ping: }]\n',
    });
    const [task] = tasksOf(prepared);
    expect(scopeOf(prepared, task).get('text')).toBe('{{x}}');
    expect(scopeOf(prepared, task).get('more')).toEqual({ deep: ['{% y %}'] });
  });

  it('that need themselves are told before and stop a run', () => {
    const files = {
      'site.yml': '- hosts: all\n  vars: {a: "{{b}}", b: "{{a}}"}\n  tasks: [{debug: {msg: "{{a}}"}}]\n',
    };
    expect(problemsOf(files)).toEqual(['variable-loop 2: a needs b needs a']);
  });
});

describe("a role's variables", () => {
  const role: Files = {
    'roles/links/meta/variables.schema.json': JSON.stringify({
      type: 'object',
      required: ['links_list'],
      properties: {
        links_list: {
          type: 'array',
          items: {
            type: 'object',
            properties: { name: { type: 'string' }, optional: { type: 'boolean', default: false } },
          },
        },
        links_port: { type: 'integer' },
      },
    }),
    'roles/links/defaults/main.yml': 'links_port: 80\n',
    'roles/links/vars/main.yml': 'links_names: "{{pluck links_list \'name\'}}"\n',
    'roles/links/templates/a.hbs':
      '{{#each links_list as |l|}}{{l.name}} {{l.optional}};{{/each}}{{links_port}}\n',
    'roles/links/tasks/main.yml':
      '- template: {src: a.hbs, dest: /etc/a}\n- debug: {msg: "{{links_names}}"}\n',
  };
  const play = (vars: string) => `- hosts: all\n  vars: ${vars}\n  roles: [links]\n  tasks: [{ping: }]\n`;

  it('have the defaults of its schema, for its own tasks', () => {
    const prepared = prepareProject({
      ...role,
      'site.yml': play('{links_list: [{name: a}, {name: b, optional: true}]}'),
    });
    const [own, , ping] = tasksOf(prepared);
    expect(prepared.plays[0]?.files.render('a.hbs', own?.role, scopeOf(prepared, own))).toBe(
      'a false;b true;80\n',
    );
    expect(scopeOf(prepared, ping).get('links_list')).toEqual([{ name: 'a' }, { name: 'b', optional: true }]);
  });

  it('may be of its own making, and then are in no schema', () => {
    expect(problemsOf({ ...role, 'site.yml': play('{links_list: [{name: a}]}') })).toEqual([]);
  });

  it('are checked once their templates are rendered', () => {
    const files = { ...role, 'site.yml': play('{links_list: [], links_port: "{{p}}", p: "http"}') };
    expect(problemsOf(files)).toEqual(['role-variable 2: "http" is not a whole number']);
  });

  it('that depend on facts are not wrong yet', () => {
    const files = { ...role, 'site.yml': play('{links_list: "{{facts.interfaces}}"}') };
    expect(problemsOf(files)).toEqual([]);
  });
});
