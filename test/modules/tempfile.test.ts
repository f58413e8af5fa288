// Unlike other modules it changes something each time: that is what it is for.
import { readdirSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type TempfileArgs, tempfile } from '../../src/modules/file/tempfile.ts';
import { readOnlyFolder } from './support/mounts.ts';
import { runOnThisMachine, SHELLS, temporaryFolder } from './support/this-machine.ts';

describe.each(SHELLS)('tempfile under %s', (shell) => {
  const folder = temporaryFolder();
  const closed = readOnlyFolder();

  function made(args: TempfileArgs): string {
    const { conclusion } = runOnThisMachine(tempfile, { path: folder.path, ...args }, { shell });
    expect(conclusion?.kind).toBe('changed');
    return String(conclusion?.kind === 'changed' && conclusion.fields?.path);
  }

  it('makes a file for one user alone, a new one each time', () => {
    const paths = [made({ suffix: '.txt' }), made({ suffix: '.txt' })];
    expect(new Set(paths).size).toBe(2);
    for (const path of paths) {
      expect(dirname(path)).toBe(folder.path);
      expect(path).toMatch(/\/ansible\.[0-9a-f]{16}\.txt$/);
      expect(statSync(path).mode).toBe(0o100600);
    }
  });

  it('makes a folder as well', () => {
    const path = made({ state: 'directory', prefix: "it's a " });
    expect(path).toMatch(/\/it's a [0-9a-f]{16}$/);
    expect(statSync(path).mode).toBe(0o040700);
  });

  it('says why it cannot', () => {
    for (const state of ['file', 'directory'] as const) {
      const { conclusion } = runOnThisMachine(tempfile, { path: closed.path, state }, { shell });
      expect(conclusion).toMatchObject({
        kind: 'failed',
        message: expect.stringMatching(/Read-only file system/i),
      });
    }
    expect(readdirSync(closed.path)).toEqual(['old']);
  });
});
