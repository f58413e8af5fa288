// A handler that was notified before a failure runs on the next run, and is forgotten when it has: on this machine's sh,
// with the files that are left behind as witnesses.
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Host } from '../../src/host/host.ts';
import { type PlaybookOptions, runPlaybook, story, thisMachine } from '../support/playbook-run.ts';
import { programsText, RecordingHost } from '../support/recording-host.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync('/tmp/remembered-');
  mkdirSync(join(dir, 'play'));
});
afterEach(() => rmSync(dir, { recursive: true }));

const state = () => join(dir, 'state');

function run(text: string, options: PlaybookOptions = {}) {
  return runPlaybook(text.replaceAll('DIR', dir), {
    folder: join(dir, 'play'),
    stateFolder: state(),
    ...options,
  });
}

const told = async (text: string, options: PlaybookOptions = {}) =>
  story(await run(text, options)).map((line) => line.replaceAll(dir, 'DIR'));

/** The handlers that the host remembers. */
function remembered(): readonly string[] {
  const folder = join(state(), 'handlers');
  if (!existsSync(folder)) {
    expect(existsSync(state())).toBe(false);
    return [];
  }
  return readdirSync(folder)
    .map((name) => /^handler=(.*)$/m.exec(readFileSync(join(folder, name), 'utf8'))?.[1] ?? '')
    .toSorted();
}

const HANDLERS = `
  handlers:
    - name: restart
      shell: echo restarted >>DIR/log
    - name: reload
      shell: echo reloaded >>DIR/log
`;

/** One change that notifies, then something that fails or not. */
const PLAY = (then: string, handlers = HANDLERS) => `
- hosts: all
  tasks:
    - copy: {dest: DIR/conf, content: one}
      notify: restart
    - ${then}
${handlers}`;

const log = () => (existsSync(join(dir, 'log')) ? readFileSync(join(dir, 'log'), 'utf8') : '');

test('a failure between the change and its handler: the next run makes up for it, and forgets', async () => {
  await told(PLAY('command: "false"'));
  expect([remembered(), log()]).toEqual([['restart'], '']);
  expect(await told(PLAY('command: "true"'))).toEqual([
    'here due restart',
    'here ok copy',
    'here changed command: run true',
    'here changed restart: run echo restarted >>DIR/log',
  ]);
  expect([remembered(), log()]).toEqual([[], 'restarted\n']);
  expect(await told(PLAY('command: "true"'))).toEqual(['here ok copy', 'here changed command: run true']);
});

test('a run whose handlers run leaves nothing behind, and costs no program more', async () => {
  const host = new RecordingHost(thisMachine('here'));
  await told(PLAY('ping:'), { hostFor: () => host });
  expect([remembered(), log()]).toEqual([[], 'restarted\n']);
  expect(programsText(host.programs)).toBe('look, change 1, change 1');
});

test('while the handler has not run it is on the host, in a file for root alone', async () => {
  await told(PLAY('shell: "ls -lR DIR/state >DIR/seen"'));
  expect(readFileSync(join(dir, 'seen'), 'utf8')).toMatch(/^-rw------- .* [0-9a-f]{32}$/m);
  expect(remembered()).toEqual([]);
});

test('where nothing is notified nothing is written', async () => {
  await told(`
- hosts: all
  tasks:
    - copy: {dest: DIR/conf, content: one}
    - shell: "if [ -e DIR/state ]; then echo there; fi >DIR/seen"
    - command: "false"
${HANDLERS}`);
  expect([remembered(), readFileSync(join(dir, 'seen'), 'utf8')]).toEqual([[], '']);
});

test('a change that fails notifies nobody, and nobody is remembered; one of an earlier task stays', async () => {
  const failing = `
- hosts: all
  tasks:
    - {shell: "exit 3", notify: restart}
${HANDLERS}`;
  await told(failing);
  expect(remembered()).toEqual([]);
  await told(PLAY('{shell: "exit 3", notify: restart}'));
  expect(remembered()).toEqual(['restart']);
});

test('a failure that is ignored notifies nobody', async () => {
  await told(
    PLAY('{shell: "exit 3", notify: reload, ignore_errors: true}').replace('notify: restart', 'register: x') +
      '  post_tasks: [{fail: {msg: end}}]\n',
  );
  expect(remembered()).toEqual([]);
});

