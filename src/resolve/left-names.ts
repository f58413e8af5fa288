// Which names the plays of a run leave on its hosts for those behind them, as far as their text tells: results, variables
// that tasks set, facts.
import { GROWING_NAMES } from './host-vars.ts';
import { mayGrowInventory, namesIncludedBy, namesSetBy } from './names-set.ts';
import { tasksOf } from './play-tasks.ts';
import type { ResolvedPlay } from './resolved-play.ts';
import type { ResolvedTask } from './resolved-task.ts';

const NONE: ReadonlySet<string> = new Set();

export class LeftNames {
  readonly #ofHosts = new Map<string, ReadonlySet<string>>();
  readonly #withFacts = new Set<string>();
  /** Set with delegate_facts: nobody knows on which host. */
  #elsewhere: ReadonlySet<string> = NONE;

  /** What earlier plays have set on a host. */
  of(host: string): ReadonlySet<string> {
    return this.#ofHosts.get(host) ?? this.#elsewhere;
  }

  hasFacts(host: string): boolean {
    return this.#withFacts.has(host);
  }

  /** The play has been checked; those behind it follow. `leavesOut`: a task that is not run. */
  add(
    play: ResolvedPlay,
    how: {
      readonly hasFacts: boolean;
      readonly leavesOut?: (task: ResolvedTask) => boolean;
      /** Variables of groups and hosts that tasks may add to the inventory. */
      readonly namesThatMayCome?: ReadonlySet<string>;
    },
  ): void {
    const { hasFacts, leavesOut = () => false, namesThatMayCome = NONE } = how;
    const tasks = tasksOf(play).filter((task) => !leavesOut(task));
    const names = new Set(tasks.flatMap(namesLeftBy));
    const elsewhere = tasks.filter((task) => task.delegateFacts).flatMap(namesLeftBy);
    if (tasks.some(mayGrowInventory)) this.#addEverywhere(namesThatMayCome);
    this.#elsewhere = new Set([...this.#elsewhere, ...elsewhere]);
    const shared = new Map<ReadonlySet<string>, ReadonlySet<string>>();
    for (const host of play.hosts) {
      const before = this.of(host);
      const after = shared.get(before) ?? new Set([...before, ...names, ...elsewhere]);
      shared.set(before, after);
      this.#ofHosts.set(host, after);
      if (hasFacts) this.#withFacts.add(host);
    }
  }

  /** The inventory is another one from here on. */
  #addEverywhere(names: ReadonlySet<string>): void {
    const more = [...GROWING_NAMES, ...names];
    this.#elsewhere = new Set([...this.#elsewhere, ...more]);
    const shared = new Map<ReadonlySet<string>, ReadonlySet<string>>();
    for (const [host, before] of this.#ofHosts) {
      const after = shared.get(before) ?? new Set([...before, ...more]);
      shared.set(before, after);
      this.#ofHosts.set(host, after);
    }
  }
}

function namesLeftBy(task: ResolvedTask): readonly string[] {
  return [...namesSetBy(task), ...namesIncludedBy(task)];
}
