// The options that run, exec, facts and render share, and what they become.
import { type Command, InvalidArgumentError, Option } from 'commander';
import { Problems } from '../diagnostic.ts';
import { parseExtraVars } from '../load/extra-vars.ts';
import { DEFAULT_FORKS, type RunOptions } from '../run.ts';
import type { CliContext } from './context.ts';

/** As commander gives them. */
export interface RunFlags {
  readonly inventory: readonly string[];
  readonly limit?: string;
  readonly extraVars: readonly string[];
  readonly tags: readonly string[];
  readonly skipTags: readonly string[];
  readonly check?: true;
  readonly diff?: true;
  readonly forks: number;
  readonly user?: string;
  readonly privateKey?: string;
  readonly timeout?: number;
  readonly hostKey?: 'strict' | 'accept-new' | 'off';
  readonly become?: true;
  readonly becomeUser?: string;
  readonly becomeMethod?: 'sudo' | 'su' | 'doas';
  readonly output?: 'live' | 'text' | 'json';
  readonly verbose: number;
}

export const RUN_OPTIONS_HELP = `Hosts:
  -i, --inventory PATH   inventory file, folder, script, or list "a,b," (repeatable;
                         default $FAIRLEAD_INVENTORY)
  -l, --limit PATTERN    only these of the hosts
  -f, --forks N          hosts at work at the same time (default ${DEFAULT_FORKS})

Variables and tasks:
  -e, --extra-vars VARS  key=value, JSON or @FILE (repeatable; wins over all others)
  -t, --tags TAGS        only tasks with these tags
  --skip-tags TAGS       all but tasks with these tags
  -C, --check            change nothing, say what would change (exit status 3)
  -D, --diff             show how files differ

Connection:
  -u, --user NAME        login user
  --private-key FILE     key to log in with
  --host-key POLICY      unknown host keys: strict, accept-new, off (default strict)
  -T, --timeout SECONDS  for connecting (default 10)
  -b, --become           become root (or --become-user) by --become-method sudo|su|doas

Output:
  --output FORM          live, text or json (default live on a terminal, else text)
  -v, --verbose          more: -v tasks that changed nothing, -vv results
`;

/** Adds the options to a command; their help is RUN_OPTIONS_HELP. */
export function addRunOptions(command: Command): Command {
  return command
    .option('-i, --inventory <path>', '', collect, [])
    .option('-l, --limit <pattern>')
    .option('-f, --forks <count>', '', wholeNumber, DEFAULT_FORKS)
    .option('-e, --extra-vars <vars>', '', collect, [])
    .option('-t, --tags <tags>', '', collectWords, [])
    .option('--skip-tags <tags>', '', collectWords, [])
    .option('-C, --check')
    .option('-D, --diff')
    .option('-u, --user <name>')
    .option('--private-key <file>')
    .option('-T, --timeout <seconds>', '', wholeNumber)
    .addOption(new Option('--host-key <policy>').choices(['strict', 'accept-new', 'off']))
    .option('-b, --become')
    .option('--become-user <name>')
    .addOption(new Option('--become-method <method>').choices(['sudo', 'su', 'doas']))
    .addOption(new Option('--output <form>').choices(['live', 'text', 'json']))
    .option('-v, --verbose', '', (_: string, count: number) => count + 1, 0);
}

/** Throws a DiagnosticError where extra variables cannot be read. */
export function toRunOptions(flags: RunFlags, context: CliContext): RunOptions {
  const problems = new Problems();
  const extraVars = parseExtraVars(flags.extraVars, problems);
  problems.throwIfAny();
  const fallback = context.environment.FAIRLEAD_INVENTORY;
  return {
    inventories: flags.inventory.length > 0 || fallback === undefined ? flags.inventory : [fallback],
    ...(flags.limit !== undefined && { limit: flags.limit }),
    extraVars,
    tags: { only: flags.tags, skip: flags.skipTags },
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
    forks: flags.forks,
  };
}

export function wholeNumber(text: string): number {
  if (!/^[1-9]\d{0,5}$/.test(text)) throw new InvalidArgumentError('a whole number from 1 is wanted.');
  return Number(text);
}

function collect(text: string, before: readonly string[]): readonly string[] {
  return [...before, text];
}

function collectWords(text: string, before: readonly string[]): readonly string[] {
  return [...before, ...text.split(',').map((word) => word.trim())];
}
