// --step on a terminal: the compiled program below util-linux's script(1); and where there is none.
import { spawn } from 'node:child_process';
import { beforeAll, expect, it } from 'vitest';
import { quote } from '../../src/shell.ts';
import { buildIfStale, MAIN } from '../support/compiled.ts';
import { Project } from './support/program.ts';

beforeAll(buildIfStale);

const FILES = {
  'site.yml': `- hosts: all
  gather_facts: false
  tasks:
    - name: one
      command: "true"
    - name: two
      command: "true"
    - name: three
      command: "true"
    - name: four
      command: "true"
`,
};

/** Types each answer as soon as its question is there. */
function onTerminal(
  words: readonly string[],
  dialogue: readonly (readonly [question: string, answer: string])[],
): Promise<{ readonly status: unknown; readonly screen: string }> {
  const line = `exec ${[process.execPath, MAIN, ...words].map(quote).join(' ')}`;
  const { folder } = new Project(FILES);
  const child = spawn('script', ['-qefc', line, '/dev/null'], {
    cwd: folder,
    env: { PATH: process.env.PATH, HOME: folder, TERM: 'xterm', SHELL: '/bin/sh', NO_COLOR: '1' },
  });
  const open = [...dialogue];
  let screen = '';
  let answered = 0;
  child.stdout.setEncoding('utf8').on('data', (more: string) => {
    screen += more;
    const [question, answer] = open[0] ?? [];
    if (question === undefined || !screen.slice(answered).includes(question)) return;
    answered = screen.length;
    open.shift();
    child.stdin.write(answer);
  });
  return new Promise((resolve) =>
    child.on('close', (status) => resolve({ status, screen: screen.replaceAll('\r', '') })),
  );
}

const LOCAL = ['run', '-i', 'here,', '-e', 'ansible_connection=local', '--step', 'site.yml'];
const asks = (title: string, line: number) =>
  `Perform task: ${title} (site.yml:${line}) (N)o/(y)es/(c)ontinue: `;

it('asks before each task, in plain lines, and does as it is told', async () => {
  const { status, screen } = await onTerminal(LOCAL, [
    [asks('one', 4), 'y\r'],
    [asks('two', 6), '\r'],
    [asks('three', 8), 'c\r'],
  ]);
  expect(screen.replace(/\d+\.\d s/, 'N s')).toBe(`play all: 1 host
${asks('one', 4)}y
here      changed       one: run true
${asks('two', 6)}
here      skipped       two: somebody said no
${asks('three', 8)}c
here      changed       three: run true
here      changed       four: run true

host    ok  changed  skipped  failed  state
here     0        3        1       0  3 changes made

1 host: all ok, 3 changed, N s
`);
  expect(status).toBe(0);
});

it('ends at Ctrl-C', async () => {
  const { status, screen } = await onTerminal(LOCAL, [
    [asks('one', 4), 'y\r'],
    [asks('two', 6), '\u0003'],
  ]);
  expect(status).toBe(130);
  expect(screen).toContain('interrupted: ending what is under way');
  expect(screen).not.toMatch(/three|skipped {7}/);
});

it('without a terminal is wrong usage', async () => {
  expect(await new Project(FILES).run(...LOCAL)).toBe(`exit 2
--- stderr
error[usage]: command line cannot be used
  there is no terminal on which --step could ask
  hint: leave --step out
`);
});
