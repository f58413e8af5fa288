// include_vars: found, ranked and rendered as Ansible does; what is known before the run is read and checked then.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { problemsOf } from '../resolve/support/project.ts';
import { endings, runPlaybook, story } from '../support/playbook-run.ts';

const FILES = {
  'vars/x.yml': 'x: of vars/x.yml\n',
  'x.yml': 'x: beside the playbook\n',
  'y.yml': 'y: "y of {{x}}"\n',
  'vars/data.conf': '{"j": [1, true, "a"]}',
  'vars/d/01.yml': 'a: 1\n',
  'vars/d/02.yaml': 'a: 2\nb: 2\n',
  'vars/d/sub/03.json': '{"b": 3}',
  'vars/d/sub/deeper/04.yml': 'b: 4\n',
  'vars/d/README.txt': 'not variables',
  'roles/r/vars/main.yml': 'm: of main\n',
  'roles/r/vars/x.yml': 'x: of the role\n',
  'roles/r/vars/deep/q.yml': 'q: deep in the role\n',
  'roles/r/tasks/main.yml': `
- include_vars: x.yml
- debug: {msg: "{{x}}"}
- include_vars: {dir: deep}
- debug: {msg: "{{q}}, {{m}}"}
- include_tasks: in.yml
`,
  'roles/r/tasks/in.yml': '- include_vars: y.yml\n- debug: {msg: "{{y}}"}\n',
};

/** Written in a way that means the same to both. */
const PLAYBOOK = `
- hosts: all
  gather_facts: false
  vars: {x: of the play}
  tasks:
    - include_vars: x.yml
    - debug: {msg: "{{x}}"}
      vars: {x: of the task}
    - include_vars: {file: y.yml}
    - debug: {msg: "{{y}}"}
      vars: {x: of the task}
    - include_vars: {file: data.conf, name: data}
    - debug: {msg: "{{data.j}}"}
    - include_vars: {dir: vars/d, ignore_unknown_extensions: true}
    - debug: {msg: "{{a}} {{b}}"}
    - include_vars: {dir: vars/d, depth: 1, files_matching: '^0[12]', ignore_files: ['2.yaml']}
    - debug: {msg: "{{a}} {{b}}"}
    - include_vars: {dir: vars/d, extensions: [json], ignore_unknown_extensions: true}
    - debug: {msg: "{{a}} {{b}}"}
    - include_vars: "{{item}}.yml"
      loop: [x, y]
    - set_fact: {x: a fact}
    - include_vars: x.yml
    - debug: {msg: "{{x}}, {{y}}"}
    - include_vars: nowhere.yml
      when: inventory_hostname == "there"
- hosts: all
  gather_facts: false
  tasks:
    - debug: {msg: "{{y}}"}
    - include_role: {name: r}
`;

