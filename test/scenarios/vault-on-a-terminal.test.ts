// What fairlead asks on a terminal and what it leaves there: the compiled program below util-linux's script(1).
import { Buffer } from 'node:buffer';
import { spawn, spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { sealText } from '../../src/load/vault/vault.ts';
import { quote } from '../../src/shell.ts';
import { key } from '../load/vault/sample.ts';
import { buildIfStale, MAIN } from '../support/compiled.ts';
import { Project } from './support/program.ts';

const CTRL_C = '\u0003';
const CTRL_U = '\u0015';
const BACKSPACE = '\u007f';

beforeAll(buildIfStale);

interface Seen {
  readonly status: unknown;
  /** Everything that the terminal showed, what it echoed included. */
  readonly screen: string;
}

/** Types each answer as soon as its question is there. `redirect`: sh behind the command. */
function onTerminal(
  made: Project,
  words: readonly string[],
  dialogue: readonly (readonly [question: string, answer: string])[],
  { redirect = '', environment = {} }: { redirect?: string; environment?: Record<string, string> } = {},
): Promise<Seen> {
  const line = `exec ${[process.execPath, MAIN, ...words].map(quote).join(' ')} ${redirect}`;
  const child = spawn('script', ['-qefc', line, '/dev/null'], {
    cwd: made.folder,
    env: { PATH: process.env.PATH, HOME: made.folder, TERM: 'xterm', SHELL: '/bin/sh', ...environment },
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
  return new Promise((resolve) => child.on('close', (status) => resolve({ status, screen })));
}

function project(): Project {
  return new Project({
    'sealed.yml': sealText(Buffer.from('a: hunter2\n'), key('default', 'opensesame')),
    'plain.yml': 'a: 1\n',
  });
}

describe('a password', () => {
  it('is asked for and not shown; keys that mend the line work', async () => {
    const typed = `wrong${CTRL_U}opensesamX${BACKSPACE}e\r`;
    const { status, screen } = await onTerminal(
      project(),
      ['vault', 'view', 'sealed.yml'],
      [['Vault password: ', typed]],
    );
    expect(screen.replaceAll('\r', '')).toBe('Vault password: \na: hunter2\n');
    expect(status).toBe(0);
  });

  it('is asked for at the terminal also where stdin and stdout are files', async () => {
    const made = project();
    const words = ['vault', 'decrypt', '-J'];
    const { status, screen } = await onTerminal(made, words, [['Vault password: ', 'opensesame\r']], {
      redirect: '<sealed.yml >opened.yml',
    });
    expect(screen.replaceAll('\r', '')).toBe('Vault password: \n');
    expect(status).toBe(0);
    expect(made.read('opened.yml')).toBe('a: hunter2\n');
  });

  it('is asked for once for each label, before a run, and Ctrl-C leaves', async () => {
    const made = project();
    made.write(
      'site.yml',
      '- hosts: all\n  gather_facts: false\n  tasks:\n    - debug: { msg: "length {{a}}" }\n',
    );
    const words = ['run', '-i', 'localhost,', '--output', 'text', '-e', '@sealed.yml'];
    const ids = ['--vault-id', 'dev@prompt', '--vault-id', 'prod@prompt'];
    const dialogue = [
      ['Vault password (dev): ', 'something else\r'],
      ['Vault password (prod): ', 'opensesame\r'],
    ] as const;
    const { status, screen } = await onTerminal(made, [...words, ...ids, 'site.yml'], dialogue);
    expect(status).toBe(0);
    expect(screen.match(/Vault password/g)).toHaveLength(2);
    expect(screen).toContain('length ***');
    expect(screen).not.toMatch(/hunter2|opensesame|something else/);
    const left = await onTerminal(made, [...words, ...ids, 'site.yml'], [['(dev): ', `some${CTRL_C}`]]);
    expect(left).toEqual({ status: 130, screen: 'Vault password (dev): \r\n' });
  });

  it('that stays unasked because nobody is there is an error', async () => {
    // A session of its own has no terminal, wherever the tests run.
    const words = ['-w', process.execPath, MAIN, 'vault', 'view', 'sealed.yml'];
    const said = spawnSync('setsid', words, { cwd: project().folder, encoding: 'utf8', input: '' });
    expect({ status: said.status, out: said.stdout }).toEqual({ status: 2, out: '' });
    expect(said.stderr).toContain('there is no terminal on which to ask for the vault password');
  });
});

describe('the live view', () => {
  it('shows no secret', async () => {
    const made = project();
    made.write(
      'site.yml',
      '- hosts: all\n  name: play {{a}}\n  gather_facts: false\n  tasks:\n    - name: with {{a}}\n      command: echo {{a}}\n    - name: refuse\n      fail: { msg: "not {{a}}" }\n',
    );
    const words = [
      'run',
      '-i',
      'localhost,',
      '-e',
      'ansible_connection=local',
      '-J',
      '-e',
      '@sealed.yml',
      '-vv',
      '--diff',
      'site.yml',
    ];
    const { status, screen } = await onTerminal(made, words, [['Vault password: ', 'opensesame\r']]);
    expect(status).toBe(1);
    expect(screen).toContain('refuse: not ***');
    expect(screen).not.toContain('hunter2');
  });
});

describe('an editor', () => {
  it('that is interrupted leaves no plain text, and the file as it was', async () => {
    const made = project();
    made.write('key', 'opensesame');
    const before = made.read('sealed.yml');
    const words = ['vault', 'edit', '--vault-password-file', 'key', 'sealed.yml'];
    const EDITOR = `sh -c 'echo x >>"$1"; echo "editing $1"; sleep 300; true' editor`;
    const { status, screen } = await onTerminal(made, words, [['editing', CTRL_C]], {
      environment: { EDITOR, XDG_RUNTIME_DIR: made.folder },
    });
    expect(status).toBe(130);
    expect(screen).toContain(`editing ${made.folder}/fairlead-vault-`);
    expect(readdirSync(made.folder).filter((name) => name.startsWith('fairlead-vault-'))).toEqual([]);
    expect(made.read('sealed.yml')).toBe(before);
  });
});
