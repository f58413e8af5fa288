// The options that run, exec, facts and render share, by what they are about, and what they become.
import { type Command, InvalidArgumentError, Option } from 'commander';
import { Problems } from '../diagnostic.ts';
import { parseExtraVars } from '../load/extra-vars.ts';
import { withMaskedDiagnostics } from '../masking.ts';
import { DEFAULT_FORKS, type RunOptions } from '../run.ts';
import type { CliContext } from './context.ts';
import { collect, inventorySources } from './inventory-option.ts';
import { addVaultOptions, VAULT_HELP, type VaultFlags, vaultFrom } from './vault-keys.ts';

/** As commander gives them; of options that a command does not take, undefined. */
export interface RunFlags extends VaultFlags {
  readonly inventory: readonly string[];
  readonly limit?: string;
  readonly extraVars?: readonly string[];
  readonly tags?: readonly string[];
  readonly skipTags?: readonly string[];
  readonly check?: true;
  readonly diff?: true;
  readonly forks?: number;
  readonly user?: string;
  readonly privateKey?: string;
  readonly timeout?: number;
  readonly hostKey?: 'strict' | 'accept-new' | 'off';
  readonly become?: true;
  readonly becomeUser?: string;
  readonly becomeMethod?: 'sudo' | 'su' | 'doas';
  readonly output?: 'live' | 'text' | 'json';
  readonly verbose?: number;
}

interface Group {
  readonly help: string;
  readonly add: (command: Command) => Command;
}

const GROUPS = {
  hosts: {
    help: `Hosts:
  -i, --inventory PATH   inventory file, folder, script, or list "a,b," (repeatable;
                         default $FAIRLEAD_INVENTORY)
  -l, --limit PATTERN    only these of the hosts
`,
    add: (command) =>
      command.option('-i, --inventory <path>', '', collect, []).option('-l, --limit <pattern>'),
  },
  variables: {
    help: `Variables:
  -e, --extra-vars VARS  key=value, JSON or @FILE (repeatable; wins over all others)
`,
    add: (command) => command.option('-e, --extra-vars <vars>', '', collect, []),
  },
  vault: { help: VAULT_HELP, add: addVaultOptions },
  tasks: {
    help: `Tasks:
  -t, --tags TAGS        only tasks with these tags
  --skip-tags TAGS       all but tasks with these tags
`,
    add: (command) =>
      command
        .option('-t, --tags <tags>', '', collectWords, [])
        .option('--skip-tags <tags>', '', collectWords, []),
  },
  changes: {
    help: `Changes:
  -C, --check            change nothing, say what would change (exit status 3)
  -D, --diff             show how files differ
`,
    add: (command) => command.option('-C, --check').option('-D, --diff'),
  },
  connection: {
    help: `Connection:
  -f, --forks N          hosts at work at the same time (default ${DEFAULT_FORKS})
  -u, --user NAME        login user
  --private-key FILE     key to log in with
  --host-key POLICY      unknown host keys: strict, accept-new, off (default strict)
  -T, --timeout SECONDS  for connecting (default 10)
  -b, --become           become root, or another user:
  --become-user NAME     whom to become (default root)
  --become-method HOW    sudo, su or doas (default sudo)
`,
    add: (command) =>
      command
        .option('-f, --forks <count>', '', wholeNumber, DEFAULT_FORKS)
        .option('-u, --user <name>')
        .option('--private-key <file>')
        .addOption(new Option('--host-key <policy>').choices(['strict', 'accept-new', 'off']))
        .option('-T, --timeout <seconds>', '', wholeNumber)
        .option('-b, --become')
        .option('--become-user <name>')
        .addOption(new Option('--become-method <method>').choices(['sudo', 'su', 'doas'])),
  },
  output: {
    help: `Output:
  --output FORM          live, text or json (default live on a terminal, else text)
  -v, --verbose          more: -v tasks that changed nothing, -vv results
`,
    add: (command) =>
      command
        .addOption(new Option('--output <form>').choices(['live', 'text', 'json']))
        .option('-v, --verbose', '', (_: string, before: number) => before + 1, 0),
  },
} as const satisfies Readonly<Record<string, Group>>;

type GroupName = keyof typeof GROUPS;

/** Adds the groups' options to a command. */
export function addOptions(command: Command, groups: readonly GroupName[]): Command {
  return groups.reduce((each, name) => GROUPS[name].add(each), command);
}

/** The same options, for the command's help. */
export function optionsHelp(groups: readonly GroupName[]): string {
  return groups.map((name) => GROUPS[name].help).join('\n');
}

/** Throws a DiagnosticError where extra variables or vault keys cannot be read. */
export async function toRunOptions(flags: RunFlags, context: CliContext): Promise<RunOptions> {
  const vault = await vaultFrom(flags, context);
  const extraVars = withMaskedDiagnostics(vault.secrets, () => {
    const problems = new Problems();
    const variables = parseExtraVars(flags.extraVars ?? [], problems, vault);
    problems.throwIfAny();
    return variables;
  });
  return {
    inventories: inventorySources(flags.inventory, context),
    ...(flags.limit !== undefined && { limit: flags.limit }),
    extraVars,
    vault,
    tags: { only: flags.tags ?? [], skip: flags.skipTags ?? [] },
    become: { become: flags.become, user: flags.becomeUser, method: flags.becomeMethod, flags: undefined },
    connection: {
      user: flags.user,
      port: undefined,
      privateKeyFile: flags.privateKey,
      connectTimeoutS: flags.timeout,
      hostKeyPolicy: flags.hostKey,
    },
    mode: flags.check === true ? 'check' : 'apply',
    diff: flags.diff === true,
    forks: flags.forks ?? DEFAULT_FORKS,
  };
}

function wholeNumber(text: string): number {
  if (!/^[1-9]\d{0,5}$/.test(text)) throw new InvalidArgumentError('a whole number from 1 is wanted.');
  return Number(text);
}

function collectWords(text: string, before: readonly string[]): readonly string[] {
  return [...before, ...text.split(',').map((word) => word.trim())];
}
