// Takes one host through one play: facts, then wave after wave, handlers after each section.
import { factsScript } from '../host/facts/facts.ts';
import { parseFacts } from '../host/facts/facts-parse.ts';
import type { ProgramOutcome } from '../host/host.ts';
import { ReadOnlyHost } from '../host/read-only-host.ts';
import type { ActionContext } from '../plan/plan-action.ts';
import { type Cursor, nextWave, START, type Wave } from '../plan/wave.ts';
import type { PlayScopes } from '../resolve/play-scopes.ts';
import type { ResolvedPlay } from '../resolve/resolved-play.ts';
import type { ResolvedTask } from '../resolve/resolved-task.ts';
import type { Clock } from './clock.ts';
import { NotifiedHandlers } from './handlers.ts';
import type { HostRun } from './host-run.ts';
import { interruptible } from './interruptible.ts';
import { runWave, type WaveOutcome } from './run-wave.ts';
import type { Slots } from './slots.ts';
import { type ActionOutcome, judge, labelOf } from './task-outcome.ts';
import type { Turnstile } from './turnstile.ts';

export interface HostPlayContext {
  readonly play: ResolvedPlay;
  readonly scopes: PlayScopes;
  readonly actions: ActionContext;
  /** Whether anything in the play asks for facts. */
  readonly needsFacts: boolean;
  /** Where hosts wait for each other and for a free slot before each wave. Undefined: they do not. */
  readonly lockStep: { readonly turnstile: Turnstile; readonly slots: Slots } | undefined;
  readonly clock: Clock;
  /** When aborted, no new wave starts. */
  readonly signal: AbortSignal;
  /** No more actions than this in one wave. */
  readonly waveLimit: number;
}

/** What happened is in the host's run. Rejects only for bugs. */
export async function runHostPlay(run: HostRun, context: HostPlayContext): Promise<void> {
  try {
    await new HostPlay(run, context).run();
  } finally {
    context.lockStep?.turnstile.leave(run.name);
  }
}

class HostPlay {
  readonly #run: HostRun;
  readonly #context: HostPlayContext;
  readonly #handlers: NotifiedHandlers;
  readonly #progress: { done: number; of: number };
  /** Of actions in the next wave: small after a wave that had to end early, for looking twice is a waste. */
  #waveLimit: number;

  constructor(run: HostRun, context: HostPlayContext) {
    this.#run = run;
    this.#context = context;
    this.#handlers = new NotifiedHandlers(context.play.handlers);
    this.#progress = { done: 0, of: context.play.sections.reduce((sum, { tasks }) => sum + tasks.length, 0) };
    this.#waveLimit = context.waveLimit;
  }

  async run(): Promise<void> {
    const { play, needsFacts } = this.#context;
    if (needsFacts) await this.#inTurn(() => this.#gatherFacts());
    for (const section of play.sections) {
      await this.#runTasks(section.tasks);
      await this.#runHandlers();
    }
  }

