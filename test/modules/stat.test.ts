import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { stat } from '../../src/modules/file/stat.ts';
import { runOnThisMachine, SHELLS, temporaryFolder } from './support/this-machine.ts';

describe.each(SHELLS)('stat under %s', (shell) => {
  const folder = temporaryFolder();
  const at = (name: string) => join(folder.path, name);
  const told = (name: string, follow = false) =>
    runOnThisMachine(stat, { path: at(name), follow }, { shell }).verdict;

  beforeAll(() => {
    writeFileSync(at('file'), 'x\n', { mode: 0o640 });
    mkdirSync(at('folder'));
    symlinkSync('file', at('link'));
  });

  it('tells a file, a folder, a link, and nothing', () => {
    expect(told('file')).toMatchObject({
      kind: 'unchanged',
      fields: {
        stat: {
          exists: true,
          isreg: true,
          mode: '0640',
          size: 2,
          pw_name: 'root',
          checksum: '73cb3858a687a8494ca3323053016282f3dad39d42cf62ca4e79dda2aac7d9ac',
        },
      },
    });
    expect(told('folder')).toMatchObject({ fields: { stat: { isdir: true, mode: '0755' } } });
    expect(told('link')).toMatchObject({ fields: { stat: { islnk: true, lnk_target: 'file' } } });
    expect(told('link', true)).toMatchObject({ fields: { stat: { islnk: false, isreg: true } } });
    expect(told('nothing')).toEqual({ kind: 'unchanged', fields: { stat: { exists: false } } });
  });
});