describe('a result that decides', () => {
  test.each([
    ['changed_when: r.stdout == "yes"', 'yes', ['reload', 'restart']],
    ['changed_when: r.stdout == "yes"', 'no', ['restart']],
    ['failed_when: false', 'yes', ['reload', 'restart']],
    ['changed_when: false', 'yes', ['restart']],
    ['changed_when: true', 'yes', ['reload', 'restart']],
    ['until: r.stdout == "yes"', 'yes', ['reload', 'restart']],
  ])('%s, which prints %s', async (key, printed, left) => {
    await told(`
- hosts: all
  tasks:
    - copy: {dest: DIR/conf, content: one}
      notify: restart
    - command: echo ${printed}
      register: r
      notify: reload
      ${key}
    - command: "false"
${HANDLERS}`);
    expect(remembered()).toEqual(left);
  });
});

test('where the result may say that nothing changed, nothing is written before it is known', async () => {
  await told(`
- hosts: all
  tasks:
    - shell: "[ ! -e DIR/state ] || touch DIR/seen; echo no"
      register: r
      changed_when: r.stdout == "yes"
      notify: restart
${HANDLERS}`);
  expect(existsSync(join(dir, 'seen'))).toBe(false);
});

test('a handler that fails stays, with those behind it; those before it are done', async () => {
  const play = (second: string) => `
- hosts: all
  tasks:
    - copy: {dest: DIR/conf, content: one}
      notify: [first, second, third]
  handlers:
    - {name: first, shell: "echo first >>DIR/log"}
    - {name: second, shell: "${second}"}
    - {name: third, shell: "echo third >>DIR/log"}
`;
  await told(play('exit 1'));
  expect([remembered(), log()]).toEqual([['second', 'third'], 'first\n']);
  await told(play('echo second >>DIR/log'));
  expect([remembered(), log()]).toEqual([[], 'first\nsecond\nthird\n']);
});

test('a handler whose failure its result tells stays', async () => {
  const play = (word: string) =>
    PLAY(
      'ping:',
      `
  handlers:
    - {name: restart, command: echo ${word}, register: r, failed_when: r.stdout == "bad"}
`,
    );
  await told(play('bad'));
  expect(remembered()).toEqual(['restart']);
  await told(play('good'));
  expect(remembered()).toEqual([]);
});

test('force_handlers runs it, and forgets', async () => {
  await told(PLAY('command: "false"').replace('hosts: all', 'hosts: all\n  force_handlers: true'));
  expect([remembered(), log()]).toEqual([[], 'restarted\n']);
});

test.each([
  ['is told to do nothing', '{name: restart, command: echo x, when: "false"}'],
  ['has nothing to change', '{name: restart, copy: {dest: DIR/conf, content: one}}'],
  ['works on the controller', '{name: restart, debug: {msg: x}}'],
  ['fails, which is ignored', '{name: restart, command: "false", ignore_errors: true}'],
])('a handler that %s has run', async (_, handler) => {
  await told(PLAY('command: "false"'));
  expect(remembered()).toEqual(['restart']);
  await told(PLAY('ping:', `\n  handlers:\n    - ${handler}\n`));
  expect(remembered()).toEqual([]);
});

test('a handler that loops is forgotten behind its last item', async () => {
  const play = (last: string) =>
    PLAY(
      'ping:',
      `
  handlers:
    - {name: restart, shell: "echo {{item}} >>DIR/log; [ {{item}} != bad ]", loop: [a, ${last}]}
`,
    );
  await told(play('bad'));
  expect(remembered()).toEqual(['restart']);
  await told(play('b'));
  expect([remembered(), log()]).toEqual([[], 'a\nbad\na\nb\n']);
});

test('a loop that notifies, and listen', async () => {
  await told(`
- hosts: all
  tasks:
    - copy: {dest: "DIR/{{item}}", content: one}
      loop: [a, b]
      notify: web
    - command: "false"
  handlers:
    - {name: one, listen: web, command: echo 1}
    - {listen: web, command: echo 2}
`);
  expect(remembered()).toEqual(['command', 'one']);
});

test('a handler that notifies another, which the run does not come to', async () => {
  await told(
    PLAY(
      'ping:',
      `
  handlers:
    - {name: restart, copy: {dest: DIR/second, content: x}, notify: reload}
    - {name: between, listen: reload, command: "false"}
    - {name: reload, shell: "echo reloaded >>DIR/log"}
`,
    ),
  );
  expect(remembered()).toEqual(['between', 'reload']);
});

test('handlers of one name in two plays are two', async () => {
  const play = (name: string) => `
- name: ${name}
  hosts: all
  tasks:
    - copy: {dest: "DIR/${name}", content: one}
      notify: restart
    - command: test -e DIR/${name}.fine
  handlers: [{name: restart, shell: "echo ${name} >>DIR/log"}]
`;
  writeFileSync(join(dir, 'one.fine'), '');
  await told(play('one') + play('two'));
  expect([remembered(), log()]).toEqual([['restart'], 'one\n']);
  writeFileSync(join(dir, 'two.fine'), '');
  await told(play('one') + play('two'));
  expect([remembered(), log()]).toEqual([[], 'one\ntwo\n']);
});

