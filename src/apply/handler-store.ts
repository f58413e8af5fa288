// What a host is known to remember of handlers, by whose notes they are: the login user's, root's, somebody else's. Lives
// for the whole run, for what one look has found is there for all plays.
import type { Become } from '../host/host.ts';
import type { HandlerNote } from '../plan/handler-notes.ts';

/** Whose notes. */
export interface Keeper {
  readonly become: Become | undefined;
  readonly notes: Map<string, HandlerNote>;
}

export class HandlerStore {
  readonly #keepers = new Map<string, Keeper>();

  /** Undefined: nobody has looked there by now. */
  of(become: Become | undefined): Keeper | undefined {
    return this.#keepers.get(idOf(become));
  }

  /** Somebody has been on the host under that name; `found`: where they have looked. */
  add(become: Become | undefined, found: readonly HandlerNote[] = []): Keeper {
    const keeper = this.of(become) ?? { become, notes: new Map() };
    this.#keepers.set(idOf(become), keeper);
    for (const note of found) keeper.notes.set(note.key, note);
    return keeper;
  }

  /** In the order in which they came. */
  get keepers(): readonly Keeper[] {
    return [...this.#keepers.values()];
  }

  has(key: string): boolean {
    return this.keepers.some(({ notes }) => notes.has(key));
  }
}

function idOf(become: Become | undefined): string {
  return become === undefined ? '' : `${become.method} ${become.user}`;
}
