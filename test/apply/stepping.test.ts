// --step: who is asked what, and what becomes of each answer. The terminal itself is test/scenarios/step.test.ts.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { runPlays } from '../../src/apply/engine.ts';
import type { Answer } from '../../src/apply/errands/person.ts';
import { LocalHost } from '../../src/host/local-host.ts';
import { preparePlaybook } from '../../src/run/run.ts';

/** Questions with `? `, and what hosts did, in the order of it. Who is not told what to say says yes. */
async function stepped(
  playbook: string,
  answers: Readonly<Record<string, string | Answer['kind']>> = {},
  more: {
    files?: Readonly<Record<string, string>>;
    hosts?: string;
    forks?: number;
    signal?: AbortController;
  } = {},
): Promise<readonly string[]> {
  const folder = mkdtempSync('/tmp/stepping-');
  onTestFinished(() => rmSync(folder, { recursive: true }));
  for (const [name, text] of Object.entries({ 'site.yml': playbook, ...more.files })) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text.replaceAll('DIR', folder));
  }
  const { signal } = more.signal ?? new AbortController();
  const { plays } = preparePlaybook(join(folder, 'site.yml'), { inventories: [more.hosts ?? 'a,b,'] });
  const lines: string[] = [];
  await runPlays({
    plays,
    hostFor: (host) => new LocalHost({ name: host, signal, user: 'test' }),
    actions: { mode: 'apply', diff: false },
    forks: more.forks ?? 10,
    emit: (event) => {
      if (event.kind !== 'task-finished') return;
      const { item, status } = event.outcome;
      lines.push(`${event.host} ${event.task.title}${item === undefined ? '' : ` ${item.label}`}: ${status}`);
    },
    signal,
    step: true,
    person: {
      ask: async ({ text, echo }) => {
        const question = text.replaceAll(`${folder}/`, '');
        lines.push(`? ${question}${echo ? '' : ' (unseen)'}`);
        const [, title = ''] = /^Perform task: (.*) \(\S+:\d+\) \(N\)o/.exec(question) ?? [];
        const answer = answers[title] ?? 'y';
        if (answer === 'cut') more.signal?.abort();
        return answer === 'cut' || answer === 'nobody' ? { kind: answer } : { kind: 'said', text: answer };
      },
    },
  });
  return lines;
}

/** Hosts in any order between two questions. */
const settled = (lines: readonly string[]): readonly string[] => {
  const groups: string[][] = [[]];
  for (const line of lines) {
    if (line.startsWith('? ')) groups.push([line], []);
    else groups.at(-1)?.push(line);
  }
  return groups.flatMap((group) => group.sort());
};

const TWO = `- hosts: all
  gather_facts: false
  tasks:
    - name: one
      debug: {msg: m}
    - name: two
      command: "true"
      register: r
    - name: three
      debug: {msg: m}
- hosts: all
  gather_facts: false
  tasks:
    - name: four
      debug: {msg: m}
    - name: five
      debug: {msg: m}
`;
const QUESTION = (title: string, line: number) =>
  `? Perform task: ${title} (site.yml:${line}) (N)o/(y)es/(c)ontinue: `;

