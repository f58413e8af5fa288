import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { slurp } from '../../src/modules/file/slurp.ts';
import { runOnThisMachine, SHELLS, temporaryFolder } from './support/this-machine.ts';

describe.each(SHELLS)('slurp under %s', (shell) => {
  const folder = temporaryFolder();

  it('brings any bytes, and none', () => {
    for (const bytes of [Buffer.from([0, 255, 10, 13, 10]), Buffer.alloc(0), Buffer.alloc(256 * 1024, 'x')]) {
      const src = join(folder.path, "it's");
      writeFileSync(src, bytes);
      const { verdict } = runOnThisMachine(slurp, { src }, { shell });
      expect(verdict).toEqual({
        kind: 'unchanged',
        fields: { content: bytes.toString('base64'), encoding: 'base64', source: src },
      });
    }
  });

  it('refuses a file beyond its limit', () => {
    const src = join(folder.path, 'large');
    writeFileSync(src, Buffer.alloc(256 * 1024 + 1));
    expect(runOnThisMachine(slurp, { src }, { shell }).verdict.kind).toBe('failed');
  });
});
