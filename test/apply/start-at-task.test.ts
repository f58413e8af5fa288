// --start-at-task: which tasks run, on which hosts, as ansible-playbook has it, and in includes, where it has nothing. What later
// tasks miss is told before the run.
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { runPlays } from '../../src/apply/engine.ts';
import { DiagnosticError } from '../../src/diagnostic.ts';
import type { RunEvent } from '../../src/event.ts';
import { LocalHost } from '../../src/host/local-host.ts';
import { preparePlaybook } from '../../src/run/run.ts';
import { startingAt } from '../../src/run/start-run.ts';

const FILES = {
  'site.yml': `- name: one
  hosts: all
  gather_facts: false
  tasks:
    - name: alpha
      debug: {msg: m}
- name: two
  hosts: all
  gather_facts: false
  pre_tasks:
    - name: before
      debug: {msg: m}
  roles: [web]
  tasks:
    - block:
        - name: in block
          debug: {msg: m}
        - name: second in block
          debug: {msg: m}
      rescue:
        - name: mend
          debug: {msg: m}
      always:
        - name: tidy
          debug: {msg: m}
    - import_tasks: imported.yml
    - name: load
      include_tasks: "{{inventory_hostname}}.yml"
    - debug: {msg: m}
    - name: end [of] all
      command: "true"
      notify: told
  handlers:
    - name: told
      debug: {msg: m}
- name: three
  hosts: all
  gather_facts: false
  tasks:
    - name: omega
      debug: {msg: m}
`,
  'imported.yml': '- name: imported one\n  debug: {msg: m}\n- name: imported two\n  debug: {msg: m}\n',
  'a.yml': '- name: of a\n  debug: {msg: m}\n- name: shared\n  debug: {msg: m}\n',
  'b.yml': '- name: of b\n  debug: {msg: m}\n- include_tasks: deep.yml\n',
  'deep.yml': '- name: deep\n  debug: {msg: m}\n- name: shared\n  debug: {msg: m}\n',
  'roles/web/tasks/main.yml': '- name: install\n  debug: {msg: m}\n- debug: {msg: m}\n',
};

function folderOf(files: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync('/tmp/start-at-');
  onTestFinished(() => rmSync(folder, { recursive: true }));
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  return folder;
}

/** `host title` of each task that ran, handlers among them. */
async function ran(
  name: string,
  files: Readonly<Record<string, string>> = FILES,
): Promise<readonly string[]> {
  const folder = folderOf(files);
  const prepared = preparePlaybook(join(folder, 'site.yml'), { inventories: ['a,b,'] });
  const events: RunEvent[] = [];
  const { signal } = new AbortController();
  for (const { plays } of startingAt([prepared], name)) {
    await runPlays({
      plays,
      hostFor: (host) => new LocalHost({ name: host, signal, user: 'test' }),
      actions: { mode: 'apply', diff: false },
      forks: 1,
      emit: (event) => events.push(event),
      signal,
    });
  }
  return events.flatMap((event) =>
    event.kind === 'task-finished' ? [`${event.host} ${event.task.title}: ${event.outcome.status}`] : [],
  );
}

/** The titles of the tasks that ansible-playbook runs on a host; of no name that it does not know. */
function ansible(name: string): readonly string[] {
  const folder = folderOf(FILES);
  const words = ['-i', 'a,b,', '-c', 'local', '--limit', 'a', '--start-at-task', name, 'site.yml'];
  const { stdout } = spawnSync('ansible-playbook', words, {
    cwd: folder,
    encoding: 'utf8',
    env: {
      ...process.env,
      LC_ALL: 'C.UTF-8',
      ANSIBLE_RETRY_FILES_ENABLED: '0',
      ANSIBLE_GATHER_SUBSET: '!all',
      ANSIBLE_DISPLAY_ARGS_TO_STDOUT: '0',
    },
  });
  const titles = [...stdout.matchAll(/^(?:TASK|RUNNING HANDLER) \[(.*)\]/gm)].map(([, title = '']) => title);
  // It gathers facts for whoever begins before the roles, even where the play says no; few, then.
  return titles.filter((title) => title !== 'Gathering Facts');
}

/** Includes have no line of their own there. */
const titlesOn = (host: string, lines: readonly string[]): readonly string[] =>
  lines.flatMap((line) => (line.startsWith(`${host} `) ? [line.replace(/^\S+ (.*): \w+$/, '$1')] : []));

function mistake(name: string, files: Readonly<Record<string, string>> = FILES): unknown {
  const prepared = preparePlaybook(join(folderOf(files), 'site.yml'), { inventories: ['a,b,'] });
  try {
    startingAt([prepared], name);
  } catch (error) {
    if (!(error instanceof DiagnosticError)) throw error;
    return error.diagnostics.map(({ code, at, details, hint }) => ({ code, line: at?.line, details, hint }));
  }
  return undefined;
}

describe('as ansible-playbook', () => {
  it.each([
    'alpha',
    'before',
    'install',
    'web : install',
    'web : debug',
    'web*',
    'second in block',
    'tidy',
    'imported two',
    'imp*',
    'load',
    'debug',
    'end [[]of] all',
    'end [of] all',
    '*[!x]mega',
    '?mega',
  ])('runs from "%s" on', { timeout: 60_000 }, async (name) => {
    expect(titlesOn('a', await ran(name))).toEqual(ansible(name));
  });
});

