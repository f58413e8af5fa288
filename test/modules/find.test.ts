import { chmodSync, mkdirSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { sha256Of } from '../../src/modules/file/file-probe.ts';
import { type FindArgs, find } from '../../src/modules/file/find.ts';
import { runOnThisMachine, SHELLS, temporaryFolder } from './support/this-machine.ts';

describe.each(SHELLS)('find under %s', (shell) => {
  const folder = temporaryFolder();
  const at = (name: string) => join(folder.path, name);
  const day = 24 * 3600;

  beforeAll(() => {
    const now = Date.now() / 1000;
    mkdirSync(at('deep/er'), { recursive: true });
    mkdirSync(at('.dark'));
    mkdirSync(at('other'));
    writeFileSync(at('a.log'), 'x'.repeat(2000));
    writeFileSync(at("it's\n$b.log"), 'first\nport 22\n');
    writeFileSync(at('back\\slash'), '');
    writeFileSync(at('.hidden'), '');
    writeFileSync(at('.dark/seen'), '');
    writeFileSync(at('deep/c.conf'), 'a port 23\n');
    writeFileSync(at('deep/er/d.log'), 'port 24\n');
    utimesSync(at('a.log'), now, now - 3 * day);
    chmodSync(at('deep/c.conf'), 0o640);
    symlinkSync('deep', at('way'));
    symlinkSync('nowhere', at('lost'));
  });

  function found(args: Omit<FindArgs, 'paths'>, paths: FindArgs['paths'] = folder.path): readonly string[] {
    const { verdict } = runOnThisMachine(find, { paths, ...args }, { shell });
    expect(verdict.kind).toBe('unchanged');
    const { files, matched } = fieldsOf(verdict);
    expect(matched).toBe(files.length);
    return files.map(({ path }) => path.slice(folder.path.length + 1));
  }

  it('lists plain files of one folder, and of all below', () => {
    expect(found({})).toEqual(['a.log', 'back\\slash', "it's\n$b.log"]);
    const below = ['.dark/seen', 'a.log', 'back\\slash', 'deep/c.conf', 'deep/er/d.log', "it's\n$b.log"];
    expect(found({ recurse: true })).toEqual(below);
    expect(found({ recurse: true, hidden: true })).toEqual([below[0], '.hidden', ...below.slice(1)]);
    expect(found({ recurse: true, depth: 2, patterns: '*.log,*.conf' })).toEqual([
      'a.log',
      'deep/c.conf',
      "it's\n$b.log",
    ]);
  });

  it('lists folders, links, and everything', () => {
    expect(found({ file_type: 'directory', hidden: true })).toEqual(['.dark', 'deep', 'other']);
    expect(found({ file_type: 'link' })).toEqual(['lost', 'way']);
    expect(found({ file_type: 'any', patterns: 'd*,w*' })).toEqual(['deep', 'way']);
  });

  it('goes through links where so asked, and takes them for what they are', () => {
    const all = ['deep/er/d.log', 'way/er/d.log'];
    expect(found({ recurse: true, follow: true, patterns: 'd.log' })).toEqual(all);
    expect(found({ recurse: true, follow: true, file_type: 'link' })).toEqual(['lost', 'way']);
    expect(found({ patterns: 'c.conf' }, at('way'))).toEqual(['way/c.conf']);
  });

  it('picks by name', () => {
    const names = (patterns: string | string[], more: Partial<FindArgs> = {}) => found({ patterns, ...more });
    expect(names('?.log')).toEqual(['a.log']);
    expect(names(['[!b]*'], { excludes: '*.l[n-p]g' })).toEqual([]);
    expect(names('back\\slash')).toEqual(['back\\slash']);
    expect(names(['.*\\.log$'], { use_regex: true })).toEqual(['a.log', "it's\n$b.log"].slice(0, 1));
    expect(names('a', { use_regex: true })).toEqual(['a.log']);
    expect(names('.*', { use_regex: true, excludes: 'a' })).toEqual(['back\\slash', "it's\n$b.log"]);
  });

  it('picks by age, size, mode and content', () => {
    expect(found({ age: '2d' })).toEqual(['a.log']);
    expect(found({ age: '-2d', patterns: '*.log' })).toEqual(["it's\n$b.log"]);
    expect(found({ age: '2d', age_stamp: 'ctime' })).toEqual([]);
    expect(found({ size: '1k' })).toEqual(['a.log']);
    expect(found({ size: -14 })).toEqual(['back\\slash', "it's\n$b.log"]);
    expect(found({ recurse: true, mode: '0640' })).toEqual(['deep/c.conf']);
    expect(found({ recurse: true, mode: 'o=r', exact_mode: false, patterns: '*.conf' })).toEqual([]);
    expect(found({ recurse: true, contains: 'port [0-9]+' })).toEqual(['deep/er/d.log', "it's\n$b.log"]);
    expect(found({ recurse: true, contains: '.*port [0-9]+', limit: 1 })).toEqual(['deep/c.conf']);
  });

  it('tells size, hash and how much it looked at', () => {
    const { verdict } = runOnThisMachine(
      find,
      { paths: [folder.path, at('none')], patterns: '*b.log', get_checksum: true },
      { shell },
    );
    const { files, examined, skipped_paths } = fieldsOf(verdict);
    expect(files).toMatchObject([
      {
        path: at("it's\n$b.log"),
        size: 14,
        mode: '0644',
        checksum: sha256Of(Buffer.from('first\nport 22\n')),
      },
    ]);
    expect(examined).toBe(9);
    expect(Object.keys(skipped_paths)).toEqual([at('none')]);
  });
});

function fieldsOf(verdict: unknown) {
  return (verdict as { fields: Listed }).fields;
}

interface Listed {
  readonly files: readonly { readonly path: string }[];
  readonly matched: number;
  readonly examined: number;
  readonly skipped_paths: object;
}
