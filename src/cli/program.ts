// The command line: which subcommands there are, and what is said when the words are wrong.
import { Command, CommanderError } from 'commander';
import { type CliContext, showDiagnostics, usageError } from './context.ts';

interface Entry {
  readonly words: string;
  readonly summary: string;
  /** Only when asked for: starting up is part of every run. */
  readonly load: () => Promise<(context: CliContext) => Command>;
}

const COMMANDS: Readonly<Record<string, Entry>> = {
  run: {
    words: 'run PLAYBOOK...',
    summary: 'run playbooks on their hosts',
    load: async () => (await import('./run.ts')).runCommand,
  },
  verify: {
    words: 'verify PLAYBOOK...',
    summary: 'what differs on hosts, and who may have changed it',
    load: async () => (await import('./verify.ts')).verifyCommand,
  },
  plan: {
    words: 'plan PLAYBOOK...',
    summary: 'what playbooks would change, as a file to apply later',
    load: async () => (await import('./plan.ts')).planCommand,
  },
  apply: {
    words: 'apply FILE',
    summary: 'carry out a plan, where nothing has moved since',
    load: async () => (await import('./apply.ts')).applyCommand,
  },
  exec: {
    words: 'exec PATTERN -- …',
    summary: 'one command, script or module on the hosts of a pattern',
    load: async () => (await import('./exec.ts')).execCommand,
  },
  facts: {
    words: 'facts PATTERN',
    summary: 'what hosts say about themselves, as JSON',
    load: async () => (await import('./facts.ts')).factsCommand,
  },
  explain: {
    words: 'explain PATTERN',
    summary: 'where hosts send a flow, rule by rule, and why',
    load: async () => (await import('./explain.ts')).explainCommand,
  },
  guard: {
    words: 'guard COMMAND',
    summary: 'what guarded changes have left pending, and its end by hand',
    load: async () => (await import('./guard.ts')).guardCommand,
  },
  history: {
    words: 'history PATTERN',
    summary: 'the confirmed changes that hosts keep',
    load: async () => (await import('./history.ts')).historyCommand,
  },
  diff: {
    words: 'diff PATTERN N [M]',
    summary: 'how hosts after two of them differ',
    load: async () => (await import('./diff.ts')).diffCommand,
  },
  rollback: {
    words: 'rollback PATTERN',
    summary: 'hosts back to how they were before one of them',
    load: async () => (await import('./rollback.ts')).rollbackCommand,
  },
  inventory: {
    words: 'inventory',
    summary: 'what the inventory holds, as JSON or a tree',
    load: async () => (await import('./inventory.ts')).inventoryCommand,
  },
  render: {
    words: 'render PLAYBOOK',
    summary: 'the files as they would land, without touching a host',
    load: async () => (await import('./render.ts')).renderCommand,
  },
  doc: {
    words: 'doc [MODULE...]',
    summary: 'what modules do, take and return, with examples',
    load: async () => (await import('./doc.ts')).docCommand,
  },
  vault: {
    words: 'vault COMMAND',
    summary: 'seals, opens and edits files with secrets',
    load: async () => (await import('./vault.ts')).vaultCommand,
  },
  lab: {
    words: 'lab',
    summary: 'a throwaway fleet on this machine, to try things on',
    load: async () => (await import('./lab.ts')).labCommand,
  },
};

const HELP = `Usage: fairlead COMMAND

Puts Linux routing and load-balancing set-ups onto fleets over SSH, active now
and after a reboot. Nothing but POSIX sh is needed on the hosts.

Commands:
${Object.values(COMMANDS)
  .map(({ words, summary }) => `  ${words.padEnd(18)}  ${summary}\n`)
  .join('')}
fairlead COMMAND --help says more. Exit status: 0 fine, 1 some host failed,
2 wrong usage or files, 3 check found differences, 130 interrupted.
`;

/** Runs the command line. Bugs reject; everything else ends in context.exit. */
export async function runProgram(
  argv: readonly string[],
  version: string,
  context: CliContext,
): Promise<void> {
  // `fairlead help run` is `fairlead run --help`.
  const words = argv[0] === 'help' ? [...argv.slice(1, 2), '--help'] : argv;
  const program = new Command('fairlead')
    .version(`fairlead ${version}`)
    .helpCommand(false)
    .enablePositionalOptions()
    .configureHelp({ formatHelp: () => HELP });
  const asked = words.find((word) => !word.startsWith('-'));
  for (const [name, { load }] of Object.entries(COMMANDS)) {
    program.addCommand(name === asked ? (await load())(context) : new Command(name));
  }
  for (const command of everyCommand(program)) {
    command.exitOverride();
    command.configureOutput({ writeOut: context.out, writeErr: context.err, outputError: () => {} });
  }
  try {
    await program.parseAsync(words, { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    context.exit(usageStatus(error, words, context));
  }
}

function usageStatus(error: CommanderError, words: readonly string[], context: CliContext): number {
  if (error.exitCode === 0) return 0;
  if (error.code === 'commander.help') return 2; // no command at all: the help is on stderr
  const [message = '', near] = error.message.replace(/^error: /, '').split(/\n\(Did you mean (.+)\?\)/);
  const hint = near === undefined ? `fairlead ${commandIn(words)}--help` : `did you mean "${near}"?`;
  showDiagnostics(context, usageError(message, hint));
  return 2;
}

/** `run `, or nothing where the first word is no command. */
function commandIn([first = '']: readonly string[]): string {
  return Object.hasOwn(COMMANDS, first) ? `${first} ` : '';
}

function everyCommand(command: Command): readonly Command[] {
  return [command, ...command.commands.flatMap(everyCommand)];
}
