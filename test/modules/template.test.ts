import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { template } from '../../src/modules/file/template.ts';
import { SHELLS, temporaryFolder } from './support/this-machine.ts';
import { runTwice } from './support/twice.ts';

describe.each(SHELLS)('template under %s', (shell) => {
  const folder = temporaryFolder();
  const at = (name: string) => join(folder.path, name);
  const rendered = (text: string) => ({ shell, controller: { renderFile: () => text } });

  it('puts the rendered text in place, once', () => {
    const args = { src: 'x', dest: at('x'), mode: 'u=rw,go=', validate: 'grep -q größe %s' };
    runTwice(template, args, rendered('größe = 1\n'));
    expect(readFileSync(at('x'), 'utf8')).toBe('größe = 1\n');
    runTwice(template, args, rendered("größe = '2'\n\n"));
    expect(readFileSync(at('x'), 'utf8')).toBe("größe = '2'\n\n");
  });

  it('names the file as the template in a folder', () => {
    runTwice(template, { src: 'sub/y.conf', dest: `${folder.path}/` }, rendered('1'));
    expect(readFileSync(at('y.conf'), 'utf8')).toBe('1');
  });

  it('empties a file', () => {
    writeFileSync(at('z'), 'full');
    runTwice(template, { src: 'z', dest: at('z') }, rendered(''));
    expect(readFileSync(at('z'), 'utf8')).toBe('');
  });
});
