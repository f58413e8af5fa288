import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { parse } from 'yaml';
import { runPlaybook, story } from '../support/playbook-run.ts';

interface Case {
  readonly title: string;
  readonly mode?: 'check';
  readonly told: readonly string[];
  readonly ends: string;
  /** Keys of the play. */
  readonly [key: string]: unknown;
}

const CASES: readonly Case[] = parse(readFileSync(join(import.meta.dirname, 'tasks.yml'), 'utf8'));

let dir = '';
beforeEach(() => {
  dir = mkdtempSync('/tmp/tasks-');
});
afterEach(() => rmSync(dir, { recursive: true }));

test.each(CASES)('$title', async ({ title: _, mode, told, ends, ...keys }) => {
  const text = JSON.stringify([{ hosts: 'all', ...keys }]).replaceAll('DIR', dir);
  const run = await runPlaybook(text, { mode: mode ?? 'apply' });
  const lines = story(run).map((line) =>
    line
      .replace(/^here /, '')
      .replaceAll(dir, 'DIR')
      .replace(/\/tmp\/playbook-\w+\/playbook\.yml/, 'PLAY'),
  );
  expect(lines).toEqual(told);
  expect(run.recap.map(({ status, state }) => `${status}: ${state}`)).toEqual([ends]);
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
