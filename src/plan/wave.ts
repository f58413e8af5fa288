// A wave: the longest run of following actions that can be inspected together, because nobody's arguments or
// conditions need a result that is not there yet. It costs one program to inspect. Which of its changes can be made
// together is only known then: apply/decide.ts ends the wave early where somebody looked at what another changes.
//
//   tasks ─► actions (items of loops are actions of their own) ─► wave │ wave │ wave
import type { Become } from '../host/host.ts';
import type { Entry, Resource } from '../modules/module.ts';
import { NotYetError } from '../render/shape.ts';
import type { HostScope, RunState, VariableLayer } from '../resolve/host-scope.ts';
import { namesSetBy } from '../resolve/names-set.ts';
import { namesOf } from '../resolve/needs-facts.ts';
import type { ResolvedTask } from '../resolve/resolved-task.ts';
import type { TaskList } from '../resolve/task-list.ts';
import type { Action, HostAction } from './action.ts';
import { afterItem, depthOf, enter, following, isWithin, type Next, type Place } from './place.ts';
import { type ActionContext, itemAt, loopItems, NEVER_KNOWN, planAction, titleOf } from './plan-action.ts';
import { overlap } from './resources.ts';

export interface Wave {
  readonly actions: readonly Action[];
  /** Where each action stands: where to begin again when the wave ends before it. */
  readonly starts: readonly Place[];
  /** The host whose machine runs all host actions, where it is not their own. */
  readonly delegate: string | undefined;
  /** Of all host actions in the wave. */
  readonly become: Become | undefined;
  readonly mode: 'apply' | 'check';
  readonly timeoutMs: number | undefined;
  /** How long to wait behind it, between items of a loop. */
  readonly pauseMs: number;
  /** Where the next wave starts. */
  readonly next: Next;
}

/** What the tasks of an include are surrounded by. */
export interface Within {
  readonly values: ReadonlyMap<string, unknown>;
  /** How many includes there are around this one. */
  readonly depth: number;
  /** Nobody before it is in the wave: everything that can be known is known. */
  readonly isFirst: boolean;
}

export interface WaveRequest {
  readonly place: Place;
  readonly state: RunState;
  /** What the host's variables are, given what has been registered so far, and what includes around the task are at. */
  readonly scopeFor: (task: ResolvedTask, state: RunState, values: ReadonlyMap<string, unknown>) => HostScope;
  /** The tasks that an include brings in, or why there are none. `later`: only where nothing is under way. */
  readonly include: (
    action: Action,
    entry: Entry,
    within: Within,
  ) => TaskList | { readonly message: string } | 'later';
  readonly context: ActionContext;
  /** Before these the host waits for others. */
  readonly readers?: ReadonlySet<ResolvedTask>;
  /** No further than to the end of this list. */
  readonly within?: TaskList | undefined;
  /** No more actions than this. */
  readonly limit: number;
}

/** The wave that starts at the place. */
export function nextWave(request: WaveRequest): Wave {
  const wave = new WaveBuilder(request.state, request.limit);
  let next: Next = request.place;
  for (const { action, at, after } of actionsFrom(request, wave)) {
    if (!wave.takes(action)) break;
    wave.add(action, at);
    next = after;
    if (wave.isClosed) break;
  }
  return wave.build(next);
}

interface Candidate {
  readonly action: Action;
  readonly at: Place;
  readonly after: Next;
}

/** One after the other, because each may rest on what the one before has set. Ends where something is not known yet. */
function* actionsFrom(request: WaveRequest, wave: WaveBuilder): Generator<Candidate> {
  let next: Next = request.place;
  while (typeof next !== 'string') {
    const at: Place = next;
    if (request.within !== undefined && !isWithin(at, request.within)) return;
    next = following(at);
    for (const candidate of actionsOf(at, request, wave)) {
      if (candidate === 'later') return;
      yield candidate;
      next = candidate.after;
    }
  }
}

