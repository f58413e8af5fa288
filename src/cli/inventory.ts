// fairlead inventory: what the inventory holds, in the JSON of ansible-inventory.
import { Command } from 'commander';
import { didYouMean, Problems } from '../diagnostic.ts';
import { loadInventory } from '../load/inventory/load-inventory.ts';
import type { Inventory } from '../load/inventory/model.ts';
import { hostJson, toAnsibleJson, toGraph } from '../load/inventory/print.ts';
import type { Vault } from '../load/vault/vault.ts';
import { withMaskedDiagnostics } from '../masking.ts';
import { matchHosts } from '../resolve/host-pattern.ts';
import { type CliContext, usageError, withDiagnostics } from './context.ts';
import { collect, inventorySources } from './inventory-option.ts';
import { addVaultOptions, VAULT_HELP, type VaultFlags, vaultFrom } from './vault-keys.ts';

const HELP = `Usage: fairlead inventory -i PATH... --list | --host NAME | --graph | --hosts PATTERN

  --list           everything, as JSON
  --host NAME      the variables of one host, as JSON
  --graph          groups and hosts as a tree
  --hosts PATTERN  the hosts that a pattern selects, a line each

  -i, --inventory PATH  inventory file, folder, script, or list "a,b," (repeatable;
                        default $FAIRLEAD_INVENTORY)

${VAULT_HELP}`;

interface InventoryFlags extends VaultFlags {
  readonly inventory: readonly string[];
  readonly list?: true;
  readonly host?: string;
  readonly graph?: true;
  readonly hosts?: string;
}

export function inventoryCommand(context: CliContext): Command {
  return addVaultOptions(new Command('inventory'))
    .option('-i, --inventory <path>', '', collect, [])
    .option('--list')
    .option('--host <name>')
    .option('--graph')
    .option('--hosts <pattern>')
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
  const vault = await vaultFrom(flags, context);
  return withMaskedDiagnostics(vault.secrets, () => textOf(flags, vault, context));
}

function textOf(flags: InventoryFlags, vault: Vault, context: CliContext): string {
  const { host, graph, hosts } = flags;
  const problems = new Problems();
  const inventory = loadInventory(inventorySources(flags.inventory, context), { vault }, problems);
  problems.throwIfAny();
  let text = '';
  if (host !== undefined) text = json(variablesOf(inventory, host));
  else if (hosts !== undefined) {
    const found = matchHosts(inventory, hosts, undefined, problems);
    text = found.map((name) => `${name}\n`).join('');
  } else if (graph === true) text = `${toGraph(inventory, problems)}\n`;
  else text = json(toAnsibleJson(inventory));
  problems.throwIfAny();
  return text;
}

function variablesOf(inventory: Inventory, host: string): unknown {
  const variables = hostJson(inventory, host);
  if (variables !== undefined) return variables;
  throw usageError(`"${host}" is not in the inventory`, didYouMean(host, inventory.hosts.keys()));
}

function json(value: unknown): string {
  return `${JSON.stringify(value, undefined, 4)}\n`;
}
