// The shell session as such, over child processes: what holds here holds over SSH too.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { LocalHost } from '../../src/host/local-host.ts';
import { preamble, programText } from '../../src/host/session/session-program.ts';
import { exited, program, stdout, steps } from './programs.ts';

const folder = mkdtempSync(join(tmpdir(), 'local-host-'));
let abort: AbortController;
let host: LocalHost;

beforeEach(async () => {
  abort = new AbortController();
  host = new LocalHost({ name: 'here', user: 'nobody-in-particular', signal: abort.signal });
  await host.connect();
});
afterEach(() => host.close());
afterAll(() => rmSync(folder, { recursive: true }));

describe('a program', () => {
  test.each([
    ['stdout and stderr apart', 'echo out; echo err >&2', exited(0, 'out\n', 'err\n')],
    ['no newline at the end', 'printf out; printf err >&2', exited(0, 'out', 'err')],
    ['silence', ':', exited(0)],
    ['a status', 'exit 42', exited(42)],
    ['a signal', 'exec sh -c "kill -TERM \\$\\$"', exited(143, '', 'Terminated\n')],
    ['set -e', 'false; echo not reached', exited(1)],
    ['text that looks like a frame', "echo 'e 0 0'; echo 'd'", exited(0, 'e 0 0\nd\n')],
    ['stdin that is empty', 'cat; read x || echo nothing', exited(0, 'nothing\n')],
    ['umask and locale', 'umask; echo $LC_ALL', exited(0, '0022\nC\n')],
    ['quotes', `echo "it's" 'so "so"' \\\\`, exited(0, 'it\'s so "so" \\\n')],
    ['a here-document', "cat <<'X'\na $b `c`\nX", exited(0, 'a $b `c`\n')],
    ['ten kilobytes of script', `: ${'x'.repeat(10_000)}\necho done`, exited(0, 'done\n')],
  ])('has %s', async (_, script, expected) => {
    expect(steps(await host.run(program(script)))).toEqual([expected]);
  });

  test.each([
    ['an open quote', "echo 'oops"],
    ['an open subshell', '( echo oops'],
    ['a closed subshell too many', 'echo oops )'],
    ['an open here-document and a brace', '{ cat <<X\noops'],
    ['done without for', 'done'],
  ])('is not disturbed by a step with %s', async (_, script) => {
    const outcome = await host.run(program({ script, onFailure: 'continue' }, 'echo still here'));
    const [, second] = steps(outcome);
    expect(second).toEqual(exited(0, 'still here\n'));
    expect(stdout(await host.run(program('echo and again')))).toBe('and again\n');
  });

  test('has an unset variable as an error', async () => {
    const [only] = steps(await host.run(program('echo "$nobody_set_this"')));
    expect(only).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('nobody_set_this') });
  });

  test('skips what stands behind a failure that stops, and nothing behind one that does not', async () => {
    const outcome = await host.run(
      program({ script: 'exit 3', onFailure: 'continue' }, 'exit 4', 'echo never', { script: 'echo never' }),
    );
    expect(steps(outcome)).toEqual([exited(3), exited(4), { kind: 'skipped' }, { kind: 'skipped' }]);
  });

  test('gives each step its own environment, whatever the values hold', async () => {
    const value = `it's $HOME \`x\` "y" \\ \n two lines`;
    const outcome = await host.run(
      program(
        { script: 'printf %s "$GREETING"', environment: { GREETING: value } },
        'echo "${GREETING-unset}"',
      ),
    );
    expect(steps(outcome)).toEqual([exited(0, value), exited(0, 'unset\n')]);
  });

  test('keeps nothing from one step to the next but what is on disk', async () => {
    const outcome = await host.run(
      program('cd /tmp; x=1; umask 077; set +eu', 'pwd; umask; echo "${x-unset}"'),
    );
    expect(steps(outcome)[1]).toEqual(exited(0, `${process.cwd()}\n0022\nunset\n`));
  });

  test('rejects a name that cannot be an environment variable', async () => {
    const bad = program({ script: ':', environment: { 'A B': '1' } });
    await expect(host.run(bad)).rejects.toThrow('not a name for an environment variable: "A B"');
    expect(stdout(await host.run(program('echo fine')))).toBe('fine\n');
  });

  test('prints megabytes on both streams at once', async () => {
    const script =
      'awk \'BEGIN { for (i = 0; i < 60000; i++) { print "out " i "                                " ; print "err " i "                                " > "/dev/stderr" } }\'';
    const [only] = steps(await host.run(program(script)));
    if (only?.kind !== 'exited') throw new Error('not exited');
    expect(only.stdout.trimEnd().split('\n').length).toBe(60_000);
    expect(only.stderr.trimEnd().split('\n').length).toBe(60_000);
    expect(only.stdout).toContain('out 59999 ');
  });

  test('does not show its marker to a step that lists all variables', async () => {
    const listed = stdout(await host.run(program('set; env')));
    expect(listed).not.toMatch(/@[0-9a-f]{32}/);
  });

  test('is not held up by what a step leaves in the background', async () => {
    const [only] = steps(await host.run(program('sleep 30 & echo started')));
    expect(only).toEqual(exited(0, 'started\n'));
  });

  test('of five steps runs in one shell, and the next one too', async () => {
    const ask = 'echo $PPID; exec sh -c "echo \\$PPID"';
    const first = steps(await host.run(program('echo $$', 'echo $$')));
    const second = steps(await host.run(program('echo $$', ask)));
    expect(first[0]).toEqual(second[0]);
  });

  test('waits for the one before it', async () => {
    const file = join(folder, 'order');
    const [first, second] = await Promise.all([
      host.run(program(`sleep 0.2; echo one >>${file}`)),
      host.run(program(`echo two >>${file}; cat ${file}`)),
    ]);
    expect(steps(first)).toEqual([exited(0)]);
    expect(stdout(second)).toBe('one\ntwo\n');
  });
});