/** Those of the task that the place is at, or of one of its items where it includes others. `later`: not in this wave. */
function* actionsOf(at: Place, request: WaveRequest, wave: WaveBuilder): Generator<Candidate | 'later'> {
  const { scopeFor, context } = request;
  const task = at.list.tasks[at.task];
  if (task === undefined) throw new Error('a host is past the end of its tasks');
  // What runs for all hosts, or on few at a time, runs by itself. Before what reads other hosts' results, hosts meet.
  const isReader = request.readers?.has(task) === true;
  if ((isAlone(task) || isReader) && !wave.isEmpty && !wave.isAt(at)) {
    yield 'later';
    return;
  }
  const after = following(at);
  const needed = namesOf(task, context.files);
  const scope = scopeFor(task, wave.state, at.values);
  const skip = (reason: string, leaves: 'unset' | 'unknowable'): Action => {
    return { kind: 'skipped', task, title: titleOf(task, scope), item: undefined, scope, reason, leaves };
  };
  if (scopeFor(task, wave.unknowable, at.values).isPending(needed)) {
    yield { action: skip(NEVER_KNOWN, 'unknowable'), at, after };
    return;
  }
  if (scope.isPending(needed)) {
    yield 'later';
    return;
  }
  const items = at.items ?? itemsNow(task, scope);
  if (items === 'never') {
    yield { action: skip(NEVER_KNOWN, 'unknowable'), at, after };
    return;
  }
  if (items === undefined || 'error' in items) {
    const action = planAction(task, scope, undefined, context);
    if (items === undefined) yield entering({ action, at, after }, request, wave);
    else yield { action: withoutItems(action, items.error), at, after };
  } else if (items.length === 0) {
    yield { action: skip('nothing to loop over', 'unset'), at, after };
  } else {
    for (let index = at.item; index < items.length; index += 1) {
      const item = itemAt(task, items, index, at.values);
      const action = planAction(task, scopeFor(task, wave.state, item.values), item, context);
      const place = { ...at, item: index, items, attempt: index === at.item ? at.attempt : 1 };
      yield entering({ action, at: place, after: afterItem(place) }, request, wave);
      if (task.include !== undefined) return;
    }
  }
}

/** `never`: they rest on what check mode keeps from being known. */
function itemsNow(task: ResolvedTask, scope: HostScope): ReturnType<typeof loopItems> | 'never' {
  try {
    return loopItems(task, scope);
  } catch (error) {
    if (error instanceof NotYetError) return 'never';
    throw error;
  }
}

/** Behind an include the host goes on in what is included. */
function entering(candidate: Candidate, request: WaveRequest, wave: WaveBuilder): Candidate | 'later' {
  const { action, at } = candidate;
  if (action.kind !== 'controller' || action.verdict.kind === 'failed') return candidate;
  const { enter: entry } = action.verdict;
  if (entry === undefined) return candidate;
  const { task, title, item, scope } = action;
  const values = item?.values ?? at.values;
  const list = request.include(action, entry, { values, depth: depthOf(at), isFirst: wave.isEmpty });
  if (list === 'later') return list;
  if ('message' in list) {
    return { ...candidate, action: { kind: 'failed', task, title, item, scope, message: list.message } };
  }
  return { ...candidate, after: enter(at, list, values) };
}

/** As in Ansible, a list that cannot be made is no failure where `when` keeps the task from running at all. */
function withoutItems(action: Action, message: string): Action {
  if (action.kind === 'skipped') return action;
  const { task, title, scope } = action;
  return { kind: 'failed', task, title, item: undefined, scope, message };
}

/** Grows a wave action by action. */
class WaveBuilder {
  readonly #limit: number;
  readonly #actions: Action[] = [];
  readonly #starts: Place[] = [];
  /** What is touched by actions that do not look first. */
  readonly #certainWrites: Resource[] = [];
  #first: HostAction | undefined;
  /** No other module's actions may follow. */
  #only: HostAction['module'] | undefined;
  #isClosed = false;
  #pauseMs = 0;
  #state: RunState;
  #unknowable: RunState;

  constructor(state: RunState, limit: number) {
    this.#state = state;
    this.#unknowable = state;
    this.#limit = limit;
  }

  /** What later actions of the wave can know. */
  get state(): RunState {
    return this.#state;
  }

  /** The same, with only those names pending that will have no value in the next wave either. */
  get unknowable(): RunState {
    return this.#unknowable;
  }

  /** Whether everything in it is of the task here. */
  isAt({ list, task }: Place): boolean {
    return this.#starts.every((each) => each.list === list && each.task === task);
  }

  get isEmpty(): boolean {
    return this.#actions.length === 0;
  }

