// The order of precedence in docs/variables.md, row by row: one variable set in every layer, layers taken away from the top one
// by one. At each step fairlead and ansible-playbook print the value of the row that the docs say is next.
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it, onTestFinished } from 'vitest';
import { runInFolder } from '../docs/support/command.ts';
import { sectionsOf } from '../docs/support/markdown.ts';

/** The rows of the docs, the strongest first. */
const ROWS: readonly string[] = sectionsOf('variables.md')
  .filter(({ heading }) => heading === 'Who wins')
  .flatMap(({ rows }) => rows.map(([, setBy = '']) => setBy));

/** Says of each row whether it is set, and to what. */
type Value = (row: string) => string | undefined;

/** `level: VALUE` as flow mapping, or an empty one. */
const flow = (value: string | undefined): string => (value === undefined ? '{}' : `{level: ${value}}`);
const file = (value: string | undefined): string => (value === undefined ? '---\n{}\n' : `level: ${value}\n`);
/** Lines that are only there with the row. */
const only = (value: string | undefined, lines: (value: string) => string): string =>
  value === undefined ? '' : lines(value);

function project(of: Value): Readonly<Record<string, string>> {
  return {
    'inventories/hosts.yml': `all:
  vars: ${flow(of('the inventory, for all'))}
  children:
    web:
      hosts: {web-1: ${flow(of('the inventory, for the host'))}}
      vars: ${flow(of('the inventory, for the group'))}
`,
    'inventories/group_vars/all.yml': file(of('group_vars/all beside the inventory')),
    'inventories/group_vars/web.yml': file(of('group_vars beside the inventory')),
    'inventories/host_vars/web-1.yml': file(of('host_vars beside the inventory')),
    'books/group_vars/all.yml': file(of('group_vars/all beside the playbook')),
    'books/group_vars/web.yml': file(of('group_vars beside the playbook')),
    'books/host_vars/web-1.yml': file(of('host_vars beside the playbook')),
    'books/a.yml': file(of('the first of vars_files')),
    'books/b.yml': file(of('the last of vars_files')),
    'books/read.yml': file(of('include_vars')),
    'books/site.yml': `- import_playbook: play.yml\n  vars: ${flow(of('vars of import_playbook'))}\n`,
    'books/play.yml': `- hosts: web
  gather_facts: false
  vars: ${flow(of('vars of the play'))}
  vars_files: [a.yml, b.yml]
${only(of('vars_prompt'), (value) => `  vars_prompt: [{name: level, default: ${value}}]\n`)}  roles:
    - role: web
${only(of('parameters of the role'), (value) => `      level: ${value}\n`)}    - role: other
`,
    'books/roles/other/vars/main.yml': file(of('vars of another role')),
    'books/roles/other/defaults/main.yml': file(of('defaults of another role')),
    'books/roles/other/tasks/main.yml': '[]\n',
    'books/roles/web/vars/main.yml': file(of('vars of the role')),
    'books/roles/web/defaults/main.yml': file(of('defaults of the role')),
    'books/roles/web/tasks/main.yml': `${only(of('set_fact and register'), (value) => `- set_fact: {level: ${value}}\n`)}${only(
      of('include_vars'),
      () => '- include_vars: ../../../read.yml\n',
    )}- include_tasks: inner.yml
  vars: ${flow(of('vars of includes'))}
`,
    'books/roles/web/tasks/inner.yml': `- vars: ${flow(of('vars of the block, or of an import'))}
  block:
    - name: which
      debug: {msg: "is {{level}}"}
      vars: ${flow(of('vars of the task'))}
`,
  };
}

function extraWords(of: Value): readonly string[] {
  return ['-e', 'a later -e'].flatMap((row) => {
    const value = of(row);
    return value === undefined ? [] : ['-e', `level=${value}`];
  });
}

/** A value of its own for each row that is left. */
const from = (first: number): Value => {
  return (row) => {
    const index = ROWS.indexOf(row);
    return index >= first ? `row${index + 1}` : undefined;
  };
};

const run = promisify(execFile);

async function ansible(of: Value): Promise<string> {
  const folder = mkdtempSync('/tmp/precedence-');
  onTestFinished(() => rmSync(folder, { recursive: true }));
  for (const [name, text] of Object.entries(project(of))) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  const words = ['-i', 'inventories/hosts.yml', '-c', 'local', ...extraWords(of), 'books/site.yml'];
  const { stdout } = await run('ansible-playbook', words, {
    cwd: folder,
    env: { ...process.env, LC_ALL: 'C.UTF-8' },
  });
  return /"msg": "is (\w+)"/.exec(stdout)?.[1] ?? stdout;
}

async function fairlead(of: Value): Promise<string> {
  const blocks = Object.entries(project(of)).map(([title, text]) => ({ language: '', title, text }));
  const words = ['-i', 'inventories/hosts.yml', ...extraWords(of), 'books/site.yml'];
  const { out, err } = await runInFolder(blocks, `fairlead run ${words.join(' ')}`);
  return /which: is (\w+)/.exec(out)?.[1] ?? out + err;
}

it('every row has a place in the project of this test', () => {
  const asked = new Set<string>();
  const note: Value = (row) => {
    asked.add(row);
    return undefined;
  };
  project(note);
  extraWords(note);
  expect(ROWS.filter((row) => !asked.has(row))).toEqual([]);
  expect(ROWS.length).toBeGreaterThanOrEqual(24);
});

it('each row wins over all below it, here and in ansible-playbook', { timeout: 300_000 }, async () => {
  const steps = ROWS.map((_, first) => first);
  const theirs = new Map<number, string>();
  const open = [...steps];
  const worker = async (): Promise<void> => {
    for (let first = open.shift(); first !== undefined; first = open.shift()) {
      theirs.set(first, await ansible(from(first)));
    }
  };
  const ours = new Map<number, string>();
  const own = async (): Promise<void> => {
    for (const first of steps) ours.set(first, await fairlead(from(first)));
  };
  await Promise.all([worker(), worker(), own()]);
  const said = steps.map((first) => ({
    row: ROWS[first],
    fairlead: ours.get(first),
    ansible: theirs.get(first),
  }));
  expect(said).toEqual(
    steps.map((first) => ({
      row: ROWS[first],
      fairlead: `row${first + 1}`,
      ansible: `row${first + 1}`,
    })),
  );
});
