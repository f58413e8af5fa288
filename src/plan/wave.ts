// A wave: the longest run of following actions that can be inspected together, because nobody's arguments or
// conditions need a result that is not there yet. It costs one program to inspect. Which of its changes can be made
// together is only known then: apply/decide.ts ends the wave early where somebody looked at what another changes.
//
//   tasks ─► actions (items of loops are actions of their own) ─► wave │ wave │ wave
import type { Become } from '../host/host.ts';
import type { Resource } from '../modules/module.ts';
import { namesSetBy } from '../resolve/check-play.ts';
import type { HostScope, RunState } from '../resolve/host-scope.ts';
import { namesOf } from '../resolve/needs-facts.ts';
import type { ResolvedTask } from '../resolve/resolved-task.ts';
import type { Action, HostAction, Item } from './action.ts';
import { type ActionContext, loopItems, planAction, titleOf } from './plan-action.ts';
import { overlap } from './resources.ts';

/** Where in the list of tasks a host stands: a task, and within its loop an item. */
export interface Cursor {
  readonly task: number;
  readonly item: number;
  /** What the task loops over, once it has begun: what its own items leave behind must not change that. */
  readonly items?: readonly unknown[];
}

export const START: Cursor = { task: 0, item: 0 };

export interface Wave {
  readonly actions: readonly Action[];
  /** Where each action stands: where to begin again when the wave ends before it. */
  readonly starts: readonly Cursor[];
  /** Of all host actions in the wave. */
  readonly become: Become | undefined;
  readonly mode: 'apply' | 'check';
  readonly timeoutMs: number | undefined;
  /** Where the next wave starts. */
  readonly next: Cursor;
}

export interface WaveRequest {
  readonly tasks: readonly ResolvedTask[];
  readonly cursor: Cursor;
  readonly state: RunState;
  /** What the host's variables are, given what has been registered so far. */
  readonly scopeFor: (task: ResolvedTask, state: RunState, item: Item | undefined) => HostScope;
  readonly context: ActionContext;
  /** No more actions than this. */
  readonly limit: number;
}

/** The wave that starts at the cursor, or undefined at the end of the tasks. */
export function nextWave(request: WaveRequest): Wave | undefined {
  const { tasks, cursor, state, limit } = request;
  if (cursor.task >= tasks.length) return undefined;
  const wave = new WaveBuilder(state, limit);
  let next = cursor;
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
  readonly at: Cursor;
  readonly after: Cursor;
}

/** One after the other, because each may rest on what the one before has set. Ends where something is not known yet. */
function* actionsFrom(request: WaveRequest, wave: WaveBuilder): Generator<Candidate> {
  const { tasks, cursor, scopeFor, context } = request;
  for (const [offset, task] of tasks.slice(cursor.task).entries()) {
    const index = cursor.task + offset;
    const at: Cursor = offset === 0 ? cursor : { task: index, item: 0 };
    const after: Cursor = { task: index + 1, item: 0 };
    const needed = namesOf(task, context.files);
    const scope = scopeFor(task, wave.state, undefined);
    const skip = (reason: string, leaves: 'unset' | 'unknowable'): Action => {
      return { kind: 'skipped', task, title: titleOf(task, scope), item: undefined, scope, reason, leaves };
    };
    if (scopeFor(task, wave.unknowable, undefined).isPending(needed)) {
      yield { action: skip('it needs a result that check mode did not produce', 'unknowable'), at, after };
      continue;
    }
    if (scope.isPending(needed)) return;
    const items = at.items ?? loopItems(task, scope);
    if (items === undefined || 'error' in items) {
      const action = planAction(task, scope, undefined, context);
      yield { action: items === undefined ? action : withoutItems(action, items.error), at, after };
    } else if (items.length === 0) {
      yield { action: skip('nothing to loop over', 'unset'), at, after };
    } else {
      for (let index = at.item; index < items.length; index += 1) {
        const item: Item = { value: items[index], index, count: items.length };
        const action = planAction(task, scopeFor(task, wave.state, item), item, context);
        const isLast = index === items.length - 1;
        yield {
          action,
          at: { task: at.task, item: index, items },
          after: isLast ? after : { task: at.task, item: index + 1, items },
        };
      }
    }
  }
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
  readonly #starts: Cursor[] = [];
  /** What is touched by actions that do not look first. */
  readonly #certainWrites: Resource[] = [];
  #first: HostAction | undefined;
  #isClosed = false;
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

  /** Whether nothing may follow. */
  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** False where the action has to wait for the next wave. */
  takes(action: Action): boolean {
    if (this.#actions.length >= this.#limit) return false;
    if (action.kind !== 'host' || this.#first === undefined) return true;
    // Otherwise, whether somebody else changes what it looks at is seen once both have looked.
    return sameIdentity(this.#first, action) && !overlap(action.reads, this.#certainWrites);
  }

  add(action: Action, at: Cursor): void {
    this.#actions.push(action);
    this.#starts.push(at);
    if (action.kind === 'host') {
      this.#first ??= action;
      if (action.mode === 'apply' && looksAtNothing(action)) this.#certainWrites.push(...action.writes);
      if (endsWave(action)) this.#isClosed = true;
    }
    if (action.kind === 'failed') this.#isClosed = true;
    if (action.kind === 'controller') {
      if (action.verdict.kind === 'failed' || isJudgedLater(action.task)) this.#isClosed = true;
      else this.#set(action.verdict.variables ?? {});
    }
    const { task, item } = action;
    if (item !== undefined && item.index < item.count - 1) return;
    // All of the task is in: what it registers is known to come, or never to come.
    const names = namesSetBy(task).filter((name) => name === task.register || !this.#state.results.has(name));
    this.#state = pending(this.#state, names);
    const isUnknowable = action.kind === 'skipped' && action.leaves === 'unknowable';
    if (isUnknowable) this.#unknowable = pending(this.#unknowable, namesSetBy(task));
    else if (task.register !== undefined) this.#unknowable = notPending(this.#unknowable, [task.register]);
  }

  #set(variables: Readonly<Record<string, unknown>>): void {
    const names = Object.keys(variables);
    const results = new Map([...this.#state.results, ...Object.entries(variables)]);
    this.#state = { ...notPending(this.#state, names), results };
    this.#unknowable = { ...notPending(this.#unknowable, names), results };
  }

  build(next: Cursor): Wave {
    return {
      actions: this.#actions,
      starts: this.#starts,
      become: this.#first?.become,
      mode: this.#first?.mode ?? 'apply',
      timeoutMs: this.#first?.timeoutMs,
      next,
    };
  }
}

/** A command, for one: it acts in any case. */
function looksAtNothing({ inspection }: HostAction): boolean {
  return inspection.script === undefined && (inspection.files ?? []).length === 0;
}

/** A time limit is for one task alone. */
function endsWave(action: HostAction): boolean {
  return action.module.endsWave === true || action.timeoutMs !== undefined || isJudgedLater(action.task);
}

/** Whether the task may turn out to have failed only when the controller has asked its conditions. */
function isJudgedLater({ failedWhen, changedWhen }: ResolvedTask): boolean {
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
    a.timeoutMs === b.timeoutMs &&
    a.become?.method === b.become?.method &&
    a.become?.user === b.become?.user &&
    a.become?.flags === b.become?.flags &&
    a.become?.password?.reveal() === b.become?.password?.reveal()
  );
}
