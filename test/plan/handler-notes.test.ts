// The sh that writes, reads and removes a host's notes of handlers, under the shells that hosts have.
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Become } from '../../src/host/host.ts';
import {
  type HandlerNote,
  lookScript,
  noted,
  notingScript,
  parseNotes,
} from '../../src/plan/handler-notes.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync('/tmp/notes-');
});
afterEach(() => rmSync(dir, { recursive: true }));

const state = () => join(dir, 'state');
const place = (become?: Become) => ({ stateFolder: state(), become });
const ROOT: Become = { method: 'sudo', user: 'root' };
const OTHER: Become = { method: 'sudo', user: 'www' };

const note = (letter: string, handler = 'restart'): HandlerNote => ({
  key: letter.repeat(32),
  playbook: 'site.yml',
  path: '/home/ada/site.yml',
  play: 'web',
  handler,
});
const A = note('a');
const B = note('b');

describe.each([
  ['dash', []],
  ['busybox', ['ash']],
] as const)('%s', (shell, words) => {
  /** `uid`: who `id` says one is. */
  function sh(script: string, uid = 0) {
    const bin = join(dir, `bin-${uid}`);
    mkdirSync(bin, { recursive: true });
    writeFileSync(join(bin, 'id'), `#!/bin/sh\necho ${uid}\n`, { mode: 0o755 });
    const home = join(dir, 'home');
    mkdirSync(home, { recursive: true });
    const env = { PATH: `${bin}:${process.env.PATH}`, HOME: home, LC_ALL: 'C' };
    const { status, stdout, stderr } = spawnSync(shell, [...words, '-euc', script], {
      env,
      encoding: 'utf8',
    });
    return { status, stdout, stderr };
  }
  const look = (uid = 0) => parseNotes(sh(lookScript(state()), uid).stdout);

  test('what a change prints and how it ends is its own', () => {
    const { status, stdout, stderr } = sh(
      noted("echo 'it''s'; echo x >&2; false; echo never", { remember: [A], forget: [B.key] }, place()),
    );
    expect({ status, stdout, stderr }).toEqual({ status: 1, stdout: 'its\n', stderr: 'x\n' });
    expect(existsSync(state())).toBe(false);
  });

  test('it may leave early, and set what it likes', () => {
    const script = 'trap "echo bye" EXIT; set +eu; umask 0; fairlead_notes=/nowhere; exit 0';
    expect(sh(noted(script, { remember: [A], forget: [] }, place()))).toEqual({
      status: 0,
      stdout: 'bye\n',
      stderr: '',
    });
    expect(look()).toEqual([A]);
  });

  test('a note is there before the change, and its umask is as it was', () => {
    const script = `ls ${state()}/handlers; umask`;
    expect(sh(`umask 022\n${noted(script, { remember: [A], forget: [] }, place())}`).stdout).toBe(
      `${A.key}\n0022\n`,
    );
    expect(statSync(join(state(), 'handlers', A.key)).mode & 0o777).toBe(0o600);
    expect(statSync(join(state(), 'handlers')).mode & 0o777).toBe(0o700);
  });

  test('a change that fails takes back its own note alone', () => {
    sh(noted(':', { remember: [A], forget: [] }, place()));
    sh(noted('false', { remember: [A, B], forget: [] }, place()));
    expect(look()).toEqual([A]);
  });

  test('the last one takes the folders along; what else is there stays', () => {
    sh(notingScript({ remember: [A, B], forget: [] }, place()));
    expect(look()).toEqual([A, B]);
    sh(noted(':', { remember: [], forget: [A.key] }, place()));
    expect(look()).toEqual([B]);
    sh(notingScript({ remember: [], forget: [B.key] }, place()));
    expect(existsSync(state())).toBe(false);
    sh(notingScript({ remember: [A], forget: [] }, place()));
    writeFileSync(join(state(), 'other'), '');
    sh(notingScript({ remember: [], forget: [A.key] }, place()));
    expect(readdirSync(state())).toEqual(['other']);
  });

  test('where there is no room the change is made all the same', () => {
    writeFileSync(state(), 'a file');
    const { status, stdout, stderr } = sh(noted('echo made', { remember: [A], forget: [] }, place()));
    expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: 'made\n', stderr: '' });
  });

  test.each([
    ['a login user', undefined, 1000],
    ['whom one becomes', OTHER, 1000],
  ])('%s has them at home, and root does not look there', (_, become, uid) => {
    sh(noted(':', { remember: [A], forget: [] }, place(become)), uid);
    expect(readdirSync(join(dir, 'home', '.fairlead_handlers'))).toEqual([A.key]);
    expect([look(uid), look(0)]).toEqual([[A], []]);
    sh(notingScript({ remember: [], forget: [A.key] }, place(become)), uid);
    expect(readdirSync(dir).includes('state')).toBe(false);
    expect(readdirSync(join(dir, 'home'))).toEqual([]);
  });

  test('becoming root needs no question', () => {
    sh(noted(':', { remember: [A], forget: [] }, place(ROOT)), 1000);
    expect(readdirSync(join(state(), 'handlers'))).toEqual([A.key]);
  });

  test('without a home there is nothing', () => {
    const script = `unset HOME\n${noted('echo made', { remember: [A], forget: [] }, place(OTHER))}`;
    expect(sh(script, 1000)).toEqual({ status: 0, stdout: 'made\n', stderr: '' });
    expect(sh(`unset HOME\n${lookScript(state())}`, 1000)).toEqual({ status: 0, stdout: '', stderr: '' });
  });

  test('what is no note is not read', () => {
    mkdirSync(join(state(), 'handlers', 'folder'), { recursive: true });
    execFileSync('mkfifo', [join(state(), 'handlers', 'pipe')]);
    writeFileSync(join(state(), 'handlers', 'stray'), 'handler=evil\n');
    writeFileSync(join(state(), 'handlers', B.key), '');
    expect(look()).toEqual([{ key: B.key, playbook: '', path: '', play: '', handler: '' }]);
  });
});

test('whatever a handler is called, its note is one line', () => {
  const text = fc.string({ unit: 'binary' }).filter((each) => !each.includes('\0'));
  fc.assert(
    fc.property(text, (handler) => {
      const script = notingScript({ remember: [note('c', handler)], forget: [] }, place());
      spawnSync('dash', ['-euc', script], { env: { PATH: process.env.PATH ?? '' } });
      const { stdout } = spawnSync('dash', ['-euc', lookScript(state())], { encoding: 'utf8' });
      rmSync(state(), { recursive: true });
      expect(parseNotes(stdout)).toHaveLength(1);
      expect(stdout.split('\n')).toHaveLength(6);
    }),
    { numRuns: 30 },
  );
});

test('shellcheck has nothing to say', () => {
  const both = { remember: [A, B], forget: [note('d').key] };
  const scripts = [noted('true', both, place()), notingScript(both, place(ROOT)), lookScript(state())];
  for (const script of scripts) {
    const input = `#!/bin/sh\n# shellcheck disable=SC2317\n${script}\n`;
    const { status, stdout } = spawnSync('shellcheck', ['-s', 'sh', '-'], { input, encoding: 'utf8' });
    expect({ status, stdout }).toEqual({ status: 0, stdout: '' });
  }
});
