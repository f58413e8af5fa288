// fairlead exec: one command, script or module on the hosts of a pattern. Output comes back prefixed with the host.
import { resolve } from 'node:path';
import { Command } from 'commander';
import type { Emit, RunEvent } from '../event.ts';
import { escapeForTerminal, escapeLine } from '../report/escape.ts';
import { JsonReport } from '../report/json-report.ts';
import { TextReport } from '../report/text-report.ts';
import { words } from '../shell.ts';
import { type CliContext, usageError, withDiagnostics } from './context.ts';
import { moduleArguments } from './module-arguments.ts';
import { runOneOff } from './one-off.ts';
import { addOptions, optionsHelp, type RunFlags, toRunOptions } from './run-options.ts';

const OPTIONS = ['hosts', 'variables', 'vault', 'changes', 'connection', 'output'] as const;

const HELP = `Usage: fairlead exec [OPTIONS] PATTERN -- COMMAND [ARG...]
       fairlead exec [OPTIONS] PATTERN --shell 'PIPE | LINE'
       fairlead exec [OPTIONS] PATTERN --script FILE [-- ARG...]
       fairlead exec [OPTIONS] PATTERN -m MODULE [-a 'KEY=VALUE...' | -a JSON]

Runs one thing on every host of the pattern and prints what it said.

${optionsHelp(OPTIONS)}`;

interface ExecFlags extends RunFlags {
  readonly shell?: string;
  readonly script?: string;
  readonly module?: string;
  readonly args?: string;
}

export function execCommand(context: CliContext): Command {
  return addOptions(new Command('exec'), OPTIONS)
    .argument('<pattern>')
    .argument('[command...]')
    .option('--shell <line>')
    .option('--script <file>')
    .option('-m, --module <name>')
    .option('-a, --args <args>')
    .configureHelp({ formatHelp: () => HELP })
    .action(async (pattern: string, command: readonly string[], flags: ExecFlags) => {
      context.exit(await withDiagnostics(context, () => exec(pattern, command, flags, context)));
    });
}

async function exec(
  pattern: string,
  command: readonly string[],
  flags: ExecFlags,
  context: CliContext,
): Promise<number> {
  const play = { hosts: pattern, tasks: [taskOf(command, flags)] };
  const emit =
    flags.output === 'json' ? jsonLines(context) : flags.module ? asTasks(flags, context) : asPdsh(context);
  return runOneOff({ play, options: await toRunOptions(flags, context), emit }, context);
}

/** The task that the words on the command line mean. */
function taskOf(command: readonly string[], flags: ExecFlags): Readonly<Record<string, unknown>> {
  const { module, shell, script, args } = flags;
  const ways = [module, shell, script].filter((each) => each !== undefined).length;
  if (ways > 1) throw usageError('one of -m, --shell and --script is enough', 'fairlead exec --help');
  if (args !== undefined && module === undefined) throw usageError('-a is for the module of -m');
  if (script !== undefined) return { script: { cmd: words(resolve(script), ...command) } };
  if (ways === 0 && command.length > 0) return { command: { argv: command } };
  if (ways === 0) throw usageError('there is nothing to run', 'put the command behind --');
  if (command.length > 0) throw usageError(`"${command.join(' ')}" is one command too many`);
  if (shell !== undefined) return { shell: { cmd: shell } };
  return { [module ?? '']: moduleArguments(args) };
}

function jsonLines(context: CliContext): Emit {
  const report = new JsonReport(context.out);
  return (event) => report.tell(event);
}

/** As the tasks of a play are told, without the play around them. */
function asTasks(flags: ExecFlags, context: CliContext): Emit {
  const report = new TextReport({
    write: context.out,
    isColoured: context.terminal.outColours,
    verbosity: 1 + (flags.verbose ?? 0),
    diff: flags.diff === true,
  });
  return (event) => {
    if (event.kind === 'run-started' || event.kind === 'task-finished' || event.kind === 'host-unreachable') {
      report.tell(event);
    }
  };
}

type TaskFinished = Extract<RunEvent, { kind: 'task-finished' }>;

/** Like pdsh: every line with the host in front. What went wrong is told on stderr. */
function asPdsh(context: CliContext): Emit {
  const { outColours, errColours } = context.terminal;
  const options = { verbosity: 1, diff: false };
  const results = new TextReport({ ...options, write: context.out, isColoured: outColours });
  const troubles = new TextReport({ ...options, write: context.err, isColoured: errColours });
  return (event) => {
    if (event.kind === 'host-unreachable') troubles.tell(event);
    if (event.kind !== 'task-finished') return;
    const { status, fields } = event.outcome;
    if (typeof fields.rc === 'number') tellOutput(event, context);
    else (status === 'failed' || status === 'unknown' ? troubles : results).tell(event);
  };
}

function tellOutput({ host, outcome }: TaskFinished, context: CliContext): void {
  const prefix = `${escapeLine(host)}: `;
  const lines = (text: unknown): string => {
    if (typeof text !== 'string' || text === '') return '';
    const safe = escapeForTerminal(text.replace(/\n$/, ''));
    return `${prefix}${safe.replaceAll('\n', `\n${prefix}`)}\n`;
  };
  const { stdout, stderr, rc } = outcome.fields;
  context.out(lines(stdout));
  context.err(lines(stderr));
  if (rc !== 0) context.err(`${prefix}exited ${String(rc)}\n`);
}
