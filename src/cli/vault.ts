// fairlead vault: makes, opens and changes what is vaulted, with the words of ansible-vault.
// All inputs are read and worked on before the first is written.
import { Buffer } from 'node:buffer';
import { existsSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { Command } from 'commander';
import { DiagnosticError } from '../diagnostic.ts';
import { DEFAULT_LABEL, isVaulted } from '../load/vault/envelope.ts';
import { type KeySource, parseVaultId } from '../load/vault/keys.ts';
import { sealText, Vault, type VaultKey } from '../load/vault/vault.ts';
import { diagnosticsText } from '../report/diagnostic-text.ts';
import { COLOURS, NO_COLOURS } from '../report/paint.ts';
import { quote } from '../shell.ts';
import { type CliContext, Interrupted, usageError } from './context.ts';
import { collect } from './inventory-option.ts';
import { editPrivately } from './private-edit.ts';
import {
  type Input,
  keysOrAsk,
  openInput,
  outputName,
  readInputs,
  STANDARD,
  sealingKey,
  standardInput,
  writeOutput,
} from './vault-input.ts';
import { addVaultOptions, keysFrom, triedKeys, VAULT_HELP, type VaultFlags } from './vault-keys.ts';

const HELP = `Usage: fairlead vault COMMAND [OPTIONS] [FILE...]

Makes and opens what Ansible Vault made, and the other way round. Files change in
place, whole or not at all; - is stdin and stdout, and so is no file.

Commands:
  create FILE                 a new file in $EDITOR, sealed
  encrypt [FILE...]           seal files
  decrypt [FILE...]           open files: their plain text stays on disk
  view FILE...                show the plain text
  edit FILE...                open in $EDITOR, seal what became of it
  rekey FILE...               seal with another key
  encrypt_string [TEXT...]    a text as a value for a YAML file

Options:
  --output FILE               of encrypt, decrypt and encrypt_string: write there
  --encrypt-vault-id LABEL    the key to seal with, where there are several
  --new-vault-password-file FILE  of rekey: the new key
  --new-vault-id ID           of rekey: the same under a label
  -n, --name NAME             of encrypt_string: the variable's name (repeatable)
  --stdin-name NAME           of encrypt_string: the same for a text from stdin
  -p, --prompt                of encrypt_string: ask for the text
  --show-input                of encrypt_string: show what is typed

${VAULT_HELP}`;

interface Flags extends VaultFlags {
  readonly output?: string;
  readonly encryptVaultId?: string;
  readonly newVaultPasswordFile?: string;
  readonly newVaultId?: string;
  readonly name?: readonly string[];
  readonly stdinName?: string;
  readonly prompt?: true;
  readonly showInput?: true;
}

type Work = (words: readonly string[], flags: Flags, context: CliContext) => Promise<void>;

export function vaultCommand(context: CliContext): Command {
  const command = new Command('vault').configureHelp({ formatHelp: () => HELP });
  const add = (name: string, work: Work): Command =>
    addVaultOptions(command.command(name))
      .argument('[words...]')
      .option('--encrypt-vault-id <label>')
      .configureHelp({ formatHelp: () => HELP })
      .action(async (words: readonly string[], flags: Flags) => {
        context.exit(await statusOf(() => work(words, flags, context), context));
      });
  add('create', create);
  add('encrypt', encrypt).option('--output <file>');
  add('decrypt', decrypt).option('--output <file>');
  add('view', view);
  add('edit', edit);
  add('rekey', rekey).option('--new-vault-password-file <file>').option('--new-vault-id <id>');
  add('encrypt_string', encryptString)
    .option('--output <file>')
    .option('-n, --name <name>', '', collect, [])
    .option('--stdin-name <name>')
    .option('-p, --prompt')
    .option('--show-input');
  return command;
}

const create: Work = async (names, flags, context) => {
  const [name, ...others] = filesOf(names);
  if (name === undefined || others.length > 0) throw usageError('one file is created at a time');
  if (name === STANDARD) throw usageError('stdin cannot be edited');
  if (existsSync(name)) throw usageError(`${name} is there already`, `fairlead vault edit ${name}`);
  const folder = dirname(resolve(name));
  if (!existsSync(folder)) throw usageError(`the folder ${folder} is not there`, `mkdir -p ${quote(folder)}`);
  const key = sealingKey(await keysOrAsk(flags, context, 'seal'), flags.encryptVaultId);
  const bytes = await editPrivately(Buffer.alloc(0), name, context);
  writeOutput(name, Buffer.from(sealText(bytes, key)), context);
};

const encrypt: Work = async (names, flags, context) => {
  const inputs = await readInputs(names, context);
  for (const { name, bytes } of inputs) if (isVaulted(bytes)) throw usageError(`${name} is vaulted already`);
  const outputs = inputs.map((input) => outputName(input, inputs, flags.output));
  const key = sealingKey(await keysOrAsk(flags, context, 'seal'), flags.encryptVaultId);
  const sealed = inputs.map(({ bytes }) => sealText(bytes, key));
  sealed.forEach((text, index) => {
    writeOutput(outputs[index] ?? STANDARD, Buffer.from(text), context);
  });
};

const decrypt: Work = async (names, flags, context) => {
  const inputs = await readInputs(names, context);
  const outputs = inputs.map((input) => outputName(input, inputs, flags.output));
  const opened = await openAll(inputs, flags, context);
  opened.forEach(({ bytes }, index) => {
    writeOutput(outputs[index] ?? STANDARD, bytes, context);
  });
};

const view: Work = async (names, flags, context) => {
  const opened = await openAll(await readInputs(filesOf(names), context), flags, context);
  for (const { bytes } of opened) writeOutput(STANDARD, bytes, context);
};

const edit: Work = async (names, flags, context) => {
  const inputs = await readInputs(filesOf(names), context);
  if (inputs.some(({ name }) => name === STANDARD)) throw usageError('stdin cannot be edited');
  const keys = await keysOrAsk(flags, context, 'open');
  const vault = new Vault(keys, triedKeys(flags, context));
  const opened = inputs.map((input) => ({ name: input.name, ...openInput(input, vault) }));
  for (const { name, bytes, key, label = DEFAULT_LABEL } of opened) {
    const edited = await editPrivately(bytes, name, context);
    if (Buffer.from(edited).equals(bytes)) continue;
    const sealing =
      flags.encryptVaultId === undefined ? { ...key, label } : sealingKey(keys, flags.encryptVaultId);
    writeOutput(name, Buffer.from(sealText(edited, sealing)), context);
  }
};

const rekey: Work = async (names, flags, context) => {
  const inputs = await readInputs(filesOf(names), context);
  const opened = await openAll(inputs, flags, context);
  const key = await newKey(flags, context);
  const sealed = opened.map(({ bytes }) => sealText(bytes, key));
  sealed.forEach((text, index) => {
    writeOutput(inputs[index]?.name ?? STANDARD, Buffer.from(text), context);
  });
};

const encryptString: Work = async (texts, flags, context) => {
  const key = sealingKey(await keysOrAsk(flags, context, 'seal'), flags.encryptVaultId);
  const values: string[] = [];
  const names = [...(flags.name ?? [])];
  const add = (bytes: Uint8Array, name: string | undefined): void => {
    const lines = sealText(bytes, key).trimEnd().split('\n');
    const head = name === undefined ? '!vault |' : `${name}: !vault |`;
    values.push([head, ...lines.map((line) => `          ${line}`)].join('\n'));
  };
  if (flags.showInput === true && flags.prompt !== true) throw usageError('--show-input needs --prompt');
  if (flags.prompt === true) add(await askedText(flags, context), names.shift());
  for (const text of texts.filter((each) => each !== STANDARD)) add(Buffer.from(text), names.shift());
  const wantsInput = texts.includes(STANDARD) || flags.stdinName !== undefined || values.length === 0;
  if (wantsInput) add(await standardInput(context), flags.stdinName ?? names.shift());
  writeOutput(flags.output ?? STANDARD, Buffer.from(`${values.join('\n')}\n`), context);
};

async function openAll(inputs: readonly Input[], flags: Flags, context: CliContext) {
  const vault = new Vault(await keysOrAsk(flags, context, 'open'), triedKeys(flags, context));
  return inputs.map((input) => openInput(input, vault));
}

async function newKey(flags: Flags, context: CliContext): Promise<VaultKey> {
  const { newVaultPasswordFile: path, newVaultId: id } = flags;
  if (path !== undefined && id !== undefined) {
    throw usageError('one of --new-vault-password-file and --new-vault-id is enough');
  }
  const source: KeySource =
    path !== undefined
      ? { label: DEFAULT_LABEL, from: { kind: 'file', path } }
      : confirmed(parseVaultId(id ?? 'prompt'));
  return sealingKey(await keysFrom([source], context), undefined);
}

function confirmed(source: KeySource): KeySource {
  return source.from.kind === 'file' ? source : { ...source, from: { kind: 'prompt', confirm: 'confirm' } };
}

async function askedText({ showInput }: Flags, context: CliContext): Promise<Uint8Array> {
  const ask = showInput === true ? context.askShown : context.ask;
  const text = await ask?.(showInput === true ? 'String to encrypt: ' : 'String to encrypt (hidden): ');
  if (text === undefined) throw usageError('there is no terminal on which to ask for the text');
  if (text === '') throw usageError('nothing was typed, and nothing is encrypted');
  return Buffer.from(text);
}

function filesOf(names: readonly string[]): readonly string[] {
  if (names.length === 0) throw usageError('no file is named', 'fairlead vault --help');
  return names;
}

/** 0, or 2 where words, keys or files are wrong, 130 where somebody left. */
async function statusOf(work: () => Promise<void>, context: CliContext): Promise<number> {
  try {
    await work();
    return 0;
  } catch (error) {
    if (error instanceof Interrupted) return 130;
    if (!(error instanceof DiagnosticError)) throw error;
    context.err(diagnosticsText(error.diagnostics, context.terminal.errColours ? COLOURS : NO_COLOURS));
    return 2;
  }
}
