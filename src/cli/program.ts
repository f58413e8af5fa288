// The command line: which subcommands there are, and what is said when the words are wrong.
import { Command, CommanderError } from 'commander';
import type { CliContext } from './context.ts';
import { execCommand } from './exec.ts';
import { factsCommand } from './facts.ts';
import { inventoryCommand } from './inventory.ts';
import { labCommand } from './lab.ts';
import { renderCommand } from './render.ts';
import { runCommand } from './run.ts';

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
  for (const make of [runCommand, execCommand, factsCommand, inventoryCommand, renderCommand, labCommand]) {
    program.addCommand(make(context));
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
  context.err(
    `${error.message.replace(/^error: /, 'error[usage]: ')}\n  hint: fairlead ${firstWord(argv)}--help\n`,
  );
  return 2;
}

function firstWord(argv: readonly string[]): string {
  const [first] = argv;
  return first === undefined || first.startsWith('-') ? '' : `${first} `;
}

function everyCommand(command: Command): readonly Command[] {
  return [command, ...command.commands.flatMap(everyCommand)];
}
