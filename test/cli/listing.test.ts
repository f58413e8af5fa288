// fairlead run --list-hosts, --list-tasks, --list-tags, --syntax-check: what they print, and that it is what ansible-playbook
// makes of the same files.
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { ListedNode, PlaybookListing } from '../../src/listing.ts';
import { runInFolder } from '../docs/support/command.ts';

const FILES = {
  'hosts.ini': '[edge]\nedge-1\nedge-2\n[core]\ncore-1\n',
  'site.yml': `- name: greeting
  hosts: edge
  gather_facts: false
  tags: play
  pre_tasks:
    - name: first
      debug: {msg: "1"}
  roles:
    - {role: web, tags: www}
  tasks:
    - debug: {msg: "2"}
      tags: [quick, files]
    - name: only when asked for
      debug: {msg: "3"}
      tags: never
    - name: all or nothing
      block:
        - name: try
          debug: {msg: "4"}
        - block:
            - name: deeper
              debug: {msg: "5"}
      rescue:
        - name: mend
          debug: {msg: "6"}
      always:
        - name: tidy up
          debug: {msg: "7"}
    - import_tasks: more.yml
      tags: imported
    - name: for each site
      include_tasks: "{{item}}.yml"
      tags: included
      loop: [more, other]
  handlers:
    - name: restart
      debug: {msg: "8"}
- hosts: core:edge-1
  tasks:
    - name: "say {{inventory_hostname}}"
      debug: {msg: "9"}
    - include_tasks: "{{facts.kernel.release}}.yml"
    - include_tasks: more.yml
      when: false
`,
  'more.yml': '- name: more\n  debug: {msg: "10"}\n',
  'other.yml': '- name: other\n  debug: {msg: "11"}\n  tags: files\n- include_tasks: more.yml\n',
  'roles/web/tasks/main.yml':
    '- name: install\n  debug: {msg: "12"}\n  tags: [packages]\n- debug: {msg: "13"}\n',
  'two.yml': '- hosts: core\n  gather_facts: false\n  tasks:\n    - debug: {msg: "14"}\n      tags: late\n',
};

const BLOCKS = Object.entries(FILES).map(([title, text]) => ({ language: '', title, text }));

async function asked(words: string): Promise<string> {
  const { status, out, err } = await runInFolder(BLOCKS, `fairlead run -i hosts.ini ${words}`);
  expect({ status, err }).toEqual({ status: 0, err: '' });
  return out;
}

async function listed(words: string): Promise<readonly PlaybookListing[]> {
  return JSON.parse(await asked(`--output json ${words}`)).playbooks;
}

/** Tasks as Ansible shows them: without rescue and always parts, and with includes as single tasks. */
function asAnsible(nodes: readonly ListedNode[]): readonly string[] {
  return nodes.flatMap((node) =>
    node.kind === 'block' ? asAnsible(node.body) : [`${nameOf(node)}\tTAGS: [${node.tags.join(', ')}]`],
  );
}

/** A task without a name is shown without its role. */
function nameOf({ title, module, role }: Exclude<ListedNode, { kind: 'block' }>): string {
  return title === `${role} : ${module}` ? module : title;
}

