// A value that must not be seen: passwords and what `no_log` covers.
// It prints as *** wherever something is printed; `reveal()` is the one way out, easy to grep for.
import { inspect } from 'node:util';

export const MASK = '***';

export class Secret {
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
  }

  reveal(): string {
    return this.#value;
  }

  toString(): string {
    return MASK;
  }

  toJSON(): string {
    return MASK;
  }

  [inspect.custom](): string {
    return MASK;
  }
}
