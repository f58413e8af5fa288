// Takes one host through one play: facts, then wave after wave, handlers after each section.
import type { Emit } from '../event.ts';
import type { Host } from '../host/host.ts';
import { ReadOnlyHost } from '../host/read-only-host.ts';
import type { GrowingInventory } from '../load/inventory/growing-inventory.ts';
import type { MetaWord } from '../modules/controller/meta.ts';
import type { Action } from '../plan/action.ts';
import {
  afterFailure,
  afterItem,
  enter,
  following,
  isRescued,
  isWithin,
  type Next,
  type Place,
  startOf,
  tasksAhead,
} from '../plan/place.ts';
import type { ActionContext } from '../plan/plan-action.ts';
import { nextWave, type Wave, type WaveRequest } from '../plan/wave.ts';
import type { PlayScopes } from '../resolve/play-scopes.ts';
import type { ResolvedPlay } from '../resolve/resolved-play.ts';
import type { ResolvedTask } from '../resolve/resolved-task.ts';
import type { StartAt } from '../resolve/start-at.ts';
import { plainList, type TaskList } from '../resolve/task-list.ts';
import { unreachable } from '../unreachable.ts';
import type { Clock } from './clock.ts';
import { firstPlace } from './first-place.ts';
import { gatherFacts } from './gather-facts.ts';
import { Guarding, type PlayGuard } from './guarding.ts';
import { NotifiedHandlers } from './handlers.ts';
import type { HostMemory } from './host-memory.ts';
import type { HostRun } from './host-run.ts';
import { included } from './included.ts';
import type { Meeting } from './meeting.ts';
import type { OnceTable, Shared } from './once.ts';
import type { Person } from './person.ts';
import type { Retry } from './retry.ts';
import { isOfTask, RunOnce } from './run-once.ts';
import { runWave, type WaveOutcome } from './run-wave.ts';
import type { Slots } from './slots.ts';
import { isAskedAbout, leftOut, type StepAnswers } from './stepping.ts';
import { type ActionOutcome, type JudgedOutcome, judge, labelOf } from './task-outcome.ts';
import { type LockStep, Turns } from './turns.ts';
import { forgiven, UnreachableHost } from './unreachable-host.ts';

export interface HostPlayContext {
  readonly play: ResolvedPlay;
  readonly scopes: PlayScopes;
  readonly actions: ActionContext;
  readonly inventory: GrowingInventory;
  readonly readers: ReadonlySet<ResolvedTask>;
  /** Whether anything in the play asks for facts. */
  readonly needsFacts: boolean;
  /** Where hosts begin; undefined: at the first task. */
  readonly start?: StartAt;
  /** Where hosts wait for each other and for a free slot before each wave. Undefined: they do not. */
  readonly lockStep: LockStep | undefined;
  /** Where hosts wait for those that their next task reads from. Undefined: no task does. */
  readonly meeting: Meeting | undefined;
  /** Of the batch: tasks that one host runs for all. */
  readonly once: OnceTable;
  /** For tasks with throttle. */
  readonly slotsOf: (task: ResolvedTask) => Slots;
  /** No batch follows this one. */
  readonly endPlay: () => void;
  /** The way to hosts that tasks are delegated to. */
  readonly hostOf: (name: string) => Host;
  /** Undefined for a host that is not in the run. */
  readonly memoryOf: (name: string) => HostMemory | undefined;
  readonly clock: Clock;
  /** Undefined: its changes stay, come what may. */
  readonly guard: PlayGuard | undefined;
  readonly emit: Emit;
  readonly person: Person;
  /** Somebody is asked before each task. */
  readonly steps: StepAnswers | undefined;
  /** When aborted, no new wave starts. */
  readonly signal: AbortSignal;
  /** No more actions than this in one wave. */
  readonly waveLimit: number;
}

