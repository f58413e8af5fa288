// What other hosts will know by the time a task runs, for the check before the run: a name that an earlier task of the
// play sets is set on all of its hosts, for they have come as far.
import type { Shape } from '../render/shape.ts';
import type { RunState } from './host-scope.ts';
import type { LeftNames } from './left-names.ts';

export class OthersThen {
  readonly #hosts: ReadonlySet<string>;
  readonly #left: LeftNames;
  readonly #factsShape: Shape;
  readonly #gathersFacts: boolean;
  readonly #setsElsewhere: () => boolean;
  readonly #states = new Map<
    string,
    { readonly names: ReadonlySet<string>; size: number; state: RunState }
  >();

  constructor(options: {
    /** Of the play. */
    readonly hosts: readonly string[];
    readonly left: LeftNames;
    readonly factsShape: Shape;
    /** Whether the play gathers facts where something asks for them. */
    readonly gathersFacts: boolean;
    /** Whether its tasks set variables of hosts that are not in it (delegate_facts). */
    readonly setsElsewhere: () => boolean;
  }) {
    this.#hosts = new Set(options.hosts);
    this.#left = options.left;
    this.#factsShape = options.factsShape;
    this.#gathersFacts = options.gathersFacts;
    this.#setsElsewhere = options.setsElsewhere;
  }

  /** `names`: what the tasks before it set. The same object for as long as nothing is new. */
  state(host: string, names: ReadonlySet<string>): RunState {
    const before = this.#states.get(host);
    if (before !== undefined && before.names === names && before.size === names.size) return before.state;
    const isInPlay = this.#hosts.has(host);
    const hasFacts = this.#left.hasFacts(host) || (isInPlay && this.#gathersFacts);
    const state: RunState = {
      facts: hasFacts ? this.#factsShape : undefined,
      results: new Map(),
      pending: new Set([...this.#left.of(host), ...(isInPlay || this.#setsElsewhere() ? names : [])]),
      others: (other) => this.state(other, names),
    };
    this.#states.set(host, { names, size: names.size, state });
    return state;
  }
}
