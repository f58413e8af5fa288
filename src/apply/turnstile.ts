// Where hosts of a batch wait for each other before each wave, so that a failure on one can keep the others from
// going on (any_errors_fatal, max_fail_percentage).

export type Verdict = 'go' | 'stop';

/** `mayGoOn` is asked once for each round, when everybody has arrived or left. */
export class Turnstile {
  readonly #present: Set<string>;
  readonly #arrived = new Map<string, (verdict: Verdict) => void>();
  readonly #mayGoOn: () => boolean;

  constructor(hosts: readonly string[], mayGoOn: () => boolean) {
    this.#present = new Set(hosts);
    this.#mayGoOn = mayGoOn;
  }

  /** Resolves when every host that is still in the batch has arrived: `stop` where the policy ends the play. */
  arrive(host: string): Promise<Verdict> {
    return new Promise((resolve) => {
      this.#arrived.set(host, resolve);
      this.#release();
    });
  }

  /** The host is done with the play, in whatever way. */
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
