// As whom the guard's steps run on a host: they need root, and who makes the changes may be somebody else.
import type { Become } from '../host/host.ts';

/** `together`: in front of the changes, in their program. `apart`: in a program of its own before it. */
export type GuardPlace =
  | { readonly kind: 'together' }
  | { readonly kind: 'apart'; readonly become: Become | undefined };

export class GuardIdentity {
  readonly #root: () => Become | undefined;
  #login: 'root' | 'not root' | 'unknown' = 'unknown';
  #become: Become | undefined;

  /** `root`: how to become root where whoever logs in is not; undefined: nobody says. */
  constructor(root: () => Become | undefined, become?: Become) {
    this.#root = root;
    this.#become = become;
  }

  /** For what is asked of the host afterwards. */
  get become(): Become | undefined {
    return this.#become;
  }

  /** `changing`: who makes the changes; undefined: whoever logs in. */
  placeFor(changing: Become | undefined): GuardPlace {
    if (changing?.user === 'root') return this.#together(changing);
    if (changing === undefined) {
      const root = this.#login === 'not root' ? this.#root() : undefined;
      return root === undefined ? this.#together(undefined) : this.#apart(root);
    }
    if (this.#login === 'root') return this.#apart(undefined);
    return this.#apart(this.#root() ?? { ...changing, user: 'root' });
  }

  /** Whoever logs in has turned out not to be root. Whether there is another way. */
  loginIsNotRoot(): boolean {
    this.#login = 'not root';
    return this.#root() !== undefined;
  }

  /** The guard's steps have run where they were to. */
  hasWorked(): void {
    if (this.#become === undefined) this.#login = 'root';
  }

  #together(become: Become | undefined): GuardPlace {
    this.#become = become;
    return { kind: 'together' };
  }

  #apart(become: Become | undefined): GuardPlace {
    this.#become = become;
    return { kind: 'apart', become };
  }
}