  async #runHandlers(): Promise<void> {
    this.#handlers.startFlush();
    for (let due = this.#due(); due.length > 0; due = this.#due()) {
      this.#progress.of += due.length;
      await this.#runTasks(due);
    }
  }

  #due(): readonly ResolvedTask[] {
    return this.#run.isActive ? this.#handlers.take() : [];
  }

  async #runTasks(tasks: readonly ResolvedTask[]): Promise<void> {
    let cursor: Cursor = START;
    while (this.#run.isActive && cursor.task < tasks.length) {
      const next = await this.#inTurn(() => this.#runNextWave(tasks, cursor));
      cursor = next ?? cursor;
    }
  }

  /** Where the next wave starts, or undefined where the host is out. */
  async #runNextWave(tasks: readonly ResolvedTask[], cursor: Cursor): Promise<Cursor | undefined> {
    const { scopes, actions, clock, signal, waveLimit } = this.#context;
    const run = this.#run;
    const wave = nextWave({
      tasks,
      cursor,
      state: run.memory.state,
      scopeFor: (task, state, item) =>
        scopes.scope(run.name, task, state, item === undefined ? {} : { item }),
      context: actions,
      limit: this.#waveLimit,
    });
    if (wave === undefined) throw new Error('a host is past the end of its tasks');
    const needsHost = wave.actions.some((action) => action.kind === 'host');
    if (needsHost && !(await run.connect())) return undefined;
    const result = await runWave(wave, wave.mode === 'check' ? new ReadOnlyHost(run.host) : run.host, {
      clock,
      signal,
      withheld: run.memory.withheld,
      tell: (doing, hostActions) => run.working(doing, hostActions.map(labelOf)),
    });
    await this.#conclude(result);
    const reached = result.outcomes.length;
    const isCut = reached < wave.actions.length;
    this.#waveLimit = Math.min(waveLimit, isCut ? Math.max(1, 2 * reached) : 4 * this.#waveLimit);
    return run.isActive ? cursorAfter(wave, reached) : undefined;
  }

  async #conclude({ outcomes, host }: WaveOutcome): Promise<void> {
    const run = this.#run;
    const statuses = outcomes.map((each) => this.#tell(each));
    if (host === 'interrupted') run.end('interrupted');
    if (host === 'lost' || statuses.some((status) => status === 'failed' || status === 'unknown')) {
      run.end('failed');
    }
    const isStale = host === 'rebooted' && run.memory.facts !== undefined;
    if (isStale && run.isActive) await this.#gatherFacts();
  }

  #tell(each: ActionOutcome): string {
    const { action } = each;
    const judged = judge(each);
    const { status, item } = judged.outcome;
    if (item === undefined || item.index === item.count - 1) this.#progress.done += 1;
    if (judged.mayHaveChanged) this.#run.mayHaveChanged();
    this.#run.finished(labelOf(action), judged.outcome, { ...this.#progress });
    this.#run.memory.remember(action, judged);
    if (status === 'changed' || status === 'would-change') this.#handlers.notify(action.task);
    return status;
  }

  async #gatherFacts(): Promise<void> {
    const run = this.#run;
    if (!(await run.connect())) return;
    run.working('gathering facts', []);
    const { signal, play } = this.#context;
    const program = {
      kind: 'inspect',
      steps: [{ id: 'facts', script: factsScript(), onFailure: 'stop' }],
    } as const;
    const outcome = await interruptible(run.host.run(program), signal);
    const step = outcome.kind === 'finished' ? outcome.steps.get('facts') : undefined;
    if (step?.kind === 'exited' && step.exitCode === 0) return run.told(parseFacts(step.stdout));
    if (outcome.kind === 'lost' && outcome.reason === 'interrupted') return run.end('interrupted');
    const { file, line, column } = play.origin.span();
    run.finished(
      { id: 0, title: 'gathering facts', module: 'facts', place: `${file}:${line}:${column}` },
      { status: 'failed', message: whyNoFacts(outcome), diffs: [], fields: {} },
      { ...this.#progress },
    );
    run.end('failed');
  }

  /** Does nothing where the run is over for this host. */
  async #inTurn<T>(work: () => Promise<T>): Promise<T | undefined> {
    const { lockStep, signal } = this.#context;
    const run = this.#run;
    const inTime = async (): Promise<T | undefined> => {
      if (!signal.aborted) return work();
      run.leave('interrupted');
      return undefined;
    };
    if (lockStep === undefined) return inTime();
    if ((await lockStep.turnstile.arrive(run.name)) === 'go') return lockStep.slots.use(inTime);
    run.leave(signal.aborted ? 'interrupted' : 'stopped');
    return undefined;
  }
}

function cursorAfter(wave: Wave, reached: number): Cursor {
  if (reached === 0) throw new Error('a wave came to nothing');
  return wave.starts[reached] ?? wave.next;
}

function whyNoFacts(outcome: ProgramOutcome): string {
  if (outcome.kind === 'refused' || outcome.kind === 'lost') return outcome.message;
  const step = outcome.kind === 'finished' ? outcome.steps.get('facts') : undefined;
  if (step?.kind !== 'exited') return 'the host refuses to be read';
  return step.stderr.trim() || `the program for facts exited ${step.exitCode}`;
}
