// The library: the example of docs/library.md with the compiled package, and what the docs promise of run and loadInventory.
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, it, test } from 'vitest';
import { DiagnosticError, loadInventory, type RunEvent, run } from '../src/index.ts';
import { sectionsOf } from './docs/support/markdown.ts';
import { writeProject } from './resolve/support/project.ts';
import { buildIfStale } from './support/compiled.ts';

const LOCAL = { 'hosts.yml': 'all: {hosts: {a: , b: }, vars: {ansible_connection: local, site: ghent}}\n' };

function project(files: Readonly<Record<string, string>>): {
  readonly playbook: string;
  readonly inventories: string[];
} {
  const folder = writeProject({ ...LOCAL, ...files });
  return { playbook: join(folder, 'site.yml'), inventories: [join(folder, 'hosts.yml')] };
}

async function eventsOf(events: AsyncIterable<RunEvent>): Promise<readonly RunEvent[]> {
  const all: RunEvent[] = [];
  for await (const event of events) all.push(event);
  return all;
}

describe('docs/library.md', () => {
  const text = readFileSync(new URL('../docs/library.md', import.meta.url), 'utf8');
  const blocks = [...text.matchAll(/^```(\S+) ?(.*)\n([\s\S]*?)^```$/gm)];

  beforeAll(buildIfStale, 120_000);

  it('shows a program and what it prints', async () => {
    const files = blocks.flatMap(([, , title = '', inner = '']) =>
      title === '' ? [] : [[title, inner] as const],
    );
    const folder = writeProject(Object.fromEntries(files));
    mkdirSync(join(folder, 'node_modules'));
    symlinkSync(join(import.meta.dirname, '..'), join(folder, 'node_modules/fairlead'));
    const { stdout, stderr } = await promisify(execFile)(process.execPath, ['greet.mjs'], { cwd: folder });
    const shown = blocks.find(([, language]) => language === 'console')?.[3] ?? '';
    expect(stderr).toBe('');
    expect(`$ node greet.mjs\n${stdout}`).toBe(shown);
  });

  it('lists every field of the input', () => {
    const source = readFileSync(new URL('../src/library.ts', import.meta.url), 'utf8');
    const inner = /interface RunInput \{([\s\S]*?)^\}/m.exec(source)?.[1] ?? '';
    const fields = [...inner.matchAll(/^ {2}readonly (\w+)/gm)].map(([, name = '']) => name);
    const [rows] = sectionsOf('library.md').filter(({ heading }) => heading === 'run');
    const told =
      rows?.rows.flatMap(([cell = '']) => cell.split(/[`, ]+/).filter((word) => word !== '')) ?? [];
    expect(told).toEqual([...fields, 'status', 'changed', 'hosts']);
  });
});

describe('run', () => {
  it('gives all events to one reader, also to one that comes late', async () => {
    const running = run(project({ 'site.yml': '- hosts: all\n  tasks:\n    - command: "true"\n' }));
    const result = await running.result;
    const kinds = (await eventsOf(running)).map(({ kind }) => kind);
    expect([kinds.at(0), kinds.at(-1)]).toEqual(['run-started', 'run-ended']);
    expect(kinds.filter((kind) => kind === 'task-finished')).toHaveLength(2);
    expect(result).toMatchObject({ status: 'ok', changed: true, hosts: [{ host: 'a' }, { host: 'b' }] });
    expect(await eventsOf(running)).toEqual([]);
  });

  it('goes on when the reader leaves', async () => {
    const files = project({
      'site.yml': '- hosts: a\n  tasks:\n    - copy: { content: x, dest: "{{to}}" }\n',
    });
    const to = join(files.playbook, '../made');
    const running = run({ ...files, extraVars: { to } });
    for await (const event of running) if (event.kind === 'run-started') break;
    expect(await running.result).toMatchObject({ status: 'ok', changed: true });
    expect(readFileSync(to, 'utf8')).toBe('x');
  });

  it('changes nothing in check mode, and tells what it would', async () => {
    const files = project({
      'site.yml': '- hosts: a\n  tasks:\n    - copy: { content: x, dest: "{{to}}" }\n',
    });
    const to = join(files.playbook, '../made');
    const { result } = run({ ...files, extraVars: { to }, mode: 'check' });
    expect(await result).toMatchObject({ status: 'ok', changed: true });
    expect(existsSync(to)).toBe(false);
  });

  it('tells failures in its result', async () => {
    const { result } = run(project({ 'site.yml': '- hosts: all\n  tasks:\n    - command: "false"\n' }));
    expect(await result).toMatchObject({ status: 'failed', changed: false });
  });

  it('ends when the signal is aborted', async () => {
    const interruption = new AbortController();
    const files = project({ 'site.yml': '- hosts: a\n  tasks:\n    - command: sleep 60\n' });
    const running = run({ ...files, signal: interruption.signal });
    for await (const event of running) {
      if (event.kind === 'host-working' && event.doing === 'changing') interruption.abort();
    }
    expect(await running.result).toMatchObject({ status: 'interrupted' });
  });

  it('throws what is wrong, with its place', () => {
    const files = project({ 'site.yml': '- hosts: all\n  tasks:\n    - debug: { msg: "{{nme}}" }\n' });
    const missing = thrownBy(() => run({ ...files, extraVars: { name: 'x' } }));
    expect(missing.map(({ code, at }) => [code, at?.line])).toEqual([['name-unknown', 3]]);
    const wrong = thrownBy(() => run({ ...files, extraVars: { nme: '{{y}}' } }));
    expect(wrong.map(({ code, at }) => [code, at?.file, at?.column])).toEqual([
      ['name-unknown', 'extraVars', 11],
    ]);
  });

  it('opens what is vaulted, and masks it', async () => {
    const files = project({
      'site.yml': '- hosts: a\n  vars_files: [v.yml]\n  tasks: [{debug: {msg: "{{word}}"}}]\n',
    });
    const vault = sectionsOf('cli.md')
      .flatMap(({ blocks }) => blocks)
      .find(({ title }) => title === 'secrets.yml');
    writeFileSync(join(files.playbook, '../v.yml'), vault?.text ?? '');
    writeFileSync(
      files.playbook,
      readFileSync(files.playbook, 'utf8').replace('{{word}}', '{{db_password}}'),
    );
    expect(thrownBy(() => run(files)).map(({ code }) => code)).toEqual(['vault-key']);
    const running = run({ ...files, vaultPasswords: { default: 'correct horse' } });
    const text = JSON.stringify(await eventsOf(running));
    expect(await running.result).toMatchObject({ status: 'ok' });
    expect(text).not.toContain('hunter2');
    expect(text).toContain('***');
  });
});

describe('loadInventory', () => {
  test('gives hosts, groups, variables and patterns', () => {
    const { inventories } = project({ 'site.yml': '' });
    const fleet = loadInventory(inventories);
    expect(fleet.hosts).toEqual(['a', 'b']);
    expect(fleet.groups.ungrouped).toEqual(['a', 'b']);
    expect(fleet.variablesOf('b')).toEqual({ ansible_connection: 'local', site: 'ghent' });
    expect(fleet.variablesOf('c')).toBeUndefined();
    expect(fleet.match('all:!a')).toEqual(['b']);
    expect(thrownBy(() => fleet.match('nobody')).length).toBe(1);
  });

  it('tells warnings to who asks for them', () => {
    const folder = writeProject({ 'hosts.yml': 'web: {hosts: {a: }}\nweb: {hosts: {b: }}\n' });
    const source = join(folder, 'hosts.yml');
    const warnings: unknown[] = [];
    const fleet = loadInventory([source], { warn: (warning) => warnings.push(warning) });
    expect(fleet.hosts).toEqual(['b']);
    expect(warnings).toMatchObject([{ code: 'duplicate-key', at: { file: source, line: 2, column: 1 } }]);
    expect(loadInventory([source]).hosts).toEqual(['b']);
  });

  it('throws what is wrong', () => {
    expect(thrownBy(() => loadInventory(['/nowhere.yml'])).length).toBe(1);
  });
});

function thrownBy(work: () => unknown): DiagnosticError['diagnostics'] {
  try {
    work();
  } catch (error) {
    if (error instanceof DiagnosticError) return error.diagnostics;
    throw error;
  }
  return [];
}
