import { execFileSync } from 'node:child_process';
import {
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { backupPath, type FileWrite, writeFiles } from '../../src/modules/file/file-write.ts';
import { INLINE_LIMIT_BYTES, type Output } from '../../src/modules/module.ts';
import { readOnlyFolder, smallDisk } from './support/mounts.ts';
import {
  countedTools,
  type MachineOptions,
  runScript,
  SHELLS,
  temporaryFolder,
} from './support/this-machine.ts';

function run(options: MachineOptions, ...writes: readonly FileWrite[]): Output {
  const program = writeFiles(writes);
  for (const { path, bytes } of program.uploads ?? []) writeFileSync(path, bytes, { mode: 0o600 });
  return runScript(program.script, options);
}

function aFile(path: string, said: Partial<FileWrite> = {}): FileWrite {
  return { path, bytes: Buffer.from('new\n'), mode: 0o644, links: 'replace', ...said };
}

describe('writeFiles', () => {
  it('is clean to shellcheck', () => {
    const { script } = writeFiles([
      aFile('/etc/a b', {
        ownership: 'root:adm',
        validate: ['visudo', '-cf', '%s'],
        backupPath: '/etc/a b~',
        links: 'follow',
      }),
      aFile('/etc/large', { bytes: Buffer.alloc(INLINE_LIMIT_BYTES + 1) }),
      aFile('/etc/binary', { bytes: Buffer.from([0, 255, 10]) }),
    ]);
    const check = () => execFileSync('shellcheck', ['-s', 'sh', '-'], { input: script, encoding: 'utf8' });
    expect(check()).toBe('');
  });

  it('has nothing to run without files', () => {
    expect(writeFiles([])).toEqual({ script: '' });
  });
});

describe('backupPath', () => {
  it('is named by content and last change, so that the same old file has the same backup', () => {
    const old = {
      kind: 'file' as const,
      sizeBytes: 1,
      mtimeSeconds: 1_700_000_000,
      sha256: 'abcdef0123456789'.repeat(4),
      mode: 0o644,
      owner: 'root',
      group: 'root',
      uid: 0,
      gid: 0,
    };
    expect(backupPath('/etc/x', old)).toBe('/etc/x.abcdef012345.2023-11-14@22:13:20~');
  });
});

describe.each(SHELLS)('a write under %s', (shell) => {
  const folder = temporaryFolder();
  const disk = smallDisk();
  const closed = readOnlyFolder();
  const options = { shell };
  const at = (name: string) => join(folder.path, name);
  /** Nothing of ours lies about. */
  const leftovers = (path: string) => readdirSync(path).filter((name) => name.startsWith('.fairlead'));

  it('makes a file with owner and mode', () => {
    const path = at('made');
    expect(run(options, aFile(path, { mode: 0o4710, ownership: '12:34' }))).toEqual({
      exitCode: 0,
      stdout: '',
      stderr: '',
    });
    expect(readFileSync(path, 'utf8')).toBe('new\n');
    expect(statSync(path)).toMatchObject({ mode: 0o104710, uid: 12, gid: 34 });
    expect(leftovers(folder.path)).toEqual([]);
  });

  it('has its owner and mode before its content', () => {
    const tools = at('watched');
    const log = at('watched/log');
    mkdirSync(tools);
    const watch = `#!/bin/sh\nstat -c '%a %u %s' "$2" >>${log}\nPATH=/usr/bin:/bin exec chmod "$@"\n`;
    writeFileSync(join(tools, 'chmod'), watch, { mode: 0o755 });
    const write = aFile(at('secret'), { mode: 0o640, ownership: '12:34' });
    expect(run({ shell, tools }, write).exitCode).toBe(0);
    expect(readFileSync(log, 'utf8')).toBe('600 12 0\n');
  });

  it('can be done twice', () => {
    const write = aFile(at('twice'), { backupPath: at('twice~') });
    writeFileSync(at('twice'), 'old\n');
    run(options, write);
    run(options, write);
    expect(readFileSync(at('twice'), 'utf8')).toBe('new\n');
    expect(readFileSync(at('twice~'), 'utf8')).toBe('old\n');
  });

  it('keeps owner, mode and time in the backup', () => {
    writeFileSync(at('kept'), 'old\n', { mode: 0o600 });
    chownSync(at('kept'), 12, 34);
    const before = statSync(at('kept'));
    run(options, aFile(at('kept'), { backupPath: at('kept~') }));
    const { mode, uid, gid } = statSync(at('kept~'));
    expect({ mode, uid, gid }).toEqual({ mode: before.mode, uid: 12, gid: 34 });
    expect(Math.floor(statSync(at('kept~')).mtimeMs / 1000)).toBe(Math.floor(before.mtimeMs / 1000));
  });

  it('replaces a link, or what it leads to', () => {
    writeFileSync(at('target'), 'old\n');
    symlinkSync('target', at('link'));
    run(options, aFile(at('link'), { links: 'follow' }));
    expect(readlinkSync(at('link'))).toBe('target');
    expect(readFileSync(at('target'), 'utf8')).toBe('new\n');
    run(options, aFile(at('link'), { links: 'replace', bytes: Buffer.from('newer\n') }));
    expect(lstatSync(at('link')).isFile()).toBe(true);
    expect(readFileSync(at('target'), 'utf8')).toBe('new\n');
  });

  it('writes a file that its owner may not write', () => {
    run(options, aFile(at('read-only'), { mode: 0o444 }));
    expect(statSync(at('read-only')).mode & 0o777).toBe(0o444);
    expect(readFileSync(at('read-only'), 'utf8')).toBe('new\n');
  });

  it('does not touch a temp file that somebody else has there', () => {
    const inner = at('crowded');
    mkdirSync(inner);
    const script = writeFiles([aFile(join(inner, 'x'))]).script;
    const output = runScript(
      `for n in 0 1; do echo mine >"${inner}/.fairlead.$$.$n"; done\n${script}`,
      options,
    );
    expect(output).toMatchObject({ exitCode: 0, stderr: '' });
    expect(leftovers(inner).map((name) => readFileSync(join(inner, name), 'utf8'))).toEqual([
      'mine\n',
      'mine\n',
    ]);
  });

  it.each(['-dash', 'blank in it', "it's", 'new\nline', '$(id)', '🚢'])('takes the name %j', (name) => {
    expect(run(options, aFile(at(name)))).toMatchObject({ exitCode: 0, stderr: '' });
    expect(readFileSync(at(name), 'utf8')).toBe('new\n');
  });

  it.each([
    ['nothing', Buffer.alloc(0)],
    ['no line break at the end', Buffer.from('a\nb')],
    ['only line breaks', Buffer.from('\n\n\n')],
    ['percent signs and backslashes', Buffer.from('%s %% \\n \\\\ \\0\n')],
    ['a leading dash', Buffer.from('-n\n')],
    ["quotes and here-document's ends", Buffer.from("'\nEND_OF_FILE\n'\\''\n$x `y`\n")],
    ['all bytes', Buffer.from(Array.from({ length: 256 }, (_, byte) => byte))],
    ['long text', Buffer.from(`${'0123456789 ä\n'.repeat(4000)}`)],
    ['a long line', Buffer.from('x'.repeat(200_000))],
    [
      'more than a program carries',
      Buffer.from(Array.from({ length: INLINE_LIMIT_BYTES + 7 }, (_, n) => n % 251)),
    ],
  ])('writes %s', (_, bytes) => {
    const path = at('content');
    expect(run(options, aFile(path, { bytes }))).toEqual({ exitCode: 0, stdout: '', stderr: '' });
    expect(readFileSync(path).equals(bytes)).toBe(true);
    expect(leftovers(folder.path)).toEqual([]);
  });

  it('writes any bytes', () => {
    const path = at('random');
    fc.assert(
      fc.property(
        fc.oneof(
          fc.uint8Array({ maxLength: 400 }),
          fc.string({ unit: 'binary', maxLength: 200 }).map((text) => Buffer.from(text)),
          fc.string({ unit: 'grapheme', maxLength: 200 }).map((text) => Buffer.from(`${text}\n`)),
        ),
        (bytes) => {
          expect(run(options, aFile(path, { bytes }))).toMatchObject({ exitCode: 0, stderr: '' });
          expect(readFileSync(path).equals(bytes)).toBe(true);
        },
      ),
      { numRuns: 60 },
    );
  });

  it('forks for chmod, sync and mv alone', () => {
    const names = ['chmod', 'chown', 'sync', 'mv', 'cat', 'rm', 'cp', 'mkdir', 'readlink', 'dd', 'mktemp'];
    const counted = countedTools(folder.path, names);
    run({ shell, tools: counted.tools }, aFile(at('cheap')), aFile(at('cheap too'), { ownership: '0:0' }));
    expect(counted.calls()).toEqual(['chmod', 'sync', 'mv', 'chown', 'chmod', 'sync', 'mv']);
  });

  describe('that fails', () => {
    it.each([
      ['by printf', Buffer.from('x'.repeat(12_000))],
      ['by cat', Buffer.from('some line of text\n'.repeat(10_000))],
      ['as binary', Buffer.alloc(100_000, 0)],
    ])('for want of room (%s) leaves the old file, and says why', (_, bytes) => {
      const path = join(disk.path, 'old');
      writeFileSync(path, 'as it was\n');
      disk.fill();
      const output = run(options, aFile(path, { bytes }));
      expect(output.exitCode).not.toBe(0);
      expect(output.stderr).toContain('No space left on device');
      expect(output.stderr).toContain(`${path} is as it was: its content cannot be written\n`);
      expect(readFileSync(path, 'utf8')).toBe('as it was\n');
      expect(leftovers(disk.path)).toEqual([]);
    });

    it('in a read-only folder leaves the old file, and says why', () => {
      const path = join(closed.path, 'old');
      const output = run(options, aFile(path));
      expect(output.exitCode).not.toBe(0);
      expect(output.stderr).toMatch(/Read-only file system/i);
      expect(output.stderr).toContain(`${path} is as it was: no file can be made in ${closed.path}\n`);
      expect(readFileSync(path, 'utf8')).toBe('as it was\n');
    });

    it('for want of its folder says so', () => {
      const output = run(options, aFile(at('nowhere/x')));
      expect(output).toMatchObject({
        exitCode: 1,
        stderr: `${at('nowhere/x')} is as it was: its folder ${at('nowhere')} does not exist\n`,
      });
    });

    it('its validation leaves the old file, and says what the command said', () => {
      const path = at('validated');
      writeFileSync(path, 'as it was\n');
      const validate = ['sh', '-c', 'echo "line 3 is bad in $(cat "$1")"; exit 4', 'sh', '%s'];
      const output = run(options, aFile(path, { validate }));
      expect(output.exitCode).toBe(4);
      expect(output.stdout).toBe('');
      expect(output.stderr).toContain('line 3 is bad in new\n');
      expect(output.stderr).toContain(`${path} is as it was: its validation failed: sh -c`);
      expect(readFileSync(path, 'utf8')).toBe('as it was\n');
      expect(leftovers(folder.path)).toEqual([]);
    });

    it('its validation removes an upload too', () => {
      const large = Buffer.alloc(INLINE_LIMIT_BYTES + 1, 65);
      const output = run(options, aFile(at('uploaded'), { bytes: large, validate: ['false', '%s'] }));
      expect(output.exitCode).toBe(1);
      expect(existsSync(at('uploaded'))).toBe(false);
      expect(leftovers(folder.path)).toEqual([]);
    });

    it('for an unknown owner leaves the old file, and says why', () => {
      const path = at('owned');
      writeFileSync(path, 'as it was\n');
      const output = run(options, aFile(path, { ownership: 'nobody-of-that-name' }));
      expect(output.exitCode).not.toBe(0);
      expect(output.stderr).toContain('nobody-of-that-name');
      expect(output.stderr).toContain(`${path} is as it was: its owner and mode cannot be set\n`);
      expect(readFileSync(path, 'utf8')).toBe('as it was\n');
      expect(leftovers(folder.path)).toEqual([]);
    });

    it('to keep a backup leaves the old file and half a backup nowhere', () => {
      const path = join(disk.path, 'kept');
      writeFileSync(join(disk.path, 'filler'), '');
      writeFileSync(path, Buffer.alloc(40_000, 65));
      const output = run(options, aFile(path, { backupPath: join(disk.path, 'kept~') }));
      expect(output.exitCode).not.toBe(0);
      expect(output.stderr).toContain('No space left on device');
      expect(output.stderr).toContain(`${path} is as it was: its backup cannot be written\n`);
      expect(statSync(path).size).toBe(40_000);
      expect(existsSync(join(disk.path, 'kept~'))).toBe(false);
      expect(leftovers(disk.path)).toEqual([]);
    });

    it('by a hang-up in the middle leaves the old file', () => {
      const path = at('cut');
      writeFileSync(path, 'as it was\n');
      const output = run(options, aFile(path, { validate: ['sh', '-c', 'kill -HUP $PPID', '%s'] }));
      expect(output.exitCode).toBe(129);
      expect(readFileSync(path, 'utf8')).toBe('as it was\n');
      expect(leftovers(folder.path)).toEqual([]);
    });

    it('keeps the files behind it from being written', () => {
      const output = run(options, aFile(at('nowhere/y')), aFile(at('behind')));
      expect(output.exitCode).toBe(1);
      expect(existsSync(at('behind'))).toBe(false);
    });
  });
});
