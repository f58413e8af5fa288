// Takes one host through one play: facts, then wave after wave, handlers after each section.
import type { TaskOutcome } from '../event.ts';
import { factsScript } from '../host/facts.ts';
import { parseFacts } from '../host/facts-parse.ts';
import { ReadOnlyHost } from '../host/read-only-host.ts';
import type { Action } from '../plan/action.ts';
import type { ActionContext } from '../plan/plan-action.ts';
import { type Cursor, nextWave, START } from '../plan/wave.ts';
import { known } from '../render/shape.ts';
import { namesSetBy } from '../resolve/check-play.ts';
import type { RunState } from '../resolve/host-scope.ts';
import type { PlayScopes } from '../resolve/play-scopes.ts';
import type { ResolvedPlay } from '../resolve/resolved-play.ts';
import type { ResolvedTask } from '../resolve/resolved-task.ts';
import type { HostRun } from './host-run.ts';
import { runWave } from './run-wave.ts';
import type { Slots } from './slots.ts';
import { judge, labelOf, loopResult } from './task-outcome.ts';
import type { Turnstile } from './turnstile.ts';

export interface HostPlayContext {
  readonly play: ResolvedPlay;
  readonly scopes: PlayScopes;
  readonly actions: ActionContext;
  /** Whether anything in the play asks for facts. */
  readonly needsFacts: boolean;
  /** How many hosts may work at once. */
  readonly slots: Slots;
  /** Where hosts wait for each other, if the play's failure policy wants them to. */
  readonly turnstile: Turnstile;
}

export async function runHostPlay(run: HostRun, context: HostPlayContext): Promise<void> {
  const hostPlay = new HostPlay(run, context);
  try {
    await hostPlay.run();
  } finally {
    context.turnstile.leave(run.name);
  }
}

class HostPlay {
  readonly #run: HostRun;
  readonly #context: HostPlayContext;
  readonly #itemResults = new Map<ResolvedTask, Readonly<Record<string, unknown>>[]>();
  #done = 0;

  constructor(run: HostRun, context: HostPlayContext) {
    this.#run = run;
    this.#context = context;
  }

