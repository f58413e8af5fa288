// raw on a real shell: a line as it is, each time.
import { describe, expect, it } from 'vitest';
import { raw } from '../../src/modules/command/raw.ts';
import { runOnThisMachine, SHELLS } from './support/this-machine.ts';

describe.each(SHELLS)('raw under %s', (shell) => {
  const run = (args: Parameters<typeof raw.prepare>[0]) => runOnThisMachine(raw, args, { shell }).conclusion;

  it('runs a line of shell each time, and has its results', () => {
    for (let time = 0; time < 2; time++) {
      expect(run({ cmd: `x='a b'; echo "$x" | tr a-z A-Z; echo err >&2` })).toMatchObject({
        kind: 'changed',
        fields: { rc: 0, stdout: 'A B', stdout_lines: ['A B'], stderr: 'err' },
      });
    }
  });

  it('fails with the status of the line', () => {
    expect(run({ cmd: 'exit 7' })).toMatchObject({ kind: 'failed', fields: { rc: 7 } });
  });

  it('takes another shell', () => {
    expect(run({ cmd: 'echo $((2 ** 3))', executable: '/bin/bash' })).toMatchObject({
      fields: { stdout: '8' },
    });
  });
});
