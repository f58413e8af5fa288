import { lstatSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { blockinfile } from '../../src/modules/file/blockinfile.ts';
import { runOnThisMachine, SHELLS, temporaryFolder } from './support/this-machine.ts';
import { runTwice } from './support/twice.ts';

describe.each(SHELLS)('blockinfile under %s', (shell) => {
  const folder = temporaryFolder();
  const options = { shell };
  const at = (name: string) => join(folder.path, name);
  const text = (name: string) => readFileSync(at(name), 'utf8');

  it('inserts, replaces and removes a block', () => {
    writeFileSync(at('x'), 'first\nlast', { mode: 0o600 });
    const args = { path: at('x'), marker: '# {mark} it', insertafter: '^first' };
    runTwice(blockinfile, { ...args, block: "it's = $new\n", append_newline: true }, options);
    expect(text('x')).toBe("first\n# BEGIN it\nit's = $new\n# END it\n\nlast");
    runTwice(blockinfile, { ...args, block: 'a\n\nb', prepend_newline: true }, options);
    expect(text('x')).toBe('first\n\n# BEGIN it\na\n\nb\n# END it\n\nlast');
    runTwice(blockinfile, { ...args, state: 'absent' }, options);
    expect(text('x')).toBe('first\n\n\nlast');
    expect(statSync(at('x')).mode & 0o777).toBe(0o600);
  });

  it('makes a file and its folder where so asked', () => {
    runTwice(blockinfile, { path: at('made/y'), block: 'a', create: true, mode: '0640' }, options);
    expect(text('made/y')).toBe('# BEGIN ANSIBLE MANAGED BLOCK\na\n# END ANSIBLE MANAGED BLOCK\n');
    expect(statSync(at('made/y')).mode & 0o777).toBe(0o640);
  });

  it('keeps bytes that are no UTF-8, and links', () => {
    writeFileSync(at('latin'), Buffer.from([0xff, 0x0a]));
    symlinkSync('latin', at('link'));
    runTwice(blockinfile, { path: at('link'), block: 'ö', marker: '{mark} ä' }, options);
    expect(lstatSync(at('link')).isSymbolicLink()).toBe(true);
    const added = Buffer.from('BEGIN ä\nö\nEND ä\n');
    expect(readFileSync(at('latin'))).toEqual(Buffer.concat([Buffer.from([0xff, 0x0a]), added]));
  });

  it('keeps the old file where the new one does not pass', () => {
    writeFileSync(at('checked'), 'a\n');
    const args = { path: at('checked'), block: 'b', validate: 'grep -q c %s' };
    expect(runOnThisMachine(blockinfile, args, options).conclusion?.kind).toBe('failed');
    expect(text('checked')).toBe('a\n');
  });
});
