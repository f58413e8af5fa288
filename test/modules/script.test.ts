import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type ScriptArgs, script } from '../../src/modules/command/script.ts';
import { INLINE_LIMIT_BYTES } from '../../src/modules/module.ts';
import { controller, runOnThisMachine, SHELLS, temporaryFolder } from './support/this-machine.ts';
import { runTwice } from './support/twice.ts';

describe('script', () => {
  it('does not carry more than a program holds', () => {
    const large = controller({ readFile: () => Buffer.alloc(INLINE_LIMIT_BYTES + 1, 35) });
    expect(() => script.prepare({ cmd: 'x' }, large)).toThrow('x is larger than 256 KiB');
  });
});

describe.each(SHELLS)('script under %s', (shell) => {
  const folder = temporaryFolder();
  const run = (text: string, args: ScriptArgs) =>
    runOnThisMachine(script, args, { shell, controller: { readFile: () => Buffer.from(text) } }).conclusion;

  it('hands over arguments, and nothing to read', () => {
    const text = '#!/bin/sh\nprintf "[%s]" "$@"\ncat\necho "from $0"\n';
    expect(run(text, { cmd: `x.sh 'a b' '$c' ''` })).toMatchObject({
      kind: 'changed',
      fields: { stdout: '[a b][$c][]from /dev/fd/9' },
    });
  });

  it('leaves it to the interpreter of the first line', () => {
    expect(run('#!/usr/bin/env bash\na=(1 2 3); echo ${#a[@]}\n', { cmd: 'x' })).toMatchObject({
      fields: { stdout: '3' },
    });
    expect(run('#!/bin/sed -nf\n# comment\n$=\n', { cmd: 'x /etc/hostname' })).toMatchObject({
      fields: { stdout: '1' },
    });
  });

  it('obeys options of the first line', () => {
    expect(run('#!/bin/sh -e\nfalse\necho on\n', { cmd: 'x' })).toMatchObject({
      kind: 'failed',
      fields: { rc: 1 },
    });
  });

  it('runs long scripts, in their folder, and leaves nothing behind', () => {
    const text = `${'# 0123456789\n'.repeat(10_000)}pwd\nexit 4`;
    expect(run(text, { cmd: 'x', chdir: folder.path, executable: 'dash -u' })).toMatchObject({
      kind: 'failed',
      message: `x exited 4: ${folder.path}`,
    });
    expect(readdirSync(folder.path)).toEqual([]);
  });

  it('runs once for creates', () => {
    const path = join(folder.path, 'made');
    const options = { shell, controller: { readFile: () => Buffer.from('touch "$1"\n') } };
    runTwice(script, { cmd: `x.sh "${path}"`, creates: path }, options);
  });
});