  async run(): Promise<void> {
    const { play, needsFacts } = this.#context;
    if (needsFacts && !(await this.#inTurn(() => this.#gatherFacts()))) return;
    for (const section of play.sections) {
      if (!(await this.#runTasks(section.tasks))) return;
      if (!(await this.#runHandlers())) return;
    }
  }

  /** Handlers may notify others: until nobody is left. */
  async #runHandlers(): Promise<boolean> {
    for (;;) {
      const { notified } = this.#run;
      const due = this.#context.play.handlers.filter((handler) =>
        handler.answersTo.some((name) => notified.has(name)),
      );
      if (due.length === 0) return true;
      notified.clear();
      if (!(await this.#runTasks(due))) return false;
    }
  }

  /** False: the host is out of the play. */
  async #runTasks(tasks: readonly ResolvedTask[]): Promise<boolean> {
    let cursor: Cursor = START;
    while (cursor.task < tasks.length) {
      const next = await this.#inTurn(() => this.#runNextWave(tasks, cursor));
      if (next === undefined) return false;
      cursor = next;
    }
    return true;
  }

  /** Where the next wave starts, or undefined where the host is out. */
  async #runNextWave(tasks: readonly ResolvedTask[], cursor: Cursor): Promise<Cursor | undefined> {
    const { scopes, actions } = this.#context;
    const run = this.#run;
    const wave = nextWave(
      tasks,
      cursor,
      this.#state(),
      (task, state, item) => scopes.scope(run.name, task, state, item === undefined ? {} : { item }),
      actions,
    );
    if (wave === undefined) return undefined;
    const hostActions = wave.actions.filter((action) => action.kind === 'host');
    if (hostActions.length > 0 && !(await run.connect())) return undefined;
    const host = wave.mode === 'check' ? new ReadOnlyHost(run.host) : run.host;
    const result = await runWave(wave, host, {
      inspecting: () => run.working('inspecting', hostActions.map(labelOf)),
      changing: (changing) => run.working('changing', changing.map(labelOf)),
      rebooting: () => run.working('rebooting', hostActions.slice(-1).map(labelOf)),
    });
    for (const { action, raw } of result.outcomes) this.#conclude(action, judge(action, raw));
    if (result.host === 'rebooted' && run.facts !== undefined && run.isActive) await this.#gatherFacts();
    if (result.host === 'interrupted') run.end('interrupted');
    if (result.host === 'lost') run.end('failed');
    return run.isActive ? wave.next : undefined;
  }

  #conclude(action: Action, judged: ReturnType<typeof judge>): void {
    const { outcome, result } = judged;
    const run = this.#run;
    const { task } = action;
    const isLast = outcome.item === undefined || outcome.item.index === outcome.item.count - 1;
    if (isLast) this.#done += 1;
    run.finished(labelOf(action), outcome, { done: this.#done, of: this.#taskCount() });
    this.#remember(action, outcome, result);
    if (outcome.status === 'changed' || outcome.status === 'would-change') {
      for (const { value } of task.notify) run.notified.add(value);
    }
    if (outcome.status === 'failed' || outcome.status === 'unknown') run.end('failed');
  }

  #remember(action: Action, outcome: TaskOutcome, result: Readonly<Record<string, unknown>>): void {
    const { task, item } = action;
    const run = this.#run;
    const results = new Map(run.results);
    if (action.kind === 'controller' && action.verdict.kind === 'ok') {
      for (const [name, value] of Object.entries(action.verdict.variables ?? {})) results.set(name, value);
    }
    if (task.register !== undefined) {
      results.set(
        task.register,
        item === undefined ? result : loopResult(this.#itemsSoFar(task, item.index, result)),
      );
    }
    run.results = results;
    const isUnknowable =
      action.kind === 'skipped' ? action.leaves === 'unknowable' : outcome.status === 'would-change';
    if (isUnknowable) run.unknowable = new Set([...run.unknowable, ...namesSetBy(task)]);
  }

  #itemsSoFar(
    task: ResolvedTask,
    index: number,
    result: Readonly<Record<string, unknown>>,
  ): readonly Readonly<Record<string, unknown>>[] {
    const before = index === 0 ? [] : (this.#itemResults.get(task) ?? []);
    const all = [...before, result];
    this.#itemResults.set(task, all);
    return all;
  }

  async #gatherFacts(): Promise<true | undefined> {
    const run = this.#run;
    if (!(await run.connect())) return undefined;
    run.working('gathering facts', []);
    const program = {
      kind: 'inspect',
      steps: [{ id: 'facts', script: factsScript(), onFailure: 'stop' }],
    } as const;
    const outcome = await run.host.run(program);
    const step = outcome.kind === 'finished' ? outcome.steps.get('facts') : undefined;
    if (step?.kind === 'exited' && step.exitCode === 0) {
      run.told(parseFacts(step.stdout));
      return true;
    }
    const { file, line, column } = this.#context.play.origin.span();
    const said = step?.kind === 'exited' ? step.stderr.trim() : 'message' in outcome ? outcome.message : '';
    run.finished(
      { id: 0, title: 'gathering facts', module: 'facts', place: `${file}:${line}:${column}` },
      { status: 'failed', message: said, diffs: [], fields: {} },
      { done: 0, of: this.#taskCount() },
    );
    run.end(outcome.kind === 'lost' && outcome.reason === 'interrupted' ? 'interrupted' : 'failed');
    return undefined;
  }

  #state(): RunState {
    const { facts, results, unknowable } = this.#run;
    return { facts: facts === undefined ? undefined : known(facts), results, pending: unknowable };
  }

  #taskCount(): number {
    return this.#context.play.sections.reduce((sum, section) => sum + section.tasks.length, 0);
  }

  /** Waits for the others where the policy says so, and for a free slot; does nothing on a host that is out. */
  async #inTurn<T>(work: () => Promise<T>): Promise<T | undefined> {
    const { turnstile, slots } = this.#context;
    if ((await turnstile.arrive(this.#run.name)) === 'stop') return undefined;
    return slots.use(work);
  }
}
