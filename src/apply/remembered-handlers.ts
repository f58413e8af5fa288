// Handlers that the host remembers for the next run, seen from one play: those that an earlier run left behind are
// notified, what a change notifies is noted with the change, and what has run is forgotten with its own.
//
//   change ─noted in its own step─► on the host ─run well─► gone, in the handler's own step
//      └─ its result decides (changed_when): noted by a program of its own, once it is known
//
// What could not go with a change is owed, and settled with as few programs as can be.
import type { Emit } from '../event.ts';
import type { HostGuard } from '../guard/host-guard.ts';
import type { ProgramOutcome, Step, StepOutcome } from '../host/host.ts';
import type { Resource } from '../modules/module.ts';
import type { Action } from '../plan/action.ts';
import {
  type HandlerNote,
  handlerTitle,
  lookScript,
  type NotedPlay,
  noted,
  notePath,
  notesOf,
  notingScript,
  parseNotes,
} from '../plan/handler-notes.ts';
import type { Wave } from '../plan/wave.ts';
import { changeStep, type PlannedChange, type Surroundings } from '../plan/wave-programs.ts';
import type { ResolvedPlay } from '../resolve/resolved-play.ts';
import type { ResolvedTask } from '../resolve/resolved-task.ts';
import { isSelected } from '../resolve/tags.ts';
import type { Told } from './after-wave.ts';
import type { HandlerStore, Keeper } from './handler-store.ts';
import type { NotifiedHandlers } from './handlers.ts';
import type { HostRun } from './host-run.ts';

export interface RememberedOptions {
  readonly run: HostRun;
  readonly play: ResolvedPlay;
  readonly noted: NotedPlay;
  readonly handlers: NotifiedHandlers;
  readonly stateFolder: string;
  readonly mode: 'apply' | 'check';
  /** All its handlers are known before it runs. */
  readonly isWhole: boolean;
  /** Under which a transaction is open on the host. */
  readonly guard: () => HostGuard | undefined;
  readonly emit: Emit;
}

/** What goes with a wave's programs. */
export interface WaveNotes {
  /** Rides on an inspection. */
  readonly look: readonly Step[];
  looked(steps: ReadonlyMap<string, StepOutcome>): void;
  /** Of the changes; what is not looked at yet is looked at there. `touched`: files that it writes or removes. */
  around(changes: readonly PlannedChange[]): Pick<Surroundings, 'lead' | 'wrap'> & {
    readonly touched: readonly Resource[];
  };
  /** The program with the changes. */
  ran(changes: readonly PlannedChange[], outcome: ProgramOutcome): void;
}

const LOOK_STEP = 'handlers-look';
const NOTE_STEP = 'handlers-note';
/** More than a few files take on a slow machine. */
const NOTE_MS = 20_000;
const HAS_RUN: ReadonlySet<string> = new Set(['ok', 'changed', 'skipped', 'ignored']);

export class RememberedHandlers {
  readonly #options: RememberedOptions;
  readonly #store: HandlerStore;
  /** What this play knows already: by its own changes, or because it was told. */
  readonly #heard = new Set<string>();
  /** By changes of this play, as long as it is not known how they ended. */
  readonly #written = new Map<Action, readonly HandlerNote[]>();
  readonly #removed = new Map<Action, readonly HandlerNote[]>();
  /** Notes that have no place on the host yet. */
  readonly #owed = new Map<string, HandlerNote>();
  /** Keys of notes that are not true any more. */
  readonly #stale = new Set<string>();
  readonly #haveRun = new Set<ResolvedTask>();

  constructor(options: RememberedOptions) {
    this.#options = options;
    this.#store = options.run.memory.handlers;
  }