describe('a program that is lost', () => {
  test('keeps the steps that had ended and names the one that was running', async () => {
    const outcome = await host.run(program('echo done', 'kill -KILL $$; sleep 5', 'echo never'));
    expect(outcome).toEqual({
      kind: 'lost',
      reason: 'connection',
      message: 'the shell ended with status 137 before the program was done',
      during: 's1',
      steps: new Map([['s0', exited(0, 'done\n')]]),
    });
    expect(stdout(await host.run(program('echo anew')))).toBe('anew\n');
  });

  test('by its timer: everything it started is killed, and a new session takes over', async () => {
    const pidFile = join(folder, 'pid');
    const outcome = await host.run(program('echo done', `sh -c 'echo $$ >${pidFile}; sleep 300; :'`), {
      timeoutMs: 300,
    });
    expect(outcome).toMatchObject({
      kind: 'lost',
      reason: 'killed',
      message: 'not done within 0.3 s; its processes were killed',
      during: 's1',
    });
    expect(isRunning(Number(readFileSync(pidFile, 'utf8')))).toBe(false);
    expect(stdout(await host.run(program('echo anew')))).toBe('anew\n');
  });

  test('by its timer: what ignores TERM is killed too', async () => {
    const pidFile = join(folder, 'stubborn');
    const script = `sh -c 'trap "" TERM; echo $$ >${pidFile}; while :; do sleep 1; done'`;
    const outcome = await host.run(program(script), { timeoutMs: 200 });
    expect(outcome).toMatchObject({ reason: 'killed', message: expect.stringContaining('were killed') });
    expect(isRunning(Number(readFileSync(pidFile, 'utf8')))).toBe(false);
  });

  test('by an interrupt', async () => {
    const begun = join(folder, 'begun');
    const running = host.run(program('echo done', `: >${begun}; sleep 300`));
    const waiting = host.run(program('echo never'));
    await vi.waitUntil(() => existsSync(begun), { timeout: 10_000 });
    abort.abort();
    expect(await running).toMatchObject({
      kind: 'lost',
      reason: 'interrupted',
      message: 'interrupted',
      during: 's1',
    });
    expect(await waiting).toEqual({ kind: 'refused', message: 'not connected: interrupted' });
  });
});

describe('an upload', () => {
  const bytes = Buffer.from(Array.from({ length: 700_000 }, (_, i) => (i * 7) % 256));

  test('brings every byte, with mode 0600, also over a file that was there', async () => {
    const path = join(folder, `odd name's $file`);
    writeFileSync(path, 'old', { mode: 0o644 });
    expect(steps(await host.upload({ path, bytes }))).toEqual([exited(0)]);
    expect(readFileSync(path).equals(bytes)).toBe(true);
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  test('replaces a link rather than to write through it', async () => {
    const target = join(folder, 'target');
    const path = join(folder, 'link');
    writeFileSync(target, 'untouched');
    symlinkSync(target, path);
    expect(steps(await host.upload({ path, bytes: Buffer.from('new') }))).toEqual([exited(0)]);
    expect(readFileSync(target, 'utf8')).toBe('untouched');
    expect(readFileSync(path, 'utf8')).toBe('new');
  });

  test('of nothing makes an empty file', async () => {
    const path = join(folder, 'empty');
    expect(steps(await host.upload({ path, bytes: new Uint8Array(0) }))).toEqual([exited(0)]);
    expect(readFileSync(path).length).toBe(0);
  });

  test('fails where there is no room for it', async () => {
    const [only] = steps(await host.upload({ path: '/dev/full/x', bytes }));
    expect(only).toMatchObject({
      exitCode: expect.any(Number),
      stderr: expect.stringMatching(/Not a directory|nonexistent/i),
    });
    expect(only).not.toMatchObject({ exitCode: 0 });
  });
});

describe('the text for the shell', () => {
  const marker = '@0123456789abcdef0123456789abcdef';
  const text =
    preamble(marker, 'separate') +
    programText(
      program("echo 'one'", { script: 'exit 1', onFailure: 'continue', environment: { A: "b'c" } }),
      marker,
      'separate',
    );

  test.each(['dash', 'busybox sh', 'bash --posix'])('is understood by %s', (shell) => {
    const [command = '', ...args] = shell.split(' ');
    const run = spawnSync(command, args, { input: text, encoding: 'utf8' });
    expect({ status: run.status, stdout: run.stdout.replace(/h \d+/, 'h PGRP'), stderr: run.stderr }).toEqual(
      {
        status: 0,
        stdout: ['h PGRP', 'b', ...['one'].map((line) => `@${line}`), 'e 0 0', 'e 1 1', 'd']
          .map((line) => (line.startsWith('@') ? `${line.slice(1)}\n` : `${marker} ${line}\n`))
          .join(''),
        stderr: ['h', 'b', 'e 0', 'e 1', 'd'].map((line) => `${marker} ${line}\n`).join(''),
      },
    );
  });

  test('passes shellcheck', () => {
    const run = spawnSync('shellcheck', ['-s', 'sh', '-e', 'SC2034', '-'], { input: text, encoding: 'utf8' });
    expect(run.stdout).toBe('');
    expect(run.status).toBe(0);
  });
});

function isRunning(pid: number): boolean {
  const stat = spawnSync('cat', [`/proc/${pid}/stat`], { encoding: 'utf8' });
  return stat.status === 0 && !/^\d+ \(.*\) Z/.test(stat.stdout); // a zombie has only not been waited for
}
