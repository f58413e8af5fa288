// What command, shell and script have in common: the conditions under which they run at all, where they run,
// what they read, and the result under Ansible's names. What exactly is run is for each of them.
import { Buffer } from 'node:buffer';
import { posix } from 'node:path';
import { emit, quote } from '../../shell.ts';
import {
  ArgumentError,
  type ChangeProgram,
  type Conclusion,
  type Inspected,
  type Inspection,
  type Output,
  type PropertySchema,
  type Verdict,
} from '../module.ts';
import { refuseNul } from './command-words.ts';

export interface CommandRunArgs {
  readonly creates?: string;
  readonly removes?: string;
  readonly chdir?: string;
  readonly stdin?: string;
  readonly stdin_add_newline?: boolean;
  readonly strip_empty_ends?: boolean;
}

export interface CommandRun {
  /** sh that starts it as the last thing a shell does: `exec …`. */
  readonly start: string;
  /** For people and for the `cmd` field of the result. */
  readonly shown: string;
  readonly cmd: string | readonly string[];
  readonly creates: string | undefined;
  readonly removes: string | undefined;
  readonly chdir: string | undefined;
  readonly stdin: Uint8Array | undefined;
  readonly strip: boolean;
}

/** Nothing has to be known for the change but what was wanted. */
export type RunOnce = Readonly<Record<string, never>>;

export const RUN_PROPERTIES: Readonly<Record<string, PropertySchema>> = {
  creates: {
    description: 'A path, * and ? allowed, that the command makes: where it exists the task is done already.',
    type: 'string',
    minLength: 1,
  },
  removes: {
    description:
      'A path, * and ? allowed, that the command needs or removes: without it there is nothing to do.',
    type: 'string',
    minLength: 1,
  },
  chdir: { description: 'The folder to run it in.', type: 'string', minLength: 1 },
  strip_empty_ends: {
    description: 'Line breaks at the end of the output are dropped.',
    type: 'boolean',
    default: true,
  },
};

export const STDIN_PROPERTIES: Readonly<Record<string, PropertySchema>> = {
  stdin: { description: 'What the command reads from its standard input.', type: 'string' },
  stdin_add_newline: { description: 'A line break is added to stdin.', type: 'boolean', default: true },
};

/** Throws ArgumentError. */
export function commandRun(
  args: CommandRunArgs,
  command: Pick<CommandRun, 'start' | 'shown' | 'cmd'>,
): CommandRun {
  for (const name of ['creates', 'removes', 'chdir'] as const) refuseNul(name, args[name] ?? '');
  const text = args.stdin === undefined || args.stdin_add_newline === false ? args.stdin : `${args.stdin}\n`;
  return {
    ...command,
    creates: args.creates,
    removes: args.removes,
    chdir: args.chdir,
    stdin: text === undefined ? undefined : Buffer.from(text, 'utf8'),
    strip: args.strip_empty_ends ?? true,
  };
}

/**
 * Refuses Ansible's old `command: make creates=/x`, which would silently become words of the command.
 * Throws an ArgumentError.
 */
export function refuseInlineOptions(line: string): void {
  const option = /(?:^|\s)(creates|removes|chdir|executable|stdin)=\S*/.exec(line);
  if (option === null) return;
  throw new ArgumentError(
    'cmd',
    `${option[1]}= is an argument of its own, not a part of the command`,
    `write cmd: and ${option[1]}: below the module's name`,
  );
}

export const RUN_RETURNS = {
  rc: 'Exit status.',
  stdout: 'What it wrote to stdout.',
  stderr: 'What it wrote to stderr.',
  stdout_lines: 'The same as a list of lines.',
  stderr_lines: 'The same as a list of lines.',
  cmd: 'What was run.',
} as const;

/** Asks for the files of creates and removes, by builtins alone. */
export function inspectRun(run: CommandRun): Inspection {
  const probes = [run.creates, run.removes].filter((pattern) => pattern !== undefined);
  if (probes.length === 0) return {};
  return {
    script: [
      'found() { for path do if [ -e "$path" ] || [ -L "$path" ]; then return 0; fi; done; return 1; }',
      ...(run.creates === undefined ? [] : [`if found ${glob(run, run.creates)}; then echo creates; fi`]),
      ...(run.removes === undefined ? [] : [`if found ${glob(run, run.removes)}; then echo removes; fi`]),
    ].join('\n'),
  };
}

export function decideRun(run: CommandRun, actual: Inspected): Verdict<RunOnce> {
  const found = new Set(actual.output.stdout.split('\n'));
  const idle = { rc: 0, stdout: '', stderr: '', stdout_lines: [], stderr_lines: [], cmd: run.cmd };
  if (run.creates !== undefined && found.has('creates')) {
    return { kind: 'unchanged', message: `not run: ${run.creates} exists`, fields: idle };
  }
  if (run.removes !== undefined && !found.has('removes')) {
    return { kind: 'unchanged', message: `not run: ${run.removes} does not exist`, fields: idle };
  }
  return { kind: 'change', changes: {}, message: `run ${run.shown}`, fields: { cmd: run.cmd } };
}

export function changeRun(run: CommandRun): ChangeProgram {
  const start = run.stdin === undefined ? run.start : `{ ${emit(run.stdin)}\n} | ${run.start}`;
  return { script: run.chdir === undefined ? start : `cd -- ${quote(run.chdir)}\n${start}` };
}

export function concludeRun(run: CommandRun, _changes: RunOnce, output: Output): Conclusion {
  const ends = (text: string) => (run.strip ? text.replace(/[\r\n]+$/, '') : text);
  const stdout = ends(output.stdout);
  const stderr = ends(output.stderr);
  const fields = {
    rc: output.exitCode,
    stdout,
    stderr,
    stdout_lines: lines(stdout),
    stderr_lines: lines(stderr),
    cmd: run.cmd,
  };
  if (output.exitCode === 0) return { kind: 'changed', fields };
  const said = stderr.trim() === '' ? stdout.trim() : stderr.trim();
  const message = `${run.shown} exited ${output.exitCode}${said === '' ? '' : `: ${said}`}`;
  return { kind: 'failed', message, fields };
}

function lines(text: string): readonly string[] {
  return text === '' ? [] : text.replace(/\r?\n$/, '').split(/\r?\n/);
}

/** A pattern as a sh word in which only * ? and [ ] are left bare; relative ones start from chdir. */
function glob(run: CommandRun, pattern: string): string {
  const path = run.chdir === undefined ? pattern : posix.resolve('/', run.chdir, pattern);
  return path
    .split(/([*?[\]]+)/)
    .map((part, index) => (index % 2 === 1 || part === '' ? part : quote(part)))
    .join('');
}
