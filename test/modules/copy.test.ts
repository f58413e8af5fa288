import { mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { copy } from '../../src/modules/file/copy.ts';
import { INLINE_LIMIT_BYTES } from '../../src/modules/module.ts';
import { readOnlyFolder, smallDisk } from './support/mounts.ts';
import { controller, runOnThisMachine, SHELLS, temporaryFolder } from './support/this-machine.ts';
import { runTwice } from './support/twice.ts';

describe('copy', () => {
  it('tells a folder that is to be copied from other mistakes', () => {
    const isFolder = Object.assign(new Error('EISDIR'), { code: 'EISDIR' });
    const refusing = (error: Error) =>
      controller({
        readFile() {
          throw error;
        },
      });
    expect(() => copy.prepare({ src: 'x', dest: '/x' }, refusing(isFolder))).toThrow('x is a folder');
    expect(() => copy.prepare({ src: 'x', dest: '/x' }, refusing(new Error('gone')))).toThrow('gone');
  });
});

describe.each(SHELLS)('copy under %s', (shell) => {
  const folder = temporaryFolder();
  const disk = smallDisk();
  const closed = readOnlyFolder();
  const at = (name: string) => join(folder.path, name);
  const from = (bytes: Uint8Array) => ({ shell, controller: { readFile: () => bytes } });

  it('makes a file once', () => {
    runTwice(copy, { content: 'x\n', dest: at('new'), mode: '0640', owner: 12, group: '34' }, { shell });
    expect(readFileSync(at('new'), 'utf8')).toBe('x\n');
    expect(statSync(at('new'))).toMatchObject({ mode: 0o100640, uid: 12, gid: 34 });
  });

  it('changes content, keeping mode and owner, and the old file where so asked', () => {
    writeFileSync(at('old'), 'y\n', { mode: 0o600 });
    const { verdict } = runTwice(copy, { content: 'x\n', dest: at('old'), backup: true }, { shell });
    expect(statSync(at('old')).mode & 0o777).toBe(0o600);
    const backup = verdict.kind === 'change' ? String(verdict.fields?.backup_file) : '';
    expect(readFileSync(backup, 'utf8')).toBe('y\n');
  });

  it('changes nothing but the mode where that is all', () => {
    writeFileSync(at('mode'), 'x');
    const { ino } = statSync(at('mode'));
    runTwice(copy, { content: 'x', dest: at('mode'), mode: 'g=w' }, { shell });
    expect(statSync(at('mode'))).toMatchObject({ ino, mode: 0o100624 });
  });

  it('puts a source into a folder, one that is there and one that is not', () => {
    mkdirSync(at('folder'));
    runTwice(copy, { src: 'sub/name', dest: at('folder') }, from(Buffer.from('1')));
    runTwice(copy, { src: 'name', dest: at('made/by/it/'), directory_mode: '0700' }, from(Buffer.from('2')));
    expect(readFileSync(at('folder/name'), 'utf8')).toBe('1');
    expect(readFileSync(at('made/by/it/name'), 'utf8')).toBe('2');
    expect(statSync(at('made/by')).mode & 0o777).toBe(0o700);
  });

  it('takes the place of a link whose end differs', () => {
    writeFileSync(at('end'), 'old');
    symlinkSync('end', at('link'));
    runTwice(copy, { content: 'new', dest: at('link') }, { shell });
    expect(readFileSync(at('end'), 'utf8')).toBe('old');
    expect(readFileSync(at('link'), 'utf8')).toBe('new');
  });

  it('carries large and binary files', () => {
    const large = Buffer.from(Array.from({ length: INLINE_LIMIT_BYTES + 1 }, (_, n) => (n * 7) % 256));
    const { program } = runTwice(copy, { src: 'x', dest: at('large') }, from(large));
    expect(program?.uploads).toHaveLength(1);
    expect(readFileSync(at('large')).equals(large)).toBe(true);
    expect(readdirSync(folder.path).filter((name) => name.startsWith('.fairlead'))).toEqual([]);
    runTwice(copy, { src: 'x', dest: at('binary') }, from(large.subarray(0, 5000)));
    expect(readFileSync(at('binary')).equals(large.subarray(0, 5000))).toBe(true);
  });

  it.each(['blank in it', "it's", '-dash', 'new\nline', 'back\\slash', '100%', 'größe'])(
    'takes the name %j',
    (name) => {
      runTwice(copy, { content: 'x', dest: at(`names-${name}`) }, { shell });
      runTwice(copy, { content: 'y', dest: at(`names-${name}`) }, { shell });
      expect(readFileSync(at(`names-${name}`), 'utf8')).toBe('y');
    },
  );

  it('shows the difference only where asked to', () => {
    writeFileSync(at('diff'), 'a\n');
    const args = { content: 'b\n', dest: at('diff') };
    const seen = runOnThisMachine(copy, args, { shell, controller: { diff: true } }).verdict;
    expect(seen).toMatchObject({ diffs: [{ title: at('diff'), before: 'a\n', after: 'b\n' }] });
    writeFileSync(at('diff'), 'a\n');
    expect(runOnThisMachine(copy, args, { shell }).verdict).toMatchObject({ diffs: [] });
  });

  it('fails with the old file in place on a full disk, in a read-only folder, by validation', () => {
    const path = join(disk.path, 'old');
    writeFileSync(path, 'as it was\n');
    disk.fill();
    const full = runOnThisMachine(copy, { content: 'x'.repeat(9000), dest: path }, { shell });
    expect(full.conclusion).toMatchObject({
      kind: 'failed',
      message: expect.stringMatching(
        /No space left on device[\s\S]*is as it was: its content cannot be written$/,
      ),
    });
    expect(readFileSync(path, 'utf8')).toBe('as it was\n');

    const refused = runOnThisMachine(copy, { content: 'x', dest: join(closed.path, 'old') }, { shell });
    expect(refused.conclusion).toMatchObject({
      kind: 'failed',
      message: expect.stringMatching(/Read-only file system[\s\S]*no file can be made in/i),
    });

    writeFileSync(at('valid'), 'as it was\n');
    const args = { content: 'x', dest: at('valid'), validate: 'grep -q y %s' };
    expect(runOnThisMachine(copy, args, { shell }).conclusion).toEqual({
      kind: 'failed',
      message: `${at('valid')} is as it was: its validation failed: grep -q y %s`,
    });
    expect(readFileSync(at('valid'), 'utf8')).toBe('as it was\n');
  });
});
