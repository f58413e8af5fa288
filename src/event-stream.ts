// Events as somebody reads them: kept until they are asked for, in order, by one reader.
import type { RunEvent } from './event.ts';

export class EventStream {
  #waiting: ((result: IteratorResult<RunEvent>) => void) | undefined;
  #kept: RunEvent[] = [];
  #state: 'open' | 'ended' | 'left' = 'open';

  push(event: RunEvent): void {
    if (this.#state !== 'open') return;
    const waiting = this.#waiting;
    this.#waiting = undefined;
    if (waiting === undefined) this.#kept.push(event);
    else waiting({ done: false, value: event });
  }

  end(): void {
    if (this.#state === 'open') this.#state = 'ended';
    this.#waiting?.({ done: true, value: undefined });
    this.#waiting = undefined;
  }

  next(): Promise<IteratorResult<RunEvent>> {
    const value = this.#kept.shift();
    if (value !== undefined) return Promise.resolve({ done: false, value });
    if (this.#state !== 'open') return Promise.resolve({ done: true, value: undefined });
    return new Promise((resolve) => {
      this.#waiting = resolve;
    });
  }

  /** Nobody reads on: what comes is not kept. */
  leave(): void {
    this.#state = 'left';
    this.#kept = [];
  }
}
