// fairlead inventory: what the inventory holds, in the JSON of ansible-inventory.
import { Command, Option } from 'commander';
import { Problems } from '../diagnostic.ts';
import { loadInventory } from '../load/inventory/load-inventory.ts';
import type { Inventory } from '../load/inventory/model.ts';
import { hostJson, toAnsibleJson, toGraph } from '../load/inventory/print.ts';
import type { Vault } from '../load/vault/vault.ts';
import { maskedDiagnostic, withMaskedDiagnostics } from '../masking.ts';
import { matchHosts } from '../resolve/host-pattern.ts';
import { type CliContext, usageError, warner, withDiagnostics } from './context.ts';
import { collect, inventorySources } from './inventory-option.ts';
import { unknownHost } from './unknown-host.ts';
import { addVaultOptions, VAULT_HELP, type VaultFlags, vaultFrom } from './vault-keys.ts';

const HELP = `Usage: fairlead inventory -i PATH... --list | --host NAME | --graph | --hosts PATTERN

  --list           everything, as JSON
  --host NAME      the variables of one host, as JSON
  --graph          groups and hosts as a tree
  --hosts PATTERN  the hosts that a pattern selects, a line each

With --host:
  --origin               where each variable is set, and what that wins over
  --playbook FILE        the same in each play of it that is for the host
  -e, --extra-vars VARS  as of fairlead run
  --output FORM          text or json (default text)

  -i, --inventory PATH  inventory file, folder, script, or list "a,b," (repeatable;
                        default $FAIRLEAD_INVENTORY,
                        then inventory in ansible.cfg)

${VAULT_HELP}`;

interface InventoryFlags extends VaultFlags {
  readonly inventory: readonly string[];
  readonly list?: true;
  readonly host?: string;
  readonly graph?: true;
  readonly hosts?: string;
  readonly origin?: true;
  readonly playbook?: string;
  readonly extraVars?: readonly string[];
  readonly output?: 'text' | 'json';
}

export function inventoryCommand(context: CliContext): Command {
  return addVaultOptions(new Command('inventory'))
    .option('-i, --inventory <path>', '', collect, [])
    .option('--list')
    .option('--host <name>')
    .option('--graph')
    .option('--hosts <pattern>')
    .option('--origin')
    .option('--playbook <file>')
    .option('-e, --extra-vars <vars>', '', collect, [])
    .addOption(new Option('--output <form>').choices(['text', 'json']))
    .configureHelp({ formatHelp: () => HELP })
    .action(async (flags: InventoryFlags) => {
      context.exit(
        await withDiagnostics(context, async () => {
          context.out(await answer(flags, context));
          return 0;
        }),
      );
    });
}

async function answer(flags: InventoryFlags, context: CliContext): Promise<string> {
  const { list, host, graph, hosts } = flags;
  if ([list, host, graph, hosts].filter((each) => each !== undefined).length !== 1) {
    throw usageError('one of --list, --host, --graph and --hosts is needed', 'fairlead inventory --help');
  }
  const isOfOrigin = flags.playbook ?? flags.output ?? flags.extraVars?.[0];
  if (flags.origin === true ? host === undefined : isOfOrigin !== undefined) {
    const detail =
      flags.origin === true ? '--origin is about one host' : '--playbook, -e and --output need --origin';
    throw usageError(detail, 'fairlead inventory --host NAME --origin');
  }
  if (flags.origin === true && host !== undefined) {
    // It needs all that a run needs, and the inventory alone is to be there at once.
    const { originsOf } = await import('./inventory-origin.ts');
    return originsOf(host, flags, context);
  }
  const vault = await vaultFrom(flags, context);
  const problems = new Problems();
  try {
    return withMaskedDiagnostics(vault.secrets, () => textOf(flags, { vault, context, problems }));
  } finally {
    warner(context)(problems.warnings.map((each) => maskedDiagnostic(each, vault.secrets)));
  }
}

function textOf(
  flags: InventoryFlags,
  about: { readonly vault: Vault; readonly context: CliContext; readonly problems: Problems },
): string {
  const { host, graph, hosts } = flags;
  const { vault, context, problems } = about;
  const inventory = loadInventory(inventorySources(flags.inventory, context), { vault }, problems);
  problems.throwIfAny();
  let text = '';
  if (host !== undefined) text = json(variablesOf(inventory, host));
  else if (hosts !== undefined) {
    const found = selected(inventory, hosts, problems);
    text = found.map((name) => `${name}\n`).join('');
  } else if (graph === true) text = `${toGraph(inventory, problems)}\n`;
  else text = json(toAnsibleJson(inventory));
  problems.throwIfAny();
  return text;
}

/** Here a part of the pattern that selects nothing is only a warning, where other parts select something. */
function selected(inventory: Inventory, pattern: string, problems: Problems): readonly string[] {
  const found = new Problems();
  const names = matchHosts(inventory, pattern, undefined, found);
  for (const each of found.list) {
    if (names.length > 0 && each.code === 'unknown-group') problems.warn(each);
    else problems.add(each);
  }
  return names;
}

function variablesOf(inventory: Inventory, host: string): unknown {
  const variables = hostJson(inventory, host);
  if (variables === undefined) throw unknownHost(host, inventory);
  return variables;
}

function json(value: unknown): string {
  return `${JSON.stringify(value, undefined, 4)}\n`;
}
