// The live view on a terminal: the compiled program below util-linux's script(1), which gives it one.
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { quote } from '../../src/shell.ts';
import { buildIfStale, MAIN } from '../support/compiled.ts';

const folder = mkdtempSync('/tmp/live-');
afterAll(() => rmSync(folder, { recursive: true }));
beforeAll(buildIfStale, 120_000);

const HIDE = '\u001b[?25l';
const SHOW = '\u001b[?25h';

interface Shown {
  readonly status: number | null;
  readonly raw: string;
  /** What is left on the screen, line by line, trailing blanks cut. */
  readonly screen: readonly string[];
  readonly elapsedMs: number;
}

function onTerminal(words: readonly string[], environment: Record<string, string> = {}): Shown {
  const line = `stty cols 100 rows 40; ${[process.execPath, MAIN, ...words].map(quote).join(' ')}`;
  const started = performance.now();
  const { status, stdout } = spawnSync('script', ['-qefc', line, '/dev/null'], {
    encoding: 'utf8',
    env: { PATH: process.env.PATH ?? '', HOME: folder, TERM: 'xterm', SHELL: '/bin/sh', ...environment },
    input: '',
  });
  return { status, raw: stdout, screen: screenOf(stdout), elapsedMs: performance.now() - started };
}

/** Of what log-update uses: up a line, erase the line, to the first column. */
function screenOf(raw: string): readonly string[] {
  const lines = [''];
  let row = 0;
  for (const part of raw.split(/(\u001b\[\d*[AGK]|\n)/)) {
    if (part === '\n') {
      row += 1;
      lines[row] ??= '';
    } else if (part === '\u001b[1A') row = Math.max(0, row - 1);
    else if (part === '\u001b[2K') lines[row] = '';
    else if (part !== '\u001b[G') lines[row] += stripVTControlCharacters(part).replaceAll('\r', '');
  }
  return lines.map((line) => line.trimEnd());
}

function playbook(name: string, tasks: string): string {
  const path = join(folder, name);
  writeFileSync(path, `- name: edge\n  hosts: all\n  vars: {ansible_connection: local}\n  tasks:\n${tasks}`);
  return path;
}

const many = (count: number) => Array.from({ length: count }, (_, index) => `web-${index},`).join('');

describe('the live view', () => {
  test('draws while the play runs, and leaves the changes by task, the failures once, and the recap', () => {
    const path = playbook(
      'play.yml',
      `
    - name: wait
      shell: sleep 1
    - name: work
      shell: '[ {{inventory_hostname}} != web-3 ] || { echo "no such device"; exit 4; }'
    - name: say
      debug: {msg: hello}
      when: inventory_hostname == "web-1"
`,
    );
    const { status, raw, screen, elapsedMs } = onTerminal(['run', '-i', many(12), path]);
    const text = screen.filter((line) => line !== '').map((line) => line.replace(/\d+\.\d s$/, 'N s'));
    expect(text).toEqual([
      'play edge: 12 hosts',
      '  changed       wait  on 12 hosts',
      '  changed       work  on 11 hosts',
      'web-1     ok            say: hello',
      expect.stringMatching(/^web-3 {5}failed {8}work: .* exited 4: no such device$/),
      `    shell at ${path}:8:7`,
      'host      ok  changed  skipped  failed  state',
      ...Array.from({ length: 12 }, (_, index) => {
        const name = `web-${index}`.padEnd(8);
        if (index === 3)
          return `${name}   0        1        0       1  failed, 1 change made before it stopped`;
        return index === 1
          ? `${name}   1        2        0       0  2 changes made`
          : `${name}   0        2        1       0  2 changes made`;
      }),
      '12 hosts: 11 ok, 1 failed, 23 changed, N s',
    ]);
    expect(status).toBe(1);
    const drawings = raw.split('0/12 hosts').length - 1;
    expect(drawings).toBeGreaterThan(3);
    expect(drawings).toBeLessThan(elapsedMs / 100 + 5);
    expect(raw).toContain(HIDE);
    expect(raw.lastIndexOf(SHOW)).toBeGreaterThan(raw.lastIndexOf(HIDE));
  });

  test('leaves a line per host and task with -v, and two plays one below the other', () => {
    const path = playbook(
      'two.yml',
      `    - ping:\n- name: core\n  hosts: all\n  tasks: [{debug: {msg: bye}}]\n`,
    );
    const { status, screen } = onTerminal(['run', '-v', '-i', many(1), path]);
    expect(status).toBe(0);
    expect(screen.filter((line) => line !== '').slice(0, 4)).toEqual([
      'play edge: 1 host',
      'web-0     ok            ping: pong',
      'play core: 1 host',
      'web-0     ok            debug: bye',
    ]);
  });

  test('without colours draws the same', () => {
    const path = playbook('plain.yml', `    - command: sleep 0.3\n`);
    const { raw, screen } = onTerminal(['run', '-i', many(1), path], { NO_COLOR: '1' });
    expect(screen).toContain('  changed       command  on web-0');
    expect(raw).not.toMatch(/\u001b\[\d+m/);
  });

  test('a terminal that cannot be drawn on gets plain lines', () => {
    const path = playbook('dumb.yml', `    - command: "true"\n`);
    const { raw } = onTerminal(['run', '-i', many(1), path], { TERM: 'dumb' });
    expect(raw).toContain('web-0     ');
    expect(raw).not.toContain(HIDE);
  });

  test('Ctrl-C ends it: the cursor is back, and the recap says what is known', async () => {
    const path = playbook('long.yml', `    - name: hang\n      command: sleep 300\n`);
    const line = `stty cols 100 rows 40; exec ${[process.execPath, MAIN, 'run', '-i', many(1), path].map(quote).join(' ')}`;
    const child = spawn('script', ['-qefc', line, '/dev/null'], {
      env: { PATH: process.env.PATH ?? '', HOME: folder, TERM: 'xterm', SHELL: '/bin/sh' },
    });
    let raw = '';
    child.stdout.setEncoding('utf8').on('data', (more: string) => {
      if (!raw.includes('hang') && (raw + more).includes('hang')) child.stdin.write('\u0003');
      raw += more;
    });
    const status = await new Promise((resolve) => child.on('close', resolve));
    expect(status).toBe(130);
    expect(screenOf(raw)).toContain(
      'web-0     0        0        0       1  interrupted, unknown: cut off during "hang"',
    );
    expect(raw.lastIndexOf(SHOW)).toBeGreaterThan(raw.lastIndexOf(HIDE));
  });
});
