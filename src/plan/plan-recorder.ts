// Writes down what a run in check mode comes by: of each action on a host what is wanted and what was seen, and of what
// cannot be planned why. Told by the engine, wave after wave.
import type { Inspected } from '../modules/module.ts';
import { findModule } from '../modules/registry.ts';
import type { ResolvedPlay } from '../resolve/resolved-play.ts';
import type { ResolvedTask } from '../resolve/resolved-task.ts';
import type { Action, HostAction, Item } from './action.ts';
import { UnwritableError, written } from './plan-value.ts';
import { overlap } from './resources.ts';
import type { PlannedAction, PlannedTask } from './saved-plan.ts';
import { seenOf } from './seen.ts';

/** What became of an action that was looked at. */
export interface Watched {
  readonly action: Action;
  /** Undefined: it did not look, or in vain. */
  readonly inspected: Inspected | undefined;
  /** Nobody can know more before others have done their work. */
  readonly isUnknowable: boolean;
}

/** `host`: the play's own. */
export type Watch = (host: string, play: ResolvedPlay, watched: readonly Watched[]) => void;

/** A task that only a run can decide. */
export interface Undecided {
  readonly title: string;
  readonly place: string;
  readonly reason: string;
}

export class PlanRecorder {
  readonly #plays = new Map<ResolvedPlay, Map<string, PlannedAction[]>>();
  readonly #undecided = new Map<string, Undecided>();
  /** What earlier actions of a host would touch. */
  readonly #written = new Map<string, HostAction['writes'][number][]>();

  readonly watch: Watch = (host, play, watched) => {
    for (const each of watched) this.#record(host, play, each);
  };

  /** Each once. */
  get undecided(): readonly Undecided[] {
    return [...this.#undecided.values()];
  }

  /** What hosts are to be like after a play, by host. */
  actionsOf(play: ResolvedPlay): ReadonlyMap<string, readonly PlannedAction[]> {
    return this.#plays.get(play) ?? new Map();
  }

  #record(host: string, play: ResolvedPlay, { action, inspected, isUnknowable }: Watched): void {
    const { task } = action;
    if (action.kind === 'skipped' && action.leaves === 'unknowable') {
      this.#undecide(action, action.reason);
      return;
    }
    if (action.kind !== 'host' || action.mode === 'apply') return;
    const why = whyUndecided(task);
    if (why !== undefined) {
      this.#undecide(action, why);
      return;
    }
    const earlier = this.#written.get(host) ?? [];
    this.#written.set(host, earlier);
    try {
      written(action.wanted);
      const seen = inspected === undefined || isUnknowable ? undefined : seenOf(action, inspected);
      const restsOnOthers = seen === undefined || overlap(action.reads, earlier);
      this.#listOf(play, host).push(planned(action, { seen, restsOnOthers }));
      if (seen?.verdict !== 'unchanged') earlier.push(...action.writes);
    } catch (error) {
      if (!(error instanceof UnwritableError)) throw error;
      this.#undecide(action, `what ${task.module.name} wants cannot be written down (${error.message})`);
    }
  }

  #undecide({ task, title }: Action, reason: string): void {
    const place = placeOf(task.origin);
    this.#undecided.set(place, { title: task.noLog ? task.module.name : title, place, reason });
  }

  #listOf(play: ResolvedPlay, host: string): PlannedAction[] {
    const hosts = this.#plays.get(play) ?? new Map<string, PlannedAction[]>();
    const list = hosts.get(host) ?? [];
    this.#plays.set(play, hosts);
    hosts.set(host, list);
    return list;
  }
}

/** Undefined: nothing but its arguments and the host decide what it does. */
function whyUndecided({ module, changedWhen, failedWhen, until, retries }: ResolvedTask): string | undefined {
  if (findModule(module.name) !== module)
    return `${module.name} is a module of your own, which is not in the plan`;
  if (until !== undefined || retries !== undefined) return 'it is run again as its result wants it (until)';
  const asks = [...(changedWhen ?? []), ...(failedWhen ?? [])].some((test) => typeof test !== 'boolean');
  return asks ? 'conditions ask about its result (changed_when, failed_when)' : undefined;
}

function planned(
  action: HostAction,
  seen: { readonly seen: PlannedAction['seen'] | undefined; readonly restsOnOthers: boolean },
): PlannedAction {
  const { title, item, wanted, delegate, become, environment, timeoutMs, job } = action;
  return {
    task: taskOf(action),
    title: withItem(title, item),
    wanted,
    ...(delegate !== undefined && { delegate }),
    ...(become !== undefined && { become }),
    environment,
    ...(timeoutMs !== undefined && { timeoutMs }),
    ...(job !== undefined && { job }),
    ...(seen.seen !== undefined && { seen: seen.seen }),
    restsOnOthers: seen.restsOnOthers,
  };
}

function taskOf({ task, title, item }: HostAction): PlannedTask {
  const { file, line, column } = task.origin.span();
  const plain = (tests: ResolvedTask['changedWhen']) => tests?.filter((test) => typeof test === 'boolean');
  const [changedWhen, failedWhen] = [plain(task.changedWhen), plain(task.failedWhen)];
  return {
    id: task.id,
    item: item?.index ?? 0,
    name: title,
    module: task.module.name,
    place: { file, line, column },
    onFailure: task.onFailure,
    onUnreachable: task.onUnreachable,
    noLog: task.noLog,
    anyErrorsFatal: task.anyErrorsFatal,
    ...(changedWhen !== undefined && { changedWhen }),
    ...(failedWhen !== undefined && { failedWhen }),
  };
}

function withItem(title: string, item: Item | undefined): string {
  if (item === undefined) return title;
  const { value, label } = item;
  if (label !== undefined) return `${title} (${label})`;
  const named = value !== null && typeof value === 'object' && 'name' in value ? value.name : value;
  return `${title} (${typeof named === 'string' ? named : JSON.stringify(named)})`;
}

function placeOf(origin: ResolvedTask['origin']): string {
  const { file, line, column } = origin.span();
  return `${file}:${line}:${column}`;
}