/** What happened is in the host's run. Rejects only for bugs. */
export async function runHostPlay(run: HostRun, context: HostPlayContext): Promise<void> {
  const guarding = new Guarding({ ...context, run });
  try {
    await new HostPlay(run, context, guarding).run();
    await guarding.settle();
  } finally {
    context.meeting?.leave(run.name);
    context.lockStep?.turnstile.leave(run.name);
    context.once.leave(run.name);
  }
}

class HostPlay {
  readonly #run: HostRun;
  readonly #context: HostPlayContext;
  readonly #handlers: NotifiedHandlers;
  readonly #guarding: Guarding;
  /** Tasks that are done with. */
  #done = 0;
  /** Which section it is in; the handlers behind one are half a section on. */
  #section = 0;
  /** Tasks of the sections behind the list that is run now. */
  #later: number;
  /** It is through with the play before its end. */
  #isOver = false;
  /** It has failed, and its handlers have still to run (force_handlers). */
  #hasFailed = false;
  /** By the wave that has just run. */
  #asked: Asked | undefined;
  readonly #once: RunOnce;
  readonly #turns: Turns;
  /** Until it has found the task to begin at. */
  #start: StartAt | undefined;
  /** Of actions in the next wave: small after a wave that had to end early, for looking twice is a waste. */
  #waveLimit: number;

  constructor(run: HostRun, context: HostPlayContext, guarding: Guarding) {
    this.#run = run;
    this.#guarding = guarding;
    this.#context = context;
    this.#handlers = new NotifiedHandlers(context.play.handlers);
    this.#once = new RunOnce(run, context.once);
    this.#turns = new Turns(run, context);
    this.#later = context.play.sections.reduce((sum, { list }) => sum + tasksAhead(startOf(list)), 0);
    this.#waveLimit = context.waveLimit;
    this.#start = context.start;
  }

