// fairlead and the real ansible-vault (Debian: ansible-core) read what the other one wrote.
import { execFileSync, spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { VaultFolder } from '../../cli/support/vault-folder.ts';

const TEXTS = ['', 'a', 'password: hunter2\n', 'x'.repeat(16), 'ünï☃\r\n'.repeat(500)];

function folder(): VaultFolder {
  return new VaultFolder({ one: 'first\n', two: 'zweites Paßwort' });
}

function ansible(made: VaultFolder, ...words: readonly string[]): string {
  return execFileSync('ansible-vault', words, {
    cwd: made.path,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env.PATH, HOME: made.path, LC_ALL: 'C.UTF-8' },
  });
}

describe('ansible-vault', () => {
  it('reads what fairlead encrypts', async () => {
    const made = folder();
    for (const [index, text] of TEXTS.entries()) {
      made.write(`file-${index}`, text);
      await made.run([
        'vault',
        'encrypt',
        '--vault-id',
        `prod@${made.file('two')}`,
        made.file(`file-${index}`),
      ]);
    }
    const names = TEXTS.map((_, index) => `file-${index}`);
    ansible(made, 'decrypt', '--vault-id', 'prod@two', ...names);
    expect(names.map((name) => made.read(name))).toEqual(TEXTS);
  });

  it('writes what fairlead decrypts', async () => {
    const made = folder();
    const names = TEXTS.map((_, index) => `file-${index}`);
    TEXTS.forEach((text, index) => {
      made.write(names[index] ?? '', text);
    });
    ansible(made, 'encrypt', '--vault-password-file', 'one', ...names);
    const said = await made.run([
      'vault',
      'decrypt',
      '--vault-password-file',
      made.file('one'),
      ...names.map((name) => made.file(name)),
    ]);
    expect(said).toMatchObject({ status: 0, err: '' });
    expect(names.map((name) => made.read(name))).toEqual(TEXTS);
  });

  it('opens what fairlead gave another key, and the other way round', async () => {
    const made = folder();
    made.write('file', 'text\n');
    ansible(made, 'encrypt', '--vault-password-file', 'one', 'file');
    await made.run([
      'vault',
      'rekey',
      '--vault-password-file',
      made.file('one'),
      '--new-vault-id',
      `prod@${made.file('two')}`,
      made.file('file'),
    ]);
    expect(ansible(made, 'view', '--vault-id', 'prod@two', 'file').trimEnd()).toBe('text');
    ansible(made, 'rekey', '--vault-id', 'prod@two', '--new-vault-password-file', 'one', 'file');
    expect(
      (await made.run(['vault', 'view', '--vault-password-file', made.file('one'), made.file('file')])).out,
    ).toBe('text\n');
  });

  it('has the same rule for keys of another label', async () => {
    const made = folder();
    for (const [label, sealed] of [
      ['prod', 'labelled'],
      ['default', 'plain'],
    ] as const) {
      made.write(sealed, 'text\n');
      ansible(made, 'encrypt', '--vault-id', `${label}@one`, sealed);
    }
    // ansible-core takes any text for yes, "false" too: that cannot be meant.
    for (const match of ['true', 'ON', 'y', undefined]) {
      for (const id of ['prod@one', 'dev@one', 'default@one']) {
        for (const sealed of ['labelled', 'plain']) {
          const environment = match === undefined ? {} : { ANSIBLE_VAULT_ID_MATCH: match };
          const ours = await made.run(
            ['vault', 'view', '--vault-id', id.replace('one', made.file('one')), made.file(sealed)],
            {
              environment,
            },
          );
          expect({ match, id, sealed, opens: ours.status === 0 }).toEqual({
            match,
            id,
            sealed,
            opens: ansibleOpens(made, environment, id, sealed),
          });
        }
      }
    }
  }, 120_000);
});

describe('ansible-inventory --list', () => {
  it('shows vaulted values and files as fairlead does', async () => {
    const made = folder();
    const value = ansible(
      made,
      'encrypt_string',
      '--vault-password-file',
      'one',
      '--name',
      'token',
      'hunter2',
    );
    made.write(
      'hosts.yml',
      `all:\n  hosts:\n    web-1:\n      of_file: no\n  vars:\n    ${value.replaceAll('\n', '\n    ').trimEnd()}\n`,
    );
    made.write('hosts.ini', '[web]\nweb-2 a=1\n[web:vars]\nb=2\n');
    execFileSync('mkdir', ['group_vars'], { cwd: made.path });
    made.write('group_vars/all.yml', 'secret: [1, two]\n');
    ansible(made, 'encrypt', '--vault-password-file', 'one', 'hosts.ini', 'group_vars/all.yml');
    const theirs = execFileSync(
      'ansible-inventory',
      ['-i', 'hosts.yml', '-i', 'hosts.ini', '--vault-password-file', 'one', '--list'],
      {
        cwd: made.path,
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'pipe'],
        env: { PATH: process.env.PATH, HOME: made.path, LC_ALL: 'C.UTF-8' },
      },
    );
    const words = ['inventory', '-i', made.file('hosts.yml'), '-i', made.file('hosts.ini'), '--list'];
    const ours = await made.run([...words, '--vault-password-file', made.file('one')]);
    expect(ours).toMatchObject({ status: 0, err: '' });
    expect(JSON.parse(ours.out)).toEqual(JSON.parse(theirs));
    expect(ours.out).toContain('"__ansible_vault"');
    expect(ours.out).not.toContain('hunter2');
    // Read back, the answer is the same inventory.
    made.write('answer.json', ours.out);
    const again = await made.run([
      'inventory',
      '-i',
      made.file('answer.json'),
      '--list',
      '--vault-password-file',
      made.file('one'),
    ]);
    expect(JSON.parse(again.out)._meta).toEqual(JSON.parse(theirs)._meta);
  });
});

function ansibleOpens(
  made: VaultFolder,
  environment: Readonly<Record<string, string>>,
  id: string,
  file: string,
): boolean {
  const { status } = spawnSync('ansible-vault', ['view', '--vault-id', id, file], {
    cwd: made.path,
    env: { PATH: process.env.PATH, HOME: made.path, LC_ALL: 'C.UTF-8', ...environment },
  });
  return status === 0;
}
