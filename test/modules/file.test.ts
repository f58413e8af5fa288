import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { file } from '../../src/modules/file/file.ts';
import { controller, runOnThisMachine, runScript, SHELLS, temporaryFolder } from './support/this-machine.ts';
import { runTwice } from './support/twice.ts';

describe.each(SHELLS)('file under %s', (shell) => {
  const folder = temporaryFolder();
  const at = (name: string) => join(folder.path, name);
  const options = { shell };

  it('makes a folder and those above it, with owner and mode', () => {
    runTwice(
      file,
      { path: at('a/b c/d'), state: 'directory', mode: '2750', owner: '12', group: 34 },
      options,
    );
    for (const path of [at('a'), at('a/b c'), at('a/b c/d')]) {
      expect(statSync(path)).toMatchObject({ mode: 0o042750, uid: 12, gid: 34 });
    }
  });

  it('lets a folder without a mode inherit its group', () => {
    mkdirSync(at('shared'));
    chmodSync(at('shared'), 0o2775);
    runTwice(file, { path: at('shared/below'), state: 'directory' }, options);
    expect(statSync(at('shared/below')).mode & 0o7777).toBe(0o2755);
  });

  it('takes set-group-ID away where the mode says so', () => {
    mkdirSync(at('group'));
    chmodSync(at('group'), 0o2755);
    runTwice(file, { path: at('group'), state: 'directory', mode: '0755' }, options);
    expect(statSync(at('group')).mode & 0o7777).toBe(0o755);
    runTwice(file, { path: at('group/below'), state: 'directory', mode: '0711' }, options);
  });

  it.each([
    { mode: '0750', owner: 12 },
    { mode: 'u=rwX,g=rX,o=', group: 34 },
  ])('sets a whole tree to %o', (attributes) => {
    const tree = at(`tree ${attributes.mode}`);
    mkdirSync(join(tree, 'new\nline/deep'), { recursive: true });
    writeFileSync(join(tree, 'new\nline/deep/-x'), '');
    symlinkSync('/nowhere', join(tree, 'link'));
    runTwice(file, { path: tree, state: 'directory', recurse: true, ...attributes }, options);
    expect(lstatSync(join(tree, 'link'))).toMatchObject({
      uid: attributes.owner ?? 0,
      gid: attributes.group ?? 0,
    });
    expect(statSync(join(tree, 'new\nline/deep')).mode & 0o777).toBe(0o750);
    expect(statSync(join(tree, 'new\nline/deep/-x')).mode & 0o777).toBe(attributes.owner ? 0o750 : 0o640);
  });

  it('makes a link, changes where it leads, even to and from a folder', () => {
    mkdirSync(at('one'));
    mkdirSync(at('two'));
    runTwice(file, { path: at('link'), src: 'one', state: 'link' }, options);
    runTwice(file, { path: at('link'), src: at('two'), state: 'link', owner: 12 }, options);
    expect(readlinkSync(at('link'))).toBe(at('two'));
    expect(lstatSync(at('link')).uid).toBe(12);
    expect(statSync(at('two')).uid).toBe(0);
  });

  it('makes a link to nothing, in place of a file or an empty folder, only by force', () => {
    mkdirSync(at('empty'));
    writeFileSync(at('full'), 'x');
    for (const name of ['empty', 'full']) {
      const args = { path: at(name), src: '-new\nline', state: 'link' as const };
      expect(runOnThisMachine(file, args, options).verdict.kind).toBe('failed');
      runTwice(file, { ...args, force: true }, options);
      expect(readlinkSync(at(name))).toBe('-new\nline');
    }
  });

  it('does not give up a folder that has something in it for a link', () => {
    mkdirSync(at('kept/inside'), { recursive: true });
    const args = { path: at('kept'), src: 'x', state: 'link' as const, force: true };
    expect(runOnThisMachine(file, args, options).conclusion).toMatchObject({ kind: 'failed' });
    expect(existsSync(at('kept/inside'))).toBe(true);
  });

  it('removes files, folders and links, and of links nothing more', () => {
    mkdirSync(at('gone/with everything'), { recursive: true });
    symlinkSync(at('one'), at('gone-link'));
    writeFileSync(at('-gone'), '');
    for (const name of ['gone', 'gone-link', '-gone']) {
      runTwice(file, { path: at(name), state: 'absent' }, options);
      expect(existsSync(at(name))).toBe(false);
    }
    expect(existsSync(at('one'))).toBe(true);
  });

  it('keeps the set-user-ID bit when the owner changes', () => {
    writeFileSync(at('tool'), '');
    chmodSync(at('tool'), 0o4755);
    runTwice(file, { path: at('tool'), mode: '4755', owner: 12 }, options);
    expect(statSync(at('tool'))).toMatchObject({ mode: 0o104755, uid: 12 });
  });

  it('touches: makes an empty file, then renews its time and keeps what is in it', () => {
    const args = { path: at('touched'), state: 'touch' as const, mode: '0600' };
    const first = runOnThisMachine(file, args, options);
    expect(first.conclusion?.kind).toBe('changed');
    expect(statSync(at('touched'))).toMatchObject({ size: 0, mode: 0o100600 });
    writeFileSync(at('touched'), 'full');
    utimesSync(at('touched'), 1000, 1000);
    chownSync(at('touched'), 12, 34);
    expect(runOnThisMachine(file, args, options).conclusion?.kind).toBe('changed');
    expect(statSync(at('touched')).mtimeMs).toBeGreaterThan(1_000_000);
    expect(statSync(at('touched')).uid).toBe(12);
    expect(readFileSync(at('touched'), 'utf8')).toBe('full');
  });

  it('does no harm where the same change is made twice', () => {
    const wanted = file.prepare({ path: at('again'), state: 'touch' }, controller());
    const { script } = file.change(wanted, { kind: 'create', mode: 0o644 });
    const { program } = runOnThisMachine(file, { path: at('again'), state: 'touch' }, options);
    expect(program?.script).toBe(script);
    writeFileSync(at('again'), 'full');
    expect(runScript(script, options).exitCode).toBe(0);
    expect(readFileSync(at('again'), 'utf8')).toBe('full');
  });
});