test('everything is as Ansible has it', async () => {
  const folder = mkdtempSync('/tmp/include-vars-');
  onTestFinished(() => rmSync(folder, { recursive: true }));
  for (const [name, text] of Object.entries({ ...FILES, 'site.yml': PLAYBOOK })) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  const output = execFileSync('ansible-playbook', ['-i', 'here,', '-c', 'local', 'site.yml'], {
    cwd: folder,
    env: { ...process.env, ANSIBLE_STDOUT_CALLBACK: 'oneline' },
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const results = [...output.matchAll(/=> (\{.*\})$/gm)].map(([, text = '']) => JSON.parse(text));
  const theirs = results.flatMap((each) => ('msg' in each && !('results' in each) ? [each.msg] : []));
  const { events } = await runPlaybook(PLAYBOOK, { files: FILES });
  const ours = events.flatMap((event) =>
    event.kind === 'task-finished' && event.task.module === 'debug' ? [event.outcome.fields.msg] : [],
  );
  expect(theirs.length).toBe(11);
  expect(ours).toEqual(theirs);
}, 60_000);

test('a name that only a result tells: read when it is known, checked then, and its variables are there', async () => {
  const text = `
- hosts: all
  tasks:
    - command: echo late
      register: said
    - include_vars: "{{said.stdout}}.yml"
      register: read
    - debug: {msg: "{{late}} {{read.ansible_included_var_files.length}} {{read.ansible_facts.late}}"}
`;
  const run = await runPlaybook(text, {
    files: { 'late.yml': 'late: "it is {{inventory_hostname}}"\n' },
  });
  expect(story(run).slice(1)).toEqual([
    'here ok include_vars: included late.yml',
    'here ok debug: it is here 1 it is {{inventory_hostname}}',
  ]);
});

test.each([
  ['a: [1', '(DIR/late.yml:1:5)'],
  ['- 1\n', 'value is of the wrong type: a file of variables is a mapping (DIR/late.yml:1:1)'],
  ['a: "{{b"\n', 'not a valid template'],
  [undefined, 'file cannot be read: late.yml is not there'],
])('a late file that is wrong (%j) fails the host alone, with place and caret', async (content, wanted) => {
  const text = `
- hosts: all
  tasks:
    - command: "echo {{inventory_hostname}}"
      register: said
    - include_vars: "{{said.stdout}}.yml"
`;
  const files = { 'b.yml': 'x: 1\n', ...(content !== undefined && { 'late.yml': content }) };
  const run = await runPlaybook(text, { files, hosts: ['late', 'b'] });
  const [line = ''] = story(run).filter((each) => each.startsWith('late failed'));
  expect(line.replaceAll(/\/tmp\/playbook-\w+/g, 'DIR')).toContain(wanted);
  expect(line).toMatch(/\n\d+ \| .*\n +\| +\^/);
  expect(endings(run)[1]).toBe('b ok: 1 change made');
});

test('run_once reads for all, delegate_facts for another host, and others see it in hostvars', async () => {
  const text = `
- hosts: all
  tasks:
    - include_vars: x.yml
      run_once: true
    - debug: {msg: "{{x}}"}
    - include_vars: y.yml
      delegate_to: b
      delegate_facts: true
      run_once: true
    - debug: {msg: "{{hostvars.b.y}}"}
`;
  const files = { 'x.yml': 'x: 1\n', 'y.yml': 'y: "{{x}} {{inventory_hostname}}"\n' };
  const lines = story(await runPlaybook(text, { files, hosts: ['a', 'b'] }));
  expect([...lines].sort().filter((line) => line.includes('debug'))).toEqual([
    'a ok debug: 1',
    'a ok debug: 1 b',
    'b ok debug: 1',
    'b ok debug: 1 b',
  ]);
});

test('facts are gathered where only an included variable asks for them', async () => {
  const text =
    '- hosts: all\n  tasks:\n    - include_vars: f.yml\n    - debug: {msg: "{{not (eq kernel null)}}"}\n';
  const run = await runPlaybook(text, { files: { 'f.yml': 'kernel: "{{facts.kernel.release}}"\n' } });
  expect(story(run).at(-1)).toBe('here ok debug: true');
});

describe('before any host is contacted', () => {
  const site = (tasks: string) => `- hosts: all\n  tasks:\n${tasks}`;

  test('variables are known to the tasks behind, and to none before', () => {
    const files = { 'v.yml': 'port: 80\n' };
    const tasks =
      '    - debug: {msg: "{{port}}"}\n    - include_vars: v.yml\n    - debug: {msg: "{{port}} {{prot}}"}\n';
    expect(problemsOf({ 'site.yml': site(tasks), ...files })).toEqual([
      'name-unknown 3: "port" is no variable, fact or registered result here',
      'name-unknown 5: "prot" is no variable, fact or registered result here',
    ]);
  });

  test('values are checked against what uses them', () => {
    const tasks = '    - include_vars: v.yml\n    - file: {path: "/x", state: "{{state}}"}\n';
    const [problem = ''] = problemsOf({ 'site.yml': site(tasks), 'v.yml': 'state: nonsense\n' });
    expect(problem).toContain('argument-type 4');
  });

  test('a condition that is not known leaves both possible', () => {
    const tasks =
      '    - command: x\n      register: r\n    - include_vars: v.yml\n      when: r.rc == 0\n    - debug: {msg: "{{port.number}}"}\n';
    expect(problemsOf({ 'site.yml': site(tasks), 'v.yml': 'port: 80\n' })).toEqual([]);
  });

  test('late names may set anything', () => {
    const tasks = '    - include_vars: "{{facts.hostname}}.yml"\n    - debug: {msg: "{{anything}}"}\n';
    expect(problemsOf({ 'site.yml': site(tasks) })).toEqual([]);
  });
});
