// The command line: which subcommands there are, and what is said when the words are wrong.
import { Command, CommanderError } from 'commander';
import type { CliContext } from './context.ts';

/** Loaded only when asked for: starting up is part of every run. */
const COMMANDS: Readonly<Record<string, () => Promise<(context: CliContext) => Command>>> = {
  run: async () => (await import('./run.ts')).runCommand,
  exec: async () => (await import('./exec.ts')).execCommand,
  facts: async () => (await import('./facts.ts')).factsCommand,
  inventory: async () => (await import('./inventory.ts')).inventoryCommand,
  render: async () => (await import('./render.ts')).renderCommand,
  lab: async () => (await import('./lab.ts')).labCommand,
};

export const HELP = `Usage: fairlead COMMAND

Puts Linux routing and load-balancing set-ups onto fleets over SSH, active now
and after a reboot. Nothing but POSIX sh is needed on the hosts.

Commands:
  run PLAYBOOK...     run playbooks on their hosts
  exec PATTERN -- …   one command, script or module on the hosts of a pattern
  facts PATTERN       what hosts say about themselves, as JSON
  inventory           what the inventory holds, as JSON or a tree
  render PLAYBOOK     the files as they would land, without touching a host
  lab                 a throwaway fleet on this machine, to try things on

fairlead COMMAND --help says more. Exit status: 0 fine, 1 some host failed,
2 wrong usage or files, 3 check found differences, 130 interrupted.
`;

/** Runs the command line. Bugs reject; everything else ends in context.exit. */
export async function runProgram(
  argv: readonly string[],
  version: string,
  context: CliContext,
): Promise<void> {
  const program = new Command('fairlead')
    .version(`fairlead ${version}`)
    .enablePositionalOptions()
    .configureHelp({ formatHelp: () => HELP });
  const asked = argv.find((word) => !word.startsWith('-'));
  for (const [name, load] of Object.entries(COMMANDS)) {
    program.addCommand(name === asked ? (await load())(context) : new Command(name));
  }
  for (const command of everyCommand(program)) {
    command.exitOverride();
    command.configureOutput({ writeOut: context.out, writeErr: context.err, outputError: () => {} });
  }
  try {
    await program.parseAsync(argv, { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    context.exit(usageStatus(error, argv, context));
  }
}

function usageStatus(error: CommanderError, argv: readonly string[], context: CliContext): number {
  if (error.exitCode === 0) return 0;
  if (error.code === 'commander.help') return argv.length === 0 ? 2 : 0;
  const [message = '', near] = error.message.replace(/^error: /, '').split(/\n\(Did you mean (.+)\?\)/);
  const hint = near === undefined ? `fairlead ${commandIn(argv)}--help` : `did you mean "${near}"?`;
  context.err(`error[usage]: ${message}\n  hint: ${hint}\n`);
  return 2;
}

/** `run `, or nothing where the first word is no command. */
function commandIn(argv: readonly string[]): string {
  const [first = ''] = argv;
  return Object.hasOwn(COMMANDS, first) ? `${first} ` : '';
}

function everyCommand(command: Command): readonly Command[] {
  return [command, ...command.commands.flatMap(everyCommand)];
}
