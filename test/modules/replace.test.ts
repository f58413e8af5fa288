import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { replace } from '../../src/modules/file/replace.ts';
import { runOnThisMachine, SHELLS, temporaryFolder } from './support/this-machine.ts';
import { runTwice } from './support/twice.ts';

describe.each(SHELLS)('replace under %s', (shell) => {
  const folder = temporaryFolder();
  const options = { shell };
  const at = (name: string) => join(folder.path, name);

  it('replaces each match, and keeps mode and backup', () => {
    writeFileSync(at('x'), '[a]\nport = 1\n[b]\nport = 1\n', { mode: 0o600 });
    const args = { path: at('x'), regexp: '^port = 1$', replace: "port = $2 'x'", backup: true };
    const { verdict } = runTwice(replace, { ...args, after: '\\[b\\]' }, options);
    expect(readFileSync(at('x'), 'utf8')).toBe("[a]\nport = 1\n[b]\nport = $2 'x'\n");
    expect(statSync(at('x')).mode & 0o777).toBe(0o600);
    const kept = verdict.kind === 'change' ? String(verdict.fields?.backup_file) : '';
    expect(readFileSync(kept, 'utf8')).toBe('[a]\nport = 1\n[b]\nport = 1\n');
  });

  it('keeps bytes that are no UTF-8, and finds UTF-8 among them', () => {
    writeFileSync(at('latin'), Buffer.from([0xff, 0x0a, 0xc3, 0xb6, 0x0a]));
    runTwice(replace, { path: at('latin'), regexp: 'ö', replace: 'ä' }, options);
    expect([...readFileSync(at('latin'))]).toEqual([0xff, 0x0a, 0xc3, 0xa4, 0x0a]);
  });

  it('keeps the old file where the new one does not pass, and makes none', () => {
    writeFileSync(at('checked'), 'a\n');
    const args = { regexp: 'a', replace: 'b', validate: 'grep -q c %s' };
    expect(runOnThisMachine(replace, { ...args, path: at('checked') }, options).conclusion?.kind).toBe(
      'failed',
    );
    expect(readFileSync(at('checked'), 'utf8')).toBe('a\n');
    expect(runOnThisMachine(replace, { ...args, path: at('none') }, options).verdict.kind).toBe('failed');
  });
});