  /** Whether nothing may follow. */
  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** False where the action has to wait for the next wave. */
  takes(action: Action): boolean {
    if (this.#actions.length >= this.#limit) return false;
    if (this.#only !== undefined && (action.kind !== 'host' || action.module !== this.#only)) return false;
    if (action.kind !== 'host' || this.#first === undefined) return true;
    if (action.module.endsWave === 'alone') return false;
    // Otherwise, whether somebody else changes what it looks at is seen once both have looked.
    return sameIdentity(this.#first, action) && !overlap(action.reads, this.#certainWrites);
  }

  add(action: Action, at: Place): void {
    this.#actions.push(action);
    this.#starts.push(at);
    if (action.kind === 'host') {
      this.#first ??= action;
      if (action.mode === 'apply' && looksAtNothing(action)) this.#certainWrites.push(...action.writes);
      if (endsWave(action)) this.#isClosed = true;
      if (action.module.endsWave === 'for-others') this.#only = action.module;
    }
    if (action.kind === 'failed') this.#isClosed = true;
    const setsElsewhere = action.task.delegateFacts && action.delegate !== undefined;
    if (action.kind === 'controller') {
      const { verdict } = action;
      const isPlain = verdict.kind === 'ok' && verdict.meta === undefined && verdict.errand === undefined;
      if (!isPlain || isJudgedLater(action.task)) this.#isClosed = true;
      else if (!setsElsewhere) this.#set(verdict.variables ?? {}, action.included);
    }
    const { task, item } = action;
    if (item !== undefined && item.index < item.count - 1) {
      this.#pauseMs = task.loop?.pauseMs ?? 0;
      if (this.#pauseMs > 0) this.#isClosed = true;
      return;
    }
    if (isAlone(task) || task.anyErrorsFatal) this.#isClosed = true;
    // All of the task is in: what it registers is known to come, or never to come.
    const names = namesSetBy(task).filter(
      (name) => name === task.register || !(setsElsewhere || this.#state.results.has(name)),
    );
    this.#state = pending(this.#state, names);
    const isUnknowable = action.kind === 'skipped' && action.leaves === 'unknowable';
    if (names.length > 0) this.#state = { ...this.#state, isMidWave: true };
    if (isUnknowable) this.#unknowable = pending(this.#unknowable, namesSetBy(task));
    else if (task.register !== undefined) this.#unknowable = notPending(this.#unknowable, [task.register]);
  }

  #set(variables: Readonly<Record<string, unknown>>, layer: VariableLayer | undefined): void {
    const names = Object.keys(variables);
    const results = new Map([...this.#state.results, ...Object.entries(variables)]);
    const included = layer && new Map([...(this.#state.included ?? []), ...layer]);
    const set = { results, ...(included && { included }) };
    this.#state = { ...notPending(this.#state, names), ...set };
    this.#unknowable = { ...notPending(this.#unknowable, names), ...set };
  }

  build(next: Next): Wave {
    return {
      actions: this.#actions,
      starts: this.#starts,
      delegate: this.#first?.delegate,
      become: this.#first?.become,
      mode: this.#first?.mode ?? 'apply',
      timeoutMs: this.#first?.timeoutMs,
      pauseMs: this.#pauseMs,
      next,
    };
  }
}

function isAlone({ runOnce, throttle }: ResolvedTask): boolean {
  return runOnce || throttle > 0;
}

/** A command, for one: it acts in any case. */
function looksAtNothing({ inspection }: HostAction): boolean {
  return inspection.script === undefined && (inspection.files ?? []).length === 0;
}

/** A time limit is for one task alone. */
function endsWave(action: HostAction): boolean {
  const { endsWave: ends } = action.module;
  const isJob = action.job !== undefined;
  return (
    isJob || ends === true || ends === 'alone' || action.timeoutMs !== undefined || isJudgedLater(action.task)
  );
}

/** Whether the task may turn out to have failed only when the controller has asked its conditions. */
function isJudgedLater({ failedWhen, changedWhen, until, retries }: ResolvedTask): boolean {
  if (until !== undefined || retries !== undefined) return true;
  return failedWhen !== undefined || changedWhen?.some((test) => typeof test !== 'boolean') === true;
}

function pending(state: RunState, names: readonly string[]): RunState {
  return names.length === 0 ? state : { ...state, pending: new Set([...state.pending, ...names]) };
}

function notPending(state: RunState, names: readonly string[]): RunState {
  if (!names.some((name) => state.pending.has(name))) return state;
  return { ...state, pending: new Set([...state.pending].filter((name) => !names.includes(name))) };
}

function sameIdentity(a: HostAction, b: HostAction): boolean {
  return (
    a.mode === b.mode &&
    a.delegate === b.delegate &&
    a.timeoutMs === b.timeoutMs &&
    a.become?.method === b.become?.method &&
    a.become?.user === b.become?.user &&
    a.become?.flags === b.become?.flags &&
    a.become?.password?.reveal() === b.become?.password?.reveal()
  );
}
