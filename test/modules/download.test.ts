// Each tool that a host may have, by itself.
import { execFileSync } from 'node:child_process';
import { mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { askScript, type Download, downloadScript } from '../../src/modules/file/download.ts';
import { quote } from '../../src/shell.ts';
import { complaints } from './support/lint.ts';
import { runScript, SHELLS, temporaryFolder } from './support/this-machine.ts';
import { fileBody, webServer } from './support/web-server.ts';

const TOOLS = {
  curl: { curl: '/usr/bin/curl' },
  'GNU wget': { wget: '/usr/bin/wget', mktemp: '/usr/bin/mktemp', rm: '/bin/rm' },
  "BusyBox's wget": { wget: '/usr/bin/busybox' },
  nothing: {},
} as const;

describe.each(SHELLS)('under %s', (shell) => {
  const server = webServer();
  const folder = temporaryFolder();

  function run(
    tool: keyof typeof TOOLS,
    path: string,
    more: Partial<Download> & { readonly ask?: true } = {},
  ) {
    const download: Download = {
      url: `${server.url}${path}`,
      user: undefined,
      headers: [],
      timeoutSeconds: 5,
      certificates: 'check',
      ...more,
    };
    const script = more.ask ? askScript(download) : downloadScript(download);
    const target = join(folder.path, 'got');
    const output = runScript(`PATH=${quote(join(folder.path, tool))}\n${script}\ndownload >${target}`, {
      shell,
    });
    return { ...output, got: execFileSync('cat', [target]) };
  }

  beforeEach(() => server.requests());

  beforeAll(() => {
    for (const [tool, links] of Object.entries(TOOLS)) {
      mkdirSync(join(folder.path, tool));
      for (const [name, path] of Object.entries(links)) symlinkSync(path, join(folder.path, tool, name));
    }
  });

  const tools = ['curl', 'GNU wget', "BusyBox's wget"] as const;
  describe.each(tools)('%s', (tool) => {
    it('fetches any bytes, through a redirection too', async () => {
      expect(run(tool, '/files/a')).toMatchObject({ exitCode: 0, got: fileBody('a') });
      expect(run(tool, '/moved')).toMatchObject({ exitCode: 0, got: fileBody('x') });
      expect(await server.requests()).toEqual(['GET /files/a', 'GET /moved', 'GET /files/x']);
    });

    it('says what went wrong', () => {
      const missing = run(tool, '/missing');
      expect(missing.exitCode).not.toBe(0);
      expect(missing.stderr).toContain('404');
      expect(run(tool, '', { url: 'http://127.0.0.1:1/' }).stderr).toMatch(/refused|connect/i);
    });

    it('sends headers and a password', () => {
      const headers = [
        ['X-Odd', `it's "$x" \\ ü #`],
        ['User-Agent', 'tests'],
      ] as const;
      expect(JSON.parse(run(tool, '/echo', { headers }).got.toString())).toMatchObject({
        'x-odd': Buffer.from(`it's "$x" \\ ü #`).toString('latin1'),
        'user-agent': 'tests',
      });
      expect(run(tool, '/closed').exitCode).not.toBe(0);
      const user = { name: 'web', password: 'p"w\\' };
      expect(run(tool, '/closed', { user }).got.toString()).toBe('open');
    });

    it('asks without fetching', async () => {
      expect(run(tool, '/files/a', { ask: true })).toMatchObject({ exitCode: 0, got: Buffer.alloc(0) });
      const [asked] = await server.requests();
      // A BusyBox of 2022 asks with GET and hangs up.
      expect(asked).toBe(tool === "BusyBox's wget" ? asked : 'HEAD /files/a');
      expect(run(tool, '/missing', { ask: true }).exitCode).not.toBe(0);
    });
  });

  it('says so where there is no tool', () => {
    expect(run('nothing', '/files/a')).toMatchObject({
      exitCode: 127,
      stderr: 'neither curl nor wget is on this host\n',
    });
  });
});

it('is clean', () => {
  const download: Download = {
    url: 'https://x/',
    user: { name: 'a', password: 'b' },
    headers: [['A', 'b']],
    timeoutSeconds: 1,
    certificates: 'trust-any',
  };
  expect(complaints(`${downloadScript(download)}\ndownload`)).toBe('');
  expect(complaints(`${askScript(download)}\ndownload`)).toBe('');
  expect(downloadScript(download)).toMatch(/curl -fsSL -k -K -[\s\S]*wget --no-check-certificate -O -/);
});

it('keeps secrets out of the list of processes with curl and GNU wget', () => {
  const download: Download = {
    url: 'http://127.0.0.1:1/',
    user: { name: 'a', password: 'secret' },
    headers: [['X-Token', 'secret']],
    timeoutSeconds: 1,
    certificates: 'check',
  };
  const lines = downloadScript(download).split('\n');
  const calls = lines
    .filter((line) => /\bcurl -f|wget .* -nv/.test(line))
    .map((line) => line.replace(/^.* \| /, ''));
  expect(calls).toHaveLength(2);
  expect(calls.join('\n')).not.toContain('secret');
});
