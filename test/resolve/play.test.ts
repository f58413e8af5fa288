import { describe, expect, it } from 'vitest';
import { isSelected } from '../../src/resolve/tags.ts';
import { type Files, prepareProject, problemsOf, scopeOf, tasksOf } from './support/project.ts';

/** A role whose one task is called as the role is. */
function role(name: string, more: Files = {}): Files {
  const own = Object.entries(more).map(([file, text]) => [`roles/${name}/${file}`, text]);
  return { [`roles/${name}/tasks/main.yml`]: `- name: ${name}\n  ping:\n`, ...Object.fromEntries(own) };
}

function titles(files: Files, options = {}): readonly string[] {
  const prepared = prepareProject(files, options);
  return tasksOf(prepared).map((task) =>
    String(task.name?.evaluate(scopeOf(prepared, task)) ?? task.module.name),
  );
}

describe('the tasks of a play', () => {
  it('come from pre_tasks, roles, tasks and post_tasks, in that order', () => {
    const files = {
      ...role('web'),
      'site.yml': `
- hosts: all
  post_tasks: [{name: post, ping: }]
  tasks: [{name: task, ping: }]
  roles: [web]
  pre_tasks: [{name: pre, ping: }]
`,
    };
    expect(titles(files)).toEqual(['pre', 'web', 'task', 'post']);
  });

  it('take over what the play and the role say, unless they say it themselves', () => {
    const files = {
      ...role('web', {
        'tasks/main.yml':
          '- ping:\n- {ping: , become_user: app, when: c, tags: [own], ignore_errors: false}\n',
      }),
      'site.yml': `
- hosts: all
  vars: {a: true, b: true, c: true}
  become: true
  become_user: root
  when: a
  tags: [play]
  ignore_errors: true
  check_mode: true
  timeout: 5
  no_log: true
  environment: {A: 1}
  roles:
    - {role: web, when: b, tags: role, become_user: www}
`,
    };
    const [first, second] = tasksOf(prepareProject(files));
    const summary = [first, second].map((task) => ({
      when: task?.when.map((test) => (typeof test === 'boolean' ? test : test.text)),
      user: task?.become.user,
      tags: [...(task?.tags ?? [])],
      onFailure: task?.onFailure,
      others: [task?.become.become, task?.checkMode, task?.timeoutMs, task?.noLog, task?.environment.length],
    }));
    const others = [true, true, 5000, true, 1];
    expect(summary).toEqual([
      { when: ['a', 'b'], user: 'www', tags: ['play', 'role'], onFailure: 'continue', others },
      { when: ['a', 'b', 'c'], user: 'app', tags: ['play', 'role', 'own'], onFailure: 'stop-host', others },
    ]);
  });
});

describe('roles', () => {
  it('run after those they depend on, each once', () => {
    const files = {
      ...role('base'),
      ...role('net', { 'meta/main.yml': 'dependencies: [base]' }),
      ...role('web', { 'meta/main.yml': 'dependencies:\n  - role: net\n  - base\n' }),
      'site.yml': '- hosts: all\n  roles: [web, net, base]\n',
    };
    expect(titles(files)).toEqual(['base', 'net', 'web']);
  });

  it('run again with other parameters', () => {
    const files = {
      ...role('port', {
        'tasks/main.yml': '- name: "port {{number}}"\n  ping:\n',
        'defaults/main.yml': 'number: 80',
      }),
      ...role('web', { 'meta/main.yml': 'dependencies: [{role: port, number: 443}]' }),
      'site.yml': `
- hosts: all
  roles: [port, web, {role: port, number: 443}, {role: port, vars: {number: 8080}}, port]
`,
    };
    expect(titles(files)).toEqual(['port 80', 'port 443', 'web', 'port 8080']);
  });

  it('pass conditions and tags on to what they depend on', () => {
    const files = {
      ...role('base'),
      ...role('web', { 'meta/main.yml': 'dependencies: [{role: base, tags: dep}]' }),
      'site.yml': '- hosts: all\n  vars: {on: true}\n  roles: [{role: web, when: on, tags: [web]}]\n',
    };
    const [base] = tasksOf(prepareProject(files));
    expect([...(base?.tags ?? [])]).toEqual(['web', 'dep']);
    expect(base?.when).toHaveLength(1);
  });

  it('see the variables of all roles of the play, of two the later one', () => {
    const files = {
      ...role('one', { 'defaults/main.yml': 'x: 1\nonly_one: 1', 'vars/main.yml': 'y: 1' }),
      ...role('two', { 'defaults/main.yml': 'x: 2', 'vars/main.yml': 'y: 2' }),
      'site.yml': '- hosts: all\n  roles: [one, two]\n  tasks: [{name: "{{x}}{{y}}{{only_one}}", ping: }]\n',
    };
    expect(titles(files)).toEqual(['one', 'two', '221']);
  });

  it('bring handlers', () => {
    const files = {
      ...role('web', {
        'tasks/main.yml': '- {ping: , notify: [restart web, reload]}',
        'handlers/main.yml': '- {name: restart web, ping: }\n- {name: other, listen: reload, ping: }\n',
      }),
      'site.yml': '- hosts: all\n  roles: [web]\n  tasks: [{ping: , notify: restart web}]\n',
    };
    expect(problemsOf(files)).toEqual([]);
  });
});

