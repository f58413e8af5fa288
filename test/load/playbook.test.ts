import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DiagnosticError, Problems } from '../../src/diagnostic.ts';
import { type PlaybookDocument, readPlaybook } from '../../src/load/playbook.ts';
import { PLAY_KEYS, ROLE_KEYS, TASK_KEYS, UNSUPPORTED_KEYS } from '../../src/load/playbook-schema.ts';
import type { TaskDocument, TaskNode } from '../../src/load/playbook-tasks.ts';
import { SourceFile } from '../../src/load/source.ts';
import { prepare } from '../../src/run/run.ts';

function read(text: string): {
  readonly document: PlaybookDocument | undefined;
  readonly problems: Problems;
} {
  const problems = new Problems();
  return { document: readPlaybook(new SourceFile('site.yml', text), problems), problems };
}

/** A document without problems. */
function sound(text: string): PlaybookDocument {
  const { document, problems } = read(text);
  problems.throwIfAny();
  if (document === undefined) throw new Error('no playbook');
  return document;
}

function single(node: TaskNode | undefined): TaskDocument {
  if (node?.kind !== 'task') throw new Error('no task');
  return node;
}

describe('a play', () => {
  const { plays } = sound(`
- name: web
  hosts: [web, "!web-1"]
  vars: {port: 80}
  vars_files: ports.yml
  roles:
    - base
    - {role: nginx, port: 80, vars: {more: 1}, tags: [a], when: b}
    - name: third
  tasks:
    - name: hello
      ansible.builtin.command: echo hello
      args: {chdir: /tmp}
      notify: restart
  handlers:
    - name: restart
      service: {name: nginx, state: restarted}
- hosts: db
`);
  const [web, db] = plays;

  it('has its parts', () => {
    expect(web?.name).toBe('web');
    expect(web?.hosts.map((each) => each.value)).toEqual(['web', '!web-1']);
    expect([...(web?.vars ?? [])].map(([name, { value }]) => [name, value])).toEqual([['port', 80]]);
    expect(web?.varsFiles.map((each) => each.value)).toEqual(['ports.yml']);
    expect(web?.handlers.map((each) => single(each).module.value)).toEqual(['service']);
  });

  it('may have next to none', () => {
    expect([db?.name, db?.tasks, db?.roles, db?.varsFiles]).toEqual([undefined, [], [], []]);
  });

  it('knows where each of them stands', () => {
    const spans = [web?.hosts[1]?.origin, web?.vars.get('port')?.origin, web?.vars.get('port')?.keyOrigin];
    expect(spans.map((origin) => place(origin?.span()))).toEqual(['3:16 "!web-1"', '4:16 80', '4:10 port']);
  });

  it('names roles, with what is not a keyword as their parameters', () => {
    expect(web?.roles.map(({ name, parameters }) => [name.value, [...parameters.keys()]])).toEqual([
      ['base', []],
      ['nginx', ['port', 'more']],
      ['third', []],
    ]);
    expect(web?.roles[1]?.keys.list('when').map((each) => each.value)).toEqual(['b']);
  });

  it('has tasks: a module with its arguments, and keywords', () => {
    const task = single(web?.tasks[0]);
    expect(task.name?.value).toBe('hello');
    expect(task.module.value).toBe('command');
    expect(task.args.value).toEqual({ _raw: 'echo hello', chdir: '/tmp' });
    expect(task.keys.list('notify').map((each) => each.value)).toEqual(['restart']);
    expect(place(task.module.origin.span())).toBe('12:7 ansible.builtin.command');
  });
});

describe("a task's module", () => {
  it.each([
    ['ansible.builtin.copy', 'copy'],
    ['ansible.legacy.copy', 'copy'],
    ['ansible.posix.sysctl', 'sysctl'],
    ['community.general.iptables_state', 'iptables_state'],
    ['copy', 'copy'],
  ])('%s is %s', (written, name) => {
    const { plays } = sound(`- hosts: all\n  tasks: [{${written}: {}}]`);
    expect(single(plays[0]?.tasks[0]).module.value).toBe(name);
  });

  it('takes args beside its own arguments, its own win', () => {
    const { plays } = sound('- hosts: all\n  tasks: [{copy: {dest: /a}, args: {dest: /b, mode: "0644"}}]');
    const task = single(plays[0]?.tasks[0]);
    expect(task.args.value).toEqual({ dest: '/a', mode: '0644' });
  });
});

describe('an empty file', () => {
  it.each(['', '# nothing\n', 'null\n'])('%j is no list of plays', (text) => {
    const { document, problems } = read(text);
    expect(document).toBeUndefined();
    expect(problems.list.map(({ code }) => code)).toEqual(['key-type']);
  });
});

describe('whatever stands in a key', () => {
  const value = fc.oneof(
    fc.jsonValue({ maxDepth: 2 }),
    fc.constantFrom(
      'all',
      '{{x}}',
      'a and b',
      '{% if x %}',
      '{{inventory_hostname}}',
      '{{#each groups as |g|}}{{g}}{{/each}}',
      'inventory_hostname == "web-1"',
      'ansible_check_mode',
      true,
      ['a', '{{item}}'],
      'x == ',
      ['a', 1, null],
      { role: 5 },
      { name: null },
      '!x',
      '',
      '[',
      '{{',
    ),
  );
  const keysOf = (...tables: object[]) =>
    fc.constantFrom(...tables.flatMap(Object.keys), ...UNSUPPORTED_KEYS.keys(), 'other');
  const mapping = (...tables: object[]) => fc.dictionary(keysOf(...tables), value, { maxKeys: 1 });
  const task = fc
    .tuple(
      mapping(TASK_KEYS),
      fc.constantFrom('ping', 'copy', 'assert', 'template', 'set_fact', 'command'),
      fc.oneof(
        value,
        fc.dictionary(fc.constantFrom('that', 'src', 'dest', 'content', 'mode', 'cmd', 'data'), value),
      ),
    )
    .map(([keys, module, args]) => ({ ...keys, [module]: args }));
  const play = fc
    .tuple(
      mapping(PLAY_KEYS),
      fc.array(fc.oneof(task, value), { maxLength: 3 }),
      fc.array(fc.oneof(mapping(ROLE_KEYS), value), { maxLength: 2 }),
      fc.boolean(),
    )
    .map(([keys, tasks, roles, plain]) =>
      plain ? { hosts: 'all', ...keys } : { hosts: 'all', ...keys, tasks, handlers: tasks, roles },
    );

  it('is a playbook or a diagnostic, never a bug', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(play, value), { maxLength: 3 }), (data) => {
        const { document, problems } = read(JSON.stringify(data));
        try {
          prepare(document, '/nowhere/site.yml', { inventories: ['web-1,web-2,'] }, problems);
        } catch (error) {
          if (!(error instanceof DiagnosticError)) throw error;
          for (const { at } of error.diagnostics) {
            // A caret may stand behind the line's end (something is missing there), and no further.
            if (at !== undefined) expect(at.column + at.length - 2).toBeLessThanOrEqual(at.lineText.length);
          }
        }
      }),
      { numRuns: 300 },
    );
  });
});

function place(span: { line: number; column: number; length: number; lineText: string } | undefined): string {
  if (span === undefined) return 'nowhere';
  return `${span.line}:${span.column} ${span.lineText.slice(span.column - 1, span.column - 1 + span.length)}`;
}
