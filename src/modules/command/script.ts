// A script of the controller's, run on the host without being stored there: its interpreter reads it from a
// descriptor. It sees an empty standard input, and /dev/fd/9 as its name.
import { Buffer } from 'node:buffer';
import { emit, words } from '../../shell.ts';
import { ArgumentError, type HostModule, INLINE_LIMIT_BYTES } from '../module.ts';
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
} from './command-run.ts';
import { splitWords } from './command-words.ts';

export interface ScriptArgs
  extends Pick<CommandRunArgs, 'creates' | 'removes' | 'chdir' | 'strip_empty_ends'> {
  readonly cmd: string;
  readonly executable?: string;
}

export const script: HostModule<ScriptArgs, CommandRun, RunOnce> = {
  kind: 'host',
  name: 'script',
  summary: 'Runs a script of the controller on the host; nothing of it stays there.',
  freeForm: 'cmd',
  returns: RUN_RETURNS,
  schema: {
    type: 'object',
    properties: {
      cmd: {
        description: 'The script, in the files folder of the role or beside the playbook, and its arguments.',
        type: 'string',
      },
      executable: {
        description:
          'What runs the script, a program and its options. Unsaid: what its #! line says, else /bin/sh.',
        type: 'string',
      },
      ...RUN_PROPERTIES,
    },
    required: ['cmd'],
    additionalProperties: false,
  },
  prepare(args, controller) {
    refuseInlineOptions(args.cmd);
    const [name = '', ...rest] = splitWords('cmd', args.cmd);
    const bytes = controller.readFile(name, 'files');
    if (bytes.length > INLINE_LIMIT_BYTES) {
      throw new ArgumentError(
        'cmd',
        `${name} is larger than ${INLINE_LIMIT_BYTES / 1024} KiB`,
        'put it on the host with copy, and run it with command',
      );
    }
    const interpreter =
      args.executable === undefined ? shebang(name, bytes) : splitWords('executable', args.executable);
    const run = words(...interpreter, '/dev/fd/9', ...rest);
    return commandRun(args, {
      start: `{ ${emit(bytes)}\n} | { exec 9<&0 </dev/null; exec ${run}; }`,
      shown: words(name, ...rest),
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

/** The interpreter of a `#!` line and its one argument, as execve(2) reads it. */
function shebang(name: string, bytes: Uint8Array): readonly string[] {
  const head = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.byteLength, 4096));
  if (head.includes(0)) {
    throw new ArgumentError(
      'cmd',
      `${name} is a program, not a script`,
      'put it on the host with copy, and run it with command',
    );
  }
  const line = /^#![ \t]*(\S+)(?:[ \t]+(\S.*?))?[ \t\r]*(?:\n|$)/.exec(head.toString('utf8'));
  if (line === null) return ['/bin/sh'];
  return [line[1] ?? '/bin/sh', ...(line[2] === undefined ? [] : [line[2]])];
}
