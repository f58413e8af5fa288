// fairlead vault, with the words of ansible-vault; test/load/vault/ansible-vault.test.ts has the two read each other.
import { Buffer } from 'node:buffer';
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, lstatSync, symlinkSync } from 'node:fs';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Problems } from '../../src/diagnostic.ts';
import { loadVariablesFile } from '../../src/load/role.ts';
import { VaultedText } from '../../src/load/tagged-text.ts';
import { sealText, Vault } from '../../src/load/vault/vault.ts';
import { key } from '../load/vault/sample.ts';
import { VaultFolder } from './support/vault-folder.ts';

const DEV = key('dev', 'd');
const HEADER = '$ANSIBLE_VAULT;1.1;AES256\n';
const PLAIN = 'password: hunter2\n';

function folder(): VaultFolder {
  return new VaultFolder({ key: 'a\n', other: 'b\n', 'plain.yml': PLAIN });
}

describe('encrypt and decrypt', () => {
  it('change files in place, and keep their modes', async () => {
    const made = folder();
    made.write('second.yml', 'two\n', 0o604);
    const files = [made.file('plain.yml'), made.file('second.yml')];
    const words = ['--vault-password-file', made.file('key'), ...files];
    expect(await made.run(['vault', 'encrypt', ...words])).toMatchObject({ status: 0, out: '', err: '' });
    expect(made.read('plain.yml')).toMatch(/^\$ANSIBLE_VAULT;1\.1;AES256\n[0-9a-f\n]+\n$/);
    expect([made.mode('plain.yml'), made.mode('second.yml')]).toEqual(['640', '604']);
    expect(await made.run(['vault', 'decrypt', ...words])).toMatchObject({ status: 0, out: '', err: '' });
    expect(made.read('plain.yml') + made.read('second.yml')).toBe(`${PLAIN}two\n`);
    expect([made.mode('plain.yml'), made.mode('second.yml')]).toEqual(['640', '604']);
    expect(made.names()).toEqual(['key', 'other', 'plain.yml', 'second.yml']);
  });

  it('take stdin and give stdout, bytes that are no text too', async () => {
    const made = folder();
    const words = ['--vault-password-file', made.file('key')];
    const bytes = Buffer.from([0, 255, 128, 10]);
    const sealed = await made.run(['vault', 'encrypt', ...words], { input: bytes });
    expect(sealed.out.startsWith(HEADER)).toBe(true);
    const opened = await made.run(['vault', 'decrypt', ...words, '-'], { input: sealed.out });
    expect(Buffer.from(opened.out, 'latin1')).toEqual(bytes);
  });

  it('write elsewhere with --output, for the owner alone, and leave the file', async () => {
    const made = folder();
    const words = [
      '--vault-password-file',
      made.file('key'),
      '--output',
      made.file('new'),
      made.file('plain.yml'),
    ];
    expect((await made.run(['vault', 'encrypt', ...words])).status).toBe(0);
    expect([made.read('plain.yml'), made.mode('new'), made.read('new').startsWith(HEADER)]).toEqual([
      PLAIN,
      '600',
      true,
    ]);
    const shown = await made.run([
      'vault',
      'decrypt',
      '--vault-pass-file',
      made.file('key'),
      '--output',
      '-',
      made.file('new'),
    ]);
    expect(shown).toMatchObject({ status: 0, out: PLAIN, err: '' });
  });

  it('leave a link one', async () => {
    const made = folder();
    symlinkSync('plain.yml', made.file('link'));
    await made.run(['vault', 'encrypt', '--vault-password-file', made.file('key'), made.file('link')]);
    expect(lstatSync(made.file('link')).isSymbolicLink()).toBe(true);
    expect(made.read('plain.yml').startsWith(HEADER)).toBe(true);
  });

  it('change no file where one of them cannot be', async () => {
    const made = folder();
    made.write('sealed', sealText(Buffer.from('x'), key('default', 'b')));
    made.write('good', sealText(Buffer.from('x'), key('default', 'a')));
    const before = ['plain.yml', 'sealed', 'good'].map((name) => made.read(name));
    const words = ['--vault-password-file', made.file('key')];
    const twice = await made.run(['vault', 'encrypt', ...words, made.file('plain.yml'), made.file('sealed')]);
    expect(twice).toMatchObject({ status: 2, out: '' });
    expect(twice.err).toContain('DIR/sealed is vaulted already');
    const closed = await made.run(['vault', 'decrypt', ...words, made.file('good'), made.file('sealed')]);
    expect(closed.err).toBe(`error[vault-key]: vaulted text cannot be opened
  DIR/sealed:1:1
  1 | $ANSIBLE_VAULT;1.1;AES256
    | ^^^^^^^^^^^^^^^^^^^^^^^^^
  the key "default" does not fit, or the text was changed later
`);
    expect(['plain.yml', 'sealed', 'good'].map((name) => made.read(name))).toEqual(before);
    expect(made.names()).toEqual(['good', 'key', 'other', 'plain.yml', 'sealed']);
  });

  it('seal with the label that is asked for', async () => {
    const made = folder();
    const ids = ['--vault-id', `dev@${made.file('key')}`, '--vault-id', `prod@${made.file('other')}`];
    const unsaid = await made.run(['vault', 'encrypt', ...ids, made.file('plain.yml')]);
    expect(unsaid).toMatchObject({ status: 2, out: '' });
    expect(unsaid.err).toContain('there are keys for dev, prod');
    const unknown = await made.run([
      'vault',
      'encrypt',
      ...ids,
      '--encrypt-vault-id',
      'x',
      made.file('plain.yml'),
    ]);
    expect(unknown.err).toContain('no key has the label "x": there are keys for dev, prod');
    await made.run(['vault', 'encrypt', ...ids, '--encrypt-vault-id', 'prod', made.file('plain.yml')]);
    expect(made.read('plain.yml').startsWith('$ANSIBLE_VAULT;1.2;AES256;prod\n')).toBe(true);
    const shown = await made.run([
      'vault',
      'view',
      '--vault-password-file',
      made.file('other'),
      made.file('plain.yml'),
    ]);
    expect(shown.out).toBe(PLAIN);
  });
});

