// What the tasks of a play ask for that nobody knows before it runs: facts (a program per host is only sent for them if
// something asks), and what other hosts will have found out by then (hosts have to wait for each other only for that).
import { type HostReads, isEmpty, merged } from '../render/host-reads.ts';
import type { RunState } from './host-scope.ts';
import { mayGrowInventory, namesIncludedBy, namesSetBy } from './names-set.ts';
import type { PlayScopes } from './play-scopes.ts';
import { tasksOf } from './play-tasks.ts';
import type { ProjectFiles } from './project-files.ts';
import type { ResolvedPlay } from './resolved-play.ts';
import type { ResolvedTask } from './resolved-task.ts';

const NOTHING_SAID: RunState = { facts: undefined, results: new Map(), pending: new Set() };

/** True where a task's own text, a template file or a variable behind either names `facts`, on any host. */
export function asksForFacts(play: ResolvedPlay, scopes: PlayScopes, files: ProjectFiles): boolean {
  const tasks = tasksOf(play);
  if (tasks.some((task) => namesOf(task, files).has('facts'))) return true;
  const states = statesIn(tasks);
  const reachesFacts = (task: ResolvedTask, host: string): boolean =>
    states.some((state) => scopes.scope(host, task, state).reaches(namesOf(task, files), 'facts'));
  if (play.hosts.some((host) => tasks.some((task) => reachesFacts(task, host)))) return true;
  return tasks.some((task) =>
    leadsTo(readsOf(task, { play, scopes, files, states }).reads, new Set(['facts']), scopes),
  );
}

/**
 * Tasks that may read through hostvars what the play itself finds out (results, variables that tasks set, facts if they
 * are gathered), or ask who is still in the play.
 */
export function tasksThatReadOthers(
  play: ResolvedPlay,
  { scopes, files, needsFacts }: { scopes: PlayScopes; files: ProjectFiles; needsFacts: boolean },
): ReadonlySet<ResolvedTask> {
  const tasks = tasksOf(play);
  const awaited = new Set([
    ...tasks.flatMap((task) => [...namesSetBy(task), ...namesIncludedBy(task)]),
    ...(needsFacts ? ['facts'] : []),
  ]);
  const states = statesIn(tasks);
  const whoIsIn = tasks.some(mayGrowInventory) ? [...WHO_IS_IN, 'groups'] : WHO_IS_IN;
  const readsOthers = (task: ResolvedTask): boolean => {
    const { reads, asksWhoIsIn } = readsOf(task, { play, scopes, files, states, whoIsIn });
    if (asksWhoIsIn) return true;
    return awaited.size > 0 && (reads.isOpen || leadsTo(reads, awaited, scopes));
  };
  return new Set(tasks.filter(readsOthers));
}

/** What is known before the play, and then with each set of variables that one of its tasks reads from files. */
function statesIn(tasks: readonly ResolvedTask[]): readonly RunState[] {
  const layers = tasks.flatMap((task) => task.variables?.loaded() ?? []);
  return [NOTHING_SAID, ...layers.map((included) => ({ ...NOTHING_SAID, included }))];
}

/** They change when a host fails; `groups`, too, where tasks sort hosts into some. */
const WHO_IS_IN = ['ansible_play_hosts', 'ansible_play_batch', 'play_hosts'];

/** Whether what is read of other hosts is one of `wanted`, or rests on it. */
function leadsTo({ names }: HostReads, wanted: ReadonlySet<string>, scopes: PlayScopes): boolean {
  if (names.size === 0) return false;
  if ([...names].some((name) => wanted.has(name))) return true;
  for (const host of scopes.hosts()) {
    for (const template of scopes.shown(host).behind(names)) {
      for (const name of template.references) if (wanted.has(name)) return true;
    }
  }
  return false;
}

/** What a task may ask of other hosts: by its own text, or through variables on any of its hosts. */
function readsOf(
  task: ResolvedTask,
  about: {
    readonly play: ResolvedPlay;
    readonly scopes: PlayScopes;
    readonly files: ProjectFiles;
    readonly states: readonly RunState[];
    /** Names of which the other hosts decide. */
    readonly whoIsIn?: readonly string[];
  },
): { readonly reads: HostReads; readonly asksWhoIsIn: boolean } {
  const { play, scopes, files, states, whoIsIn = WHO_IS_IN } = about;
  const names = namesOf(task, files);
  const direct = OWN_READS.get(task) ?? ownReads(task, files);
  OWN_READS.set(task, direct);
  const all = [direct];
  let asksWhoIsIn = whoIsIn.some((name) => names.has(name));
  for (const host of play.hosts) {
    for (const state of states) {
      for (const { references, hostReads } of scopes.scope(host, task, state).behind(names)) {
        if (!isEmpty(hostReads)) all.push(hostReads);
        asksWhoIsIn ||= whoIsIn.some((name) => references.has(name));
      }
    }
  }
  return { reads: all.length === 1 ? direct : merged(all), asksWhoIsIn };
}

const OWN_READS = new WeakMap<ResolvedTask, HostReads>();

function ownReads(task: ResolvedTask, files: ProjectFiles): HostReads {
  return merged([...partsOf(task).map(({ hostReads }) => hostReads), ...files.hostReadsInTemplatesOf(task)]);
}

const NAMES = new WeakMap<ResolvedTask, ReadonlySet<string>>();

/** Every variable that a task's own text names. */
export function namesOf(task: ResolvedTask, files: ProjectFiles): ReadonlySet<string> {
  let names = NAMES.get(task);
  if (names === undefined) {
    const own = partsOf(task).flatMap(({ references }) => [...references]);
    names = new Set([...own, ...files.namesInTemplatesOf(task)]);
    NAMES.set(task, names);
  }
  return names;
}

interface Part {
  readonly references: ReadonlySet<string>;
  readonly hostReads: HostReads;
}

/** Templates and conditions of a task. */
function partsOf(task: ResolvedTask): readonly Part[] {
  const { args, loop, retries, delay, async, poll, delegateTo, name, environment, conditionArgs } = task;
  const isPart = (each: unknown): each is Part => typeof each === 'object';
  const conditions = [...conditionArgs.values()].flatMap((each) => each.conditions);
  const tests = [
    ...task.when,
    ...(task.changedWhen ?? []),
    ...(task.failedWhen ?? []),
    ...(task.until ?? []),
  ];
  const all: readonly unknown[] = [
    args,
    loop?.over,
    loop?.label,
    retries,
    delay,
    async,
    poll,
    delegateTo,
    name,
    ...environment,
    ...conditions,
    ...tests,
  ];
  return all.filter(isPart);
}