describe('tags', () => {
  const set = (...tags: string[]): ReadonlySet<string> => new Set(tags);

  it.each<[string, ReadonlySet<string>, { only?: string[]; skip?: string[] }, boolean]>([
    ['without --tags, all tasks run', set('a'), {}, true],
    ['… but those tagged never', set('never', 'a'), {}, false],
    ['--tags takes those that have one of them', set('a'), { only: ['b', 'a'] }, true],
    ['… and not the others', set('a'), { only: ['b'] }, false],
    ['… nor those without tags', set(), { only: ['b'] }, false],
    ['… and those tagged always', set('always', 'a'), { only: ['b'] }, true],
    ['never gives way to a tag that is asked for', set('never', 'a'), { only: ['a'] }, true],
    ['… or to never itself', set('never'), { only: ['never'] }, true],
    ['… not to all', set('never', 'a'), { only: ['all'] }, false],
    ['--skip-tags leaves out', set('a', 'b'), { skip: ['b'] }, false],
    ['… even what --tags asks for', set('a', 'b'), { only: ['a'], skip: ['b'] }, false],
    ['… not what is always', set('always'), { skip: ['a'] }, true],
    ['… unless always is skipped', set('always'), { skip: ['always'] }, false],
    ['… or by another tag of it', set('always', 'a'), { skip: ['a'] }, false],
    ['tagged: those that have any', set('a'), { only: ['tagged'] }, true],
    ['… not those that have none', set(), { only: ['tagged'] }, false],
    ['untagged: those that have none', set(), { only: ['untagged'] }, true],
    ['… not the others', set('a'), { only: ['untagged'] }, false],
    ['skipping tagged leaves the untagged', set(), { skip: ['tagged'] }, true],
    ['… and nothing else', set('a'), { skip: ['tagged'] }, false],
    ['skipping all leaves what is always', set('always'), { skip: ['all'] }, true],
    ['… and nothing else', set('a'), { skip: ['all'] }, false],
  ])('%s', (_, tags, { only = [], skip = [] }, expected) => {
    expect(isSelected(tags, { only, skip })).toBe(expected);
  });

  it('select before anything is checked', () => {
    const files = {
      'site.yml':
        '- hosts: all\n  tasks:\n    - {name: a, ping: , tags: a}\n    - {debug: {msg: "{{typo}}"}, tags: b}\n',
    };
    expect(titles(files, { tags: { only: ['a'], skip: [] } })).toEqual(['a']);
  });
});

describe('facts are gathered', () => {
  const needs = (play: string, files: Files = {}) =>
    prepareProject({ 'site.yml': `- hosts: all\n  ${play}\n`, ...files }).plays[0]?.needsFacts;

  it.each<[string, string, boolean, Files?]>([
    ['not where nothing asks', 'tasks: [{ping: }]', false],
    ['where the play says so', 'gather_facts: true\n  tasks: [{ping: }]', true],
    ['not where the play says no', 'gather_facts: false\n  tasks: [{ping: }]', false],
    ['where an argument names them', 'tasks: [{debug: {msg: "{{facts.hostname}}"}}]', true],
    ['where a condition does', 'tasks: [{ping: , when: "facts.cpus > 1"}]', true],
    ['where a condition of a module does', 'tasks: [{assert: {that: "facts.cpus > 1"}}]', true],
    ['where a loop does', 'tasks: [{ping: , loop: "{{facts.rules}}"}]', true],
    ['where the environment does', 'tasks: [{command: "true", environment: {A: "{{facts.init}}"}}]', true],
    [
      'where a handler does',
      'tasks: [{ping: }]\n  handlers: [{name: h, debug: {msg: "{{facts.init}}"}}]',
      true,
    ],
    [
      'where a variable leads to them',
      'vars: {a: "{{b}}", b: "{{facts.init}}"}\n  tasks: [{debug: {msg: "{{a}}"}}]',
      true,
    ],
    ['not where an unused variable would', 'vars: {a: "{{facts.init}}"}\n  tasks: [{ping: }]', false],
    [
      'where a template file names them',
      'tasks: [{template: {src: a.hbs, dest: /a}}]',
      true,
      { 'templates/a.hbs': '{{facts.init}}' },
    ],
    [
      'where its partial does',
      'tasks: [{template: {src: a.hbs, dest: /a}}]',
      true,
      { 'templates/a.hbs': '{{> b}}', 'templates/b.hbs': '{{facts.init}}' },
    ],
    [
      'where a host has a variable that does',
      'tasks: [{debug: {msg: "{{v}}"}}]',
      true,
      { 'hosts.yml': 'all: {vars: {v: 1}, hosts: {a: , b: {v: "{{facts.init}}"}}}' },
    ],
  ])('%s', (_, play, expected, files) => {
    expect(needs(play, files)).toBe(expected);
  });
});