describe('keys that nobody named', () => {
  it('are asked for, new ones twice', async () => {
    const made = folder();
    const sealed = await made.run(['vault', 'encrypt', made.file('plain.yml')], { answers: ['pw', 'pw'] });
    expect(sealed.questions).toEqual(['New vault password: ', 'Confirm new vault password: ']);
    const shown = await made.run(['vault', 'view', made.file('plain.yml')], { answers: ['pw'] });
    expect(shown).toMatchObject({ status: 0, out: PLAIN, questions: ['Vault password: '] });
  });

  it('cannot be had where nobody can be asked, and nothing is changed', async () => {
    const made = folder();
    const said = await made.run(['vault', 'encrypt', made.file('plain.yml')]);
    expect(said).toMatchObject({ status: 2, out: '' });
    expect(said.err).toBe(`error[vault-key]: vault key cannot be had
  there is no terminal on which to ask for the vault password
  hint: use --vault-password-file FILE
`);
    expect(made.read('plain.yml')).toBe(PLAIN);
  });

  it('are those of the environment', async () => {
    const made = folder();
    made.write('sealed', sealText(Buffer.from(PLAIN), key('default', 'a')));
    for (const environment of [
      { FAIRLEAD_VAULT_PASSWORD_FILE: made.file('key') },
      { ANSIBLE_VAULT_PASSWORD_FILE: made.file('key') },
      { ANSIBLE_VAULT_IDENTITY_LIST: `dev@${made.file('other')},prod@${made.file('key')}` },
    ]) {
      expect(await made.run(['vault', 'view', made.file('sealed')], { environment })).toMatchObject({
        status: 0,
        out: PLAIN,
        questions: [],
      });
    }
  });
});

describe('rekey', () => {
  it.each([
    [['--new-vault-password-file', 'other'], HEADER],
    [['--new-vault-id', 'prod@other'], '$ANSIBLE_VAULT;1.2;AES256;prod\n'],
  ])('with %j', async ([option = '', value = ''], header) => {
    const made = folder();
    made.write('sealed', sealText(Buffer.from(PLAIN), DEV));
    made.write('d', 'd');
    const source = value.replace('other', made.file('other'));
    const words = ['--vault-id', `dev@${made.file('d')}`, option, source, made.file('sealed')];
    expect(await made.run(['vault', 'rekey', ...words])).toMatchObject({ status: 0, out: '', err: '' });
    expect(made.read('sealed').startsWith(header)).toBe(true);
    expect(made.mode('sealed')).toBe('640');
    const view = (name: string) =>
      made.run(['vault', 'view', '--vault-password-file', made.file(name), made.file('sealed')]);
    expect(await view('other')).toMatchObject({ status: 0, out: PLAIN });
    expect((await view('d')).status).toBe(2);
  });

  it('asks for a new key, twice, where none is named', async () => {
    const made = folder();
    made.write('sealed', sealText(Buffer.from(PLAIN), key('default', 'a')));
    const words = ['vault', 'rekey', '-J', made.file('sealed')];
    const said = await made.run(words, { answers: ['a', 'new', 'new'] });
    expect(said).toMatchObject({
      status: 0,
      questions: ['Vault password: ', 'New vault password: ', 'Confirm new vault password: '],
    });
    const before = made.read('sealed');
    const differ = await made.run(words, { answers: ['new', 'one', 'two'] });
    expect(differ).toMatchObject({ status: 2, out: '' });
    expect(differ.err).toContain('the two passwords differ');
    expect(made.read('sealed')).toBe(before);
  });
});

