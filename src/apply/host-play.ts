// Takes one host through one play: facts, then wave after wave, handlers after each section.
import type { Host } from '../host/host.ts';
import { ReadOnlyHost } from '../host/read-only-host.ts';
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
import { nextWave, type Wave } from '../plan/wave.ts';
import { namesSetBy } from '../resolve/names-set.ts';
import type { PlayScopes } from '../resolve/play-scopes.ts';
import type { ResolvedPlay } from '../resolve/resolved-play.ts';
import type { ResolvedTask } from '../resolve/resolved-task.ts';
import { plainList, type TaskList } from '../resolve/task-list.ts';
import { unreachable } from '../unreachable.ts';
import type { Clock } from './clock.ts';
import { gatherFacts } from './gather-facts.ts';
import { NotifiedHandlers } from './handlers.ts';
import type { HostMemory } from './host-memory.ts';
import type { HostRun } from './host-run.ts';
import { included } from './included.ts';
import type { OnceTable, Shared } from './once.ts';
import type { Retry } from './retry.ts';
import { runWave, type WaveOutcome } from './run-wave.ts';
import type { Slots } from './slots.ts';
import { type ActionOutcome, type JudgedOutcome, judge, labelOf } from './task-outcome.ts';
import type { Turnstile } from './turnstile.ts';
import { UnreachableHost } from './unreachable-host.ts';

export interface HostPlayContext {
  readonly play: ResolvedPlay;
  readonly scopes: PlayScopes;
  readonly actions: ActionContext;
  /** Whether anything in the play asks for facts. */
  readonly needsFacts: boolean;
  /** Where hosts wait for each other and for a free slot before each wave. Undefined: they do not. */
  readonly lockStep: { readonly turnstile: Turnstile; readonly slots: Slots } | undefined;
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
    context.once.leave(run.name);
  }
}

class HostPlay {
  readonly #run: HostRun;
  readonly #context: HostPlayContext;
  readonly #handlers: NotifiedHandlers;
  /** Tasks that are done with. */
  #done = 0;
  /** Tasks of the sections behind the list that is run now. */
  #later: number;
  /** It is through with the play before its end. */
  #isOver = false;
  /** It has failed, and its handlers have still to run (force_handlers). */
  #hasFailed = false;
  /** By the wave that has just run. */
  #asked: Asked | undefined;
  /** How often it came by each task that runs once. */
  readonly #timesAt = new Map<string, number>();
  /** Of the task that it runs for all. */
  #shared: Shared | undefined;
  /** Of actions in the next wave: small after a wave that had to end early, for looking twice is a waste. */
  #waveLimit: number;

  constructor(run: HostRun, context: HostPlayContext) {
    this.#run = run;
    this.#context = context;
    this.#handlers = new NotifiedHandlers(context.play.handlers);
    this.#later = context.play.sections.reduce((sum, { list }) => sum + tasksAhead(startOf(list)), 0);
    this.#waveLimit = context.waveLimit;
  }