describe('into includes', () => {
  it('goes on behind them, on the hosts that come by the task; others begin with the next play', async () => {
    const rest = (host: string) =>
      ['debug: ok', 'end [of] all: changed', 'told: ok', 'omega: ok'].map((each) => `${host} ${each}`);
    const lines = await ran('deep');
    expect(lines.filter((line) => line.startsWith('b '))).toEqual([
      'b deep: ok',
      'b shared: ok',
      ...rest('b'),
    ]);
    expect(lines.filter((line) => line.startsWith('a '))).toEqual(['a omega: ok']);
  });

  it('begins on each host where its own includes have the name', async () => {
    const lines = await ran('shared');
    expect(lines.filter((line) => / (?:shared|of \w|deep): /.test(line))).toEqual([
      'a shared: ok',
      'b shared: ok',
    ]);
  });

  it('begins at the item of a loop that has it', async () => {
    const files = {
      'site.yml': '- hosts: a\n  tasks:\n    - include_tasks: "{{item}}.yml"\n      loop: [x, y, x]\n',
      'x.yml': '- name: x {{item}}\n  debug: {msg: m}\n',
      'y.yml': '- name: y one\n  debug: {msg: m}\n- name: y two\n  debug: {msg: m}\n',
    };
    expect(await ran('y two', files)).toEqual(['a y two: ok', 'a include_tasks: ok', 'a x x: ok']);
  });

  it('may rest on facts, which are gathered before', async () => {
    const files = {
      'site.yml':
        '- hosts: all\n  tasks:\n    - include_tasks: inner.yml\n      when: inventory_hostname == "a" || facts.kernel.name == "nothing"\n',
      'inner.yml': '- name: one\n  debug: {msg: m}\n- name: two\n  debug: {msg: m}\n',
    };
    expect(await ran('two', files)).toEqual(['a two: ok']);
  });
});

describe('facts', () => {
  it('are there for the tasks behind', async () => {
    const files = {
      'site.yml':
        '- hosts: a\n  tasks:\n    - name: one\n      debug: {msg: m}\n    - name: two\n      assert: {that: facts.kernel.name == "Linux"}\n',
    };
    expect(await ran('two', files)).toEqual(['a two: ok']);
  });
});

describe('before anybody is contacted', () => {
  it('an unknown name is told, with the one that was meant', () => {
    expect(mistake('web : instal')).toEqual([
      {
        code: 'usage',
        line: undefined,
        details: ['no task that is selected is called "web : instal"'],
        hint: 'did you mean "web : install"?',
      },
    ]);
    expect(mistake('Alpha')).toMatchObject([{ hint: 'did you mean "alpha"?' }]);
    expect(mistake('shard')).toMatchObject([{ hint: 'did you mean "shared"?' }]);
    expect(mistake('z[z-a]')).toMatchObject([{ hint: 'see all names with --list-tasks' }]);
  });

  it.each(['mend', 'told'])('"%s" is told to be no task to begin at', (name) => {
    expect(mistake(name)).toMatchObject([
      { code: 'usage', details: [expect.stringMatching(/cannot be the first/)] },
    ]);
  });

  it('an include that nobody can look through is named', () => {
    const files = {
      'site.yml': '- hosts: a\n  tasks:\n    - include_tasks: "{{facts.kernel.release}}.yml"\n',
    };
    expect(mistake('somewhere', files)).toMatchObject([
      {
        details: [expect.anything(), expect.stringMatching(/site.yml:3 includes is only known when it runs/)],
      },
    ]);
  });

  const RESULTS = `- hosts: a
  tasks:
    - name: ask
      command: uname
      register: kernel
    - name: use
      debug: {msg: "{{kernel.stdout}}"}
    - name: set
      set_fact: {level: 3}
    - name: condition
      debug: {msg: m}
      when: kernel.rc == 0 && level > 2
    - name: last
      debug: {msg: m}
      when: has(vars.kernel)
      notify: nobody is left to
- hosts: a
  tasks:
    - name: next play
      debug: {msg: "{{kernel.stdout}} {{level}}"}
`;

  it('whoever needs a result that is not there is told', () => {
    const said = (line: number, name: string, from: number) => ({
      code: 'name-unknown',
      line,
      details: [
        expect.stringMatching(
          `^"${name}" is set by a task before the one to start at \\(.*site.yml:${from}\\)$`,
        ),
      ],
      hint: 'start there, or before it',
    });
    const files = { 'site.yml': RESULTS.replace('      notify: nobody is left to\n', '') };
    expect(mistake('use', files)).toEqual([
      said(7, 'kernel', 3),
      said(12, 'kernel', 3),
      said(19, 'kernel', 3),
    ]);
    expect(mistake('condition', files)).toMatchObject([
      said(12, 'kernel', 3),
      said(12, 'level', 8),
      said(19, 'kernel', 3),
      said(19, 'level', 8),
    ]);
    expect(mistake('next play', files)).toEqual([said(19, 'kernel', 3), said(19, 'level', 8)]);
    expect(mistake('ask', files)).toBeUndefined();
  });

  it('handlers that nobody behind the start notifies may need anything', () => {
    const files = {
      'site.yml':
        '- hosts: a\n  tasks:\n    - {name: ask, command: uname, register: r, notify: h}\n    - {name: last, debug: {msg: m}}\n    - {name: very last, command: "true", notify: g}\n  handlers:\n    - {name: h, debug: {msg: "{{r.stdout}}"}}\n    - {name: g, debug: {msg: m}}\n',
    };
    expect(mistake('last', files)).toBeUndefined();
    const notifying = {
      'site.yml': files['site.yml'].replace('g, debug: {msg: m}', 'g, debug: {msg: m}, notify: h'),
    };
    expect(mistake('last', notifying)).toMatchObject([{ code: 'name-unknown', line: 7 }]);
  });
});
