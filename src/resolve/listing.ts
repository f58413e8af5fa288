// What a play would run, for people and programs that ask before it does: blocks as they are nested, includes with all that
// they are known to bring in. Nothing is evaluated here: names are as they were written.
import type { ListedNode, ListedPlace, ListedTask, PlayListing } from '../listing.ts';
import type { Origin } from '../load/source.ts';
import type { Entry } from '../modules/module.ts';
import type { ResolvedPlay } from './resolved-play.ts';
import type { ResolvedTask } from './resolved-task.ts';
import type { StartAt } from './start-at.ts';
import { isInRescue, type Range, type Region, type TaskList } from './task-list.ts';

export interface ListingOptions {
  /** Includes of which some part is only known when they run. */
  readonly lateIncludes: ReadonlySet<ResolvedTask>;
  /** What stands before it is left out. */
  readonly start?: StartAt | undefined;
  /** Takes secrets out of names. */
  readonly mask?: ((text: string) => string) | undefined;
}

export function listPlay(play: ResolvedPlay, options: ListingOptions): PlayListing {
  const lister = new Lister(options);
  const tasks = play.sections.flatMap(({ list }) => lister.nodesOf(list));
  return {
    name: lister.mask(play.name),
    pattern: play.pattern,
    place: placeOf(play.origin),
    tags: [...play.tags].sort(),
    hosts: play.hosts,
    tasks,
    taskTags: [...new Set(tasks.flatMap(tagsIn))].sort(),
  };
}

class Lister {
  readonly #lateIncludes: ReadonlySet<ResolvedTask>;
  readonly #start: StartAt | undefined;
  #hasStarted: boolean;
  /** Lists that are being walked: one that includes itself is listed once. */
  readonly #open = new Set<TaskList>();
  readonly mask: (text: string) => string;

  constructor({ lateIncludes, start, mask = (text) => text }: ListingOptions) {
    this.mask = mask;
    this.#lateIncludes = lateIncludes;
    this.#start = start;
    this.#hasStarted = start === undefined;
  }

  nodesOf(list: TaskList): readonly ListedNode[] {
    if (this.#open.has(list)) return [];
    this.#open.add(list);
    const nodes = this.#nodesIn(list, { start: 0, end: list.tasks.length }, undefined);
    this.#open.delete(list);
    return nodes;
  }

  #nodesIn(list: TaskList, { start, end }: Range, outer: Region | undefined): readonly ListedNode[] {
    const nodes: ListedNode[] = [];
    for (let index = start; index < end; ) {
      const region = regionBelow(outer, list.regions[index]);
      const task = list.tasks[index];
      if (region !== undefined) {
        nodes.push(...this.#block(list, region));
        index = region.always.end;
      } else {
        if (task !== undefined) nodes.push(...this.#task(task, isInRescue(list, index)));
        index += 1;
      }
    }
    return nodes;
  }

  #block(list: TaskList, region: Region): readonly ListedNode[] {
    const { name, origin } = region.written;
    const shown = name === undefined ? undefined : this.mask(name);
    const body = this.#nodesIn(list, region.body, region);
    const rescue = this.#nodesIn(list, region.rescue, region);
    const always = this.#nodesIn(list, region.always, region);
    const isEmpty = body.length + rescue.length + always.length === 0;
    return isEmpty ? [] : [{ kind: 'block', name: shown, place: placeOf(origin), body, rescue, always }];
  }

  #task(task: ResolvedTask, isInRescuePart: boolean): readonly ListedNode[] {
    if (!isInRescuePart && this.#start?.isHere(task)) this.#hasStarted = true;
    const isBefore = !this.#hasStarted;
    if (task.include === undefined) return isBefore ? [] : [this.#listed(task)];
    if (isBefore && (isInRescuePart || !this.#start?.leadsThere(task))) return [];
    const brings = task.include
      .entries()
      .map(({ entry, list }) => ({ name: this.mask(nameOf(entry)), tasks: this.nodesOf(list) }));
    const isLate = this.#lateIncludes.has(task);
    const when = isLate ? 'late' : brings.length > 0 ? 'known' : 'nowhere';
    return [{ ...this.#listed(task), kind: 'include', when, brings }];
  }

  #listed(task: ResolvedTask): ListedTask {
    const { writtenName, module, role, origin, tags } = task;
    const name = writtenName === undefined ? module.name : this.mask(writtenName);
    return {
      kind: 'task',
      title: role === undefined ? name : `${role.role.name} : ${name}`,
      module: module.name,
      role: role?.role.name,
      place: placeOf(origin),
      tags: [...tags].sort(),
    };
  }
}

/** The outermost region around a task that lies within `outer`. */
function regionBelow(outer: Region | undefined, innermost: Region | undefined): Region | undefined {
  let region = innermost;
  while (region !== undefined && region !== outer && region.outer !== outer) region = region.outer;
  return region === outer ? undefined : region;
}

function nameOf(entry: Entry): string {
  return entry.kind === 'tasks' ? entry.file : `role ${entry.name}`;
}

function placeOf(origin: Origin): ListedPlace {
  const { file, line, column } = origin.span();
  return { file, line, column };
}

function tagsIn(node: ListedNode): readonly string[] {
  switch (node.kind) {
    case 'task':
      return node.tags;
    case 'include':
      return [...node.tags, ...node.brings.flatMap(({ tasks }) => tasks.flatMap(tagsIn))];
    case 'block':
      return [...node.body, ...node.rescue, ...node.always].flatMap(tagsIn);
  }
}
