// Tasks in the order they run, as one flat list however deep their blocks are nested, and beside it a table of regions:
// for each task the innermost block around it. Like the exception table of a compiled program, it says where a host goes
// on when a task has failed. How hosts walk the list is the business of plan/place.ts.
//
//   tasks    0 1 2 3 4 5 6 7 8
//   block      [body ][resc][always]     the parts of a block follow each other
import type { Origin } from '../load/source.ts';
import type { ResolvedTask } from './resolved-task.ts';

/** The end is that of the last task plus one. */
export interface Range {
  readonly start: number;
  readonly end: number;
}

export type Part = 'body' | 'rescue' | 'always';

export interface Region extends Readonly<Record<Part, Range>> {
  readonly outer: Region | undefined;
  /** The block as it was written, for people. */
  readonly written: BlockWritten;
}

export interface BlockWritten {
  readonly name: string | undefined;
  readonly origin: Origin;
}

export interface TaskList {
  readonly tasks: readonly ResolvedTask[];
  /** The innermost of each task. */
  readonly regions: readonly (Region | undefined)[];
}

/** A list without blocks. */
export function plainList(tasks: readonly ResolvedTask[]): TaskList {
  return { tasks, regions: tasks.map(() => undefined) };
}

/** The part of the region that the task with this index is in. */
export function partAt({ body, rescue }: Region, index: number): Part {
  if (index < body.end) return 'body';
  return index < rescue.end ? 'rescue' : 'always';
}

/** Whether the task with this index only runs after a failure. */
export function isInRescue({ regions }: TaskList, index: number): boolean {
  for (let region = regions[index]; region !== undefined; region = region.outer) {
    if (partAt(region, index) === 'rescue') return true;
  }
  return false;
}

/** Grows a list. */
export class TaskListBuilder {
  readonly #tasks: ResolvedTask[] = [];
  readonly #regions: (Region | undefined)[] = [];
  #region: Region | undefined;

  add(task: ResolvedTask): void {
    this.#tasks.push(task);
    this.#regions.push(this.#region);
  }

  /** Each of the functions adds the tasks of its part. Where the body stays empty, nothing can be rescued. */
  addBlock(parts: Readonly<Record<Part, () => void>>, written: BlockWritten): void {
    const region = { body: NOWHERE, rescue: NOWHERE, always: NOWHERE, outer: this.#region, written };
    this.#region = region;
    region.body = this.#range(parts.body);
    const end = region.body.end;
    region.rescue = region.body.start === end ? { start: end, end } : this.#range(parts.rescue);
    region.always = this.#range(parts.always);
    this.#region = region.outer;
  }

  build(): TaskList {
    return { tasks: this.#tasks, regions: this.#regions };
  }

  #range(add: () => void): Range {
    const start = this.#tasks.length;
    add();
    return { start, end: this.#tasks.length };
  }
}

const NOWHERE: Range = { start: 0, end: 0 };