describe('edit', () => {
  /** An editor that notes where it was called, and runs some sh on the file. */
  function editor(made: VaultFolder, script: string): string {
    const path = made.write(
      'editor',
      `#!/bin/sh\nstat -c '%a %n' "$1" "\${1%/*}" >${made.file('seen')}\n${script}\n`,
      0o755,
    );
    return path;
  }

  async function edit(made: VaultFolder, EDITOR: string, signal?: AbortSignal) {
    const said = await made.run(
      ['vault', 'edit', '--vault-password-file', made.file('d'), made.file('sealed.yml')],
      {
        environment: { EDITOR },
        ...(signal && { signal }),
      },
    );
    const [file = '', privateFolder = ''] = existsSync(made.file('seen'))
      ? made.read('seen').trim().split('\n')
      : [];
    return { said, file, privateFolder, isGone: !existsSync(privateFolder.slice(4)) };
  }

  function sealed(): VaultFolder {
    const made = new VaultFolder({ d: 'd' });
    made.write('sealed.yml', sealText(Buffer.from(PLAIN), DEV));
    return made;
  }

  it('seals what became of the text with the key and the label that it had', async () => {
    const made = sealed();
    const { said, file, privateFolder, isGone } = await edit(
      made,
      `${editor(made, 'echo "$2: $1" >/dev/null; echo more: 1 >>"$1"')}`,
    );
    expect(said).toMatchObject({ status: 0, out: '', err: '' });
    expect(file).toMatch(/^600 .*\/fairlead-vault-\w+\/sealed\.yml$/);
    expect(privateFolder).toMatch(/^700 /);
    expect(isGone).toBe(true);
    expect(made.read('sealed.yml').startsWith('$ANSIBLE_VAULT;1.2;AES256;dev\n')).toBe(true);
    const shown = await made.run([
      'vault',
      'view',
      '--vault-password-file',
      made.file('d'),
      made.file('sealed.yml'),
    ]);
    expect(shown.out).toBe(`${PLAIN}more: 1\n`);
    expect(made.mode('sealed.yml')).toBe('640');
  });

  it('leaves the file as it is where nothing was changed', async () => {
    const made = sealed();
    const before = made.read('sealed.yml');
    expect((await edit(made, editor(made, ':'))).said.status).toBe(0);
    expect(made.read('sealed.yml')).toBe(before);
  });

  it('takes an editor with arguments', async () => {
    const made = sealed();
    const path = editor(made, ':');
    made.write('editor2', `#!/bin/sh\necho "$1" >>"$2"\n`, 0o755);
    expect((await edit(made, `${path.replace(/editor$/, 'editor2')} "two words"`)).said.status).toBe(0);
    const shown = await made.run([
      'vault',
      'view',
      '--vault-password-file',
      made.file('d'),
      made.file('sealed.yml'),
    ]);
    expect(shown.out).toBe(`${PLAIN}two words\n`);
  });

  it('changes nothing and leaves nothing where the editor fails', async () => {
    const made = sealed();
    const before = made.read('sealed.yml');
    const { said, isGone } = await edit(made, editor(made, 'echo x >>"$1"; echo y >"$1.swp"; exit 4'));
    expect(said).toMatchObject({ status: 2, out: '' });
    expect(said.err).toContain('the editor ended with 4, and DIR/sealed.yml stays as it was');
    expect(isGone).toBe(true);
    expect(made.read('sealed.yml')).toBe(before);
  });

  it('leaves nothing where it is interrupted', async () => {
    const made = sealed();
    const before = made.read('sealed.yml');
    const interruption = new AbortController();
    const fifo = made.file('fifo');
    execFileSync('mkfifo', [fifo]);
    const isOpened = opened(fifo);
    const path = editor(made, `echo x >>"$1"; echo there >${fifo}; exec sleep 300`);
    const edited = edit(made, path, interruption.signal);
    await isOpened;
    interruption.abort();
    const { said, isGone } = await edited;
    expect(said.status).toBe(130);
    expect(isGone).toBe(true);
    expect(made.read('sealed.yml')).toBe(before);
  });
});

