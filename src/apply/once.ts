// Tasks with run_once: the first host of the batch that gets there runs it for all, the others wait and take over what
// it left behind. Who leaves the play without having run it passes its turn on to the next.
import type { VariableLayer } from '../resolve/host-scope.ts';
import type { JudgedOutcome } from './task-outcome.ts';

/** What a task that ran for all has left behind. */
export interface Shared {
  /** Who ran it. */
  readonly host: string;
  readonly hasFailed: boolean;
  readonly hasChanged: boolean;
  /** The play or the batch ends there. */
  readonly ends: 'play' | 'batch' | undefined;
  readonly variables: ReadonlyMap<string, unknown>;
  /** From files. */
  readonly included: VariableLayer;
  /** Of the item that failed. */
  readonly failure: JudgedOutcome['result'] | undefined;
}

export class OnceTable {
  /** In the order of the batch. */
  readonly #present: Set<string>;
  readonly #results = new Map<string, Shared>();
  #waiting: (() => void)[] = [];

  constructor(hosts: readonly string[]) {
    this.#present = new Set(hosts);
  }

  /** What became of the task, where it has been run. */
  result(key: string): Shared | undefined {
    return this.#results.get(key);
  }

  isTurnOf(host: string): boolean {
    const [first] = this.#present;
    return first === host;
  }

  publish(key: string, shared: Shared): void {
    this.#results.set(key, shared);
    this.#wake();
  }

  /** The host is done with the play, in whatever way. */
  leave(host: string): void {
    this.#present.delete(host);
    this.#wake();
  }

  /** Resolves when anything has happened. */
  news(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }
}
