import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { parse } from 'yaml';
import { runPlaybook, story } from '../support/playbook-run.ts';

interface Case {
  readonly title: string;
  readonly mode?: 'check';
  readonly files?: Readonly<Record<string, string>>;
  readonly told: readonly string[];
  readonly ends: string;
  /** Keys of the play. */
  readonly [key: string]: unknown;
}

const CASES: readonly Case[] = [
  'tasks.yml',
  'blocks.yml',
  'includes.yml',
  'loops.yml',
  'meta.yml',
  'module-defaults.yml',
].flatMap((file) => parse(readFileSync(join(import.meta.dirname, file), 'utf8')));

let dir = '';
beforeEach(() => {
  dir = mkdtempSync('/tmp/tasks-');
});
afterEach(() => rmSync(dir, { recursive: true }));

test.each(CASES)('$title', async ({ title: _, mode, files = {}, told, ends, ...keys }) => {
  const text = JSON.stringify([{ hosts: 'all', ...keys }]).replaceAll('DIR', dir);
  const run = await runPlaybook(text, { mode: mode ?? 'apply', files });
  const lines = story(run).map((line) =>
    line
      .replace(/^here /, '')
      .replaceAll(dir, 'DIR')
      .replace(/\/tmp\/playbook-\w+\/playbook\.yml/, 'PLAY')
      .replace(/\/tmp\/playbook-\w+/, 'DIR'),
  );
  expect(lines).toEqual(told);
  expect(run.recap.map(({ status, state }) => `${status}: ${state}`)).toEqual([ends]);
});

test('playbooks that import each other, with variables and conditions', async () => {
  const files = {
    'sub/first.yml': `
- hosts: all
  vars: {x: of the play, y: of the play}
  vars_files: files.yml
  tasks:
    - debug: {msg: "{{x}}, {{y}}, {{z}}, {{playbook_dir}}"}
    - include_tasks: tasks.yml
- import_playbook: second.yml
  vars: {x: of the inner import}
`,
    'sub/files.yml': 'z: of the file\n',
    'sub/tasks.yml': '- debug: {msg: "{{x}}"}\n',
    'sub/second.yml': '- hosts: all\n  tasks: [{debug: {msg: "second {{x}}"}}]\n',
  };
  const text = `
- import_playbook: sub/first.yml
  vars: {x: of the import}
- import_playbook: sub/second.yml
  when: inventory_hostname == "there"
  vars: {x: 1}
- hosts: all
  tasks: [{debug: {msg: last}}]
`;
  const lines = story(await runPlaybook(text, { files }));
  expect(lines.map((line) => line.replace(/\/tmp\/playbook-\w+/, 'DIR'))).toEqual([
    'here ok debug: of the import, of the play, of the file, DIR/sub',
    'here ok include_tasks: included tasks.yml',
    'here ok debug: of the import',
    'here ok debug: second of the import',
    'here skipped debug: when: inventory_hostname == "there"',
    'here ok debug: last',
  ]);
});

test.each([1, 200])(
  'what the items of a loop set does not change what it goes over (waves of %s)',
  async (waveLimit) => {
    const text = `
- hosts: all
  vars: {list: [1, 2, 3]}
  tasks:
    - set_fact: {list: []}
      loop: "{{list}}"
    - debug: {msg: "{{list.length}}"}
`;
    expect(story(await runPlaybook(text, { waveLimit }))).toEqual([
      'here ok set_fact (1): set list',
      'here ok set_fact (2): set list',
      'here ok set_fact (3): set list',
      'here ok debug: 0',
    ]);
  },
);
