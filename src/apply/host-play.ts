// A host's way through a play: facts, then section after section, wave after wave, and the handlers behind each section.
// Where it goes from a wave says after-wave.ts; how a wave comes to run, host-waves.ts; what is told of it, telling.ts.
import {
  afterFailure,
  afterItem,
  enter,
  following,
  isWithin,
  type Next,
  type Place,
  startOf,
} from '../plan/place.ts';
import { nextWave } from '../plan/wave.ts';
import type { ResolvedTask } from '../resolve/resolved-task.ts';
import type { StartAt } from '../resolve/start-at.ts';
import { plainList, type TaskList } from '../resolve/task-list.ts';
import { unreachable } from '../unreachable.ts';
import { type Asked, afterWave } from './after-wave.ts';
import { firstPlace } from './first-place.ts';
import { gatherFacts } from './gather-facts.ts';
import { Guarding } from './guarding.ts';
import { NotifiedHandlers } from './handlers.ts';
import type { HostRun } from './host-run.ts';
import { HostWaves } from './host-waves.ts';
import type { Shared } from './once.ts';
import type { HostPlayContext } from './play-context.ts';
import { RememberedHandlers } from './remembered-handlers.ts';
import { isOfTask, RunOnce } from './run-once.ts';
import { isAskedAbout, leftOut, type StepAnswers } from './stepping.ts';
import { judge, labelOf } from './task-outcome.ts';
import { Telling } from './telling.ts';
import { Turns } from './turns.ts';

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
  readonly #guarding: Guarding;
  readonly #handlers: NotifiedHandlers;
  readonly #remembered: RememberedHandlers;
  readonly #waves: HostWaves;
  readonly #once: RunOnce;
  readonly #turns: Turns;
  readonly #telling: Telling;
  /** Which section it is in; the handlers behind one are half a section on. */
  #section = 0;
  /** It is through with the play before its end. */
  #isOver = false;
  /** It has failed, and its handlers have still to run (force_handlers). */
  #hasFailed = false;
  /** By the wave that has just run. */
  #asked: Asked | undefined;
  /** Until it has found the task to begin at. */
  #start: StartAt | undefined;

  constructor(run: HostRun, context: HostPlayContext, guarding: Guarding) {
    this.#run = run;
    this.#context = context;
    this.#guarding = guarding;
    this.#handlers = new NotifiedHandlers(context.play.handlers);
    this.#remembered = new RememberedHandlers({
      ...context,
      run,
      handlers: this.#handlers,
      mode: context.actions.mode,
      isWhole: context.lateIncludes.size === 0,
      guard: () => guarding.open,
    });
    this.#waves = new HostWaves({ run, context, guarding, remembered: this.#remembered });
    this.#once = new RunOnce(run, context.once);
    this.#turns = new Turns(run, context);
    this.#telling = new Telling({ ...context, run, handlers: this.#handlers, once: this.#once });
    this.#start = context.start;
  }

  async run(): Promise<void> {
    const { play, needsFacts, admit } = this.#context;
    if (admit !== undefined && (await this.#turns.take(() => admit(this.#run))) !== true) return;
    if (needsFacts) await this.#turns.take(() => this.#gatherFacts());
    for (const { list } of play.sections) {
      this.#telling.startSection(list);
      const end = await this.#walk(this.#startOf(list));
      if (end === 'failed') break;
      this.#section += 0.5;
      if (list === play.sections.at(-1)?.list && !this.#isOver) await this.#remembered.look();
      if (this.#isOver || (await this.#flush(undefined)) === 'failed') break;
      this.#section += 0.5;
    }
    if (this.#hasFailed && play.forceHandlers) await this.#flush(undefined);
    if (this.#hasFailed || this.#isOver) await this.#remembered.settle();
    else await this.#remembered.end();
    if (this.#hasFailed) this.#run.end('failed');
  }

  /** Where it begins in a section; `end` where that comes later in the play. */
  #startOf(list: TaskList): Next {
    const start = this.#start;
    if (start === undefined) return startOf(list);
    const into = (place: Place): Next | undefined => {
      const { actions, next } = nextWave({ ...this.#waves.planningAt(place), limit: 1 });
      return actions[0]?.kind === 'failed' ? undefined : next;
    };
    const first = firstPlace(list, start, into);
    if (first !== 'end') this.#start = undefined;
    return first;
  }

  /** Runs the handlers that are due. `place`: where a task asks for it; undefined at the end of a section. */
  async #flush(place: Place | undefined): Promise<Next> {
    this.#remembered.recall();
    const next = await this.#runHandlers(place);
    await this.#remembered.settle();
    return next;
  }

  async #runHandlers(place: Place | undefined): Promise<Next> {
    this.#handlers.startFlush();
    const behind = place === undefined ? 'end' : afterItem(place);
    for (let due = this.#due(); due.length > 0; due = this.#due()) {
      const list = plainList(due);
      const first = place === undefined ? startOf(list) : enter(place, list, place.values);
      const end = await this.#walk(first, list);
      if (!isSamePlace(end, behind)) return end;
      this.#remembered.ranThrough(due);
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
    return this.#askedFirst({ place, task, steps, go });
  }

  /** --step: somebody says whether the task shall run. */
  async #askedFirst({ place, task, steps, go }: AskedFirst): Promise<Next> {
    // Nobody's changes wait for the answer, lest they go back meanwhile.
    if (!steps.isThrough) await this.#guarding.settle();
    const left = leftOut(place, task, this.#waves.planningAt(place));
    const answer = await this.#turns.take(() => steps.mayRun(this.#run.name, place, labelOf(left)));
    if (answer === 'no') {
      const raw = { kind: 'skipped', message: left.reason, leaves: left.leaves } as const;
      this.#telling.finished({ action: left, raw }, judge({ action: left, raw }), following(place));
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
    this.#telling.tookOver();
    this.#remembered.tookOver(task, shared);
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
    const run = this.#run;
    const ran = await this.#waves.run(place, within);
    if (ran === 'out') return undefined;
    if (ran === 'again') return place;
    const { told, again, next, pauseMs, asked, failed } = afterWave(ran.wave, ran.outcome);
    for (const { each, judged, next: onwards } of told) this.#telling.finished(each, judged, onwards);
    if (again !== undefined) this.#telling.retrying(again.each, again.judged, again.retry);
    this.#asked = asked ?? this.#asked;
    if (ran.outcome.host === 'fine' || ran.outcome.host === 'rebooted') await this.#remembered.follow(told);
    const { host } = ran.outcome;
    if (host === 'interrupted') run.end('interrupted');
    if (host === 'lost') run.end('failed');
    else if (failed !== undefined) this.#fail(failed);
    const isStale = host === 'rebooted' && run.memory.facts !== undefined;
    if (isStale && run.isActive) await this.#gatherFacts();
    if (pauseMs > 0 && run.isActive) await this.#context.clock.pause(pauseMs);
    return run.isActive ? next : undefined;
  }

  #gatherFacts(): Promise<void> {
    const { play, signal } = this.#context;
    return gatherFacts(this.#run, { play, signal, progress: this.#telling.progress() });
  }
}

interface AskedFirst {
  readonly place: Place;
  readonly task: ResolvedTask;
  readonly steps: StepAnswers;
  readonly go: (at: Place) => Promise<Next>;
}

function isSamePlace(a: Next, b: Next): boolean {
  if (typeof a === 'string' || typeof b === 'string') return a === b;
  const isSame = a.list === b.list && a.task === b.task && a.item === b.item;
  return isSame && a.failing.length === b.failing.length;
}