test('so they are where the plays have one name, too', async () => {
  const play = (word: string) => `
- hosts: all
  tasks:
    - copy: {dest: "DIR/${word}", content: one}
      notify: restart
    - command: test -e DIR/${word}.fine
  handlers: [{name: restart, shell: "echo ${word} >>DIR/log"}]
`;
  writeFileSync(join(dir, 'one.fine'), '');
  await told(play('one') + play('two'));
  writeFileSync(join(dir, 'two.fine'), '');
  await told(play('one') + play('two'));
  expect([remembered(), log()]).toEqual([[], 'one\ntwo\n']);
});

test('a handler that was renamed is told to be gone, and forgotten', async () => {
  await told(PLAY('command: "false"'));
  const renamed = PLAY('ping:').replaceAll('restart', 'restart it');
  expect(await told(renamed, { mode: 'check' })).toContain('here gone restart');
  expect(remembered()).toEqual(['restart']);
  expect(await told(renamed)).toContain('here gone restart');
  expect(remembered()).toEqual([]);
  expect(await told(renamed)).not.toContain('here gone restart');
});

test("another playbook's is left alone", async () => {
  await told(PLAY('command: "false"'));
  mkdirSync(join(dir, 'other'));
  expect(await told(PLAY('ping:'), { folder: join(dir, 'other') })).toEqual([
    'here ok copy',
    'here ok ping: pong',
  ]);
  expect(remembered()).toEqual(['restart']);
});

test('nor is one of a playbook of that name elsewhere taken for gone', async () => {
  await told(PLAY('command: "false"'));
  const folder = join(state(), 'handlers');
  const [name = ''] = readdirSync(folder);
  const note = readFileSync(join(folder, name), 'utf8').replace(/^path=.*$/m, 'path=/home/bob/playbook.yml');
  writeFileSync(join(folder, name), note);
  await told(PLAY('ping:').replaceAll('restart', 'restart it'));
  expect(remembered()).toEqual(['restart']);
});

test('a host that is only asked for facts is asked for handlers, too', async () => {
  await told(PLAY('command: "false"'));
  const text = PLAY('ping:', `${HANDLERS}  gather_facts: true\n`).replaceAll(
    '    - ',
    '    - when: "false"\n      ',
  );
  const lines = await told(text.replace('- when: "false"\n      name: restart', '- name: restart'));
  expect(lines).toContain('here due restart');
  expect([remembered(), log()]).toEqual([[], 'restarted\n']);
});

describe('tags', () => {
  const tagged = (then: string) =>
    PLAY(then)
      .replace('content: one}', 'content: one}\n      tags: conf')
      .replace('name: restart', 'name: restart\n      tags: web');

  test('that leave it out leave it on the host', async () => {
    await told(tagged('command: "false"'));
    expect(await told(tagged('ping:'), { tags: { only: ['conf'], skip: [] } })).toEqual(['here ok copy']);
    expect(await told(tagged('ping:'), { tags: { only: [], skip: ['web'] } })).toEqual([
      'here ok copy',
      'here ok ping: pong',
    ]);
    expect(remembered()).toEqual(['restart']);
    expect(await told(tagged('ping:'), { tags: { only: ['conf', 'web'], skip: [] } })).toContain(
      'here due restart',
    );
    expect(remembered()).toEqual([]);
  });
});

describe('check mode', () => {
  test('tells that it would run, and leaves it', async () => {
    await told(PLAY('command: "false"'));
    expect(await told(PLAY('ping:'), { mode: 'check' })).toEqual([
      'here due restart',
      'here ok copy',
      'here ok ping: pong',
      'here would-change restart: run echo restarted >>DIR/log',
    ]);
    expect([remembered(), log()]).toEqual([['restart'], '']);
  });

  test('what a task with check_mode: false changes all the same is remembered', async () => {
    const play = PLAY('ping:').replace('notify: restart', 'notify: restart\n      check_mode: false');
    await told(play, { mode: 'check' });
    expect([remembered(), log()]).toEqual([['restart'], '']);
    await told(play);
    expect([remembered(), log()]).toEqual([[], 'restarted\n']);
  });

  test('what would change is not', async () => {
    await told(PLAY('command: "false"'), { mode: 'check' });
    expect(remembered()).toEqual([]);
  });
});

