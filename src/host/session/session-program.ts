// A program as text for the session's shell, and the reading of what that text prints. Pure.
//
// The text is one compound command, so the shell has read all of it before anything runs, and each script is a
// quoted word given to `eval` in a subshell, so that its syntax errors, `exit` and `set` stay inside.
//   stdout  h PGRP │ b │ …output… e STEP STATUS │ …output… e STEP STATUS │ d
//   stderr  h      │ b │ …output… e STEP        │ …output… e STEP        │ d
import type { Buffer } from 'node:buffer';
import { quote } from '../../shell.ts';
import type { Program, Step, StepOutcome } from '../host.ts';
import type { Frame } from './frame-parser.ts';

const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** `merged`: the shell has a terminal, and its stderr comes out of stdout. */
export type Streams = 'separate' | 'merged';

/**
 * What a session's shell is told first: LC_ALL=C, umask 022, the usual folders (sbin too) in front of the host's
 * own PATH, a working directory that can be read. It answers with its process group (proc(5), field 5 of stat).
 */
export function preamble(marker: string, streams: Streams): string {
  return [
    '{',
    'LC_ALL=C',
    `PATH=${PATH}\${PATH:+:$PATH}`,
    'export LC_ALL PATH',
    'umask 022',
    'unset CDPATH',
    'cd . 2>/dev/null || cd /',
    'read -r _ _ _ _ fairlead_pgrp _ 2>/dev/null </proc/$$/stat || fairlead_pgrp=',
    `echo "${marker} h $fairlead_pgrp"`,
    ...(streams === 'separate' ? [`echo '${marker} h' >&2`] : []),
    '}\n',
  ].join('\n');
}

/** The text of one program. Throws a RangeError for a name that cannot be an environment variable. */
export function programText(program: Program, marker: string, streams: Streams): string {
  const separate = streams === 'separate';
  const lines = ['{', `echo '${marker} b'`, 'fairlead_go=1'];
  if (separate) lines.push(`echo '${marker} b' >&2`);
  program.steps.forEach((step, index) => {
    lines.push('if [ "$fairlead_go" = 1 ]; then', '(', 'set -eu');
    for (const [name, value] of Object.entries(step.environment ?? {})) lines.push(exported(name, value));
    lines.push(
      `eval ${quote(step.script)}`,
      separate ? ') </dev/null' : ') </dev/null 2>&1',
      'fairlead_status=$?',
      `echo "${marker} e ${index} $fairlead_status"`,
    );
    if (separate) lines.push(`echo '${marker} e ${index}' >&2`);
    if (step.onFailure === 'stop') lines.push('[ "$fairlead_status" = 0 ] || fairlead_go=0');
    lines.push('fi');
  });
  lines.push(`echo '${marker} d'`);
  if (separate) lines.push(`echo '${marker} d' >&2`);
  return `${lines.join('\n')}\n}\n`;
}

/** The step that prints what comes behind a frame with this tag, or undefined where nothing of the program runs. */
export function stepBehind(tag: string, steps: readonly Step[]): Step | undefined {
  const [kind, index] = tag.split(' ');
  if (kind === 'b') return steps[0];
  return kind === 'e' ? steps[Number(index) + 1] : undefined;
}

/** Collects what the frames of one program say. */
export class ProgramReader {
  readonly #steps: readonly Step[];
  readonly #stdout = new Map<number, { readonly text: string; readonly exitCode: number }>();
  readonly #stderr = new Map<number, string>();
  readonly #ended = { stdout: false, stderr: false };
  #begun = false;

  constructor(steps: readonly Step[], streams: Streams) {
    this.#steps = steps;
    this.#ended.stderr = streams === 'merged';
  }

  get done(): boolean {
    return this.#ended.stdout && this.#ended.stderr;
  }

  frame(from: 'stdout' | 'stderr', frame: Frame): void {
    const [kind, index, status] = frame.tag.split(' ');
    if (kind === 'b') this.#begun = true;
    if (kind === 'd') this.#ended[from] = true;
    if (kind !== 'e') return;
    if (from === 'stderr') this.#stderr.set(Number(index), text(frame.output));
    else this.#stdout.set(Number(index), { text: text(frame.output), exitCode: Number(status) });
  }

  /** Outcomes of the steps that ended; once the program is done, of all (the rest were skipped). */
  outcomes(): ReadonlyMap<string, StepOutcome> {
    const outcomes = new Map<string, StepOutcome>();
    this.#steps.forEach((step, index) => {
      const stdout = this.#stdout.get(index);
      if (stdout !== undefined) {
        const { exitCode } = stdout;
        const stderr = this.#stderr.get(index) ?? '';
        outcomes.set(step.id, { kind: 'exited', exitCode, stdout: stdout.text, stderr });
      } else if (this.done || this.#stopped()) outcomes.set(step.id, { kind: 'skipped' });
    });
    return outcomes;
  }

  /** The step that runs; undefined before the first and after the last. */
  during(): string | undefined {
    if (!this.#begun || this.#ended.stdout || this.#stopped()) return undefined;
    return this.#steps.find((_, index) => !this.#stdout.has(index))?.id;
  }

  #stopped(): boolean {
    return this.#steps.some((step, index) => {
      const exitCode = this.#stdout.get(index)?.exitCode ?? 0;
      return step.onFailure === 'stop' && exitCode !== 0;
    });
  }
}

function exported(name: string, value: string): string {
  if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) {
    throw new RangeError(`not a name for an environment variable: ${JSON.stringify(name)}`);
  }
  return `export ${name}=${quote(value)}`;
}

function text(bytes: Buffer): string {
  return bytes.toString('utf8');
}
