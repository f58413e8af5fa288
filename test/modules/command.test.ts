// What command, shell and script really run, on a real shell: they share command-run.ts.
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { type CommandArgs, command } from '../../src/modules/command/command.ts';
import { runOnThisMachine, SHELLS, temporaryFolder } from './support/this-machine.ts';
import { runTwice } from './support/twice.ts';

describe.each(SHELLS)('command under %s', (shell) => {
  const folder = temporaryFolder();
  const at = (name: string) => join(folder.path, name);
  const run = (args: CommandArgs) => runOnThisMachine(command, args, { shell }).conclusion;

  beforeAll(() => mkdirSync(at('my folder')));

  it('gives words to the program as they are', () => {
    const words = ['a  b', '$HOME', '*', "it's", '', 'new\nline', '-n'];
    expect(run({ argv: ['printf', '[%s]', ...words] })).toMatchObject({
      kind: 'changed',
      fields: { rc: 0, stdout: words.map((word) => `[${word}]`).join(''), stderr: '' },
    });
  });

  it('runs a program even where the shell has a builtin of that name', () => {
    expect(run({ cmd: 'cd /' })).toMatchObject({ kind: 'failed', fields: { rc: 127 } });
  });

  it('reads stdin in the folder of chdir', () => {
    const args = { cmd: 'sh -c "pwd; cat"', stdin: '-n "x"\n%s', chdir: at('my folder') };
    expect(run(args)).toMatchObject({
      fields: { stdout_lines: [at('my folder'), '-n "x"', '%s'], stderr_lines: [] },
    });
    expect(run({ cmd: 'wc -c', stdin: 'abc', stdin_add_newline: false })).toMatchObject({
      fields: { stdout: '3' },
    });
  });

  it('has nothing to read where there is no stdin', () => {
    expect(run({ cmd: 'cat' })).toMatchObject({ kind: 'changed', fields: { stdout: '', rc: 0 } });
  });

  it('fails with the status and both outputs', () => {
    expect(run({ cmd: `sh -c 'echo out; echo err >&2; exit 7'` })).toEqual({
      kind: 'failed',
      message: `sh -c 'echo out; echo err >&2; exit 7' exited 7: err`,
      fields: {
        rc: 7,
        stdout: 'out',
        stderr: 'err',
        stdout_lines: ['out'],
        stderr_lines: ['err'],
        cmd: ['sh', '-c', 'echo out; echo err >&2; exit 7'],
      },
    });
  });

  it('does not run where its folder is missing', () => {
    expect(run({ cmd: `touch ${at('ran')}`, chdir: at('nowhere') })).toMatchObject({ kind: 'failed' });
    expect(existsSync(at('ran'))).toBe(false);
  });

  it('runs once for creates and removes, patterns and relative paths included', () => {
    runTwice(command, { cmd: 'touch made.1', creates: 'made.*', chdir: at('my folder') }, { shell });
    runTwice(
      command,
      { cmd: `rm "${at('my folder/made.1')}"`, removes: at('my folder/m?de.[0-9]') },
      { shell },
    );
    writeFileSync(at('[x]'), '');
    runTwice(command, { argv: ['touch', at('it is')], creates: at('it is') }, { shell });
  });
});