test('where the first program is a change it is asked for all the same', async () => {
  await told(PLAY('command: "false"'));
  const host = new RecordingHost(thisMachine('here'));
  const text = PLAY('debug: {msg: x}').replace('copy: {dest: DIR/conf, content: one}', 'raw: echo x');
  expect(await told(text.replace('      notify: restart\n', ''), { hostFor: () => host })).toContain(
    'here due restart',
  );
  expect([remembered(), programsText(host.programs)]).toEqual([[], 'change 2, change 1']);
});

test('meta: flush_handlers runs it where it stands', async () => {
  await told(PLAY('command: "false"'));
  const lines = await told(PLAY('meta: flush_handlers\n    - command: "false"'));
  expect(lines.findIndex((line) => line.includes('changed restart'))).toBe(3);
  expect([remembered(), log()]).toEqual([[], 'restarted\n']);
});

test('handlers of an included role, whose name only the run tells', async () => {
  const files = {
    'roles/web/tasks/main.yml': `- copy: {dest: ${dir}/conf, content: one}\n  notify: restart\n- command: test -e ${dir}/fine\n`,
    'roles/web/handlers/main.yml': `- {name: restart, shell: "echo restarted >>${dir}/log"}\n`,
  };
  const text = `
- hosts: all
  tasks:
    - {command: echo web, register: role}
    - include_role: {name: "{{role.stdout}}"}
`;
  await told(text, { files });
  expect(remembered()).toEqual(['web : restart']);
  writeFileSync(join(dir, 'fine'), '');
  expect(await told(text, { files })).toContain('here due web : restart');
  expect([remembered(), log()]).toEqual([[], 'restarted\n']);
});

test('a handler that includes tasks is done when they are', async () => {
  const files = { 'more.yml': `- command: test -e ${dir}/fine\n` };
  const text = PLAY('ping:', '\n  handlers: [{name: restart, include_tasks: more.yml}]\n');
  await told(text, { files });
  expect(remembered()).toEqual(['restart']);
  writeFileSync(join(dir, 'fine'), '');
  await told(text, { files });
  expect(remembered()).toEqual([]);
});

test('a connection that is lost in the middle of the change', async () => {
  const play = (end: string) => `
- hosts: all
  tasks:
    - raw: "[ -e DIR/conf ] || { : >DIR/conf; ${end}; }"
      notify: restart
${HANDLERS}`;
  const { recap } = await run(play('kill -9 0'));
  expect([recap[0]?.state, remembered()]).toEqual(['unknown: cut off during "raw"', ['restart']]);
  await told(play(':'));
  expect([remembered(), log()]).toEqual([[], 'restarted\n']);
});

describe('a job', () => {
  const job = (cmd: string) =>
    PLAY('command: "false"').replace(
      'copy: {dest: DIR/conf, content: one}',
      `{command: ${cmd}, async: 20, poll: 1}`
        .replace(/^\{|\}$/g, '')
        .replace(', async', '\n      async')
        .replace(', poll', '\n      poll'),
    );

  test.each([
    ['true', ['restart']],
    ['false', []],
  ])('%s', async (word, left) => {
    await told(job(`"${word}"`));
    expect(remembered()).toEqual(left);
  });
});

describe('other hosts', () => {
  const hosts = ['a', 'b'];
  const machines = () => {
    const own = (name: string): Host => new OwnState(thisMachine(name), name);
    return { hosts, hostFor: own };
  };

  /** Each host has a folder of its own. */
  class OwnState extends RecordingHost {
    readonly #own: string;
    constructor(host: Host, name: string) {
      super(host);
      this.#own = join(dir, name);
    }
    override run(...[program, options]: Parameters<Host['run']>) {
      const steps = program.steps.map((step) => ({
        ...step,
        script: step.script.replaceAll(state(), this.#own),
      }));
      return super.run({ ...program, steps }, options);
    }
  }
  const kept = (name: string) =>
    existsSync(join(dir, name)) ? readdirSync(join(dir, name, 'handlers')).length : 0;

  test('what one runs for all, all remember', async () => {
    const text = `
- hosts: all
  tasks:
    - ping:
    - stat: {path: /}
    - copy: {dest: DIR/conf, content: one}
      run_once: true
      notify: restart
    - command: "false"
${HANDLERS}`;
    await told(text, machines());
    expect(hosts.map(kept)).toEqual([1, 1]);
    await told(text.replace('"false"', '"true"'), machines());
    expect([hosts.map(kept), log()]).toEqual([[0, 0], 'restarted\nrestarted\n']);
  });

  test('of a change on another host, the one that it is for remembers', async () => {
    const text = `
- hosts: a
  tasks:
    - stat: {path: /}
    - copy: {dest: DIR/conf, content: one}
      delegate_to: b
      notify: restart
    - command: "false"
${HANDLERS}`;
    await told(text, machines());
    expect(hosts.map(kept)).toEqual([1, 0]);
  });
});
