import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { applyMode, chmodSymbols, parseMode } from '../../src/modules/file/file-mode.ts';
import { type UnarchiveArgs, unarchive } from '../../src/modules/file/unarchive.ts';
import { runOnThisMachine, runScript, SHELLS, temporaryFolder } from './support/this-machine.ts';
import { runTwice } from './support/twice.ts';

// Without sticky bits, which BusyBox's chmod leaves on files.
it.each(SHELLS)('under %s chmod makes of our symbols what they stand for, twice', (shell) => {
  const folder = mkdtempSync(join(tmpdir(), 'fairlead-chmod-'));
  const path = join(folder, 'x');
  for (const said of ['u=rwX,go=', 'u=rwX,go=rX', 'a=rX', 'go=X', 'u+X,g-w', '=rX', 'u=rw', 'g=u']) {
    for (const bits of [0o644, 0o755, 0o710, 0o4601, 0o600]) {
      writeFileSync(path, '');
      chmodSync(path, bits);
      const wanted = applyMode(parseMode(said), { bits, kind: 'file' });
      for (let time = 0; time < 2; time++) {
        runScript(`chmod ${chmodSymbols(said)} ${path}`, { shell });
        expect([said, bits, statSync(path).mode & 0o7777]).toEqual([said, bits, wanted]);
      }
    }
  }
  rmSync(folder, { recursive: true });
});

