// fairlead inventory: what the inventory holds, in the JSON of ansible-inventory.
import { Command } from 'commander';
import { DiagnosticError, Problems } from '../diagnostic.ts';
import { loadInventory } from '../load/inventory/load-inventory.ts';
import { hostJson, toAnsibleJson, toGraph } from '../load/inventory/print.ts';
import { matchHosts } from '../resolve/host-pattern.ts';
import { type CliContext, withDiagnostics } from './context.ts';

const HELP = `Usage: fairlead inventory -i PATH... --list | --host NAME | --graph | --hosts PATTERN

  --list           everything, as JSON
  --host NAME      the variables of one host, as JSON
  --graph          groups and hosts as a tree
  --hosts PATTERN  the hosts that a pattern selects, a line each

  -i, --inventory PATH  inventory file, folder, script, or list "a,b," (repeatable)
`;

interface InventoryFlags {
  readonly inventory: readonly string[];
  readonly list?: true;
  readonly host?: string;
  readonly graph?: true;
  readonly hosts?: string;
}

export function inventoryCommand(context: CliContext): Command {
  return new Command('inventory')
    .option('-i, --inventory <path>', '', (path: string, before: readonly string[]) => [...before, path], [])
    .option('--list')
    .option('--host <name>')
    .option('--graph')
    .option('--hosts <pattern>')
    .configureHelp({ formatHelp: () => HELP })
    .action(async (flags: InventoryFlags) => {
      context.exit(
        await withDiagnostics(context, async () => {
          context.out(answer(flags, context));
          return 0;
        }),
      );
    });
}

function answer(flags: InventoryFlags, context: CliContext): string {
  const problems = new Problems();
  const fallback = context.environment.FAIRLEAD_INVENTORY;
  const sources = flags.inventory.length > 0 || fallback === undefined ? flags.inventory : [fallback];
  const inventory = loadInventory(sources, {}, problems);
  problems.throwIfAny();
  let text: string;
  if (flags.host !== undefined) {
    const variables = hostJson(inventory, flags.host);
    if (variables === undefined) throw usage(`${flags.host} is not in the inventory`);
    text = json(variables);
  } else if (flags.hosts !== undefined) {
    const hosts = matchHosts(inventory, flags.hosts, undefined, problems);
    text = hosts.map((host) => `${host}\n`).join('');
  } else if (flags.graph === true) {
    text = toGraph(inventory, problems);
  } else if (flags.list === true) {
    text = json(toAnsibleJson(inventory));
  } else {
    throw usage('say one of --list, --host, --graph, --hosts');
  }
  problems.throwIfAny();
  return text;
}

function json(value: unknown): string {
  return `${JSON.stringify(value, undefined, 4)}\n`;
}

function usage(detail: string): DiagnosticError {
  return new DiagnosticError([{ code: 'usage', summary: 'command line cannot be used', details: [detail] }]);
}