/** Until somebody has opened it for writing, and closed it again. */
function opened(fifo: string): Promise<void> {
  const reader = spawn('cat', [fifo], { stdio: 'ignore' });
  onTestFinished(() => void reader.kill());
  return new Promise((resolve) => reader.once('close', () => resolve()));
}

/** The value of `first` in YAML text, opened with the key of the folder. */
function firstOf(made: VaultFolder, yaml: string): unknown {
  const problems = new Problems();
  const vault = new Vault([key('default', 'a')]);
  const variables = loadVariablesFile(made.write('vars.yml', yaml), problems, undefined, vault);
  const value = variables.get('first')?.value;
  const opened = value instanceof VaultedText ? value.open() : undefined;
  return opened?.kind === 'open' ? opened.text : opened;
}

describe('encrypt_string', () => {
  it('gives a value for a YAML file, under its name or without', async () => {
    const made = folder();
    const words = ['vault', 'encrypt_string', '--vault-password-file', made.file('key')];
    const said = await made.run([...words, '-n', 'first', 'one', 'two']);
    expect(said).toMatchObject({ status: 0, err: '' });
    expect(said.out).toMatch(
      /^first: !vault \|\n {10}\$ANSIBLE_VAULT;1\.1;AES256\n( {10}[0-9a-f]{1,80}\n)+!vault \|\n {10}\$ANSIBLE_VAULT;1\.1;AES256\n( {10}[0-9a-f]{1,80}\n)+$/,
    );
    const [first, second] = said.out.split(/\n(?=!vault)/);
    expect(firstOf(made, first ?? '')).toBe('one');
    expect(firstOf(made, `first: ${second}`)).toBe('two');
  });

  it('takes the text from stdin, and from a question', async () => {
    const made = folder();
    const words = ['vault', 'encrypt_string', '--vault-password-file', made.file('key')];
    const piped = await made.run([...words, '--stdin-name', 'token'], { input: 'hi' });
    expect(firstOf(made, piped.out.replace('token', 'first'))).toBe('hi');
    const asked = await made.run([...words, '-p', '-n', 'token'], { answers: ['hi'] });
    expect(asked.questions).toEqual(['String to encrypt (hidden): ']);
    expect(firstOf(made, asked.out.replace('token', 'first'))).toBe('hi');
  });

  it('asks in plain sight with --show-input, and takes no empty answer', async () => {
    const made = folder();
    const words = [
      'vault',
      'encrypt_string',
      '--vault-password-file',
      made.file('key'),
      '-p',
      '--show-input',
    ];
    const asked = await made.run([...words, '-n', 'first'], { answers: ['hi'] });
    expect(asked.questions).toEqual(['(shown) String to encrypt: ']);
    expect(firstOf(made, asked.out)).toBe('hi');
    const empty = await made.run(words, { answers: [''] });
    expect(empty).toMatchObject({ status: 2, out: '' });
    expect(empty.err).toContain('nothing was typed, and nothing is encrypted');
    const nobody = await made.run(words.slice(0, -2).concat('--show-input', 'text'));
    expect(nobody.err).toContain('--show-input needs --prompt');
  });
});

