// How many SSH handshakes may be in flight: their key exchange is synchronous CPU time of this process, and more of
// them at once only make all of them time out.

/** Lets `limit` holders in; the rest wait in line. */
export class HandshakeGate {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  constructor(limit: number) {
    this.#free = limit;
  }

  /** Resolves to the function that gives the place back; calling it twice does no harm. */
  async enter(): Promise<() => void> {
    if (this.#free > 0) this.#free--;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    let left = false;
    return () => {
      if (left) return;
      left = true;
      const next = this.#waiting.shift();
      if (next === undefined) this.#free++;
      else next();
    };
  }
}
