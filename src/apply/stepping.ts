// --step: before each task one question for all hosts of a batch, whether it shall run. A host that comes by a task later than
// the one that made the question gets the same answer.
import type { TaskLabel } from '../event.ts';
import type { Action } from '../plan/action.ts';
import type { Place } from '../plan/place.ts';
import { titleOf } from '../plan/plan-action.ts';
import type { WaveRequest } from '../plan/wave.ts';
import type { ResolvedTask } from '../resolve/resolved-task.ts';
import type { Person } from './errands/person.ts';

/** `no`: all hosts leave the task out. `cut`: the run ends, and nobody has answered. */
export type StepAnswer = 'yes' | 'no' | 'cut';

/** Of one play. */
export class Stepping {
  readonly #person: Person;
  readonly #signal: AbortSignal;
  /** Somebody said that the rest of the play may run. */
  #isThrough = false;

  constructor(person: Person, signal: AbortSignal) {
    this.#person = person;
    this.#signal = signal;
  }

  /** Whether nobody is asked any more. */
  get isThrough(): boolean {
    return this.#isThrough;
  }

  async ask({ title, place }: TaskLabel): Promise<StepAnswer> {
    if (this.#isThrough) return 'yes';
    const text = `Perform task: ${title} (${place.replace(/:\d+$/, '')}) (N)o/(y)es/(c)ontinue: `;
    const answer = await this.#person.ask({ text, echo: true }, this.#signal);
    if (answer.kind === 'cut') return 'cut';
    const word = answer.kind === 'nobody' ? 'no' : answer.text.trim().toLowerCase();
    if (word === 'c' || word === 'continue') this.#isThrough = true;
    return this.#isThrough || word === 'y' || word === 'yes' ? 'yes' : 'no';
  }
}

/** The answers of one batch. */
export class StepAnswers {
  readonly #stepping: Stepping;
  readonly #answers = new Map<string, Promise<StepAnswer>>();
  /** How often each host has come by each task: one in a loop of an include is asked about each time. */
  readonly #times = new Map<string, number>();

  constructor(stepping: Stepping) {
    this.#stepping = stepping;
  }

  get isThrough(): boolean {
    return this.#stepping.isThrough;
  }

  mayRun(host: string, place: Place, label: TaskLabel): Promise<StepAnswer> {
    const here = keyOf(place, label.id);
    const mine = JSON.stringify([host, here]);
    const time = (this.#times.get(mine) ?? 0) + 1;
    this.#times.set(mine, time);
    const key = `${here}#${time}`;
    const answer = this.#answers.get(key) ?? this.#stepping.ask(label);
    this.#answers.set(key, answer);
    return answer;
  }
}

/** Not before words to the engine, and only once for a loop over an include, to which hosts come back for each item. */
export function isAskedAbout({ item }: Place, { module }: ResolvedTask): boolean {
  return module.name !== 'meta' && item === 0;
}

/** What stands for the task where it is not to run. */
export function leftOut(
  { values }: Place,
  task: ResolvedTask,
  { state, scopeFor }: Pick<WaveRequest, 'state' | 'scopeFor'>,
): Extract<Action, { kind: 'skipped' }> {
  const scope = scopeFor(task, state, values);
  const title = titleOf(task, scope);
  return {
    kind: 'skipped',
    task,
    title,
    item: undefined,
    scope,
    reason: 'somebody said no',
    leaves: 'unset',
  };
}

function keyOf({ caller }: Place, id: number): string {
  const path: number[] = [];
  for (let each = caller; each !== undefined; each = each.caller) path.push(each.task, each.item);
  return [id, ...path].join('.');
}
