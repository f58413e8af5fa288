// One host's part in tasks with run_once: it runs them for all of the batch, or waits and takes over what another has
// left behind. Who has which turn is in once.ts.
import type { MetaWord } from '../modules/controller/meta.ts';
import type { Action } from '../plan/action.ts';
import { isRescued, type Next, type Place } from '../plan/place.ts';
import { namesSetBy } from '../resolve/names-set.ts';
import type { ResolvedTask } from '../resolve/resolved-task.ts';
import type { HostRun } from './host-run.ts';
import type { OnceTable, Shared } from './once.ts';
import type { JudgedOutcome } from './task-outcome.ts';

/** Where the host stands after its turn, or what another has run for it. */
export type Turn =
  | { readonly kind: 'had'; readonly next: Next }
  | { readonly kind: 'taken-over'; readonly shared: Shared };

export class RunOnce {
  readonly #run: HostRun;
  readonly #table: OnceTable;
  /** How often it came by each task. */
  readonly #timesAt = new Map<string, number>();
  /** Of the task that it runs for all. */
  #shared: Shared | undefined;

  constructor(run: HostRun, table: OnceTable) {
    this.#run = run;
    this.#table = table;
  }

  /** The first host runs the task for all, with all its items and attempts; the others wait. */
  async take(
    place: Place,
    task: ResolvedTask,
    { step, wait }: { readonly step: (at: Place) => Promise<Next>; readonly wait: () => Promise<unknown> },
  ): Promise<Turn> {
    const run = this.#run;
    const key = this.#keyOf(place, task);
    while (run.isActive) {
      const shared = this.#table.result(key);
      if (shared !== undefined) return { kind: 'taken-over', shared };
      if (this.#table.isTurnOf(run.name)) break;
      await wait();
    }
    const before = this.#shared;
    this.#shared = {
      host: run.name,
      hasFailed: false,
      hasChanged: false,
      ends: undefined,
      variables: new Map(),
      included: new Map(),
      failure: undefined,
    };
    let next: Next = place;
    while (run.isActive && isOfTask(next, place)) next = await step(next);
    const names = [...namesSetBy(task), ...this.#shared.variables.keys()];
    const variables = run.memory.valuesOf(names);
    // Somebody else has to do what an interruption or a lost host kept from being done.
    if (run.isActive || run.status === 'failed') this.#table.publish(key, { ...this.#shared, variables });
    this.#shared = before;
    return { kind: 'had', next };
  }

  /** For those who wait for what it runs now. */
  share(action: Action, { outcome, result }: JudgedOutcome): void {
    if (this.#shared === undefined) return;
    const verdict = action.kind === 'controller' && action.verdict.kind === 'ok' ? action.verdict : undefined;
    const hasFailed = ['failed', 'unknown', 'rescued'].includes(outcome.status);
    this.#shared = {
      ...this.#shared,
      hasFailed,
      ends: endOf(verdict?.meta),
      hasChanged:
        this.#shared.hasChanged || outcome.status === 'changed' || outcome.status === 'would-change',
      included: new Map([
        ...this.#shared.included,
        ...((action.kind === 'controller' && action.included) || []),
      ]),
      variables: new Map([...this.#shared.variables, ...Object.entries(verdict?.variables ?? {})]),
      failure: hasFailed ? result : undefined,
    };
  }

  /** What the host remembers of what another has run for it. */
  remember(place: Place, task: ResolvedTask, shared: Shared): void {
    const { memory } = this.#run;
    for (const [name, value] of shared.variables) memory.set(name, value);
    memory.include(shared.included);
    if (!shared.hasFailed || !isRescued(place)) return;
    memory.set('ansible_failed_task', { name: task.module.name, action: task.module.name });
    memory.set('ansible_failed_result', shared.failure ?? {});
  }

  /** The same on all hosts, for each time that they come by. */
  #keyOf(place: Place, { id }: ResolvedTask): string {
    const path: number[] = [];
    for (let each = place.caller; each !== undefined; each = each.caller) path.push(each.task, each.item);
    const here = [id, ...path].join('.');
    const count = (this.#timesAt.get(here) ?? 0) + 1;
    this.#timesAt.set(here, count);
    return `${here}#${count}`;
  }
}

function endOf(word: MetaWord | undefined): Shared['ends'] {
  return word === 'end_play' ? 'play' : word === 'end_batch' ? 'batch' : undefined;
}

/** Whether the place is still at the same task, at a later item or attempt for one. */
export function isOfTask(next: Next, { list, task, caller }: Place): next is Place {
  return typeof next !== 'string' && next.list === list && next.task === task && next.caller === caller;
}
