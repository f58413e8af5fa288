// When a host of a batch may work: at any time, or where hosts go in step, when all of them have arrived and a slot is free.
import type { HostRun } from './host-run.ts';
import type { Slots } from './slots.ts';
import type { Turnstile } from './turnstile.ts';

export interface LockStep {
  readonly turnstile: Turnstile;
  readonly slots: Slots;
}

export class Turns {
  readonly #run: HostRun;
  readonly #lockStep: LockStep | undefined;
  readonly #signal: AbortSignal;
  #isHeld = false;

  constructor(run: HostRun, { lockStep, signal }: { lockStep: LockStep | undefined; signal: AbortSignal }) {
    this.#run = run;
    this.#lockStep = lockStep;
    this.#signal = signal;
  }

  /** Undefined, and nothing done, where the run is over for this host. */
  async take<T>(work: () => Promise<T>): Promise<T | undefined> {
    const run = this.#run;
    const inTime = async (): Promise<T | undefined> => {
      if (!this.#signal.aborted) return work();
      run.leave('interrupted');
      return undefined;
    };
    if (this.#lockStep === undefined || this.#isHeld) return inTime();
    const { turnstile, slots } = this.#lockStep;
    if ((await turnstile.arrive(run.name)) === 'go') return slots.use(inTime);
    // Also a host that nobody has had to contact by now: it has tasks before it.
    run.end(this.#signal.aborted ? 'interrupted' : 'stopped');
    return undefined;
  }

  /** The same for work that takes turns of its own: they are all in this one. */
  hold<T>(work: () => Promise<T>): Promise<T | undefined> {
    return this.take(async () => {
      this.#isHeld = true;
      try {
        return await work();
      } finally {
        this.#isHeld = false;
      }
    });
  }
}
