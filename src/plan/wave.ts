// A wave: the longest run of following actions in which nobody looks at what an earlier one touches,
// and nobody's arguments or conditions need a result that is not there yet. It costs one program to inspect
// and, where something differs, one to change.
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
}

export const START: Cursor = { task: 0, item: 0 };

export interface Wave {
  readonly actions: readonly Action[];
  /** Of all host actions in the wave. */
  readonly become: Become | undefined;
  readonly mode: 'apply' | 'check';
  /** Where the next wave starts. */
  readonly next: Cursor;
}

/** What a host's variables are, given what has been registered so far. */
export type ScopeFor = (task: ResolvedTask, state: RunState, item: Item | undefined) => HostScope;

/** Pending from the start: check mode did not run the task that would have said it. */
const UNKNOWABLE = 'it needs a result that check mode did not produce';

/** More actions than this in one program gain nothing. */
const MAX_ACTIONS = 200;

/** The wave that starts at `cursor`, or undefined at the end of the tasks. */
export function nextWave(
  tasks: readonly ResolvedTask[],
  cursor: Cursor,
  state: RunState,
  scopeFor: ScopeFor,
  context: ActionContext,
): Wave | undefined {
  if (cursor.task >= tasks.length) return undefined;
  const wave = new WaveBuilder(state);
  let at = cursor;
  for (let task = tasks[at.task]; task !== undefined; task = tasks[at.task]) {
    const scope = scopeFor(task, wave.state, undefined);
    const needed = namesOf(task, context.files);
    if (scopeFor(task, state, undefined).isPending(needed)) {
      wave.add({
        kind: 'skipped',
        task,
        title: titleOf(task, scope),
        item: undefined,
        scope,
        reason: UNKNOWABLE,
        leaves: 'unknowable',
      });
      at = { task: at.task + 1, item: 0 };
      continue;
    }
    if (scope.isPending(needed)) break;
    const items = loopItems(task, scope);
    const count = items === undefined ? 1 : 'error' in items ? 1 : items.length;
    if (items !== undefined && !('error' in items) && count === 0) {
      wave.add({
        kind: 'skipped',
        task,
        title: titleOf(task, scope),
        item: undefined,
        scope,
        reason: 'nothing to loop over',
        leaves: 'unset',
      });
    }
    for (; at.item < count; at = { ...at, item: at.item + 1 }) {
      const action = actionAt(task, items, at.item, scope);
      if (!wave.add(action)) return wave.build(at);
      if (wave.isClosed) return wave.build(after(at, count));
    }
    wave.end(task);
    at = { task: at.task + 1, item: 0 };
    if (wave.isClosed) break;
  }
  return wave.build(at);

  function actionAt(
    task: ResolvedTask,
    items: ReturnType<typeof loopItems>,
    index: number,
    scope: HostScope,
  ): Action {
    if (items === undefined) return planAction(task, scope, undefined, context);
    if ('error' in items) {
      return {
        kind: 'failed',
        task,
        title: titleOf(task, scope),
        item: undefined,
        scope,
        message: items.error,
      };
    }
    const item: Item = { value: items[index], index, count: items.length };
    return planAction(task, scopeFor(task, wave.state, item), item, context);
  }
}

function after(cursor: Cursor, count: number): Cursor {
  return cursor.item + 1 < count ? { ...cursor, item: cursor.item + 1 } : { task: cursor.task + 1, item: 0 };
}

/** Grows a wave action by action. */
class WaveBuilder {
  readonly #actions: Action[] = [];
  readonly #writes: Resource[] = [];
  #first: HostAction | undefined;
  #closed = false;
  #state: RunState;

  constructor(state: RunState) {
    this.#state = state;
  }

  /** What later actions of the wave can know. */
  get state(): RunState {
    return this.#state;
  }

  get isClosed(): boolean {
    return this.#closed;
  }

  /** False where the action has to wait for the next wave. */
  add(action: Action): boolean {
    if (this.#actions.length >= MAX_ACTIONS) return false;
    if (action.kind === 'host') {
      if (overlap(action.reads, this.#writes)) return false;
      this.#first ??= action;
      if (!sameIdentity(this.#first, action)) return false;
      this.#writes.push(...action.writes);
      if (action.module.endsWave === true || action.task.failedWhen !== undefined) this.#closed = true;
    }
    if (action.kind === 'failed') this.#closed = true;
    if (action.kind === 'controller') {
      if (action.verdict.kind === 'failed') this.#closed = true;
      else this.#state = withResults(this.#state, action.verdict.variables ?? {});
    }
    this.#actions.push(action);
    return true;
  }

  /** All items of the task are in: what it registers is known to come. */
  end(task: ResolvedTask): void {
    const names = namesSetBy(task).filter((name) => name === task.register || !this.#state.results.has(name));
    if (names.length > 0)
      this.#state = { ...this.#state, pending: new Set([...this.#state.pending, ...names]) };
  }

  build(next: Cursor): Wave {
    return { actions: this.#actions, become: this.#first?.become, mode: this.#first?.mode ?? 'apply', next };
  }
}

function withResults(state: RunState, more: Readonly<Record<string, unknown>>): RunState {
  if (Object.keys(more).length === 0) return state;
  const pending = new Set([...state.pending].filter((name) => !Object.hasOwn(more, name)));
  return { ...state, pending, results: new Map([...state.results, ...Object.entries(more)]) };
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
