// A line of shell for hosts of which nothing is known yet. Here every host needs no more than a shell, so it is `shell`
// without the conditions; it is there for playbooks that have it.
import { quote } from '../../shell.ts';
import { ArgumentError, type HostModule } from '../module.ts';
import {
  type CommandRun,
  changeRun,
  commandRun,
  concludeRun,
  decideRun,
  inspectRun,
  RUN_RETURNS,
  type RunOnce,
} from './command-run.ts';
import { refuseNul } from './command-words.ts';

export interface RawArgs {
  readonly cmd: string;
  readonly executable?: string;
}

export const raw: HostModule<RawArgs, CommandRun, RunOnce> = {
  kind: 'host',
  name: 'raw',
  summary: 'Runs a line of shell on the host, each time and without conditions.',
  freeForm: 'cmd',
  returns: RUN_RETURNS,
  schema: {
    type: 'object',
    properties: {
      cmd: { description: 'What the shell shall do.', type: 'string', minLength: 1 },
      executable: {
        description: 'Absolute path of the shell; /bin/sh if unsaid.',
        type: 'string',
        pattern: '^/[^\\0]*$',
      },
    },
    required: ['cmd'],
    additionalProperties: false,
  },
  prepare(args) {
    refuseNul('cmd', args.cmd);
    if (/\sexecutable=\S*\s*$/.test(args.cmd)) {
      throw new ArgumentError(
        'cmd',
        'executable= is an argument of its own, not a part of the command',
        "write cmd: and executable: below the module's name",
      );
    }
    return commandRun(
      {},
      {
        start: `exec ${quote(args.executable ?? '/bin/sh')} -c ${quote(args.cmd)}`,
        shown: args.cmd.trim(),
        cmd: args.cmd,
      },
    );
  },
  reads: () => ['*'],
  writes: () => ['*'],
  inspect: inspectRun,
  decide: decideRun,
  change: changeRun,
  conclude: concludeRun,
};
