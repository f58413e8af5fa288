// add_host and group_by, beside ansible-playbook on the same playbook: what is said to have changed, and who is where.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { runPlaybook } from '../support/playbook-run.ts';

const INVENTORY = `all:
  children:
    old: {hosts: {a: {ansible_connection: local}, b: {ansible_connection: local}}}
    outer: {children: {inner: {hosts: {a: {}}}}}
`;

/** Tasks whose `changed` is compared, in their order; none has a template. */
const TASKS: readonly string[] = [
  '{add_host: {name: n1}}',
  '{add_host: {name: n1}}',
  '{add_host: {name: n1, x: 1}}',
  '{add_host: {name: n1, x: 1}}',
  '{add_host: {name: n1, groups: "new, old"}}',
  '{add_host: {name: n1, groups: [old]}}',
  '{add_host: {name: "n2:2222", groupname: new}}',
  '{add_host: {name: b, groups: old}}',
  '{add_host: {name: b, groups: inner}}',
  '{group_by: {key: "with blank"}}',
  '{group_by: {key: "with blank"}}',
  '{group_by: {key: inner}}',
  '{group_by: {key: inner, parents: [above, old]}}',
  '{group_by: {key: inner, parents: above}}',
];

test('as Ansible does', { timeout: 60_000 }, async () => {
  const text = `- hosts: a
  gather_facts: false
  tasks:
${TASKS.map((task) => `    - ${task}`).join('\n')}
`;
  const folder = mkdtempSync('/tmp/growing-');
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const show =
    '    - debug: {msg: "{% for g in groups | sort %}{{g}}={{groups[g] | join(\',\')}};{% endfor %}"}\n';
  writeFileSync(join(folder, 'inventory.yml'), INVENTORY);
  writeFileSync(join(folder, 'playbook.yml'), text + show);
  const { stdout, stderr } = spawnSync('ansible-playbook', ['-i', 'inventory.yml', 'playbook.yml'], {
    cwd: folder,
    encoding: 'utf8',
    env: { ...process.env, LC_ALL: 'C.UTF-8' },
  });
  const theirs = [...stdout.matchAll(/^(changed|ok): \[a\]/gm)].map(([, status]) => status === 'changed');
  expect(theirs, stdout + stderr).toHaveLength(TASKS.length + 1);
  const theirGroups = /"msg": "(.*)"/.exec(stdout)?.[1] ?? '';

  const ours = await runPlaybook(
    `${text}    - debug: {msg: "{{#each groups}}{{@key}}={{join this ','}};{{/each}}"}\n`,
    { files: { 'inventory.yml': INVENTORY } },
  );
  const outcomes = ours.events.flatMap((event) => (event.kind === 'task-finished' ? [event.outcome] : []));
  expect(outcomes.slice(0, -1).map(({ status }) => status === 'changed')).toEqual(theirs.slice(0, -1));
  const sorted = (groups: string) => groups.split(';').sort();
  expect(sorted(String(outcomes.at(-1)?.message))).toEqual(sorted(theirGroups));
});
