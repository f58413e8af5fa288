// A line (or many) of shell. What it is, and whether it can be repeated, only its author knows.
import { quote } from '../../shell.ts';
import type { HostModule } from '../module.ts';
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
import { refuseNul } from './command-words.ts';

export interface ShellArgs extends CommandRunArgs {
  readonly cmd: string;
  readonly executable?: string;
}

export const shell: HostModule<ShellArgs, CommandRun, RunOnce> = {
  kind: 'host',
  name: 'shell',
  summary: 'Runs a line of shell on the host.',
  freeForm: 'cmd',
  returns: RUN_RETURNS,
  schema: {
    type: 'object',
    properties: {
      cmd: {
        description: 'What the shell shall do, with variables, pipes and all.',
        type: 'string',
        minLength: 1,
      },
      executable: {
        description: 'Absolute path of the shell; /bin/sh if unsaid.',
        type: 'string',
        pattern: '^/[^\\0]*$',
      },
      ...RUN_PROPERTIES,
      ...STDIN_PROPERTIES,
    },
    required: ['cmd'],
    additionalProperties: false,
  },
  prepare(args) {
    refuseNul('cmd', args.cmd);
    // A line that ends in such an option is Ansible's old form; elsewhere it may be a part of the script.
    const last = /\s((?:creates|removes|chdir|executable|stdin)=\S*)\s*$/.exec(args.cmd);
    if (last?.[1] !== undefined && !args.cmd.trim().includes('\n')) refuseInlineOptions(last[1]);
    const executable = args.executable ?? '/bin/sh';
    return commandRun(args, {
      start: `exec ${quote(executable)} -c ${quote(args.cmd)}`,
      shown: args.cmd.trim(),
      cmd: args.cmd,
    });
  },
  reads: () => ['*'],
  writes: () => ['*'],
  inspect: inspectRun,
  decide: decideRun,
  change: changeRun,
  conclude: concludeRun,
};
