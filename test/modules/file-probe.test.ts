import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  type FileProbe,
  type FileState,
  parseProbes,
  probeScript,
  sha256Of,
} from '../../src/modules/file/file-probe.ts';
import { countedTools, runScript, SHELLS, temporaryFolder } from './support/this-machine.ts';

const ODD_NAMES = [
  'blanks in it',
  ' at both ends ',
  '-dash',
  '--',
  "it's",
  '"double"',
  'new\nline',
  'ends in newline\n',
  'T:81a4:0:0:1:1:root:root:x',
  'back\\slash',
  'carriage\rreturn',
  '100%n %',
  '$HOME`id`$(id)',
  '*?[a]',
  'größe-日本-🚢',
  ' ',
];

describe('probeScript', () => {
  it('is empty without probes', () => {
    expect(probeScript([])).toBe('');
    expect(parseProbes([], { stdout: '' })).toEqual(new Map());
  });

  it('is clean to shellcheck', () => {
    const script = probeScript([
      { path: '/etc/a b', follow: 'target', depth: 'content' },
      { path: '/etc/c\nd', follow: 'link', depth: 'hash' },
    ]);
    const run = () => execFileSync('shellcheck', ['-s', 'sh', '-'], { input: script, encoding: 'utf8' });
    expect(run()).toBe('');
  });
});

