// Where vault keys come from: files, programs that print them, and people who are asked. In Ansible's words:
// `--vault-id LABEL@SOURCE`, password files, and its environment variables.
import { Buffer } from 'node:buffer';
import { spawnSync } from 'node:child_process';
import { accessSync, constants, readFileSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { basename, extname, resolve } from 'node:path';
import type { Problems } from '../../diagnostic.ts';
import { Secret } from '../../secret.ts';
import { displayPath, systemErrorText } from '../source.ts';
import { DEFAULT_LABEL } from './envelope.ts';
import type { VaultKey } from './vault.ts';

export interface KeySource {
  readonly label: string;
  readonly from:
    | { readonly kind: 'file'; readonly path: string }
    | { readonly kind: 'prompt'; readonly confirm?: 'confirm' };
}

export interface KeyWords {
  /** `LABEL@SOURCE`; without the label it is `default`. */
  readonly vaultIds: readonly string[];
  readonly passwordFiles: readonly string[];
  readonly ask: boolean;
}

/** Shows a question to a person and gives the answer, which nobody saw; undefined where nobody can be asked. */
export type Ask = (question: string) => Promise<string | undefined>;

const PROMPTS: ReadonlySet<string> = new Set(['prompt', 'prompt_ask_vault_pass']);
const TIMEOUT_MS = 120_000;

/**
 * The sources in the order they are tried: what the environment says first, then the options. Password files of the
 * environment count where no option names one.
 */
export function keySources(
  words: KeyWords,
  environment: Readonly<Record<string, string | undefined>>,
): readonly KeySource[] {
  const { ANSIBLE_VAULT_IDENTITY_LIST: list = '' } = environment;
  const usual = environment.FAIRLEAD_VAULT_PASSWORD_FILE || environment.ANSIBLE_VAULT_PASSWORD_FILE;
  const files = words.passwordFiles.length > 0 || !usual ? words.passwordFiles : [usual];
  const ids = [...list.split(',').map((id) => id.trim()), ...words.vaultIds].filter((id) => id !== '');
  return [
    ...ids.map(parseVaultId),
    ...files.map((path): KeySource => ({ label: DEFAULT_LABEL, from: { kind: 'file', path } })),
    ...(words.ask ? [{ label: DEFAULT_LABEL, from: { kind: 'prompt' } } as const] : []),
  ];
}

/** `LABEL@SOURCE` or `SOURCE`, where the source is `prompt` or a file. */
export function parseVaultId(id: string): KeySource {
  const at = id.indexOf('@');
  const source = id.slice(at + 1);
  return {
    label: at > 0 ? id.slice(0, at) : DEFAULT_LABEL,
    from: PROMPTS.has(source) ? { kind: 'prompt' } : { kind: 'file', path: source },
  };
}

/** Reads or asks for all of them, one after the other; what cannot be had is a problem. */
export async function readKeys(
  sources: readonly KeySource[],
  ask: Ask | undefined,
  problems: Problems,
): Promise<readonly VaultKey[]> {
  const keys: VaultKey[] = [];
  for (const { label, from } of sources) {
    const bytes =
      from.kind === 'file' ? passwordOf(from.path, label, problems) : await asked(label, from, ask, problems);
    if (bytes === undefined) continue;
    if (bytes.length === 0) refuse(problems, `the password for "${label}" is empty`);
    else keys.push({ label, password: new Secret(bytes.toString('latin1')) });
  }
  return keys;
}

async function asked(
  label: string,
  { confirm }: Extract<KeySource['from'], { kind: 'prompt' }>,
  ask: Ask | undefined,
  problems: Problems,
): Promise<Buffer | undefined> {
  const name = label === DEFAULT_LABEL ? '' : ` (${label})`;
  const first = await ask?.(confirm ? `New vault password${name}: ` : `Vault password${name}: `);
  if (first === undefined) {
    const hint = 'use --vault-password-file FILE';
    refuse(problems, 'there is no terminal on which to ask for the vault password', hint);
    return undefined;
  }
  if (confirm && (await ask?.(`Confirm new vault password${name}: `)) !== first) {
    refuse(problems, 'the two passwords differ');
    return undefined;
  }
  return Buffer.from(first, 'utf8');
}

/** A file's content without blanks around it, or what an executable one prints without the newline. */
function passwordOf(name: string, label: string, problems: Problems): Buffer | undefined {
  const path = resolve(name.replace(/^~(?=\/)/, homedir()));
  try {
    if (isExecutable(path)) return printedBy(path, label, problems);
    return trimmed(readFileSync(path), /^[\t-\r ]+|[\t-\r ]+$/g);
  } catch (error) {
    problems.add({
      code: 'file-unreadable',
      summary: 'file cannot be read',
      details: [`vault password file ${displayPath(path)}: ${systemErrorText(error)}`],
    });
    return undefined;
  }
}

/** `NAME-client` and `NAME-client.EXT` are told for which label. */
function printedBy(path: string, label: string, problems: Problems): Buffer | undefined {
  const isClient = basename(path, extname(path)).endsWith('-client');
  const run = spawnSync(path, isClient ? ['--vault-id', label] : [], {
    stdio: ['inherit', 'pipe', 'inherit'],
    timeout: TIMEOUT_MS,
  });
  if (run.error) throw run.error;
  if (run.status === 0) return trimmed(run.stdout, /[\r\n]+$/g);
  const how = run.signal ? `was ended by ${run.signal}` : `exited with ${run.status}`;
  refuse(problems, `${displayPath(path)} ${how}, and prints no password for "${label}"`);
  return undefined;
}

function trimmed(bytes: Uint8Array, blanks: RegExp): Buffer {
  return Buffer.from(Buffer.from(bytes).toString('latin1').replace(blanks, ''), 'latin1');
}

function isExecutable(path: string): boolean {
  if (!statSync(path).isFile()) return false;
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function refuse(problems: Problems, detail: string, hint?: string): void {
  problems.add({
    code: 'vault-key',
    summary: 'vault key cannot be had',
    details: [detail],
    ...(hint !== undefined && { hint }),
  });
}
