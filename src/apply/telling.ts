// What is told of a host's tasks in a play, and what stays of them for later ones: results, failures, notified handlers. How
// far the host has come in the play is counted here, for whoever looks on.
import { type Next, type Place, startOf, tasksAhead } from '../plan/place.ts';
import type { ResolvedPlay } from '../resolve/resolved-play.ts';
import type { TaskList } from '../resolve/task-list.ts';
import type { NotifiedHandlers } from './handlers.ts';
import type { HostMemory } from './host-memory.ts';
import type { HostRun } from './host-run.ts';
import type { Retry } from './retry.ts';
import type { RunOnce } from './run-once.ts';
import { type ActionOutcome, type JudgedOutcome, labelOf } from './task-outcome.ts';

export interface TellingOptions {
  readonly run: HostRun;
  readonly play: ResolvedPlay;
  readonly handlers: NotifiedHandlers;
  readonly once: RunOnce;
  readonly memoryOf: (host: string) => HostMemory | undefined;
}

export class Telling {
  readonly #options: TellingOptions;
  /** Tasks that are done with. */
  #done = 0;
  /** Tasks of the sections behind the list that is run now. */
  #later: number;

  constructor(options: TellingOptions) {
    this.#options = options;
    this.#later = options.play.sections.reduce((sum, { list }) => sum + tasksAhead(startOf(list)), 0);
  }

  /** The host comes to the list, and tasks of it are no longer later ones. */
  startSection(list: TaskList): void {
    this.#later -= tasksAhead(startOf(list));
  }

  /** How far it is; `next`: where it goes from here, once it is under way. */
  progress(next: Next = 'end'): { readonly done: number; readonly of: number } {
    return { done: this.#done, of: this.#done + tasksAhead(next) + this.#later };
  }

  /** Another host has run the task for all. */
  tookOver(): void {
    this.#done += 1;
  }

  finished({ action }: ActionOutcome, judged: JudgedOutcome, next: Next): void {
    const { run, handlers, once, memoryOf } = this.#options;
    const { status, item } = judged.outcome;
    const isLast = item === undefined || item.index === item.count - 1;
    if (isLast || status === 'rescued') this.#done += 1;
    if (judged.mayHaveChanged) run.mayHaveChanged();
    run.finished(labelOf(action), judged.outcome, this.progress(next));
    if (status === 'rescued') run.memory.rememberFailure(action, judged);
    const elsewhere =
      action.task.delegateFacts && action.delegate !== undefined ? memoryOf(action.delegate) : undefined;
    run.memory.remember(action, judged, elsewhere);
    once.share(action, judged);
    if (status === 'changed' || status === 'would-change') handlers.notify(action.task);
  }

  retrying(
    { action }: ActionOutcome,
    { outcome, mayHaveChanged }: JudgedOutcome,
    { place, of, delayMs }: Retry & { readonly place: Place },
  ): void {
    const { run } = this.#options;
    if (mayHaveChanged) run.mayHaveChanged();
    run.retrying(labelOf(action), outcome, { attempt: place.attempt, of, delayMs });
  }
}
