// Where the hosts of a batch wait before a task that reads what others find out (hostvars, ansible_play_hosts): until
// nobody stands before it any more. What is seen of the others is then what each of them knew at that moment, however
// fast it goes on.
import type { Place } from '../plan/place.ts';
import type { RunState } from '../resolve/host-scope.ts';
import type { ResolvedTask } from '../resolve/resolved-task.ts';
import type { HostRun } from './host-run.ts';

/** What a host knows of the others. */
export type Around = Pick<RunState, 'others' | 'now'>;

export interface Gathering {
  readonly batch: readonly HostRun[];
  /** All hosts of the play. */
  readonly all: readonly HostRun[];
  /** Also of a host that is in no play. */
  readonly stateOf: (host: string) => RunState | undefined;
}

/** How things stand whenever somebody asks. */
export function aroundNow({ batch, all, stateOf }: Gathering): Around {
  return { others: stateOf, now: { activeHosts: () => namesOf(all), batch: () => namesOf(batch) } };
}

interface Arrival {
  readonly position: readonly number[];
  readonly isWaiting: boolean;
}

export class Meeting {
  readonly #readers: ReadonlySet<ResolvedTask>;
  readonly #handlers: readonly ResolvedTask[];
  readonly #gathering: Gathering;
  readonly #present: Map<string, Arrival>;
  /** The task that each has passed last, with all its items. */
  readonly #passed = new Map<string, string>();
  #around: Around;

  constructor(
    options: Gathering & {
      readonly readers: ReadonlySet<ResolvedTask>;
      readonly handlers: readonly ResolvedTask[];
    },
  ) {
    this.#readers = options.readers;
    this.#handlers = options.handlers;
    this.#gathering = options;
    this.#around = aroundNow(options);
    this.#present = new Map(options.batch.map(({ name }) => [name, { position: [], isWaiting: false }]));
  }

  /** Before each step of a host. `wait` resolves when all hosts have arrived somewhere. */
  async pass(
    run: HostRun,
    place: Place,
    { section, wait }: { readonly section: number; readonly wait: () => Promise<unknown> },
  ): Promise<void> {
    const position = [section, ...this.#positionOf(place)];
    const key = position.join('.');
    const task = place.list.tasks[place.task];
    const isWaiting = task !== undefined && this.#readers.has(task) && this.#passed.get(run.name) !== key;
    this.#present.set(run.name, { position, isWaiting });
    if (!isWaiting) return;
    while (run.isActive && this.#present.get(run.name)?.isWaiting === true) await wait();
    this.#passed.set(run.name, key);
    run.memory.around = this.#around;
  }

  /** All hosts that are still there have arrived: those that nobody stands before may go on. */
  round(): void {
    const waiting = [...this.#present].filter(([, { isWaiting }]) => isWaiting);
    if (waiting.length === 0) return;
    const all = [...this.#present.values()].map(({ position }) => position);
    const first = all.reduce((a, b) => (compare(b, a) < 0 ? b : a));
    const due = waiting.filter(([, { position }]) => compare(position, first) === 0);
    if (due.length === 0) return;
    for (const [host, { position }] of due) this.#present.set(host, { position, isWaiting: false });
    this.#around = this.#snapshot();
  }

  leave(host: string): void {
    this.#present.delete(host);
  }

  #snapshot(): Around {
    const { batch, all, stateOf } = this.#gathering;
    const states = new Map(batch.map(({ name, memory }) => [name, memory.state]));
    const [active, here] = [namesOf(all), namesOf(batch)];
    return {
      others: (host) => states.get(host) ?? stateOf(host),
      now: { activeHosts: () => active, batch: () => here },
    };
  }

  /** From the outermost include to the task itself; handlers stand in the order of the play. */
  #positionOf({ list, task, caller }: Place): readonly number[] {
    const handler = this.#handlers.indexOf(list.tasks[task] as ResolvedTask);
    const own = handler >= 0 ? handler : task;
    return caller === undefined ? [own] : [...this.#positionOf(caller), caller.item, own];
  }
}

function namesOf(runs: readonly HostRun[]): readonly string[] {
  return runs.filter((run) => !run.hasFailed).map((run) => run.name);
}

function compare(a: readonly number[], b: readonly number[]): number {
  for (let index = 0; index < Math.max(a.length, b.length); index += 1) {
    const difference = (a[index] ?? -1) - (b[index] ?? -1);
    if (difference !== 0) return difference;
  }
  return 0;
}
