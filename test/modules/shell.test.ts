import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type ShellArgs, shell as shellModule } from '../../src/modules/command/shell.ts';
import { runOnThisMachine, SHELLS, temporaryFolder } from './support/this-machine.ts';
import { runTwice } from './support/twice.ts';

describe.each(SHELLS)('shell under %s', (shell) => {
  const folder = temporaryFolder();
  const run = (args: ShellArgs) => runOnThisMachine(shellModule, args, { shell }).conclusion;

  it('understands what shells understand', () => {
    const cmd = "x='a b'\nfor i in 1 2; do echo \"$x $i\"; done | sed 's/a/A/' # and so on";
    expect(run({ cmd })).toMatchObject({
      kind: 'changed',
      fields: { stdout_lines: ['A b 1', 'A b 2'], cmd },
    });
  });

  it("does not inherit the session's strictness", () => {
    expect(run({ cmd: 'false; echo "$no_such_variable" on' })).toMatchObject({
      fields: { rc: 0, stdout: ' on' },
    });
  });

  it('uses another shell, with stdin', () => {
    const args = { cmd: 'read -r x; a=("$x" b); echo "${#a[@]} $x"', executable: '/bin/bash', stdin: 'in' };
    expect(run(args)).toMatchObject({ fields: { stdout: '2 in' } });
  });

  it('runs once for creates', () => {
    const path = join(folder.path, 'made');
    runTwice(shellModule, { cmd: `echo x >"${path}"`, creates: path }, { shell });
  });

  it('tells status and output of what fails', () => {
    expect(run({ cmd: 'echo no; exit 3' })).toMatchObject({
      kind: 'failed',
      message: 'echo no; exit 3 exited 3: no',
      fields: { rc: 3, stdout: 'no' },
    });
  });
});
