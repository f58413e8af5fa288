// What tasks leave behind on a host for later ones: registered results, facts, what check mode kept from happening.
// Lives from the first play to the last.
import type { Facts } from '../host/facts/facts.ts';
import type { Resource } from '../modules/module.ts';
import type { Action } from '../plan/action.ts';
import { known } from '../render/shape.ts';
import { namesSetBy } from '../resolve/check-play.ts';
import type { RunState } from '../resolve/host-scope.ts';
import type { ResolvedTask } from '../resolve/resolved-task.ts';
import { type JudgedOutcome, loopResult } from './task-outcome.ts';

type Result = Readonly<Record<string, unknown>>;

export class HostMemory {
  facts: Facts | undefined;
  readonly #results = new Map<string, unknown>();
  /** Names that check mode did not give a value. */
  readonly #unknowable = new Set<string>();
  readonly #withheld: Resource[] = [];
  /** Of the task whose items are running. */
  #loop: { readonly task: ResolvedTask; readonly results: Result[]; isUnknowable: boolean } | undefined;

  /** A copy: waves are planned on it. */
  get state(): RunState {
    return {
      facts: this.facts === undefined ? undefined : known(this.facts),
      results: new Map(this.#results),
      pending: new Set(this.#unknowable),
    };
  }

  /** What would have been changed if check mode had allowed it. */
  get withheld(): readonly Resource[] {
    return this.#withheld;
  }

  remember(action: Action, { result, isUnknowable }: JudgedOutcome): void {
    const { task, item } = action;
    if (isUnknowable && action.kind === 'host') this.#withheld.push(...action.writes);
    const set = action.kind === 'controller' && action.verdict.kind === 'ok' ? action.verdict.variables : {};
    for (const [name, value] of Object.entries(set ?? {})) this.#set(name, value);
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

  #register(task: ResolvedTask, result: Result, isUnknowable: boolean): void {
    if (task.register !== undefined) this.#set(task.register, result);
    if (isUnknowable) for (const name of namesSetBy(task)) this.#unknowable.add(name);
  }

  #set(name: string, value: unknown): void {
    this.#results.set(name, value);
    this.#unknowable.delete(name);
  }
}
