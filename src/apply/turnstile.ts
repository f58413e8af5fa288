// Where hosts of a batch wait for each other before each wave, so that a failure on one can keep the others from
// going on (any_errors_fatal, max_fail_percentage). A play without such a policy does not wait at all.

export interface Turnstile {
  /** Resolves when every host that is still in the batch has arrived: `stop` where the policy ends the play. */
  arrive(host: string): Promise<'go' | 'stop'>;
  /** The host is done with the play, in whatever way. */
  leave(host: string): void;
}

export const NO_TURNSTILE: Turnstile = { arrive: async () => 'go', leave: () => {} };

/** `mayGoOn` is asked once for each round, when everybody has arrived or left. */
export class LockStep implements Turnstile {
  readonly #present: Set<string>;
  readonly #arrived = new Map<string, (verdict: 'go' | 'stop') => void>();
  readonly #mayGoOn: () => boolean;

  constructor(hosts: readonly string[], mayGoOn: () => boolean) {
    this.#present = new Set(hosts);
    this.#mayGoOn = mayGoOn;
  }

  arrive(host: string): Promise<'go' | 'stop'> {
    return new Promise((resolve) => {
      this.#arrived.set(host, resolve);
      this.#release();
    });
  }

  leave(host: string): void {
    this.#present.delete(host);
    this.#release();
  }

  #release(): void {
    if (this.#arrived.size < this.#present.size || this.#arrived.size === 0) return;
    const verdict = this.#mayGoOn() ? 'go' : 'stop';
    const waiting = [...this.#arrived.values()];
    this.#arrived.clear();
    for (const resolve of waiting) resolve(verdict);
  }
}
