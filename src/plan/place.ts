// Where a host stands in a list of tasks, and where it goes from there: on to the following task, after a failure to the
// rescue or always part of a block around it, into a list that is included and back. A place never changes; each step
// gives a new one.
//
//   body ──all well──────────► always ──► behind the block
//     └─failure─► rescue ────► always          (nothing is failing any more)
//     └─failure, no rescue, ─► always ──► on with the failure, in the block around this one,
//       or rescue fails                   or around the include of the list
import type { ResolvedTask } from '../resolve/resolved-task.ts';
import { type Part, partAt, type Region, type TaskList } from '../resolve/task-list.ts';

export interface Place {
  readonly list: TaskList;
  /** Index of a task in the list. */
  readonly task: number;
  /** Within the task's loop. */
  readonly item: number;
  /** What the task loops over, once it has begun: what its own items leave behind must not change that. */
  readonly items?: readonly unknown[];
  /** How often the item is run, from 1 (until, retries). */
  readonly attempt: number;
  /** Blocks of the list whose always part runs although they have failed. */
  readonly failing: readonly Region[];
  /** Where the list is included. */
  readonly caller: Place | undefined;
  /** What loops of includes around it are at, by the names they give it. */
  readonly values: ReadonlyMap<string, unknown>;
}

/** `end`: the list is through. `failed`: a failure has left it. */
export type Next = Place | 'end' | 'failed';

const NO_VALUES: ReadonlyMap<string, unknown> = new Map();

export function startOf(list: TaskList): Next {
  if (list.tasks.length === 0) return 'end';
  return { list, task: 0, item: 0, attempt: 1, failing: [], caller: undefined, values: NO_VALUES };
}

/** Into a list that the task here includes. */
export function enter(place: Place, list: TaskList, values: ReadonlyMap<string, unknown>): Next {
  if (list.tasks.length === 0) return afterItem(place);
  return {
    list,
    task: 0,
    item: 0,
    attempt: 1,
    failing: [],
    caller: place,
    values,
  };
}

/** Where a host goes from an item of a task's loop, or from a task without one. */
export function afterItem(place: Place): Next {
  const { items, item } = place;
  return items !== undefined && item < items.length - 1
    ? { ...place, item: item + 1, attempt: 1 }
    : following(place);
}

/** Where a host goes from a task that is done with. */
export function following(place: Place): Next {
  const { list, task, caller } = place;
  let region = list.regions[task];
  let to = task + 1;
  let part = region && partAt(region, task);
  while (region !== undefined && part !== undefined && to === region[part].end) {
    if (part === 'always' && place.failing.includes(region)) return failureIn(region.outer, place);
    to = part === 'always' ? region.always.end : region.always.start;
    if (to < region.always.end) break;
    region = region.outer;
    part = region && partAt(region, task);
  }
  if (to < list.tasks.length) return at(place, to);
  return caller === undefined ? 'end' : afterItem(caller);
}

/** Where a host goes from a task that has failed. */
export function afterFailure(place: Place): Next {
  return failureIn(place.list.regions[place.task], place);
}

/** Whether a rescue part will take care of a failure here, as far as the always parts before it come to their ends. */
export function isRescued({ list, task, caller }: Place): boolean {
  for (let region = list.regions[task]; region !== undefined; region = region.outer) {
    if (canRescue(region, partAt(region, task))) return true;
  }
  return caller !== undefined && isRescued(caller);
}

/** Whether the place is in the list, or in what is included there. */
export function isWithin(place: Place, list: TaskList): boolean {
  return place.list === list || (place.caller !== undefined && isWithin(place.caller, list));
}

/** How many lists the place is included by. */
export function depthOf({ caller }: Place): number {
  let depth = 0;
  for (let place = caller; place !== undefined; place = place.caller) depth += 1;
  return depth;
}

/** The tasks that run if nothing fails. */
export function tasksOnTheWay(list: TaskList): readonly ResolvedTask[] {
  const tasks: ResolvedTask[] = [];
  for (let next = startOf(list); typeof next !== 'string'; next = following(next)) {
    const task = list.tasks[next.task];
    if (task !== undefined) tasks.push(task);
  }
  return tasks;
}

/** How many tasks a host has before it if nothing fails, as far as they are known. */
export function tasksAhead(next: Next): number {
  if (typeof next === 'string') return 0;
  const here = aheadOf(next.list)[next.task] ?? 0;
  return next.caller === undefined ? here : here + tasksAhead(afterItem(next.caller));
}

function failureIn(from: Region | undefined, place: Place): Next {
  const { task, failing, caller } = place;
  for (let region = from; region !== undefined; region = region.outer) {
    const part = partAt(region, task);
    if (canRescue(region, part)) return at(place, region.rescue.start);
    if (part !== 'always' && region.always.end > region.always.start) {
      return { ...at(place, region.always.start), failing: [...failing, region] };
    }
  }
  return caller === undefined ? 'failed' : afterFailure(caller);
}

function at({ list, failing, caller, values }: Place, task: number): Place {
  return { list, task, item: 0, attempt: 1, failing, caller, values };
}

function canRescue({ rescue }: Region, part: Part): boolean {
  return part === 'body' && rescue.end > rescue.start;
}

const AHEAD = new WeakMap<TaskList, readonly number[]>();

/** For each task how many tasks of the list there are from it to the end, itself among them. */
function aheadOf(list: TaskList): readonly number[] {
  let ahead = AHEAD.get(list);
  if (ahead === undefined) {
    const counts: number[] = [];
    const place: Place = {
      list,
      task: 0,
      item: 0,
      attempt: 1,
      failing: [],
      caller: undefined,
      values: NO_VALUES,
    };
    for (let task = list.tasks.length - 1; task >= 0; task -= 1) {
      const next = following(at(place, task));
      counts[task] = 1 + (typeof next === 'string' ? 0 : (counts[next.task] ?? 0));
    }
    ahead = counts;
    AHEAD.set(list, ahead);
  }
  return ahead;
}