describe('create', () => {
  it('seals what was written in the editor, for the owner alone', async () => {
    const made = folder();
    const words = ['vault', 'create', '--vault-id', `dev@${made.file('key')}`, made.file('new.yml')];
    const EDITOR = made.write('editor', '#!/bin/sh\ntest ! -s "$1" && printf "a: 1\\n" >"$1"\n', 0o755);
    expect(await made.run(words, { environment: { EDITOR } })).toMatchObject({ status: 0, out: '', err: '' });
    expect(made.read('new.yml').startsWith('$ANSIBLE_VAULT;1.2;AES256;dev\n')).toBe(true);
    expect(made.mode('new.yml')).toBe('600');
    const shown = await made.run([
      'vault',
      'view',
      '--vault-password-file',
      made.file('key'),
      made.file('new.yml'),
    ]);
    expect(shown.out).toBe('a: 1\n');
  });

  it.each([
    [['plain.yml'], 'DIR/plain.yml is there already'],
    [['new.yml', 'other.yml'], 'one file is created at a time'],
    [['nowhere/new.yml'], 'the folder DIR/nowhere is not there'],
    [[], 'no file is named'],
  ])('of %j is refused before anything is written', async (names, detail) => {
    const made = folder();
    const EDITOR = made.write('editor', `#!/bin/sh\ntouch ${made.file('touched')}\n`, 0o755);
    const words = [
      'vault',
      'create',
      '--vault-password-file',
      made.file('key'),
      ...names.map((name) => made.file(name)),
    ];
    const said = await made.run(words, { environment: { EDITOR } });
    expect(said).toMatchObject({ status: 2, out: '' });
    expect(said.err).toContain(detail);
    expect(made.names()).toEqual(['editor', 'key', 'other', 'plain.yml']);
    expect(made.read('plain.yml')).toBe(PLAIN);
  });

  it('leaves nothing where the editor fails', async () => {
    const made = folder();
    const words = ['vault', 'create', '--vault-password-file', made.file('key'), made.file('new.yml')];
    expect((await made.run(words, { environment: { EDITOR: 'false' } })).status).toBe(2);
    expect(made.names()).toEqual(['key', 'other', 'plain.yml']);
  });
});

describe('vault id match', () => {
  const sealedFor = (made: VaultFolder, label: string) =>
    made.write('sealed', sealText(Buffer.from('text'), key(label, 'a')));
  const view = (made: VaultFolder, words: readonly string[], environment = {}) =>
    made.run(['vault', 'view', '--vault-id', `dev@${made.file('key')}`, ...words, made.file('sealed')], {
      environment,
    });

  it('opens nothing with a key of another label', async () => {
    const made = folder();
    sealedFor(made, 'prod');
    expect(await view(made, [])).toMatchObject({ status: 0, out: 'text' });
    for (const said of [
      await view(made, ['--vault-id-match']),
      await view(made, [], { ANSIBLE_VAULT_ID_MATCH: 'True' }),
    ]) {
      expect(said).toMatchObject({ status: 2, out: '' });
      expect(said.err).toContain(
        'it takes a key with the label "prod", and there are only "dev" (vault id match)',
      );
      expect(said.err).toContain('give --vault-id prod@FILE');
    }
    expect(await view(made, [], { ANSIBLE_VAULT_ID_MATCH: 'no' })).toMatchObject({ status: 0, out: 'text' });
  });

  it('takes a text without label for one of "default"', async () => {
    const made = folder();
    sealedFor(made, 'default');
    expect((await view(made, ['--vault-id-match'])).err).toContain('a key with the label "default"');
    expect(await view(made, ['--vault-id-match', '--vault-password-file', made.file('key')])).toMatchObject({
      status: 0,
      out: 'text',
    });
  });

  it('holds for other commands', { timeout: 20_000 }, async () => {
    const made = folder();
    sealedFor(made, 'prod');
    const words = ['--vault-id', `dev@${made.file('key')}`, '--vault-id-match', '-i', 'a,'];
    const play = made.write('site.yml', '- hosts: a\n  vars_files: [sealed]\n  tasks: []\n');
    const said = await made.run(['run', ...words, '--syntax-check', play]);
    expect(said.err).toContain('it takes a key with the label "prod"');
  });
});

describe('wrong words', () => {
  it.each([
    [['view'], 'no file is named'],
    [['decrypt', 'plain.yml'], 'DIR/plain.yml is not vaulted'],
    [['edit', '-'], 'stdin cannot be edited'],
    [['encrypt', '--output', 'x', 'plain.yml', 'key'], '--output takes the result of one file'],
    [['view', 'nowhere'], 'DIR/nowhere: no such file or directory'],
    [
      ['rekey', '--new-vault-id', 'a@b', '--new-vault-password-file', 'c', 'sealed'],
      'one of --new-vault-password-file and --new-vault-id is enough',
    ],
  ])('%j', async ([command = '', ...words], detail) => {
    const made = folder();
    made.write('sealed', sealText(Buffer.from('x'), key('default', 'a')));
    const paths = words.map((word) => (/^[a-z]+(\.yml)?$/.test(word) ? made.file(word) : word));
    const said = await made.run(['vault', command, '--vault-password-file', made.file('key'), ...paths], {
      input: '',
    });
    expect(said).toMatchObject({ status: 2, out: '' });
    expect(said.err).toContain(detail);
    expect(said.err).not.toContain('no host was contacted');
    expect(made.read('plain.yml')).toBe(PLAIN);
  });
});