describe.each(SHELLS)('probes under %s', (shell) => {
  const folder = temporaryFolder();

  function probe(...probes: FileProbe[]): ReadonlyMap<string, FileState> {
    const output = runScript(probeScript(probes), { shell });
    expect(output.exitCode).toBe(0);
    expect(output.stderr).toBe('');
    return parseProbes(probes, output);
  }

  function probeOne(name: string, follow: FileProbe['follow'], depth: FileProbe['depth']) {
    const path = join(folder.path, name);
    return probe({ path, follow, depth }).get(path);
  }

  beforeAll(() => {
    const at = (name: string) => join(folder.path, name);
    writeFileSync(at('plain'), 'hello\n', { mode: 0o640 });
    writeFileSync(at('empty'), '');
    writeFileSync(at('large'), Buffer.alloc(256 * 1024 + 1, 7));
    mkdirSync(at('folder'), { mode: 0o750 });
    chmodSync(at('folder'), 0o2750);
    symlinkSync('plain', at('link'));
    symlinkSync('nowhere\nin particular', at('dangling'));
    symlinkSync(at('folder'), at('link-to-folder'));
    execFileSync('mkfifo', [at('fifo')]);
    mkdirSync(at('closed'), { mode: 0o700 });
    writeFileSync(at('closed/file'), 'x');
    writeFileSync(at('closed-file'), 'x', { mode: 0o600 });
  });

  it('tell mode, owner, size and hash of a file', () => {
    expect(probeOne('plain', 'target', 'hash')).toEqual({
      kind: 'file',
      mode: 0o640,
      owner: 'root',
      group: 'root',
      uid: 0,
      gid: 0,
      sizeBytes: 6,
      mtimeSeconds: expect.any(Number),
      sha256: sha256Of(Buffer.from('hello\n')),
    });
  });

  it('read content where asked to, and no hash where not', () => {
    expect(probeOne('plain', 'target', 'content')).toMatchObject({ content: Buffer.from('hello\n') });
    expect(probeOne('plain', 'target', 'none')).not.toHaveProperty('sha256');
  });

  it('read an empty file as empty', () => {
    expect(probeOne('empty', 'target', 'content')).toMatchObject({
      content: Buffer.alloc(0),
      sha256: sha256Of(Buffer.alloc(0)),
    });
  });

  it('hash but do not read what is over the limit', () => {
    const state = probeOne('large', 'target', 'content');
    expect(state).toMatchObject({ sha256: sha256Of(Buffer.alloc(256 * 1024 + 1, 7)) });
    expect(state).not.toHaveProperty('content');
  });

  it('see a folder, with its special bits', () => {
    expect(probeOne('folder', 'target', 'hash')).toMatchObject({ kind: 'directory', mode: 0o2750 });
  });

  it('see a link or what it leads to', () => {
    expect(probeOne('link', 'link', 'hash')).toMatchObject({ kind: 'link', target: 'plain' });
    expect(probeOne('link', 'target', 'content')).toMatchObject({ kind: 'file', mode: 0o640, sizeBytes: 6 });
    expect(probeOne('dangling', 'link', 'none')).toMatchObject({ target: 'nowhere\nin particular' });
    expect(probeOne('dangling', 'target', 'hash')).toEqual({ kind: 'absent' });
    expect(probeOne('link-to-folder', 'target', 'hash')).toMatchObject({ kind: 'directory' });
  });

  it('do not wait for a writer to a fifo', () => {
    expect(probeOne('fifo', 'target', 'content')).toMatchObject({ kind: 'other', type: 'fifo' });
  });

  it('know a device', () => {
    expect(probe({ path: '/dev/null', follow: 'target', depth: 'content' }).get('/dev/null')).toMatchObject({
      kind: 'other',
      type: 'character',
    });
  });

  it('call absent what is not there, also below a file', () => {
    expect(probeOne('nothing', 'link', 'content')).toEqual({ kind: 'absent' });
    expect(probeOne('plain/below', 'target', 'hash')).toEqual({ kind: 'absent' });
  });

  it('answer for many paths at once, each with its own', () => {
    const names = ['plain', 'nothing', 'folder', 'empty', 'link', 'large'];
    const states = probe(
      ...names.map((name) => ({
        path: join(folder.path, name),
        follow: 'target' as const,
        depth: 'hash' as const,
      })),
    );
    expect([...states.values()].map(({ kind }) => kind)).toEqual([
      'file',
      'absent',
      'directory',
      'file',
      'file',
      'file',
    ]);
  });

  it('give each task its own answer from one output', () => {
    const path = join(folder.path, 'link');
    const asLink: FileProbe = { path, follow: 'link', depth: 'none' };
    const asTarget: FileProbe = { path, follow: 'target', depth: 'content' };
    const output = runScript(probeScript([asLink, asTarget]), { shell });
    expect(parseProbes([asLink], output).get(path)).toMatchObject({ kind: 'link' });
    expect(parseProbes([asTarget], output).get(path)).toMatchObject({
      kind: 'file',
      content: Buffer.from('hello\n'),
    });
  });

  it.each(ODD_NAMES)('take the name %j', (name) => {
    const path = join(folder.path, `odd/${name}`);
    mkdirSync(join(folder.path, 'odd'), { recursive: true });
    writeFileSync(path, name);
    const neighbour = join(folder.path, 'plain');
    for (const follow of ['link', 'target'] as const) {
      const states = probe(
        { path: `${path}?`, follow, depth: 'content' },
        { path, follow, depth: 'content' },
        { path: neighbour, follow, depth: 'hash' },
      );
      expect(states.get(`${path}?`)).toEqual({ kind: 'absent' });
      expect(states.get(path)).toMatchObject({ content: Buffer.from(name) });
      expect(states.get(neighbour)).toMatchObject({ sizeBytes: 6 });
    }
  });

  it('read any bytes back as they are', () => {
    const path = join(folder.path, 'bytes');
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 600 }), (bytes) => {
        writeFileSync(path, bytes);
        expect(probe({ path, follow: 'target', depth: 'content' }).get(path)).toMatchObject({
          sizeBytes: bytes.length,
          content: Buffer.from(bytes),
        });
      }),
      { numRuns: 25 },
    );
  });

  it('say what a user may not read', () => {
    chmodSync(folder.path, 0o755);
    const path = (name: string) => join(folder.path, name);
    const probes: FileProbe[] = ['closed/file', 'closed/nothing/below', 'closed-file', 'closed'].map(
      (name) => ({
        path: path(name),
        follow: 'target',
        depth: 'hash',
      }),
    );
    const script = `exec setpriv --reuid 65534 --regid 65534 --clear-groups sh -c '${probeScript(probes).replaceAll("'", "'\\''")}'`;
    const output = runScript(script, { shell: 'dash' });
    const states = parseProbes(probes, output);
    expect(states.get(path('closed/file'))).toEqual({ kind: 'unreadable', message: 'Permission denied' });
    expect(states.get(path('closed/nothing/below'))).toMatchObject({ kind: 'unreadable' });
    expect(states.get(path('closed-file'))).toMatchObject({ kind: 'unreadable' });
    expect(states.get(path('closed'))).toMatchObject({ kind: 'directory', mode: 0o700 });
  });

  it('say when the host lacks a tool', () => {
    const probes: FileProbe[] = [{ path: join(folder.path, 'plain'), follow: 'target', depth: 'hash' }];
    const without = (tool: string) =>
      parseProbes(probes, runScript(`${tool}() { return 127; }\n${probeScript(probes)}`, { shell }));
    expect([...without('stat').values()]).toEqual([
      { kind: 'unreadable', message: 'stat is not on this host' },
    ]);
    expect([...without('sha256sum').values()]).toEqual([
      { kind: 'unreadable', message: 'sha256sum is not on this host' },
    ]);
  });

  it('fork twice for any number of regular files', () => {
    const counted = countedTools(folder.path, ['stat', 'sha256sum', 'od', 'readlink', 'cat', 'test', '[']);
    const probes = ['plain', 'empty', 'large', 'nothing'].map((name) => ({
      path: join(folder.path, name),
      follow: 'target' as const,
      depth: 'hash' as const,
    }));
    runScript(probeScript(probes), { shell, tools: counted.tools });
    expect(counted.calls()).toEqual(['stat', 'sha256sum']);
  });
});
