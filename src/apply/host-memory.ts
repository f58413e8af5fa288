// What tasks leave behind on a host for later ones: registered results, facts, what check mode kept from happening.
// Lives from the first play to the last.
import type { Facts } from '../host/facts/facts.ts';
import type { Resource } from '../modules/module.ts';
import type { Action } from '../plan/action.ts';
import { known } from '../render/shape.ts';
import type { RunState, VariableLayer } from '../resolve/host-scope.ts';
import { FAILURE_NAMES, namesSetBy } from '../resolve/names-set.ts';
import type { ResolvedTask } from '../resolve/resolved-task.ts';
import type { Jobs } from './errands/job.ts';
import { HandlerStore } from './handler-store.ts';
import type { Around } from './meeting.ts';
import { type JudgedOutcome, loopResult } from './task-outcome.ts';

type Result = Readonly<Record<string, unknown>>;

export class HostMemory {
  facts: Facts | undefined;
  readonly jobs: Jobs = new Map();
  /** Handlers that the host itself remembers. */
  readonly handlers = new HandlerStore();
  readonly #results = new Map<string, unknown>();
  #included: VariableLayer = new Map();
  /** Names that check mode did not give a value. */
  readonly #unknowable = new Set<string>();
  readonly #withheld: Resource[] = [];
  /** Of the task whose items are running. */
  #loop: { readonly task: ResolvedTask; readonly results: Result[]; isUnknowable: boolean } | undefined;

  /** What is seen of other hosts. */
  around: Around = {};
  /** The copy that was made last, as long as it is still true. */
  #state: { readonly facts: Facts | undefined; readonly around: Around; readonly copy: RunState } | undefined;

  /** A copy: waves are planned on it. The same object for as long as nothing is new. */
  get state(): RunState {
    const { facts, around } = this;
    if (this.#state === undefined || this.#state.facts !== facts || this.#state.around !== around) {
      const copy: RunState = {
        facts: facts === undefined ? undefined : known(facts),
        results: new Map(this.#results),
        pending: new Set(this.#unknowable),
        ...(this.#included.size > 0 && { included: this.#included }),
        ...around,
      };
      this.#state = { facts, around, copy };
    }
    return this.#state.copy;
  }

  /** Those of the names that have a value. */
  valuesOf(names: Iterable<string>): ReadonlyMap<string, unknown> {
    return new Map(
      [...names].flatMap((name) => (this.#results.has(name) ? [[name, this.#results.get(name)]] : [])),
    );
  }

  /** What would have been changed if check mode had allowed it. */
  get withheld(): readonly Resource[] {
    return this.#withheld;
  }

  /** `elsewhere`: whose variables the task sets, with delegate_facts. */
  remember(action: Action, { result, isUnknowable }: JudgedOutcome, elsewhere?: HostMemory): void {
    const { task, item } = action;
    if (isUnknowable && action.kind === 'host') this.#withheld.push(...action.writes);
    const set = action.kind === 'controller' && action.verdict.kind === 'ok' ? action.verdict.variables : {};
    for (const [name, value] of Object.entries(set ?? {})) (elsewhere ?? this).set(name, value);
    if (action.kind === 'controller' && action.included !== undefined)
      (elsewhere ?? this).include(action.included);
    if (item === undefined) {
      const isEmptyLoop = task.loop !== undefined && action.kind === 'skipped';
      this.#register(task, isEmptyLoop ? loopResult([]) : result, isUnknowable);
      return;
    }
    if (this.#loop?.task !== task || item.index === 0)
      this.#loop = { task, results: [], isUnknowable: false };
    this.#loop.results.push(result);
    this.#loop.isUnknowable ||= isUnknowable;
    if (item.index < item.count - 1) return;
    this.#register(task, loopResult(this.#loop.results), this.#loop.isUnknowable);
    this.#loop = undefined;
  }

  /** What a rescue part is told of the task that failed, under Ansible's names. A loop that ended early has a result, too. */
  rememberFailure({ task, title, item }: Action, { result }: JudgedOutcome): void {
    const before = this.#loop?.task === task && item?.index !== 0 ? this.#loop.results : [];
    const whole = item === undefined ? result : loopResult([...before, result]);
    if (task.register !== undefined) this.set(task.register, whole);
    const [failedTask, failedResult] = FAILURE_NAMES;
    this.set(failedTask, { name: title, action: task.module.name });
    this.set(failedResult, whole);
  }

  #register(task: ResolvedTask, result: Result, isUnknowable: boolean): void {
    if (task.register !== undefined) this.set(task.register, result);
    if (!isUnknowable) return;
    for (const name of namesSetBy(task)) this.#unknowable.add(name);
    this.#state = undefined;
  }

  /** Variables from files. */
  include(variables: VariableLayer): void {
    this.#included = new Map([...this.#included, ...variables]);
    this.#state = undefined;
  }

  /** A result or a variable that somebody has set. */
  set(name: string, value: unknown): void {
    this.#results.set(name, value);
    this.#unknowable.delete(name);
    this.#state = undefined;
  }
}
