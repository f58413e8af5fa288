// Whether anything in a play asks for facts: a program per host is only sent for them if so.
import type { Test } from './inherited.ts';
import type { PlayScopes } from './play-scopes.ts';
import { tasksOf } from './play-tasks.ts';
import type { ProjectFiles } from './project-files.ts';
import type { ResolvedPlay } from './resolved-play.ts';
import type { ResolvedTask } from './resolved-task.ts';

/** True where a task's own text, a template file or a variable behind either names `facts`, on any host. */
export function asksForFacts(play: ResolvedPlay, scopes: PlayScopes, files: ProjectFiles): boolean {
  const tasks = tasksOf(play);
  const names = new Map(tasks.map((task) => [task, namesOf(task, files)] as const));
  if ([...names.values()].some((each) => each.has('facts'))) return true;
  const state = { facts: undefined, results: new Map(), pending: new Set<string>() };
  return play.hosts.some((host) =>
    tasks.some((task) => scopes.scope(host, task, state).reaches(names.get(task) ?? [], 'facts')),
  );
}

const NAMES = new WeakMap<ResolvedTask, ReadonlySet<string>>();

/** Every variable that a task's own text names. */
export function namesOf(task: ResolvedTask, files: ProjectFiles): ReadonlySet<string> {
  let names = NAMES.get(task);
  if (names === undefined) {
    names = namesIn(task, files);
    NAMES.set(task, names);
  }
  return names;
}

function namesIn(task: ResolvedTask, files: ProjectFiles): ReadonlySet<string> {
  const names = new Set<string>();
  const add = (more: Iterable<string> | undefined): void => {
    for (const name of more ?? []) names.add(name);
  };
  const addTests = (tests: readonly Test[]): void => {
    for (const test of tests) if (typeof test !== 'boolean') add(test.references);
  };
  add(task.args.references);
  add(task.loop?.over.references);
  add(task.loop?.label?.references);
  add(task.retries?.references);
  add(task.delay?.references);
  add(task.delegateTo?.references);
  add(task.name?.references);
  for (const layer of task.environment) add(layer.references);
  for (const { conditions } of task.conditionArgs.values()) addTests(conditions);
  addTests([...task.when, ...(task.changedWhen ?? []), ...(task.failedWhen ?? []), ...(task.until ?? [])]);
  add(files.namesInTemplatesOf(task));
  return names;
}