  async run(): Promise<void> {
    const { play, needsFacts } = this.#context;
    if (needsFacts) await this.#inTurn(() => this.#gatherFacts());
    for (const { list } of play.sections) {
      this.#later -= tasksAhead(startOf(list));
      const end = await this.#walk(startOf(list));
      if (end === 'failed') break;
      if (this.#isOver || (await this.#flush(undefined)) === 'failed') break;
    }
    if (this.#hasFailed && play.forceHandlers) await this.#flush(undefined);
    if (this.#hasFailed) this.#run.end('failed');
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
      const task = place.list.tasks[place.task];
      next = task?.runOnce ? await this.#runOnce(place, task, within) : await this.#step(place, within);
      const asked = this.#asked;
      this.#asked = undefined;
      if (asked !== undefined && this.#run.isActive) next = await this.#obey(asked, next);
    }
    return next;
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
        if (needsFacts) await this.#inTurn(() => this.#gatherFacts());
        return next;
      case 'reset_connection':
        await host.disconnect();
        return next;
      case 'noop':
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
    return (await this.#inTurn(throttled)) ?? place;
  }

  /** The first host runs the task for all, with all its items and attempts; the others wait. */
  async #runOnce(place: Place, task: ResolvedTask, within: TaskList | undefined): Promise<Next> {
    const { once } = this.#context;
    const run = this.#run;
    const key = this.#onceKey(place, task);
    while (run.isActive) {
      const shared = once.result(key);
      if (shared !== undefined) return this.#takeOver(place, task, shared);
      if (once.isTurnOf(run.name)) break;
      if (this.#context.lockStep === undefined) await once.news();
      else await this.#inTurn(async () => undefined);
    }
    const before = this.#shared;
    this.#shared = {
      host: run.name,
      hasFailed: false,
      hasChanged: false,
      ends: undefined,
      variables: new Map(),
      failure: undefined,
    };
    let next: Next = place;
    while (run.isActive && isOfTask(next, place)) next = await this.#step(next, within);
    const names = [...namesSetBy(task), ...this.#shared.variables.keys()];
    const variables = run.memory.valuesOf(names);
    // Somebody else has to do what an interruption or a lost host kept from being done.
    if (run.isActive || run.status === 'failed') once.publish(key, { ...this.#shared, variables });
    this.#shared = before;
    return next;
  }

  /** What another host has run for all. */
  #takeOver(place: Place, task: ResolvedTask, shared: Shared): Next {
    const { memory } = this.#run;
    for (const [name, value] of shared.variables) memory.set(name, value);
    if (shared.hasChanged) this.#handlers.notify(task);
    this.#done += 1;
    if (!shared.hasFailed) {
      if (shared.ends !== undefined) this.#isOver = true;
      return following(place);
    }
    if (isRescued(place)) {
      memory.set('ansible_failed_task', { name: task.module.name, action: task.module.name });
      memory.set('ansible_failed_result', shared.failure ?? {});
    }
    const next = afterFailure(place);
    if (next === 'failed') this.#fail(task);
    return next;
  }

  /** The same on all hosts, for each time that they come by. */
  #onceKey(place: Place, { id }: ResolvedTask): string {
    const path: number[] = [];
    for (let each = place.caller; each !== undefined; each = each.caller) path.push(each.task, each.item);
    const here = [id, ...path].join('.');
    const count = (this.#timesAt.get(here) ?? 0) + 1;
    this.#timesAt.set(here, count);
    return `${here}#${count}`;
  }

  /** Where the next wave starts, or undefined where the host is out. */
  async #runNextWave(place: Place, within: TaskList | undefined): Promise<Next | undefined> {
    const { scopes, actions, clock, signal, waveLimit } = this.#context;
    const run = this.#run;
    const wave = nextWave({
      place,
      state: run.memory.state,
      scopeFor: (task, state, values) => scopes.scope(run.name, task, state, { values }),
      include: (action, entry, within) => included(action, entry, within, { ...this.#context, run }),
      context: actions,
      limit: this.#waveLimit,
      within,
    });
    const machine = await this.#machineFor(wave);
    if (machine === undefined) return undefined;
    const result = await runWave(wave, wave.mode === 'check' ? new ReadOnlyHost(machine) : machine, {
      clock,
      signal,
      withheld: run.memory.withheld,
      tell: (doing, hostActions) => run.working(doing, hostActions.map(labelOf)),
    });
    const { next, pauseMs } = this.#conclude(wave, result);
    const isStale = result.host === 'rebooted' && run.memory.facts !== undefined;
    if (isStale && run.isActive) await this.#gatherFacts();
    const reached = result.outcomes.length;
    const isCut = reached < wave.actions.length;
    this.#waveLimit = Math.min(waveLimit, isCut ? Math.max(1, 2 * reached) : 4 * this.#waveLimit);
    if (pauseMs > 0 && run.isActive) await clock.pause(pauseMs);
    return run.isActive ? next : undefined;
  }

  /** Undefined where the host itself cannot be reached, which has been told. */
  async #machineFor(wave: Wave): Promise<Host | undefined> {
    const run = this.#run;
    if (!wave.actions.some((action) => action.kind === 'host')) return run.host;
    if (wave.delegate === undefined) return (await run.connect()) ? run.host : undefined;
    const machine = this.#context.hostOf(wave.delegate);
    const connected = await machine.connect();
    return connected.kind === 'connected' ? machine : new UnreachableHost(wave.delegate, connected);
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
    this.#share(action, judged);
    if (status === 'changed' || status === 'would-change') this.#handlers.notify(action.task);
  }

  /** For those who wait for a task that runs once. */
  #share(action: Action, { outcome, result }: JudgedOutcome): void {
    if (this.#shared === undefined) return;
    const set = action.kind === 'controller' && action.verdict.kind === 'ok' ? action.verdict.variables : {};
    const hasFailed = ['failed', 'unknown', 'rescued'].includes(outcome.status);
    const word = wordOf(action);
    this.#shared = {
      ...this.#shared,
      hasFailed,
      ends: word === 'end_play' ? 'play' : word === 'end_batch' ? 'batch' : undefined,
      hasChanged:
        this.#shared.hasChanged || outcome.status === 'changed' || outcome.status === 'would-change',
      variables: new Map([...this.#shared.variables, ...Object.entries(set ?? {})]),
      failure: hasFailed ? result : undefined,
    };
  }

  #progress(next: Next): { readonly done: number; readonly of: number } {
    return { done: this.#done, of: this.#done + tasksAhead(next) + this.#later };
  }

  #gatherFacts(): Promise<void> {
    const { play, signal } = this.#context;
    const progress = { done: this.#done, of: this.#done + this.#later };
    return gatherFacts(this.#run, { play, signal, progress });
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
    // Also a host that nobody has had to contact by now: it has tasks before it.
    run.end(signal.aborted ? 'interrupted' : 'stopped');
    return undefined;
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

/** Whether the place is still at the same task, at a later item or attempt for one. */
function isOfTask(next: Next, { list, task, caller }: Place): next is Place {
  return typeof next !== 'string' && next.list === list && next.task === task && next.caller === caller;
}

/** A failure that a rescue part takes care of. */
function rescued(judged: JudgedOutcome): JudgedOutcome {
  return { ...judged, outcome: { ...judged.outcome, status: 'rescued' } };
}
