// The handlers of a play on one host: who has been notified, and who is next.
// As in Ansible each runs once per flush, in the order of their definition, whoever notified it and when.
import type { ResolvedTask } from '../resolve/resolved-task.ts';

export class NotifiedHandlers {
  readonly #handlers: readonly ResolvedTask[];
  readonly #notified = new Set<ResolvedTask>();
  #ran = new Set<ResolvedTask>();

  constructor(handlers: readonly ResolvedTask[]) {
    this.#handlers = handlers;
  }

  /** Those that the task notifies. */
  answering({ notify }: ResolvedTask): readonly ResolvedTask[] {
    if (notify.length === 0) return [];
    const names = notify.map(({ value }) => value);
    return this.#handlers.filter(({ answersTo }) => answersTo.some((name) => names.includes(name)));
  }

  /** The task has changed something. */
  notify(task: ResolvedTask): void {
    for (const handler of this.answering(task)) this.#notified.add(handler);
  }

  /** An earlier run has notified it. */
  recall(handler: ResolvedTask): void {
    this.#notified.add(handler);
  }

  /** Whether it has been notified and has not had its turn since. */
  isDue(handler: ResolvedTask): boolean {
    return this.#notified.has(handler);
  }

  /** The end of a section. */
  startFlush(): void {
    this.#ran = new Set();
  }

  /**
   * The handlers to run now; empty when all are done. A handler that notifies others is the last of them, for these may
   * stand before the rest. One that has had its turn waits for the next flush, or two that notify each other would
   * never end.
   */
  take(): readonly ResolvedTask[] {
    const due = this.#handlers.filter((each) => this.#notified.has(each) && !this.#ran.has(each));
    const end = due.findIndex(({ notify }) => notify.length > 0);
    const taken = end < 0 ? due : due.slice(0, end + 1);
    for (const handler of taken) {
      this.#notified.delete(handler);
      this.#ran.add(handler);
    }
    return taken;
  }
}
