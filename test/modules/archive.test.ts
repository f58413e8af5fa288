// Archives as the usual tools make them, read back by ours.
import { execFileSync } from 'node:child_process';
import { linkSync, mkdirSync, readFileSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { readArchive } from '../../src/modules/file/archive.ts';
import type { Member } from '../../src/modules/file/archive-member.ts';
import { sha256Of } from '../../src/modules/file/file-probe.ts';
import { temporaryFolder } from './support/this-machine.ts';

const LONG = `${'long/'.repeat(30)}name-that-goes-on-and-on.conf`;

describe('archives', () => {
  const folder = temporaryFolder();
  const at = (name: string) => join(folder.path, name);
  const made = (name: string, program: string, ...args: string[]) => {
    execFileSync(program, args, { cwd: at('tree') });
    return readArchive(readFileSync(at(name)));
  };
  const file = (path: string, content: string, mode = 0o644): Member => {
    return { path, kind: 'file', mode, sha256: sha256Of(Buffer.from(content)) };
  };

  beforeAll(() => {
    mkdirSync(at(`tree/${LONG}/..`), { recursive: true });
    mkdirSync(at('tree/bin'), { mode: 0o750 });
    writeFileSync(at('tree/bin/run'), '#!/bin/sh\n', { mode: 0o755 });
    writeFileSync(at(`tree/${LONG}`), 'long\n');
    writeFileSync(at("tree/it's ü"), 'x'.repeat(5000));
    writeFileSync(at('tree/empty'), '');
    symlinkSync('../empty', at('tree/bin/link'));
    linkSync(at('tree/empty'), at('tree/hard'));
  });

  it.each(['gnu', 'pax'])('tar reads the format %s', (format) => {
    const archive = made('a.tar', 'tar', `--format=${format}`, '--sort=name', '-cf', at('a.tar'), '.');
    expect(archive?.format).toBe('tar');
    const members = archive?.members?.filter(({ kind, path }) => kind !== 'directory' || path === 'bin');
    expect(members).toEqual([
      { path: 'bin', kind: 'directory', mode: 0o750 },
      { path: 'bin/link', kind: 'link', mode: 0o777, target: '../empty' },
      file('bin/run', '#!/bin/sh\n', 0o755),
      file('empty', ''),
      file('hard', ''),
      file("it's ü", 'x'.repeat(5000)),
      file(LONG, 'long\n'),
    ]);
  });

  it('ustar with a prefix, gzipped, of BusyBox too', () => {
    const archive = made('a.tgz', 'tar', '--format=ustar', '-czf', at('a.tgz'), LONG);
    expect(archive).toEqual({ format: 'gzip', members: [file(LONG, 'long\n')] });
    const other = made('b.tgz', 'busybox', 'tar', '-czf', at('b.tgz'), 'bin/run');
    expect(other).toEqual({ format: 'gzip', members: [file('bin/run', '#!/bin/sh\n', 0o755)] });
  });

  it('zip, stored and packed, with links', () => {
    const archive = made('a.zip', 'zip', '-qry', at('a.zip'), 'bin', "it's ü", 'empty');
    expect(archive?.format).toBe('zip');
    expect(archive?.members).toHaveLength(5);
    expect(archive?.members).toEqual(
      expect.arrayContaining([
        { path: 'bin', kind: 'directory', mode: 0o750 },
        { path: 'bin/link', kind: 'link', mode: 0o777, target: '../empty' },
        file('bin/run', '#!/bin/sh\n', 0o755),
        file("it's ü", 'x'.repeat(5000)),
        file('empty', ''),
      ]),
    );
  });

  it('tells others apart, and does not look into them', () => {
    for (const [format, option] of [
      ['xz', '-J'],
      ['bzip2', '-j'],
    ]) {
      expect(made('a', 'tar', `${option}`, '-cf', at('a'), 'bin')).toEqual({ format, members: undefined });
    }
    expect(readArchive(Buffer.from('no archive'))).toBeUndefined();
    execFileSync('mkfifo', [at('fifo')]);
    expect(made('f.tar', 'tar', '-cf', at('f.tar'), '-C', folder.path, 'fifo')?.members).toBeUndefined();
    writeFileSync(at('sparse'), '');
    truncateSync(at('sparse'), 1 << 20);
    for (const format of ['gnu', 'pax']) {
      const args = ['-S', `--format=${format}`, '-cf', at('s.tar'), '-C', folder.path, 'sparse'];
      expect(made('s.tar', 'tar', ...args)?.members).toBeUndefined();
    }
    writeFileSync(at('tree/two\nlines'), '');
    expect(made('n.tar', 'tar', '-cf', at('n.tar'), 'two\nlines')?.members).toBeUndefined();
  });

  it('refuses what is damaged, or leads out of the folder', () => {
    made('d.tar', 'tar', '-cf', at('d.tar'), "it's ü");
    const whole = readFileSync(at('d.tar'));
    const bent = Buffer.from(whole);
    bent[0] = 0x41;
    expect(() => readArchive(bent)).toThrow('a header in it is damaged');
    expect(() => readArchive(Buffer.from(whole.subarray(0, 1024)))).toThrow(
      'it ends in the middle of a file',
    );
    made('e.tgz', 'tar', '-czf', at('e.tgz'), "it's ü");
    expect(() => readArchive(readFileSync(at('e.tgz')).subarray(0, 60))).toThrow('its gzip data is damaged');
    made('z.zip', 'zip', '-q', at('z.zip'), "it's ü");
    expect(() => readArchive(readFileSync(at('z.zip')).subarray(0, 40))).toThrow('it has no end');
    const up = ['-cPf', at('u.tar'), '--transform=s|^|../|', 'empty'];
    expect(() => made('u.tar', 'tar', ...up)).toThrow('it has ../empty in it, which leads out of the folder');
    const root = made('r.tar', 'tar', '-cPf', at('r.tar'), '--transform=s|^|/|', 'empty');
    expect(root?.members).toEqual([file('empty', '')]);
  });
});
