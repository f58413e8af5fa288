// The options that run, exec, facts and render share, by what they are about, and what they become.
import { type Command, InvalidArgumentError, Option } from 'commander';
import { Problems } from '../diagnostic.ts';
import { parseExtraVars } from '../load/extra-vars.ts';
import { withMaskedDiagnostics } from '../masking.ts';
import { type GuardWish, parseGuard } from '../resolve/guard-wish.ts';
import { DEFAULT_FORKS, type RunOptions } from '../run/run.ts';
import { type CliContext, warner } from './context.ts';
import { collect, inventorySources } from './inventory-option.ts';
import { limitPattern } from './limit.ts';
import { addVaultOptions, VAULT_HELP, type VaultFlags, vaultFrom } from './vault-keys.ts';

/** As commander gives them; of options that a command does not take, undefined. */
export interface RunFlags extends VaultFlags {
  readonly inventory: readonly string[];
  readonly limit?: string;
  readonly retry?: 'LAST';
  readonly extraVars?: readonly string[];
  readonly tags?: readonly string[];
  readonly skipTags?: readonly string[];
  readonly startAtTask?: string;
  readonly step?: true;
  readonly check?: true;
  readonly guard?: GuardWish;
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
  readonly listHosts?: true;
  readonly listTasks?: true;
  readonly listTags?: true;
  readonly syntaxCheck?: true;
}

interface Group {
  readonly help: string;
  readonly add: (command: Command) => Command;
}

const FORKS = '-f, --forks <count>';

const GROUPS = {
  hosts: {
    help: `Hosts:
  -i, --inventory PATH   inventory file, folder, script, or list "a,b," (repeatable;
                         default $FAIRLEAD_INVENTORY,
                         then inventory in ansible.cfg)
  -l, --limit PATTERN    only these of the hosts; @FILE: a pattern on each line
`,
    add: (command) =>
      command.option('-i, --inventory <path>', '', collect, []).option('-l, --limit <pattern>'),
  },
  retry: {
    help: `Again:
  --retry LAST           only hosts that did not end well in the last run
                         of the playbook
`,
    add: (command) => command.addOption(new Option('--retry <run>').choices(['LAST'])),
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
  start: {
    help: `Task by task:
  --start-at-task NAME   begin at the first task of that name, or glob
  --step                 ask before each task
`,
    add: (command) => command.option('--start-at-task <name>').option('--step'),
  },
  changes: {
    help: `Changes:
  -C, --check            change nothing, say what would change (exit status 3)
  --guard TIME           undo what nobody can confirm within it (60s), or off
  -D, --diff             show how files differ
`,
    add: (command) =>
      command.option('-C, --check').option('-D, --diff').option('--guard <time>', '', guardTime),
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
        .option(FORKS, '', wholeNumber, DEFAULT_FORKS)
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
  questions: {
    help: `Without running anything:
  --list-hosts           the hosts of each play
  --list-tasks           its tasks: where each is written, and its tags
  --list-tags            the tags of its tasks
  --syntax-check         only check the playbooks
`,
    add: (command) =>
      command.option('--list-hosts').option('--list-tasks').option('--list-tags').option('--syntax-check'),
  },
} as const satisfies Readonly<Record<string, Group>>;

/** Of the connection's options this one alone. */
export function forksOption(command: Command): Command {
  return command.option(FORKS, '', wholeNumber, DEFAULT_FORKS);
}

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
    ...(flags.limit !== undefined && { limit: limitPattern(flags.limit) }),
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
    ...(flags.guard !== undefined && { guard: flags.guard }),
    mode: flags.check === true ? 'check' : 'apply',
    diff: flags.diff === true,
    forks: flags.forks ?? DEFAULT_FORKS,
    verbosity: flags.verbose ?? 0,
    warn: warner(context),
  };
}

export function guardTime(text: string): GuardWish {
  const wish = parseGuard(text);
  if (wish === undefined) throw new InvalidArgumentError('a time from 5s to 24h, or off, is wanted.');
  return wish;
}

function wholeNumber(text: string): number {
  if (!/^[1-9]\d{0,5}$/.test(text)) throw new InvalidArgumentError('a whole number from 1 is wanted.');
  return Number(text);
}

function collectWords(text: string, before: readonly string[]): readonly string[] {
  return [...before, ...text.split(',').map((word) => word.trim())];
}
