import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { Problems } from '../../../src/diagnostic.ts';
import { type Ask, keySources, parseVaultId, readKeys } from '../../../src/load/vault/keys.ts';

const folder = mkdtempSync(join(tmpdir(), 'fairlead-keys-'));
afterAll(() => rmSync(folder, { recursive: true }));

function file(name: string, content: string | Uint8Array, mode = 0o600): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  chmodSync(path, mode);
  return path;
}

async function read(ids: readonly string[], ask?: Ask) {
  const problems = new Problems();
  const keys = await readKeys(ids.map(parseVaultId), ask, problems);
  return {
    keys: keys.map(({ label, password }) => `${label}=${password.reveal()}`),
    problems: problems.list.map(({ details = [] }) => details.join().replaceAll(folder, 'DIR')),
  };
}

const NO_WORDS = { vaultIds: [], passwordFiles: [], ask: false };

describe('sources', () => {
  it('are a label, an @ and where the key comes from', () => {
    expect(parseVaultId('dev@a@b')).toEqual({ label: 'dev', from: { kind: 'file', path: 'a@b' } });
    expect(parseVaultId('file')).toEqual({ label: 'default', from: { kind: 'file', path: 'file' } });
    expect(parseVaultId('@file')).toEqual({ label: 'default', from: { kind: 'file', path: 'file' } });
    expect(parseVaultId('prod@prompt')).toEqual({ label: 'prod', from: { kind: 'prompt' } });
    expect(parseVaultId('prompt')).toEqual({ label: 'default', from: { kind: 'prompt' } });
  });

  it('are tried in one order: the list of the environment, ids, files, the question', () => {
    const words = { vaultIds: ['b@2'], passwordFiles: ['3'], ask: true };
    const environment = { ANSIBLE_VAULT_IDENTITY_LIST: 'a@1, z@0', ANSIBLE_VAULT_PASSWORD_FILE: '9' };
    const shown = keySources(words, environment).map(({ label, from }) =>
      [label, from.kind === 'file' ? from.path : '?'].join('@'),
    );
    expect(shown).toEqual(['a@1', 'z@0', 'b@2', 'default@3', 'default@?']);
  });

  it.each([
    [{ FAIRLEAD_VAULT_PASSWORD_FILE: 'f' }, 'f'],
    [{ ANSIBLE_VAULT_PASSWORD_FILE: 'a' }, 'a'],
    [{ FAIRLEAD_VAULT_PASSWORD_FILE: 'f', ANSIBLE_VAULT_PASSWORD_FILE: 'a' }, 'f'],
    [{ FAIRLEAD_VAULT_PASSWORD_FILE: '', ANSIBLE_VAULT_PASSWORD_FILE: 'a' }, 'a'],
  ])('of the environment: %j', (environment, path) => {
    expect(keySources(NO_WORDS, environment)).toEqual([{ label: 'default', from: { kind: 'file', path } }]);
  });

  it('are none where nothing says so', () => {
    expect(keySources(NO_WORDS, {})).toEqual([]);
    expect(
      keySources(NO_WORDS, { ANSIBLE_VAULT_IDENTITY_LIST: '', ANSIBLE_VAULT_PASSWORD_FILE: '' }),
    ).toEqual([]);
  });
});

describe('keys', () => {
  it('are a file without the blanks around it, in its own bytes', async () => {
    const plain = file('plain', '\n  two words \r\n\n');
    const bytes = file('bytes', new Uint8Array([0xc3, 0xa0, 0x0a]));
    expect(await read([plain, `dev@${bytes}`])).toEqual({
      keys: ['default=two words', 'dev=\u00c3\u00a0'],
      problems: [],
    });
  });

  it('are what a program prints, without the newline', async () => {
    const program = file('program', '#!/bin/sh\nprintf "%s pw \\n" "$#"\n', 0o700);
    expect(await read([`dev@${program}`])).toEqual({ keys: ['dev=0 pw '], problems: [] });
  });

  it.each(['keyring-client', 'keyring-client.sh'])('are asked of %s with their label', async (name) => {
    const program = file(name, '#!/bin/sh\necho "$@"\n', 0o700);
    expect((await read([`prod@${program}`, program])).keys).toEqual([
      'prod=--vault-id prod',
      'default=--vault-id default',
    ]);
  });

  it('are asked for, each with its label', async () => {
    const questions: string[] = [];
    const ask: Ask = async (question) => {
      questions.push(question);
      return 'pä';
    };
    expect((await read(['prompt', 'prod@prompt'], ask)).keys).toEqual([
      'default=p\u00c3\u00a4',
      'prod=p\u00c3\u00a4',
    ]);
    expect(questions).toEqual(['Vault password: ', 'Vault password (prod): ']);
  });

  it('that are new are asked for twice', async () => {
    const answers = ['a', 'a', 'a', 'b'];
    const questions: string[] = [];
    const ask: Ask = async (question) => {
      questions.push(question);
      return answers.shift();
    };
    const problems = new Problems();
    const source = { label: 'default', from: { kind: 'prompt', confirm: 'confirm' } } as const;
    const keys = await readKeys([source, source], ask, problems);
    expect(keys.map(({ password }) => password.reveal())).toEqual(['a']);
    expect(problems.list.map(({ details }) => details)).toEqual([['the two passwords differ']]);
    expect(questions.slice(0, 2)).toEqual(['New vault password: ', 'Confirm new vault password: ']);
  });

  it('that cannot be had are problems, all of them, and the others are read', async () => {
    const good = file('good', 'x');
    const failing = file('failing', '#!/bin/sh\nexit 3\n', 0o700);
    const silent = file('silent', '#!/bin/sh\n', 0o700);
    expect(
      await read([
        '/nowhere/key',
        file('empty', ' \n'),
        `a@${failing}`,
        `b@${silent}`,
        folder,
        'prompt',
        good,
      ]),
    ).toEqual({
      keys: ['default=x'],
      problems: [
        'vault password file /nowhere/key: no such file or directory',
        'the password for "default" is empty',
        'DIR/failing exited with 3, and prints no password for "a"',
        'the password for "b" is empty',
        'vault password file DIR: it is a folder, not a file',
        'there is no terminal on which to ask for the vault password',
      ],
    });
  });
});
