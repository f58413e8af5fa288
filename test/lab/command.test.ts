// fairlead lab, word by word: what it prints, where, and with which exit status.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { labCommand } from '../../src/cli/lab.ts';
import { buildIfStale } from '../support/compiled.ts';
import { PROJECT } from './support/fairlead.ts';

interface Said {
  readonly status: number | undefined;
  readonly out: string;
  readonly err: string;
}

let folder: string;

beforeAll(async () => {
  await buildIfStale();
  folder = mkdtempSync(join(tmpdir(), 'fairlead-lab-command-'));
});

afterAll(() => rmSync(folder, { recursive: true }));

async function lab(...words: readonly string[]): Promise<Said> {
  let status: number | undefined;
  let out = '';
  let err = '';
  // Stands in for fairlead: writes down how it was called, and from which network.
  const program = `
    const net = require('node:os').networkInterfaces();
    const said = { words: process.argv.slice(1), addresses: net.hosts.map((a) => a.address) };
    require('node:fs').writeFileSync(${JSON.stringify(join(folder, 'called'))}, JSON.stringify(said));
    process.exitCode = 3`;
  const command = labCommand({
    fairlead: [process.execPath, '-e', program, '--'],
    out: (text) => {
      out += text;
    },
    err: (text) => {
      err += text;
    },
    exit: (code) => {
      status = code;
    },
    signal: new AbortController().signal,
    terminal: { isLive: false, outColours: false, errColours: false },
    environment: {},
  });
  await command.parseAsync(words, { from: 'user' });
  return { status, out, err };
}

describe('fairlead lab', () => {
  it('goes up, shows itself, reboots, runs fairlead inside, and goes down', async () => {
    const name = ['--name', 'test-command'];
    const up = await lab('up', '--hosts', '1', ...name);
    expect(up).toMatchObject({ status: 0, err: '' });
    expect(up.out).toMatch(
      /^lab test-command: 1 hosts up in \d+\.\d s\n {2}inventory {2}\/run\/fairlead-lab\/test-command\/inventory\.yml\n$/,
    );

    const status = await lab('status', ...name);
    expect(status.out.replace(/isp1 \d+/, 'isp1 N')).toBe(`lab test-command
  host    system     state  management  uplink          answered
  edge-1  namespace  up     10.77.0.11  192.0.2.11      3 of 3
                                        2001:db8:1::11  3 of 3
                                        203.0.113.11    0 of 3
                                        2001:db8:2::11  0 of 3
dropped as spoofed: isp1 N, isp2 0
`);

    expect(await lab('reboot', ...name, 'edge-1')).toMatchObject({ status: 0, err: '' });
    expect(await lab('shell', ...name, 'edge-1', 'sh', '-c', 'exit 7')).toEqual({
      status: 7,
      out: '',
      err: '',
    });

    expect(await lab('run', ...name, 'site.yml', '--check', '--name', 'passed-on')).toMatchObject({
      status: 3,
    });
    const { words, addresses } = JSON.parse(readFileSync(join(folder, 'called'), 'utf8'));
    const inventory = '/run/fairlead-lab/test-command/inventory.yml';
    expect(words).toEqual(['run', '-i', inventory, 'site.yml', '--check', '--name', 'passed-on']);
    expect(addresses).toContain('10.77.0.1');
    await lab('explain', ...name, '--from', '203.0.113.11', 'edge-1');
    const called = JSON.parse(readFileSync(join(folder, 'called'), 'utf8'));
    expect(called.words).toEqual(['explain', '-i', inventory, '--from', '203.0.113.11', 'edge-1']);

    expect(await lab('down', ...name)).toEqual({ status: 0, out: 'lab test-command is gone\n', err: '' });
    expect(await lab('down', ...name)).toEqual({ status: 0, out: 'there is no lab test-command\n', err: '' });
  });

  it('goes up with three providers and LANs, and tells of both', async () => {
    const name = ['--name', 'test-command'];
    expect(await lab('up', '--hosts', '1', '--providers', '3', '--lan', ...name)).toMatchObject({
      status: 0,
      err: '',
    });
    try {
      const status = await lab('probe', '--count', '1', ...name);
      expect(status.out.replace(/isp1 \d+/, 'isp1 N')).toBe(`lab test-command
  host    system     state  management  uplink          answered
  edge-1  namespace  up     10.77.0.11  192.0.2.11      1 of 1
                                        2001:db8:1::11  1 of 1
                                        203.0.113.11    0 of 1
                                        2001:db8:2::11  0 of 1
                                        198.18.3.11     0 of 1
                                        2001:db8:3::11  0 of 1
dropped as spoofed: isp1 N, isp2 0, isp3 0
`);
      expect(
        await lab('shell', ...name, 'edge-1', 'sh', '-c', 'ping -q -c 1 -W 2 10.88.11.2 >/dev/null'),
      ).toEqual({
        status: 0,
        out: '',
        err: '',
      });
    } finally {
      await lab('down', ...name);
    }
  });

  it('has no other number of providers', () => {
    const { status, stdout, stderr } = spawnSync(process.execPath, [
      join(PROJECT, 'dist/main.js'),
      ...['lab', 'up', '--providers', '4', '--name', 'test-none'],
    ]);
    expect({ status, out: String(stdout), err: String(stderr) }).toEqual({
      status: 2,
      out: '',
      err: `error[usage]: command line cannot be used
  option '--providers <count>' argument '4' is invalid. 2 or 3 is wanted.
  hint: fairlead lab --help
`,
    });
  });

  it.each([
    [
      ['status', '--name', 'test-none'],
      'error: no lab "test-none" is up\nhint: start one with: fairlead lab up --name test-none\n',
    ],
    [
      ['up', '--name', 'Not Good'],
      'error: "Not Good" cannot be a lab\'s name\nhint: use up to 31 lower-case letters, digits and dashes\n',
    ],
    [['up', '--hosts', '1001', '--name', 'test-none'], 'error: a lab has 1 to 1000 hosts\n'],
  ])('%j fails with a message that says what to do', async (words, message) => {
    expect(await lab(...words)).toEqual({ status: 1, out: '', err: message });
  });
});
