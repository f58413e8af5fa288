// What the vault commands read and write: files, stdin and stdout under the name `-`, and the keys for them.
import { Buffer } from 'node:buffer';
import { readFileSync } from 'node:fs';
import { DiagnosticError } from '../diagnostic.ts';
import { displayPath, SourceFile, systemErrorText } from '../load/source.ts';
import { closedDiagnostic } from '../load/vault/closed.ts';
import { DEFAULT_LABEL, isVaulted } from '../load/vault/envelope.ts';
import type { KeySource } from '../load/vault/keys.ts';
import type { Opened, Vault, VaultKey } from '../load/vault/vault.ts';
import { type CliContext, usageError } from './context.ts';
import { replaceFile } from './replace-file.ts';
import { keysFrom, type VaultFlags, vaultSources } from './vault-keys.ts';

/** The name of stdin and stdout. */
export const STANDARD = '-';

export interface Input {
  /** `-` or a path. */
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** No names stand for stdin. Throws a DiagnosticError where one cannot be read. */
export async function readInputs(names: readonly string[], context: CliContext): Promise<readonly Input[]> {
  const inputs: Input[] = [];
  for (const name of names.length === 0 ? [STANDARD] : names) {
    inputs.push({ name, bytes: name === STANDARD ? await standardInput(context) : bytesOf(name) });
  }
  return inputs;
}

export async function standardInput({ input }: CliContext): Promise<Uint8Array> {
  if (input === undefined) throw usageError('there is nothing on stdin');
  return await input();
}

/** To a file, or to stdout. */
export function writeOutput(name: string, bytes: Uint8Array, context: CliContext): void {
  if (name !== STANDARD) {
    replaceFile(name, bytes);
    return;
  }
  const text = Buffer.from(bytes).toString('utf8');
  if (context.outBytes !== undefined && !Buffer.from(text).equals(bytes)) context.outBytes(bytes);
  else context.out(text);
}

/** Where the result of an input goes: only a single one can go elsewhere. */
export function outputName({ name }: Input, inputs: readonly Input[], output: string | undefined): string {
  if (output !== undefined && inputs.length > 1) throw usageError('--output takes the result of one file');
  return output ?? name;
}

/** Throws a DiagnosticError where an input is not vaulted, or stays closed. */
export function openInput({ name, bytes }: Input, vault: Vault): Extract<Opened, { kind: 'open' }> {
  const shown = name === STANDARD ? 'stdin' : name;
  if (!isVaulted(bytes)) throw usageError(`${shown} is not vaulted`);
  const text = Buffer.from(bytes).toString('latin1');
  const opened = vault.open(text);
  if (opened.kind === 'open') return opened;
  const source = new SourceFile(shown, text);
  throw new DiagnosticError([closedDiagnostic(opened, source.span(0, source.lineText(1).length))]);
}

/** The keys of the options and the environment; where these name none, the user is asked. */
export async function keysOrAsk(
  flags: VaultFlags,
  context: CliContext,
  purpose: 'open' | 'seal',
): Promise<readonly VaultKey[]> {
  const sources = vaultSources(flags, context);
  if (sources.length > 0) return keysFrom(sources, context);
  const from: KeySource['from'] =
    purpose === 'seal' ? { kind: 'prompt', confirm: 'confirm' } : { kind: 'prompt' };
  return keysFrom([{ label: DEFAULT_LABEL, from }], context);
}

/** The key to seal with: the one that is asked for by its label, or the only one. */
export function sealingKey(keys: readonly VaultKey[], label: string | undefined): VaultKey {
  const labels = keys.map((key) => key.label).join(', ');
  if (label === undefined) {
    const [key, ...others] = keys;
    if (key !== undefined && others.length === 0) return key;
    throw usageError(`there are keys for ${labels}`, 'say with --encrypt-vault-id which one to use');
  }
  const key = keys.find((each) => each.label === label);
  if (key === undefined) throw usageError(`no key has the label "${label}": there are keys for ${labels}`);
  return key;
}

function bytesOf(name: string): Uint8Array {
  try {
    return readFileSync(name);
  } catch (error) {
    const details = [`${displayPath(name)}: ${systemErrorText(error)}`];
    throw new DiagnosticError([{ code: 'file-unreadable', summary: 'file cannot be read', details }]);
  }
}
