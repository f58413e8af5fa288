// copy with `decrypt`: a vaulted file lands opened, or still vaulted, as with ansible-playbook.
import { Buffer } from 'node:buffer';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { sealText } from '../../../src/load/vault/vault.ts';
import { runInFolder } from '../../docs/support/command.ts';
import { key } from './sample.ts';

const SEALED = sealText(Buffer.from('hunter2\n'), key('default', 'opensesame'));

const PLAYBOOK = `- hosts: all
  gather_facts: false
  tasks:
    - copy: {src: sealed, dest: DIR/open}
    - copy: {src: sealed, dest: DIR/also-open, decrypt: true}
    - copy: {src: sealed, dest: DIR/sealed, decrypt: false}
    - copy: {src: plain, dest: DIR/plain, decrypt: false}
`;
const NAMES = ['open', 'also-open', 'sealed', 'plain'];
const WANTED = ['hunter2\n', 'hunter2\n', SEALED, 'seen\n'];

function landing(): string {
  const folder = mkdtempSync('/tmp/decrypt-');
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return folder;
}

const filesFor = (folder: string): Readonly<Record<string, string>> => ({
  'site.yml': PLAYBOOK.replaceAll('DIR', folder),
  'files/sealed': SEALED,
  'files/plain': 'seen\n',
  key: 'opensesame\n',
});

const read = (folder: string) => NAMES.map((name) => readFileSync(join(folder, name), 'utf8'));

it('lands as it is told', { timeout: 20_000 }, async () => {
  const folder = landing();
  const blocks = Object.entries(filesFor(folder)).map(([title, text]) => ({ language: '', title, text }));
  const words = 'run -i here, -e ansible_connection=local --vault-password-file key site.yml';
  expect(await runInFolder(blocks, `fairlead ${words}`)).toMatchObject({ status: 0, err: '' });
  expect(read(folder)).toEqual(WANTED);
  expect((await runInFolder(blocks, `fairlead ${words}`)).out).toContain(' 0 changed');
});

it('needs no key where it stays vaulted', async () => {
  const folder = landing();
  const files = {
    ...filesFor(folder),
    'site.yml': PLAYBOOK.replaceAll('DIR', folder).replace(/ {4}- .*open.*\n/g, ''),
  };
  const blocks = Object.entries(files).map(([title, text]) => ({ language: '', title, text }));
  const said = await runInFolder(blocks, 'fairlead run -i here, -e ansible_connection=local site.yml');
  expect(said).toMatchObject({ status: 0, err: '' });
  expect(readFileSync(join(folder, 'sealed'), 'utf8')).toBe(SEALED);
});

it('is what ansible-playbook does', { timeout: 60_000 }, () => {
  const [folder, project] = [landing(), landing()];
  mkdirSync(join(project, 'files'));
  for (const [name, text] of Object.entries(filesFor(folder))) writeFileSync(join(project, name), text);
  execFileSync(
    'ansible-playbook',
    ['-i', 'here,', '-c', 'local', '--vault-password-file', 'key', 'site.yml'],
    {
      cwd: project,
      env: { ...process.env, LC_ALL: 'C.UTF-8' },
    },
  );
  expect(read(folder)).toEqual(WANTED);
});
