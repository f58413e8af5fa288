// Asks a host for its facts. What goes wrong is its failure, told as that of a task.
import type { TaskLabel } from '../event.ts';
import { factsScript } from '../host/facts/facts.ts';
import { parseFacts } from '../host/facts/facts-parse.ts';
import type { ProgramOutcome } from '../host/host.ts';
import type { ResolvedPlay } from '../resolve/resolved-play.ts';
import type { HostRun } from './host-run.ts';
import { interruptible } from './interruptible.ts';

export interface FactsContext {
  readonly play: ResolvedPlay;
  readonly signal: AbortSignal;
  readonly progress: { readonly done: number; readonly of: number };
}

/** Afterwards the host's memory holds them, or the host is out. */
export async function gatherFacts(run: HostRun, { play, signal, progress }: FactsContext): Promise<void> {
  const label = labelOf(play);
  if (play.onUnreachable === 'continue') {
    const outcome = await run.tryToConnect();
    if (outcome.kind === 'unreachable') {
      const message = `unreachable: ${outcome.message}`;
      if (run.isActive) run.finished(label, { status: 'ignored', message, diffs: [], fields: {} }, progress);
      return;
    }
  } else if (!(await run.connect())) return;
  run.working('gathering facts', []);
  const program = {
    kind: 'inspect',
    steps: [{ id: 'facts', script: factsScript(), onFailure: 'stop' }],
  } as const;
  const outcome = await interruptible(run.host.run(program), signal);
  const step = outcome.kind === 'finished' ? outcome.steps.get('facts') : undefined;
  if (step?.kind === 'exited' && step.exitCode === 0) {
    run.told(parseFacts(step.stdout));
    return;
  }
  if (outcome.kind === 'lost' && outcome.reason === 'interrupted') {
    run.end('interrupted');
    return;
  }
  run.finished(label, { status: 'failed', message: whyNoFacts(outcome), diffs: [], fields: {} }, progress);
  run.end('failed');
}

function labelOf({ origin }: ResolvedPlay): TaskLabel {
  const { file, line, column } = origin.span();
  return { id: 0, title: 'gathering facts', module: 'facts', place: `${file}:${line}:${column}` };
}

function whyNoFacts(outcome: ProgramOutcome): string {
  if (outcome.kind === 'refused' || outcome.kind === 'lost') return outcome.message;
  const step = outcome.kind === 'finished' ? outcome.steps.get('facts') : undefined;
  if (step?.kind !== 'exited') return 'the host refuses to be read';
  return step.stderr.trim() || `the program for facts exited ${step.exitCode}`;
}
