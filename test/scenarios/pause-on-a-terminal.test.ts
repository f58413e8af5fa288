// What a pause asks on a terminal: the compiled program below util-linux's script(1).
import { spawn } from 'node:child_process';
import { beforeAll, expect, it } from 'vitest';
import { quote } from '../../src/shell.ts';
import { buildIfStale, MAIN } from '../support/compiled.ts';
import { Project } from './support/program.ts';

const CTRL_C = '\u0003';

beforeAll(buildIfStale);

interface Seen {
  readonly status: unknown;
  /** Everything that the terminal showed, what it echoed included. */
  readonly screen: string;
}

/** Types the answer as soon as the question is there. */
function onTerminal(
  project: Project,
  [question, answer]: readonly [string, string],
  words: readonly string[] = [],
): Promise<Seen> {
  const line = `exec ${[process.execPath, MAIN, 'run', '-i', 'here,', ...words, 'play.yml'].map(quote).join(' ')}`;
  const child = spawn('script', ['-qefc', line, '/dev/null'], {
    cwd: project.folder,
    env: { PATH: process.env.PATH, HOME: project.folder, TERM: 'xterm', SHELL: '/bin/sh' },
  });
  let screen = '';
  let isOpen = true;
  child.stdout.setEncoding('utf8').on('data', (more: string) => {
    screen += more;
    if (!isOpen || !screen.includes(question)) return;
    isOpen = false;
    child.stdin.write(answer);
  });
  return new Promise((resolve) => child.on('close', (status) => resolve({ status, screen })));
}

const project = (pause: string): Project =>
  new Project({
    'play.yml': `
- hosts: all
  tasks:
    - name: before the second site
      pause: {${pause}}
      register: said
    - debug: {msg: "{{said.user_input}} was said"}
`,
  });

it.each([[['--output', 'text']], [['--output', 'live']]])(
  'a question waits for a line, which can be seen (%s)',
  async (words) => {
    const { status, screen } = await onTerminal(
      project('prompt: go on?'),
      ['go on?: ', 'yes please\n'],
      words,
    );
    expect(screen).toContain('[before the second site] go on?: yes please');
    expect(screen).toContain('yes please was said');
    expect(status).toBe(0);
  },
);

it('an answer that may not be seen is not shown, nor told later', async () => {
  const pause = 'prompt: the word, echo: false';
  const { status, screen } = await onTerminal(
    project(pause),
    ['not shown): ', 'opensesame\r'],
    ['--output', 'text', '-vv'],
  );
  expect(screen).toContain('*** was said');
  expect(screen).not.toContain('opensesame');
  expect(status).toBe(0);
});

it.each(['', ', echo: false'])('Ctrl-C ends the run (%s)', async (more) => {
  const { status, screen } = await onTerminal(project(`prompt: go on?${more}`), ['go on?', CTRL_C]);
  expect(screen).toContain('interrupted');
  expect(screen).not.toContain('was said');
  expect(status).toBe(130);
});

it('Enter ends a long time', async () => {
  const { status, screen } = await onTerminal(
    project('minutes: 60'),
    ['goes on at once: ', '\n'],
    ['--output', 'text'],
  );
  expect(screen).toContain(' was said');
  expect(status).toBe(0);
});
