import { createHash } from 'node:crypto';
import {
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { sha256Of } from '../../src/modules/file/file-probe.ts';
import { type GetUrlArgs, getUrl } from '../../src/modules/file/get-url.ts';
import { controller, runOnThisMachine, runScript, SHELLS, temporaryFolder } from './support/this-machine.ts';
import { runTwice } from './support/twice.ts';
import { fileBody, webServer } from './support/web-server.ts';

describe.each(SHELLS)('get_url under %s', (shell) => {
  const server = webServer();
  const folder = temporaryFolder();
  const at = (name: string) => join(folder.path, name);
  const run = (args: GetUrlArgs) => runOnThisMachine(getUrl, args, { shell });
  const body = fileBody('a');

  beforeEach(() => server.requests());

  it('fetches a file once', async () => {
    const args = { url: `${server.url}/files/a`, dest: at('one'), mode: '0600', owner: 12, group: 34 };
    const { conclusion } = runTwice(getUrl, args, { shell });
    expect(readFileSync(at('one'))).toEqual(body);
    expect(statSync(at('one'))).toMatchObject({ mode: 0o100600, uid: 12, gid: 34 });
    expect(conclusion).toEqual({
      kind: 'changed',
      fields: { size: body.length, checksum_src: sha256Of(body), checksum_dest: null },
    });
    expect(await server.requests()).toEqual(['GET /files/a']);
  });

  it('leaves a file that is there alone, but for its mode, unless forced', async () => {
    writeFileSync(at('there'), 'mine\n');
    const args = { url: `${server.url}/files/a`, dest: at('there') };
    expect(run(args).verdict).toMatchObject({ kind: 'unchanged' });
    runTwice(getUrl, { ...args, mode: '0640' }, { shell });
    expect(await server.requests()).toEqual([]);
    const { conclusion } = run({ ...args, force: true, backup: true });
    expect(readFileSync(at('there'))).toEqual(body);
    expect(statSync(at('there')).mode & 0o777).toBe(0o640);
    const kept = conclusion?.kind === 'changed' ? String(conclusion.fields?.backup_file) : '';
    expect(readFileSync(kept, 'utf8')).toBe('mine\n');
    expect(run({ ...args, force: true }).conclusion?.kind).toBe('unchanged');
    expect(run({ ...args, force: true, mode: '0600' }).conclusion?.kind).toBe('changed');
    expect(statSync(at('there')).mode & 0o777).toBe(0o600);
    expect(await server.requests()).toHaveLength(3);
  });

  it.each(['md5', 'sha1', 'sha256', 'sha512'])('goes by a checksum of %s', async (algorithm) => {
    const checksum = `${algorithm}:${createHash(algorithm).update(body).digest('hex').toUpperCase()}`;
    const args = { url: `${server.url}/files/a`, dest: at(algorithm), checksum };
    writeFileSync(at(algorithm), 'old\n');
    runTwice(getUrl, args, { shell });
    expect(readFileSync(at(algorithm))).toEqual(body);
    const { conclusion } = run({ ...args, url: `${server.url}/files/b`, force: true });
    expect(conclusion).toMatchObject({
      kind: 'failed',
      message: expect.stringContaining(`${at(algorithm)} is as it was: what came has another checksum`),
    });
    expect(readFileSync(at(algorithm))).toEqual(body);
    expect(await server.requests()).toEqual(['GET /files/a', 'GET /files/b']);
  });

  it('goes into a folder, under the name in the URL, and looks again each time', async () => {
    mkdirSync(at('into'));
    const args = { url: `${server.url}/files/a?x=1#y`, dest: `${at('into')}/` };
    expect(run(args).conclusion?.kind).toBe('changed');
    expect(readFileSync(at('into/a'))).toEqual(body);
    expect(run({ ...args, dest: at('into') }).conclusion?.kind).toBe('unchanged');
    expect(run({ ...args, dest: at('none/') }).verdict).toMatchObject({
      kind: 'failed',
      message: `${at('none')}/ does not exist`,
    });
  });

  it('replaces a link, not what it leads to', () => {
    writeFileSync(at('end'), 'end\n');
    symlinkSync('end', at('link'));
    run({ url: `${server.url}/files/a`, dest: at('link'), force: true });
    expect(lstatSync(at('link')).isFile()).toBe(true);
    expect(readFileSync(at('end'), 'utf8')).toBe('end\n');
  });

  it('keeps what was there where nothing comes, and leaves nothing behind', () => {
    mkdirSync(at('kept'));
    writeFileSync(at('kept/x'), 'mine\n');
    const { conclusion } = run({ url: `${server.url}/missing`, dest: at('kept/x'), force: true });
    expect(conclusion).toMatchObject({
      kind: 'failed',
      message: expect.stringMatching(/404[\s\S]*x is as it was: it cannot be fetched$/),
    });
    expect(readFileSync(at('kept/x'), 'utf8')).toBe('mine\n');
    expect(readdirSync(at('kept'))).toEqual(['x']);
  });

  it('uses the user in the URL, and says nothing of the password', () => {
    const args = { url: `${server.url}/closed`.replace('//', '//web:p%22w%5C@'), dest: at('closed') };
    const { verdict, conclusion } = run(args);
    expect(readFileSync(at('closed'), 'utf8')).toBe('open');
    expect(JSON.stringify([verdict.kind === 'change' && verdict.fields, conclusion])).not.toContain('p%22w');
  });

  it('only asks in check mode', async () => {
    const rehearsed = (url: string, dest: string) => {
      const wanted = getUrl.prepare({ url, dest }, controller());
      const verdict = getUrl.decide(wanted, {
        files: new Map(),
        output: { exitCode: 0, stdout: '', stderr: '' },
      });
      if (verdict.kind !== 'change') throw new Error(verdict.kind);
      return runScript(getUrl.rehearse?.(wanted, verdict.changes) ?? '', { shell });
    };
    expect(rehearsed(`${server.url}/files/a`, at('new'))).toMatchObject({ exitCode: 0, stderr: '' });
    expect(await server.requests()).toEqual(['HEAD /files/a']);
    expect(rehearsed(`${server.url}/missing`, at('new')).exitCode).not.toBe(0);
    expect(rehearsed(`${server.url}/files/a`, at('none/x'))).toMatchObject({
      exitCode: 1,
      stderr: `${at('none')} does not exist\n`,
    });
    expect(readdirSync(folder.path)).not.toContain('new');
  });
});