  /** Undefined where the wave is none of the host's own, or nobody is ever notified. */
  of({ delegate, become, mode }: Wave): WaveNotes | undefined {
    if (delegate !== undefined || this.#options.play.handlers.length === 0) return undefined;
    const place = { stateFolder: this.#options.stateFolder, become };
    const plans = new Map<PlannedChange, ReturnType<RememberedHandlers['plan']>>();
    const look = this.#store.of(become) === undefined ? [this.#lookStep()] : [];
    const looked = (steps: ReadonlyMap<string, StepOutcome>): void => {
      const own = steps.get(LOOK_STEP);
      if (own?.kind !== 'exited') return;
      this.#store.add(become, parseNotes(own.stdout));
      this.recall();
    };
    return {
      look,
      looked,
      around: (changes) => {
        for (const each of changes) {
          if (mode === 'apply') plans.set(each, this.plan(each, this.#store.of(become)));
        }
        const keys = [...plans.values()].flatMap(({ remember, forget }) => [...remember, ...forget]);
        return {
          lead: this.#store.of(become) === undefined ? [this.#lookStep()] : [],
          wrap: (each) => {
            const { remember, forget } = plans.get(each) ?? NOTHING;
            return noted(each.change.script, { remember, forget: forget.map(({ key }) => key) }, place);
          },
          touched: keys.map(({ key }): Resource => `file:${notePath(this.#options.stateFolder, key)}`),
        };
      },
      ran: (changes, outcome) => {
        if (outcome.kind !== 'finished' && outcome.kind !== 'lost') return;
        looked(outcome.steps);
        for (const [index, each] of changes.entries()) {
          const step = outcome.steps.get(changeStep(index));
          const { remember, forget } = plans.get(each) ?? NOTHING;
          if (step?.kind !== 'exited' || step.exitCode !== 0) continue;
          const { notes } = this.#store.add(become);
          for (const note of remember) notes.set(note.key, note);
          for (const { key } of forget) notes.delete(key);
          for (const { key } of remember) this.#heard.add(key);
          this.#written.set(each.action, remember);
          this.#removed.set(each.action, forget);
        }
      },
    };
  }

  /** What goes with a change: the handlers that it notifies, where it alone says so, and the handler that it is. */
  plan(
    { action }: PlannedChange,
    keeper: Keeper | undefined,
  ): { readonly remember: readonly HandlerNote[]; readonly forget: readonly HandlerNote[] } {
    const { task, item } = action;
    const remember = isCertain(task)
      ? this.#notesFor(task).filter(({ key }) => keeper?.notes.has(key) !== true)
      : [];
    const own = this.#notes().get(task);
    const isLast = item === undefined || item.index === item.count - 1;
    const isJudged = task.failedWhen !== undefined || task.until !== undefined;
    const isKept = own !== undefined && keeper?.notes.has(own.key) === true;
    const forget = isKept && isLast && !isJudged && !this.#notesFor(task).includes(own) ? [own] : [];
    return { remember, forget };
  }

  /** Notifies those that an earlier run left behind, and says so. */
  recall(): void {
    const { run, play, handlers, emit } = this.#options;
    for (const [handler, { key }] of this.#notes()) {
      if (this.#heard.has(key) || !this.#store.has(key) || !isSelected(handler.tags, play.selection))
        continue;
      this.#heard.add(key);
      handlers.recall(handler);
      emit({ kind: 'handler-remembered', host: run.name, handler: handlerTitle(handler), state: 'due' });
    }
  }

  /** Before the last handlers run: a host that was contacted, and that nobody has asked yet, is asked. */
  async look(): Promise<void> {
    const { run, play } = this.#options;
    const isOpen = run.isActive && run.status === 'ok' && play.handlers.length > 0;
    if (isOpen && this.#store.keepers.length === 0) {
      const outcome = await run.host.run({ kind: 'inspect', steps: [this.#lookStep()] });
      const own = outcome.kind === 'finished' ? outcome.steps.get(LOOK_STEP) : undefined;
      if (own?.kind === 'exited') this.#store.add(undefined, parseNotes(own.stdout));
    }
  }

  /** What a wave has come to. */
  async follow(told: readonly Told[]): Promise<void> {
    const unmade: HandlerNote[] = [];
    for (const { each, judged } of told) {
      const { action } = each;
      const { status, item } = judged.outcome;
      if (status === 'changed' && action.kind === 'host' && action.mode === 'apply') this.#owe(action.task);
      else if (status !== 'unknown') unmade.push(...(this.#written.get(action) ?? []));
      if (status === 'failed') {
        for (const note of this.#removed.get(action) ?? []) this.#owed.set(note.key, note);
      }
      this.#written.delete(action);
      this.#removed.delete(action);
      const isLast = item === undefined || item.index === item.count - 1;
      if (isLast && HAS_RUN.has(status)) this.#hasRun(action.task);
    }
    for (const { key } of unmade) if (!this.#isDue(key)) this.#stale.add(key);
    await this.#settle({ isUrgent: true });
  }

  /** Another host has run the task for all. */
  tookOver(task: ResolvedTask, { hasChanged, hasFailed }: { hasChanged: boolean; hasFailed: boolean }): void {
    if (hasChanged && this.#options.mode === 'apply') this.#owe(task);
    if (!hasFailed) this.#hasRun(task);
  }

  /** Handlers that include others are done when those are. */
  ranThrough(handlers: readonly ResolvedTask[]): void {
    for (const handler of handlers) if (handler.include !== undefined) this.#haveRun.add(handler);
  }

  /** Behind a flush, and when the host leaves the play. */
  async settle(): Promise<void> {
    for (const handler of this.#haveRun) {
      const note = this.#notes().get(handler);
      if (note !== undefined && !this.#isDue(note.key)) this.#stale.add(note.key);
    }
    this.#haveRun.clear();
    await this.#settle({ isUrgent: false });
  }

  /** At the end of the play: what the playbook does not have any more is forgotten, too. */
  async end(): Promise<void> {
    if (this.#options.isWhole && this.#options.run.isActive) this.#dropGone();
    await this.settle();
  }

  #dropGone(): void {
    const { run, emit, noted } = this.#options;
    const here = new Set([...this.#notes().values()].map(({ key }) => key));
    for (const { notes } of this.#store.keepers) {
      for (const note of notes.values()) {
        const isOurs =
          note.path === noted.path && note.playbook === noted.playbook && note.play === noted.play;
        if (!isOurs || here.has(note.key) || this.#heard.has(note.key)) continue;
        this.#heard.add(note.key);
        this.#stale.add(note.key);
        emit({ kind: 'handler-remembered', host: run.name, handler: note.handler, state: 'gone' });
      }
    }
  }

  #notes(): ReadonlyMap<ResolvedTask, HandlerNote> {
    const { play, noted } = this.#options;
    if (this.#cache?.count !== play.handlers.length) {
      this.#cache = { count: play.handlers.length, notes: notesOf(play.handlers, noted) };
    }
    return this.#cache.notes;
  }

  /** Includes may add to the handlers. */
  #cache: { readonly count: number; readonly notes: ReadonlyMap<ResolvedTask, HandlerNote> } | undefined;

  #notesFor(task: ResolvedTask): readonly HandlerNote[] {
    const notes = this.#notes();
    return this.#options.handlers.answering(task).flatMap((handler) => notes.get(handler) ?? []);
  }

  #owe(task: ResolvedTask): void {
    for (const note of this.#notesFor(task)) {
      this.#heard.add(note.key);
      if (!this.#store.has(note.key)) this.#owed.set(note.key, note);
    }
  }

  #hasRun(task: ResolvedTask): void {
    if (task.include === undefined && this.#notes().has(task)) this.#haveRun.add(task);
  }

  #isDue(key: string): boolean {
    return [...this.#notes()].some(
      ([handler, note]) => note.key === key && this.#options.handlers.isDue(handler),
    );
  }

  /** `isUrgent`: only where something has to be remembered, for what is not true any more does no harm. */
  async #settle({ isUrgent }: { readonly isUrgent: boolean }): Promise<void> {
    const { keepers } = this.#store;
    const [first] = keepers;
    const owed = [...this.#owed.values()];
    // A host that nobody has come to yet is not contacted for this.
    if (first === undefined || (isUrgent && owed.length === 0)) return;
    this.#owed.clear();
    // In check mode nothing is written but what goes with tasks that change things all the same.
    const stale = this.#options.mode === 'check' && owed.length === 0 ? [] : [...this.#stale];
    this.#stale.clear();
    for (const keeper of keepers) {
      const remember = keeper === first ? owed : [];
      const forget = stale.filter((key) => keeper.notes.has(key));
      if (remember.length + forget.length > 0) await this.#write(keeper, { remember, forget });
    }
  }

  async #write(
    { become, notes }: Keeper,
    { remember, forget }: { readonly remember: readonly HandlerNote[]; readonly forget: readonly string[] },
  ): Promise<void> {
    const { run, stateFolder } = this.#options;
    for (const note of remember) notes.set(note.key, note);
    for (const key of forget) notes.delete(key);
    const own: Step = {
      id: NOTE_STEP,
      script: notingScript({ remember, forget }, { stateFolder, become }),
      onFailure: 'continue',
    };
    const guard = this.#options.guard();
    const keys = [...remember.map(({ key }) => key), ...forget];
    const touched = keys.map((key): Resource => `file:${notePath(stateFolder, key)}`);
    const isGuarded = guard !== undefined && guard.placeFor(become).kind === 'together';
    const steps = isGuarded ? [guard.lead(touched), own, guard.trail()] : [own];
    await run.host.run(
      { kind: 'change', steps },
      { timeoutMs: NOTE_MS, ...(become !== undefined && { become }) },
    );
  }

  #lookStep(): Step {
    return { id: LOOK_STEP, script: lookScript(this.#options.stateFolder), onFailure: 'continue' };
  }
}

const NOTHING: ReturnType<RememberedHandlers['plan']> = { remember: [], forget: [] };

/** Whether a change that succeeds is one, whatever its result says. */
function isCertain({ notify, changedWhen, failedWhen, until }: ResolvedTask): boolean {
  const isChange = changedWhen === undefined || changedWhen.every((test) => test === true);
  return notify.length > 0 && isChange && failedWhen === undefined && until === undefined;
}