describe.each(SHELLS)('unarchive under %s', (shell) => {
  const folder = temporaryFolder();
  const at = (name: string) => join(folder.path, name);
  const dest = () => at('dest');
  const options = { shell, controller: { readFile: (name: string) => readFileSync(at(name)) } };
  const run = (args: Omit<UnarchiveArgs, 'dest'>) =>
    runOnThisMachine(unarchive, { dest: dest(), ...args }, options);
  const twice = (args: Omit<UnarchiveArgs, 'dest'>) =>
    runTwice(unarchive, { dest: dest(), ...args }, options);
  const isGnu = shell === 'dash';

  beforeAll(() => {
    mkdirSync(at('tree/app/bin'), { recursive: true });
    writeFileSync(at('tree/app/bin/run'), '#!/bin/sh\n', { mode: 0o755 });
    writeFileSync(at("tree/app/it's ü"), Buffer.from([0, 255, 10]), { mode: 0o640 });
    symlinkSync('bin/run', at('tree/app/start'));
    linkSync(at('tree/app/bin/run'), at('tree/app/again'));
    chmodSync(at('tree/app/bin'), 0o750);
    const tar = (...args: string[]) => execFileSync('tar', ['-C', at('tree'), ...args, 'app']);
    tar('-cf', at('a.tar'));
    tar('-czf', at('a.tgz'));
    tar('-cJf', at('a.txz'));
    tar('-cjf', at('a.tbz'));
    execFileSync('zip', ['-qry', at('a.zip'), 'app'], { cwd: at('tree') });
    writeFileSync(at('tree/app/bulk'), randomBytes(300_000));
    tar('-czf', at('large.tgz'));
    rmSync(at('tree/app/bulk'));
  });

  beforeEach(() => {
    rmSync(dest(), { recursive: true, force: true });
    mkdirSync(dest());
  });

  function expectUnpacked(below = 'dest/app'): void {
    expect(readFileSync(at(`${below}/bin/run`), 'utf8')).toBe('#!/bin/sh\n');
    expect([...readFileSync(at(`${below}/it's ü`))]).toEqual([0, 255, 10]);
    expect(readlinkSync(at(`${below}/start`))).toBe('bin/run');
    expect(readdirSync(dest()).filter((name) => name.startsWith('.'))).toEqual([]);
  }

  it.each(['a.tar', 'a.tgz', 'a.zip', 'large.tgz'])('unpacks %s of the controller once', (src) => {
    const { program } = twice({ src });
    expect(program?.uploads?.length ?? 0).toBe(src === 'large.tgz' ? 1 : 0);
    expectUnpacked();
    if (src === 'a.zip') return;
    expect(statSync(at("dest/app/it's ü")).mode & 0o777).toBe(0o640);
    expect(statSync(at('dest/app/bin')).mode & 0o777).toBe(0o750);
  });

  it.each([
    ['a file with other content', 'echo x >app/bin/run', 'app/bin/run: file with other content'],
    ['a file that is gone', 'rm app/bin/run', 'app/bin/run: absent'],
    ['another mode', 'chmod 0600 app/bin/run', 'app/again: mode 0600'],
    ['a link that leads elsewhere', 'ln -sfn /x app/start', 'app/start: → /x'],
    ['a folder in place of a file', 'rm "app/it\'s ü"; mkdir "app/it\'s ü"', "app/it's ü: directory"],
  ])('mends %s', (_what, damage, told) => {
    run({ src: 'a.tgz' });
    execFileSync('sh', ['-c', damage], { cwd: dest() });
    if (told.endsWith('directory') && !isGnu) {
      expect(run({ src: 'a.tgz' }).conclusion).toMatchObject({
        kind: 'failed',
        message: expect.stringContaining("can't remove old file app/it's ü: Is a directory"),
      });
      return;
    }
    const { verdict } = twice({ src: 'a.tgz' });
    expect(verdict.kind === 'change' && verdict.diffs?.[0]?.before).toContain(`${told}\n`);
    expectUnpacked();
  });

  it('leaves alone what is not in the archive, and files that were only touched', () => {
    run({ src: 'a.tgz' });
    execFileSync('touch', ['-d', '2001-01-01', at('dest/app/bin/run'), at('dest/own')]);
    expect(run({ src: 'a.tgz' }).verdict.kind).toBe('unchanged');
    expect(readdirSync(dest())).toEqual(['app', 'own']);
  });

  it('gives everything an owner and a mode, links without one', () => {
    twice({ src: 'a.tgz', owner: 12, group: 34, mode: 'u=rwX,go=' });
    expect(statSync(at('dest/app/bin/run'))).toMatchObject({ uid: 12, gid: 34, mode: 0o100700 });
    expect(statSync(at("dest/app/it's ü"))).toMatchObject({ uid: 12, gid: 34, mode: 0o100600 });
    expect(statSync(at('dest/app/bin')).mode & 0o777).toBe(0o700);
    expect(Number(execFileSync('stat', ['-c', '%u', at('dest/app/start')]))).toBe(12);
    const { verdict, program } = twice({ src: 'a.tgz', owner: 13, mode: 'u=rwX,go=' });
    expect(verdict).toMatchObject({ message: `${dest()}: owner or mode of 6 differ` });
    expect(program?.script).not.toContain('unpack');
    expect(statSync(at('dest/app/bin/run')).uid).toBe(13);
  });

  it('strips folders', () => {
    twice({ src: 'a.tgz', extra_opts: ['--strip-components=1'] });
    expectUnpacked('dest');
  });

  it('does nothing where creates exists, and unpacks where it does not', () => {
    expect(run({ src: 'a.tgz', creates: dest() }).verdict).toMatchObject({
      kind: 'unchanged',
      message: `not unpacked: ${dest()} exists`,
    });
    for (const src of ['a.tgz', 'a.txz', 'a.tbz', 'a.zip']) {
      rmSync(at('dest/app'), { recursive: true, force: true });
      twice({ src, creates: at('dest/app/bin/run') });
      expectUnpacked();
      rmSync(at('dest/app'), { recursive: true });
      twice({ src: at(src), remote_src: true, creates: at('dest/app/bin/run') });
      expectUnpacked();
    }
  });

  it.each(['a.tar', 'a.tgz', 'a.txz', 'a.tbz'])('has GNU tar compare %s on the host', (src) => {
    const args = { src: at(src), remote_src: true };
    if (!isGnu) {
      const { verdict } = run(args);
      expect(verdict).toMatchObject({
        kind: 'failed',
        message: `${at(src)}: tar on this host cannot compare`,
        hint: 'say with creates which path shows that it is unpacked',
      });
      return;
    }
    twice(args);
    expectUnpacked();
    execFileSync('touch', ['-d', '2001-01-01', at('dest/app/bin/run')]);
    expect(run(args).verdict.kind).toBe('unchanged');
    writeFileSync(at('dest/app/bin/run'), '#!/bin/SH\n');
    const { verdict } = twice({ ...args, owner: 12, mode: 'u=rwX,go=' });
    expect(verdict.kind === 'change' && verdict.diffs?.[0]?.before).toMatch(
      /(again|bin\/run): Contents differ\n/,
    );
    expect(statSync(at("dest/app/it's ü"))).toMatchObject({ uid: 12, mode: 0o100600 });
  });

  it('compares an archive that only the host can read while it is there, and says so', () => {
    const args = { src: 'a.txz', owner: 12 };
    const first = run(args);
    expect(readdirSync(dest()).filter((name) => name.startsWith('.'))).toEqual([]);
    if (!isGnu) {
      expect(first.conclusion).toMatchObject({
        kind: 'failed',
        message: `a.txz is not unpacked in ${dest()}: tar on this host cannot compare`,
      });
      expect(readdirSync(dest())).toEqual([]);
      return;
    }
    expect(first.conclusion?.kind).toBe('changed');
    expectUnpacked();
    expect(run(args).conclusion?.kind).toBe('unchanged');
    expect(run({ ...args, owner: 13 }).conclusion?.kind).toBe('changed');
    expect(statSync(at('dest/app/bin/run')).uid).toBe(13);
    expect(run({ src: 'a.tgz', extra_opts: ['--exclude=*bin*'] }).conclusion?.kind).toBe('unchanged');
  });

  it('says what is wrong', () => {
    expect(run({ src: at('none'), remote_src: true }).verdict).toMatchObject({
      kind: 'failed',
      message: `${at('none')} does not exist`,
    });
    writeFileSync(at('damaged'), readFileSync(at('a.txz')).subarray(0, 100));
    const args = { src: at('damaged'), remote_src: true, creates: at('dest/app') };
    expect(run(args).conclusion?.kind).toBe('failed');
    rmSync(dest(), { recursive: true });
    expect(run({ src: 'a.tgz' }).verdict).toMatchObject({
      kind: 'failed',
      message: `${dest()} does not exist`,
    });
  });
});
