// A play that stands in no file: what exec and facts run. Made as the text of a playbook, so that it is checked like
// one, and run like one.
import { join } from 'node:path';
import { Problems } from '../diagnostic.ts';
import type { Emit } from '../event.ts';
import { readPlaybook } from '../load/playbook.ts';
import { SourceFile } from '../load/source.ts';
import { exitCodeOf } from '../report/text-report.ts';
import { prepare, type RunOptions, runPrepared } from '../run/run.ts';
import type { CliContext } from './context.ts';

export interface OneOff {
  readonly play: Readonly<Record<string, unknown>>;
  readonly options: RunOptions;
  readonly emit: Emit;
}

/** The exit status. Throws a DiagnosticError where the play cannot be run. */
export async function runOneOff({ play, options, emit }: OneOff, context: CliContext): Promise<number> {
  const problems = new Problems();
  const source = new SourceFile('command line', JSON.stringify([play], undefined, 1));
  const path = join(process.cwd(), 'command-line.yml');
  const recap = await runPrepared(prepare(readPlaybook(source, problems), path, options, problems), {
    emit,
    signal: context.signal,
    agentSocket: context.environment.SSH_AUTH_SOCK,
  });
  return exitCodeOf(recap, options.mode ?? 'apply');
}
