import { lstatSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { lineinfile } from '../../src/modules/file/lineinfile.ts';
import { readOnlyFolder } from './support/mounts.ts';
import { runOnThisMachine, SHELLS, temporaryFolder } from './support/this-machine.ts';
import { runTwice } from './support/twice.ts';

describe.each(SHELLS)('lineinfile under %s', (shell) => {
  const folder = temporaryFolder();
  const closed = readOnlyFolder();
  const options = { shell };
  const at = (name: string) => join(folder.path, name);

  it('adds, replaces and removes a line', () => {
    writeFileSync(at('x'), '# net\nip_forward = 0', { mode: 0o600 });
    runTwice(lineinfile, { path: at('x'), line: "it's = $new", insertafter: '^# net' }, options);
    runTwice(lineinfile, { path: at('x'), line: 'ip_forward = 1', regexp: '^ip_forward\\b' }, options);
    expect(readFileSync(at('x'), 'utf8')).toBe("# net\nit's = $new\nip_forward = 1\n");
    runTwice(lineinfile, { path: at('x'), state: 'absent', regexp: '^#' }, options);
    expect(readFileSync(at('x'), 'utf8')).toBe("it's = $new\nip_forward = 1\n");
    expect(statSync(at('x')).mode & 0o777).toBe(0o600);
  });

  it('makes a file and its folder where so asked', () => {
    runTwice(lineinfile, { path: at('made/y'), line: 'a', create: true, mode: '0640' }, options);
    expect(readFileSync(at('made/y'), 'utf8')).toBe('a\n');
    expect(statSync(at('made/y')).mode & 0o777).toBe(0o640);
  });

  it('keeps bytes that are no UTF-8', () => {
    writeFileSync(at('latin'), Buffer.from([0x67, 0xf6, 0x0a, 0xff, 0x0a]));
    runTwice(lineinfile, { path: at('latin'), line: 'ö', regexp: '^gö' }, options);
    expect([...readFileSync(at('latin'))]).toEqual([0x67, 0xf6, 0x0a, 0xff, 0x0a, 0xc3, 0xb6, 0x0a]);
  });

  it('edits what a link leads to and leaves the link', () => {
    writeFileSync(at('end'), 'a\n');
    symlinkSync('end', at('link'));
    runTwice(lineinfile, { path: at('link'), line: 'b' }, options);
    expect(lstatSync(at('link')).isSymbolicLink()).toBe(true);
    expect(readFileSync(at('end'), 'utf8')).toBe('a\nb\n');
  });

  it('keeps the old file where the new one does not pass, and a backup where it does', () => {
    writeFileSync(at('checked'), 'a\n');
    const refused = { path: at('checked'), line: 'b', validate: 'grep -q c %s' };
    expect(runOnThisMachine(lineinfile, refused, options).conclusion?.kind).toBe('failed');
    expect(readFileSync(at('checked'), 'utf8')).toBe('a\n');
    const args = { path: at('checked'), line: 'c', validate: 'grep -q c %s', backup: true };
    const { verdict } = runTwice(lineinfile, args, options);
    const backup = verdict.kind === 'change' ? String(verdict.fields?.backup) : '';
    expect(readFileSync(backup, 'utf8')).toBe('a\n');
  });

  it('fails in a read-only folder, with the file as it was', () => {
    const path = join(closed.path, 'old');
    const { conclusion } = runOnThisMachine(lineinfile, { path, line: 'b' }, options);
    expect(conclusion).toMatchObject({
      kind: 'failed',
      message: expect.stringMatching(/Read-only file system/i),
    });
    expect(readFileSync(path, 'utf8')).toBe('as it was\n');
  });
});