function ansible(...words: readonly string[]): readonly string[] {
  const folder = mkdtempSync('/tmp/listing-');
  onTestFinished(() => rmSync(folder, { recursive: true }));
  for (const [name, text] of Object.entries(FILES)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  const { status, stdout } = spawnSync('ansible-playbook', ['-i', 'hosts.ini', ...words], {
    cwd: folder,
    encoding: 'utf8',
    env: { ...process.env, LC_ALL: 'C.UTF-8' },
  });
  expect(status).toBe(0);
  return stdout.split('\n').map((line) => line.trim());
}

describe('to people', () => {
  it('shows tasks with places and tags, in blocks, and in includes as far as they are known', async () => {
    expect(await asked('--list-tasks site.yml')).toBe(`playbook: site.yml

  play #1 (edge): greeting  site.yml:1  [play]
    tasks:
      first                          site.yml:6                  [play]
      web : install                  roles/web/tasks/main.yml:1  [packages, play, www]
      web : debug                    roles/web/tasks/main.yml:4  [play, www]
      debug                          site.yml:11                 [files, play, quick]
      block: all or nothing          site.yml:16
        try                          site.yml:18                 [play]
        block                        site.yml:20
          deeper                     site.yml:21                 [play]
      rescue
        mend                         site.yml:24                 [play]
      always
        tidy up                      site.yml:27                 [play]
      more                           more.yml:1                  [imported, play]
      for each site (include_tasks)  site.yml:31                 [included, play]
        more.yml:
          more                       more.yml:1                  [play]
        other.yml:
          other                      other.yml:1                 [files, play]
          include_tasks              other.yml:4                 [play]
            more.yml:
              more                   more.yml:1                  [play]

  play #2 (core:edge-1): core:edge-1  site.yml:38
    tasks:
      say {{inventory_hostname}}  site.yml:40
      include_tasks               site.yml:42
        (known when it runs)
      include_tasks               site.yml:43
        (no host comes here)
`);
  });

  it('shows all that is asked for together, of several playbooks, as far as limit and tags leave it', async () => {
    expect(
      await asked('--list-hosts --list-tasks --list-tags --limit core --tags late,www site.yml two.yml'),
    ).toBe(`playbook: site.yml

  play #1 (edge): greeting  site.yml:1  [play]
    hosts (0):
    tasks:
      web : install  roles/web/tasks/main.yml:1  [packages, play, www]
      web : debug    roles/web/tasks/main.yml:4  [play, www]
    task tags: [packages, play, www]

  play #2 (core:edge-1): core:edge-1  site.yml:38
    hosts (1):
      core-1
    tasks: none
    task tags: []

playbook: two.yml

  play #1 (core): core  two.yml:1
    hosts (1):
      core-1
    tasks:
      debug  two.yml:4  [late]
    task tags: [late]
`);
  });

  it('begins where --start-at-task says, also inside of an include', async () => {
    expect(await asked('--list-tasks --start-at-task other site.yml')).toContain(`
    tasks:
      for each site (include_tasks)  site.yml:31  [included, play]
        more.yml: none
        other.yml:
          other                      other.yml:1  [files, play]
          include_tasks              other.yml:4  [play]
`);
    expect(await asked('--list-hosts --start-at-task debug --tags late site.yml two.yml')).toBe(
      'playbook: two.yml\n\n  play #1 (core): core  two.yml:1\n    hosts (1):\n      core-1\n',
    );
  });

  it('says no more of sound playbooks than their names', async () => {
    expect(await asked('--syntax-check site.yml two.yml')).toBe('playbook: site.yml\n\nplaybook: two.yml\n');
  });

  it('tells mistakes as a run would, with the same status', async () => {
    const blocks = [
      ...BLOCKS,
      { language: '', title: 'bad.yml', text: '- hosts: all\n  tasks: [{pong: }]\n' },
    ];
    for (const flag of ['--syntax-check', '--list-tasks', '--list-hosts']) {
      const { status, out, err } = await runInFolder(
        blocks,
        `fairlead run -i hosts.ini ${flag} site.yml bad.yml`,
      );
      expect({ flag, status, out }).toEqual({ flag, status: 2, out: '' });
      expect(err).toContain('bad.yml:2:12');
    }
  });
});

describe('to programs', () => {
  it('gives what was asked for, and the file that was included', async () => {
    const [playbook] = await listed('--list-tags site.yml');
    expect(Object.keys(playbook?.plays[0] ?? {})).toEqual(['name', 'pattern', 'place', 'tags', 'taskTags']);
    const [whole] = await listed('--list-tasks site.yml');
    expect(whole?.plays[0]?.tasks.at(-1)).toMatchObject({
      kind: 'include',
      title: 'for each site',
      module: 'include_tasks',
      place: { file: 'site.yml', line: 31, column: 7 },
      when: 'known',
      brings: [
        { name: 'more.yml', tasks: [{ kind: 'task', title: 'more' }] },
        { name: 'other.yml', tasks: [{ title: 'other', tags: ['files', 'play'] }, { kind: 'include' }] },
      ],
    });
    expect(whole?.plays[1]?.tasks[1]).toMatchObject({ kind: 'include', when: 'late', brings: [] });
  });
});

describe('as ansible-playbook has it', () => {
  it.each([
    '',
    '--tags files',
    '--tags never',
    '--tags imported,quick',
    '--skip-tags play',
    '--skip-tags www,included',
    '--limit core',
  ])('names, tags and hosts with "%s"', { timeout: 60_000 }, async (words) => {
    const all = [
      '--list-hosts',
      '--list-tasks',
      '--list-tags',
      ...words.split(' ').filter((word) => word !== ''),
    ];
    const theirs = ansible(...all, 'site.yml', 'two.yml');
    const ours = await listed(`${all.join(' ')} site.yml two.yml`);
    const lines = ours.flatMap(({ plays }) =>
      plays.map(({ hosts, tasks }) => ({ hosts: [...hosts].sort(), tasks: asAnsible(tasks) })),
    );
    expect(lines).toEqual(playsIn(theirs));
  });
});

/** The hosts and tasks under each heading of ansible-playbook. */
function playsIn(
  lines: readonly string[],
): readonly { readonly hosts: string[]; readonly tasks: string[] }[] {
  const plays: { hosts: string[]; tasks: string[] }[] = [];
  let part: string[] | undefined;
  for (const line of lines) {
    const play = plays.at(-1);
    if (/^play #/.test(line)) plays.push({ hosts: [], tasks: [] });
    else if (/^hosts \(/.test(line)) part = play?.hosts;
    else if (/^tasks:$/.test(line)) part = play?.tasks;
    else if (line === '' || /^(?:TASK TAGS|pattern|playbook):/.test(line)) continue;
    else part?.push(line);
  }
  for (const { hosts } of plays) hosts.sort();
  return plays;
}