describe('the question', () => {
  it('comes once for all hosts, before each task, and no leaves the task out', async () => {
    expect(settled(await stepped(TWO, { two: 'n', four: '' }))).toEqual([
      QUESTION('one', 4),
      'a one: ok',
      'b one: ok',
      QUESTION('two', 6),
      'a two: skipped',
      'b two: skipped',
      QUESTION('three', 9),
      'a three: ok',
      'b three: ok',
      QUESTION('four', 14),
      'a four: skipped',
      'b four: skipped',
      QUESTION('five', 16),
      'a five: ok',
      'b five: ok',
    ]);
  });

  it.each([
    ['yes', 'ok'],
    [' Y ', 'ok'],
    ['no', 'skipped'],
    ['', 'skipped'],
    ['maybe', 'skipped'],
    ['nobody', 'skipped'],
  ])('answered with "%s": %s', async (answer, status) => {
    const playbook = '- hosts: a\n  tasks:\n    - name: one\n      debug: {msg: m}\n';
    expect((await stepped(playbook, { one: answer }))[1]).toBe(`a one: ${status}`);
  });

  it('is not asked in the rest of the play after continue', async () => {
    const lines = settled(await stepped(TWO, { one: 'c' }));
    expect(lines.filter((line) => line.startsWith('?'))).toEqual([
      QUESTION('one', 4),
      QUESTION('four', 14),
      QUESTION('five', 16),
    ]);
    expect(lines.slice(0, 7).sort()).toEqual(
      [
        QUESTION('one', 4),
        ...['a', 'b'].flatMap((host) => [`${host} one: ok`, `${host} two: changed`, `${host} three: ok`]),
      ].sort(),
    );
  });

  it('waits until all hosts are through the task, with all items and attempts', async () => {
    const playbook = `- hosts: all
  gather_facts: false
  tasks:
    - name: items
      command: "true"
      loop: "{{sites}}"
    - name: attempts
      command: test -e DIR/{{inventory_hostname}} || ! touch DIR/{{inventory_hostname}}
      args: {executable: /bin/sh}
      when: inventory_hostname == "a"
    - name: last
      debug: {msg: m}
`
      .replace('command: test', 'shell: test')
      .replace(
        '      args: {executable: /bin/sh}\n',
        '      retries: 3\n      delay: 0\n      until: r.rc == 0\n      register: r\n',
      );
    const files = { 'host_vars/a.yml': 'sites: [1, 2, 3]\n', 'host_vars/b.yml': 'sites: [1]\n' };
    for (const forks of [10, 1]) {
      expect(settled(await stepped(playbook, {}, { files, forks }))).toEqual([
        QUESTION('items', 4),
        'a items 1: changed',
        'a items 2: changed',
        'a items 3: changed',
        'b items 1: changed',
        QUESTION('attempts', 7),
        'a attempts: changed',
        'b attempts: skipped',
        QUESTION('last', 14),
        'a last: ok',
        'b last: ok',
      ]);
    }
  });

  it('goes into blocks, includes and handlers; not before meta, and once for all items of an include', async () => {
    const playbook = `- hosts: all
  gather_facts: false
  tasks:
    - block:
        - name: breaks
          command: "false"
      rescue:
        - name: mends
          command: "true"
          notify: told
    - meta: flush_handlers
    - name: for all
      command: "true"
      run_once: true
    - name: more
      include_tasks: more.yml
    - name: other
      include_tasks: more.yml
      loop: [x, y]
  handlers:
    - name: told
      debug: {msg: m}
`;
    const files = { 'more.yml': '- name: inner\n  debug: {msg: m}\n' };
    const lines = settled(await stepped(playbook, { other: 'y', more: 'n' }, { files, forks: 1 }));
    const told = lines.map((line) => line.replace(/ \(N\).*/, ''));
    // What it does not do, a host tells when it comes by: behind one that ran for all, that may be a question later.
    const isSkipped = (line: string) => line.endsWith(': skipped');
    expect(told.filter(isSkipped).sort()).toEqual(['a more: skipped', 'b more: skipped']);
    expect(told.filter((line) => !isSkipped(line))).toEqual([
      '? Perform task: breaks (site.yml:5)',
      'a breaks: rescued',
      'b breaks: rescued',
      '? Perform task: mends (site.yml:8)',
      'a mends: changed',
      'a meta: ok',
      'b mends: changed',
      'b meta: ok',
      '? Perform task: told (site.yml:21)',
      'a told: ok',
      'b told: ok',
      '? Perform task: for all (site.yml:12)',
      'a for all: changed',
      '? Perform task: more (site.yml:15)',
      '? Perform task: other (site.yml:17)',
      'a other x: ok',
      'b other x: ok',
      '? Perform task: inner (more.yml:1)',
      'a inner: ok',
      'a other y: ok',
      'b inner: ok',
      'b other y: ok',
      '? Perform task: inner (more.yml:1)',
      'a inner: ok',
      'b inner: ok',
    ]);
  });

  it('that nobody answers because the run is ended ends it', async () => {
    const signal = new AbortController();
    expect(await stepped(TWO, { two: 'cut' }, { signal, hosts: 'a,' })).toEqual([
      QUESTION('one', 4),
      'a one: ok',
      QUESTION('two', 6),
    ]);
  });

  it('shows no value of a task with no_log', async () => {
    const playbook =
      '- hosts: a\n  vars: {s: hunter2}\n  tasks:\n    - name: with {{s}}\n      debug: {msg: m}\n      no_log: true\n';
    expect((await stepped(playbook)).join('\n')).not.toContain('hunter2');
  });
});