describe('names that are only known later', () => {
  const play = (tasks: string) => ({
    'site.yml': `- hosts: all\n  vars: {list: [{name: a}]}\n  tasks:\n${tasks.replace(/^/gm, '    ')}\n`,
  });

  it.each([
    [
      'a registered result, in later tasks',
      '- {command: uptime, register: r}\n- {debug: {msg: "{{r.stdout}}"}, when: r.rc == 0}',
    ],
    [
      '… and in what judges the task itself',
      '- {command: uptime, register: r, changed_when: r.rc != 0, failed_when: r.rc > 1}',
    ],
    ['a fact that is set', '- {set_fact: {port: 80}}\n- {debug: {msg: "{{port}}"}}'],
    [
      '… also under several conditions',
      '- {set_fact: {port: 80}, when: facts.cpus > 1}\n- {debug: {msg: "{{port}}"}}',
    ],
    [
      'the item of a loop over results',
      '- {command: uptime, register: r}\n- {debug: {msg: "{{item.anything}}"}, loop: "{{r.stdout_lines}}"}',
    ],
    [
      'arguments that rest on them',
      '- {command: uptime, register: r}\n- {copy: {content: "{{r.stdout}}", dest: "{{r.path}}", mode: "{{r.mode}}"}}',
    ],
    [
      'a whole mapping of arguments',
      '- {command: uptime, register: r}\n- {file: {path: /a, state: "{{r.state}}"}}',
    ],
    ['a name tested first', '- {ping: , when: "has(vars.vlan) && vlan > 1"}'],
  ])('%s', (_, tasks) => {
    expect(problemsOf(play(tasks))).toEqual([]);
  });

  it.each<[string, string, string]>([
    [
      'a result in an earlier task',
      '- {debug: {msg: "{{r.stdout}}"}}\n- {command: uptime, register: r}',
      'name-unknown 4: "r" is no variable, fact or registered result here',
    ],
    [
      'a result in the arguments of its own task',
      '- {command: "echo {{r.rc}}", register: r}',
      'name-unknown 4: "r" is no variable, fact or registered result here',
    ],
    [
      'a result in the condition of its own task',
      '- {command: uptime, register: r, when: r.rc == 0}',
      'name-unknown 4: "r" is no variable, fact or registered result here',
    ],
    [
      'a wrong argument beside one that is only known later',
      '- {command: uptime, register: r}\n- {copy: {content: "{{r.stdout}}", dset: /a}}',
      'argument-unknown 5: there is no "dset"',
    ],
    [
      'a wrong value beside one that is only known later',
      '- {command: uptime, register: r}\n- {file: {path: "{{r.stdout}}", state: directroy}}',
      'argument-type 5: "directroy" is none of file, directory, link, absent, touch',
    ],
    [
      'a missing argument beside one that is only known later',
      '- {command: uptime, register: r}\n- {copy: {content: "{{r.stdout}}"}}',
      'argument-missing 5: "dest" is required',
    ],
  ])('not %s', (_, tasks, expected) => {
    expect(problemsOf(play(tasks))).toEqual([expected]);
  });

  it('what is skipped on a host need not make sense there', () => {
    const files = {
      'hosts.yml': 'all: {hosts: {a: {path: /a}, b: {path: relative, skip: true}}, vars: {skip: false}}',
      'site.yml': '- hosts: all\n  tasks: [{copy: {content: x, dest: "{{path}}"}, when: "!skip"}]\n',
    };
    expect(problemsOf(files)).toEqual([]);
    const always = { ...files, 'site.yml': files['site.yml'].replace('"!skip"', 'skip || true') };
    expect(problemsOf(always)).toEqual(['argument-value 2: "relative" is not an absolute path; on b']);
  });
});

describe('batches', () => {
  it.each([
    ['2', [{ kind: 'hosts', amount: 2 }]],
    ['"30%"', [{ kind: 'percent', amount: 30 }]],
    [
      '[1, "10%", 5]',
      [
        { kind: 'hosts', amount: 1 },
        { kind: 'percent', amount: 10 },
        { kind: 'hosts', amount: 5 },
      ],
    ],
  ])('serial: %s', (serial, expected) => {
    const prepared = prepareProject({
      'site.yml': `- hosts: all\n  serial: ${serial}\n  tasks: [{ping: }]\n`,
    });
    expect(prepared.plays[0]?.play.serial).toEqual(expected);
  });
});
