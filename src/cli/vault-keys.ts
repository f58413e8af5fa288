// The options that say where vault keys come from, and the keys themselves: read, or asked for, before anything else.
import type { Command } from 'commander';
import { Option } from 'commander';
import { Problems } from '../diagnostic.ts';
import { type KeySource, keySources, readKeys } from '../load/vault/keys.ts';
import { type TriedKeys, Vault, type VaultKey } from '../load/vault/vault.ts';
import type { CliContext } from './context.ts';
import { collect } from './inventory-option.ts';

/** As commander gives them; `…Pass…` are Ansible's shorter names. */
export interface VaultFlags {
  readonly vaultId?: readonly string[];
  readonly vaultPasswordFile?: readonly string[];
  readonly vaultPassFile?: readonly string[];
  readonly askVaultPassword?: true;
  readonly askVaultPass?: true;
  readonly vaultIdMatch?: true;
}

export const VAULT_HELP = `Vault:
  --vault-password-file FILE  key of what is vaulted: a file, or a program that
                              prints it (repeatable; default
                              $FAIRLEAD_VAULT_PASSWORD_FILE)
  --vault-id ID               the same under a label: LABEL@FILE, LABEL@prompt
                              (repeatable)
  -J, --ask-vault-password    ask for the key
  --vault-id-match            try no key but those of the text's own label
`;

export function addVaultOptions(command: Command): Command {
  return command
    .option('--vault-password-file <file>', '', collect, [])
    .addOption(new Option('--vault-pass-file <file>').argParser(collect).default([]).hideHelp())
    .option('--vault-id <id>', '', collect, [])
    .option('-J, --ask-vault-password')
    .addOption(new Option('--ask-vault-pass').hideHelp())
    .option('--vault-id-match');
}

/** The sources that the options and the environment name, in the order they are tried. */
export function vaultSources(flags: VaultFlags, { environment }: CliContext): readonly KeySource[] {
  return keySources(
    {
      vaultIds: flags.vaultId ?? [],
      passwordFiles: [...(flags.vaultPasswordFile ?? []), ...(flags.vaultPassFile ?? [])],
      ask: flags.askVaultPassword === true || flags.askVaultPass === true,
    },
    environment,
  );
}

/** Throws a DiagnosticError where a key cannot be had. */
export async function keysFrom(
  sources: readonly KeySource[],
  context: CliContext,
): Promise<readonly VaultKey[]> {
  const problems = new Problems();
  const keys = await readKeys(sources, context.ask, problems);
  problems.throwIfAny();
  return keys;
}

/** A vault with the keys of the command line. */
export async function vaultFrom(flags: VaultFlags, context: CliContext): Promise<Vault> {
  return new Vault(await keysFrom(vaultSources(flags, context), context), triedKeys(flags, context));
}

/** Which keys a text is tried with: --vault-id-match, or Ansible's variable for it. */
export function triedKeys({ vaultIdMatch }: VaultFlags, { environment }: CliContext): TriedKeys {
  const isSet = /^(?:true|t|yes|y|on|1(?:\.0)?)$/i.test(environment.ANSIBLE_VAULT_ID_MATCH ?? '');
  return vaultIdMatch === true || isSet ? 'matching' : 'all';
}
