// fairlead exec: one command, script or module on the hosts of a pattern. Output comes back prefixed with the host.
import { resolve } from 'node:path';
import { Command } from 'commander';
import { DiagnosticError } from '../diagnostic.ts';
import type { RunEvent } from '../event.ts';
import { escapeForTerminal, escapeLine } from '../report/escape.ts';
import { TextReport } from '../report/text-report.ts';
import { runPrepared } from '../run.ts';
import { words } from '../shell.ts';
import { type CliContext, withDiagnostics } from './context.ts';
import { prepareOneOff } from './one-off.ts';
import { addRunOptions, RUN_OPTIONS_HELP, type RunFlags, toRunOptions } from './run-options.ts';

const HELP = `Usage: fairlead exec [OPTIONS] PATTERN -- COMMAND [ARG...]
       fairlead exec [OPTIONS] PATTERN --shell 'PIPE | LINE'
       fairlead exec [OPTIONS] PATTERN --script FILE [-- ARG...]
       fairlead exec [OPTIONS] PATTERN -m MODULE [-a 'KEY=VALUE...' | -a JSON]

Runs one thing on every host of the pattern and prints what it said.

${RUN_OPTIONS_HELP}`;

interface ExecFlags extends RunFlags {
  readonly shell?: string;
  readonly script?: string;
  readonly module?: string;
  readonly args?: string;
}

export function execCommand(context: CliContext): Command {
  return addRunOptions(new Command('exec'))
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
  const prepared = prepareOneOff(play, toRunOptions(flags, context));
  const isCommand = flags.module === undefined;
  const { outColours } = context.terminal;
  const report = new TextReport({
    write: context.out,
    isColoured: outColours,
    verbosity: 1,
    diff: flags.diff === true,
  });
  const recap = await runPrepared(prepared, {
    emit: (event) => {
      if (isCommand && event.kind === 'task-finished' && hasRun(event)) tellOutput(event, context);
      else if (event.kind === 'task-finished' || event.kind === 'host-unreachable') report.tell(event);
    },
    signal: context.signal,
    agentSocket: context.environment.SSH_AUTH_SOCK,
  });
  if (recap.some((each) => each.status === 'interrupted')) return 130;
  return recap.every((each) => each.status === 'ok') ? 0 : 1;
}

/** The task that the words on the command line mean. */
function taskOf(command: readonly string[], flags: ExecFlags): Readonly<Record<string, unknown>> {
  if (flags.module !== undefined) return { [flags.module]: moduleArguments(flags.args) };
  if (flags.shell !== undefined) return { shell: { cmd: flags.shell } };
  if (flags.script !== undefined)
    return { script: { cmd: [resolve(flags.script), ...command].map(words1).join(' ') } };
  if (command.length > 0) return { command: { argv: command } };
  throw new DiagnosticError([
    {
      code: 'usage',
      summary: 'command line cannot be used',
      details: ['there is nothing to run'],
      hint: 'put the command behind --',
    },
  ]);
}

function words1(word: string): string {
  return words(word);
}

/** `key=value key2="two words"`, JSON, or the module's free-form text. */
function moduleArguments(text: string | undefined): unknown {
  if (text === undefined) return null;
  if (text.trimStart().startsWith('{')) return JSON.parse(text);
  const pairs = [...text.matchAll(/([A-Za-z_]\w*)=("[^"]*"|'[^']*'|\S*)(?:\s+|$)/g)];
  if (pairs.map((pair) => pair[0]).join('') !== text.trimStart() || pairs.length === 0) return text;
  return Object.fromEntries(pairs.map(([, key, value = '']) => [key, typed(value)]));
}

function typed(value: string): unknown {
  const text = value.replace(/^(["'])(.*)\1$/s, '$2');
  if (text !== value) return text;
  if (/^(yes|true)$/i.test(text)) return true;
  return /^(no|false)$/i.test(text) ? false : text;
}

type TaskFinished = Extract<RunEvent, { kind: 'task-finished' }>;

function hasRun(event: TaskFinished): boolean {
  return typeof event.outcome.fields.rc === 'number';
}

/** Like pdsh: every line with the host in front; a status other than 0 is told on stderr. */
function tellOutput({ host, outcome }: TaskFinished, context: CliContext): void {
  const prefix = `${escapeLine(host)}: `;
  const lines = (text: unknown): string =>
    typeof text !== 'string' || text === ''
      ? ''
      : `${escapeForTerminal(text.replace(/\n$/, ''))
          .split('\n')
          .map((line) => prefix + line)
          .join('\n')}\n`;
  context.out(lines(outcome.fields.stdout));
  context.err(lines(outcome.fields.stderr));
  if (outcome.fields.rc !== 0) context.err(`${prefix}exited ${String(outcome.fields.rc)}\n`);
}