  async run(): Promise<void> {
    const { play, needsFacts } = this.#context;
    if (needsFacts) await this.#turns.take(() => this.#gatherFacts());
    for (const { list } of play.sections) {
      this.#later -= tasksAhead(startOf(list));
      const end = await this.#walk(this.#startOf(list));
      if (end === 'failed') break;
      this.#section += 0.5;
      if (this.#isOver || (await this.#flush(undefined)) === 'failed') break;
      this.#section += 0.5;
    }
    if (this.#hasFailed && play.forceHandlers) await this.#flush(undefined);
    if (this.#hasFailed) this.#run.end('failed');
  }

  /** Where it begins in a section; `end` where that comes later in the play. */
  #startOf(list: TaskList): Next {
    const start = this.#start;
    if (start === undefined) return startOf(list);
    const into = (place: Place): Next | undefined => {
      const { actions, next } = nextWave({ ...this.#planningAt(place), limit: 1 });
      return actions[0]?.kind === 'failed' ? undefined : next;
    };
    const first = firstPlace(list, start, into);
    if (first !== 'end') this.#start = undefined;
    return first;
  }

  /** Runs the handlers that are due. `place`: where a task asks for it; undefined at the end of a section. */
  async #flush(place: Place | undefined): Promise<Next> {
    this.#handlers.startFlush();
    const behind = place === undefined ? 'end' : afterItem(place);
    for (let due = this.#due(); due.length > 0; due = this.#due()) {
      const list = plainList(due);
      const first = place === undefined ? startOf(list) : enter(place, list, place.values);
      const end = await this.#walk(first, list);
      if (!isSamePlace(end, behind)) return end;
    }
    return behind;
  }

  #due(): readonly ResolvedTask[] {
    return this.#run.isActive && !this.#isOver ? this.#handlers.take() : [];
  }

  /** Goes on until it is through the list that it stands in, or out of `within`. */
  async #walk(first: Next, within?: TaskList): Promise<Next> {
    let next = first;
    while (this.#run.isActive && !this.#isOver && typeof next !== 'string') {
      if (within !== undefined && !isWithin(next, within)) return next;
      const place: Place = next;
      await this.#meet(place);
      if (!this.#run.isActive) return next;
      next = await this.#taskOrWave(place, within);
      const asked = this.#asked;
      this.#asked = undefined;
      if (asked !== undefined && this.#run.isActive) next = await this.#obey(asked, next);
    }
    return next;
  }

  async #taskOrWave(place: Place, within: TaskList | undefined): Promise<Next> {
    const { steps } = this.#context;
    const task = place.list.tasks[place.task];
    const go = (at: Place): Promise<Next> =>
      task?.runOnce ? this.#runOnce(at, task, within) : this.#step(at, within);
    if (steps === undefined || task === undefined || !isAskedAbout(place, task)) return go(place);
    // Nobody's changes wait for the answer, lest they go back meanwhile.
    if (!steps.isThrough) await this.#guarding.settle();
    const left = leftOut(place, task, this.#planningAt(place));
    const answer = await this.#turns.take(() => steps.mayRun(this.#run.name, place, labelOf(left)));
    if (answer === 'no') {
      const raw = { kind: 'skipped', message: left.reason, leaves: left.leaves } as const;
      this.#tell({ action: left, raw }, judge({ action: left, raw }), following(place));
      return following(place);
    }
    if (answer !== 'yes' || !this.#run.isActive) return place;
    if (task.runOnce) return go(place);
    // In one turn, with all its items and attempts: only then somebody is asked about the next task.
    const toItsEnd = async (): Promise<Next> => {
      let next = await go(place);
      while (this.#run.isActive && isOfTask(next, place)) next = await go(next);
      return next;
    };
    return (await this.#turns.hold(toItsEnd)) ?? place;
  }

  /** Waits for others where the task at the place reads what they find out. */
  async #meet(place: Place): Promise<void> {
    const wait = () => this.#turns.take(async () => undefined);
    await this.#context.meeting?.pass(this.#run, place, { section: this.#section, wait });
  }

  /** A word to the engine, at the end of its wave. Where the host goes from there. */
  async #obey({ word, place }: Asked, next: Next): Promise<Next> {
    const { endPlay, needsFacts } = this.#context;
    const { host, memory } = this.#run;
    switch (word) {
      case 'flush_handlers':
        return this.#flush(place);
      case 'end_play':
        endPlay();
        this.#isOver = true;
        return next;
      case 'end_batch':
      case 'end_host':
        this.#isOver = true;
        return next;
      case 'clear_facts':
        memory.facts = undefined;
        if (needsFacts) await this.#turns.take(() => this.#gatherFacts());
        return next;
      case 'reset_connection':
        await host.disconnect();
        return next;
      case 'noop':
      case 'refresh_inventory': // an errand: it is done
        return next;
      default:
        return unreachable(word);
    }
  }

  /** It has failed, and nothing rescues it. */
  #fail({ anyErrorsFatal }: ResolvedTask): void {
    if (anyErrorsFatal) this.#run.isFatal = true;
    if (this.#context.play.forceHandlers) this.#hasFailed = true;
    else this.#run.end('failed');
  }

  async #step(place: Place, within: TaskList | undefined): Promise<Next> {
    const task = place.list.tasks[place.task];
    const work = () => this.#runNextWave(place, within);
    const throttled =
      task === undefined || task.throttle === 0 ? work : () => this.#context.slotsOf(task).use(work);
    return (await this.#turns.take(throttled)) ?? place;
  }

  async #runOnce(place: Place, task: ResolvedTask, within: TaskList | undefined): Promise<Next> {
    const { once, lockStep } = this.#context;
    const turn = await this.#once.take(place, task, {
      step: (at) => this.#step(at, within),
      wait: () => (lockStep === undefined ? once.news() : this.#turns.take(async () => undefined)),
    });
    return turn.kind === 'had' ? turn.next : this.#takeOver(place, task, turn.shared);
  }

  /** What another host has run for all. */
  #takeOver(place: Place, task: ResolvedTask, shared: Shared): Next {
    this.#once.remember(place, task, shared);
    if (shared.hasChanged) this.#handlers.notify(task);
    this.#done += 1;
    if (!shared.hasFailed) {
      if (shared.ends !== undefined) this.#isOver = true;
      return following(place);
    }
    const next = afterFailure(place);
    if (next === 'failed') this.#fail(task);
    return next;
  }

  /** Where the next wave starts, or undefined where the host is out. */
  async #runNextWave(place: Place, within: TaskList | undefined): Promise<Next | undefined> {
    const { clock, signal, waveLimit, inventory } = this.#context;
    const run = this.#run;
    const wave = nextWave({ ...this.#planningAt(place), limit: this.#waveLimit, within });
    await this.#guarding.settleBefore(wave);
    const machine = run.isActive ? await this.#machineFor(wave) : undefined;
    if (machine === undefined) return undefined;
    const mayWrite = wave.mode === 'apply' || machine instanceof UnreachableHost;
    const result = await runWave(wave, mayWrite ? machine : new ReadOnlyHost(machine), {
      clock,
      signal,
      withheld: run.memory.withheld,
      person: this.#context.person,
      jobs: run.memory.jobs,
      contacted: () => run.contacted(),
      hostOf: (delegate) => (delegate === undefined ? run.host : this.#context.hostOf(delegate)),
      inventory,
      forgetFile: (path) => this.#context.actions.files.forget(path),
      tell: (doing, busy) => run.working(doing, busy.map(labelOf)),
      guard: this.#guarding.of(wave),
    });
    if (result.lookAgain !== undefined) {
      this.#context.emit({ kind: 'guard-told', host: run.name, message: result.lookAgain });
      return place;
    }
    const { next, pauseMs } = this.#conclude(wave, forgiven(result, machine));
    const isStale = result.host === 'rebooted' && run.memory.facts !== undefined;
    if (isStale && run.isActive) await this.#gatherFacts();
    const reached = result.outcomes.length;
    const isCut = reached < wave.actions.length;
    this.#waveLimit = Math.min(waveLimit, isCut ? Math.max(1, 2 * reached) : 4 * this.#waveLimit);
    if (pauseMs > 0 && run.isActive) await clock.pause(pauseMs);
    return run.isActive ? next : undefined;
  }

  #planningAt(place: Place): Omit<WaveRequest, 'limit'> {
    const { scopes, actions } = this.#context;
    const run = this.#run;
    return {
      place,
      state: run.memory.state,
      readers: this.#context.readers,
      scopeFor: (task, state, values) => scopes.scope(run.name, task, state, { values }),
      include: (action, entry, within) => included(action, entry, within, { ...this.#context, run }),
      context: actions,
    };
  }

  /** Undefined where the host itself cannot be reached, which has been told. */
  async #machineFor(wave: Wave): Promise<Host | undefined> {
    const run = this.#run;
    if (!wave.actions.some((action) => action.kind === 'host')) return run.host;
    if (wave.delegate === undefined) return this.#ownMachine(wave);
    const machine = this.#context.hostOf(wave.delegate);
    const connected = await machine.connect();
    return connected.kind === 'connected' ? machine : new UnreachableHost(wave.delegate, connected);
  }

  async #ownMachine({ actions }: Wave): Promise<Host | undefined> {
    const run = this.#run;
    const first = actions.find((action) => action.kind === 'host');
    if (first?.task.onUnreachable !== 'continue') return (await run.connect()) ? run.host : undefined;
    const outcome = await run.tryToConnect();
    if (outcome.kind === 'connected') return run.host;
    return run.isActive ? new UnreachableHost(run.name, outcome) : undefined;
  }

  /** Tells what became of the wave. Where the host goes from there, and after how long. */
  #conclude(wave: Wave, { outcomes, host }: WaveOutcome): { readonly next: Next; readonly pauseMs: number } {
    const run = this.#run;
    const canGoOn = host === 'fine' || host === 'rebooted';
    let next: Next = wave.starts[0] ?? wave.next;
    for (const [index, each] of outcomes.entries()) {
      const place = wave.starts[index];
      if (place === undefined) throw new Error('an action stands nowhere');
      const judged = judge(each, place.attempt);
      if (judged.retry !== undefined && canGoOn) {
        this.#tellRetry(each, judged, { place, ...judged.retry });
        return { next: { ...place, attempt: place.attempt + 1 }, pauseMs: judged.retry.delayMs };
      }
      const { status } = judged.outcome;
      const hasFailed = status === 'failed' || status === 'unknown';
      const onwards = wave.starts[index + 1] ?? wave.next;
      next = status === 'failed' && canGoOn ? afterFailure(place) : hasFailed ? 'failed' : onwards;
      const word = wordOf(each.action);
      if (word !== undefined) this.#asked = { word, place };
      if (status === 'failed' && canGoOn && isRescued(place)) this.#tell(each, rescued(judged), next);
      else this.#tell(each, judged, next === 'failed' ? following(place) : next);
    }
    if (outcomes.length === 0 && canGoOn) throw new Error('a wave came to nothing');
    if (host === 'interrupted') run.end('interrupted');
    const last = outcomes.at(-1)?.action.task;
    if (host === 'lost') run.end('failed');
    else if (next === 'failed' && last !== undefined) this.#fail(last);
    return { next, pauseMs: next === wave.next ? wave.pauseMs : 0 };
  }

  #tellRetry(
    { action }: ActionOutcome,
    { outcome, mayHaveChanged }: JudgedOutcome,
    retry: Retry & { readonly place: Place },
  ): void {
    if (mayHaveChanged) this.#run.mayHaveChanged();
    this.#run.retrying(labelOf(action), outcome, {
      attempt: retry.place.attempt,
      of: retry.of,
      delayMs: retry.delayMs,
    });
  }

  #tell({ action }: ActionOutcome, judged: JudgedOutcome, next: Next): void {
    const run = this.#run;
    const { status, item } = judged.outcome;
    const isLast = item === undefined || item.index === item.count - 1;
    if (isLast || status === 'rescued') this.#done += 1;
    if (judged.mayHaveChanged) run.mayHaveChanged();
    run.finished(labelOf(action), judged.outcome, this.#progress(next));
    if (status === 'rescued') run.memory.rememberFailure(action, judged);
    const elsewhere =
      action.task.delegateFacts && action.delegate !== undefined
        ? this.#context.memoryOf(action.delegate)
        : undefined;
    run.memory.remember(action, judged, elsewhere);
    this.#once.share(action, judged);
    if (status === 'changed' || status === 'would-change') this.#handlers.notify(action.task);
  }

  #progress(next: Next): { readonly done: number; readonly of: number } {
    return { done: this.#done, of: this.#done + tasksAhead(next) + this.#later };
  }

  #gatherFacts(): Promise<void> {
    const { play, signal } = this.#context;
    const progress = { done: this.#done, of: this.#done + this.#later };
    return gatherFacts(this.#run, { play, signal, progress });
  }
}

interface Asked {
  readonly word: MetaWord;
  readonly place: Place;
}

function wordOf(action: Action): MetaWord | undefined {
  return action.kind === 'controller' && action.verdict.kind === 'ok' ? action.verdict.meta : undefined;
}

function isSamePlace(a: Next, b: Next): boolean {
  if (typeof a === 'string' || typeof b === 'string') return a === b;
  const isSame = a.list === b.list && a.task === b.task && a.item === b.item;
  return isSame && a.failing.length === b.failing.length;
}

/** A failure that a rescue part takes care of. */
function rescued(judged: JudgedOutcome): JudgedOutcome {
  return { ...judged, outcome: { ...judged.outcome, status: 'rescued' } };
}
