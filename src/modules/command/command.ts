// One program with its arguments, without a shell in between: no variables, pipes or patterns.
import { quote, words } from '../../shell.ts';
import { ArgumentError, type HostModule } from '../module.ts';
import {
  type CommandRun,
  type CommandRunArgs,
  changeRun,
  commandRun,
  concludeRun,
  decideRun,
  inspectRun,
  RUN_PROPERTIES,
  RUN_RETURNS,
  type RunOnce,
  refuseInlineOptions,
  STDIN_PROPERTIES,
} from './command-run.ts';
import { refuseNul, splitWords } from './command-words.ts';

export interface CommandArgs extends CommandRunArgs {
  readonly cmd?: string;
  readonly argv?: readonly (string | number)[];
}

export const command: HostModule<CommandArgs, CommandRun, RunOnce> = {
  kind: 'host',
  name: 'command',
  summary: 'Runs a program on the host, without a shell.',
  freeForm: 'cmd',
  returns: RUN_RETURNS,
  schema: {
    type: 'object',
    properties: {
      cmd: {
        description: 'The command as one line. Quotes keep words together; $, |, > and * have no meaning.',
        type: 'string',
      },
      argv: {
        description: 'The command as a list of words, in place of cmd.',
        type: 'array',
        items: { type: ['string', 'number'] },
        minItems: 1,
      },
      ...RUN_PROPERTIES,
      ...STDIN_PROPERTIES,
    },
    additionalProperties: false,
  },
  prepare(args) {
    const argv = commandWords(args);
    return commandRun(args, {
      start: `exec ${argv.map(programWord).join(' ')}`,
      shown: words(...argv),
      cmd: argv,
    });
  },
  reads: () => ['*'],
  writes: () => ['*'],
  inspect: inspectRun,
  decide: decideRun,
  change: changeRun,
  conclude: concludeRun,
};

function commandWords(args: CommandArgs): readonly string[] {
  if (args.cmd !== undefined && args.argv !== undefined) {
    throw new ArgumentError('argv', 'cmd and argv are both given', 'leave one of them out');
  }
  if (args.argv !== undefined) {
    const argv = args.argv.map(String);
    for (const word of argv) refuseNul('argv', word);
    return argv;
  }
  if (args.cmd === undefined)
    throw new ArgumentError('cmd', 'there is no command', 'say with cmd what to run');
  refuseInlineOptions(args.cmd);
  return splitWords('cmd', args.cmd);
}

/** A first word such as `A=b` is quoted too, so that sh does not take it for an assignment. */
function programWord(word: string, index: number): string {
  return index === 0 && word.includes('=') ? `'${word.replaceAll("'", `'\\''`)}'` : quote(word);
}
