// The engine: plays × batches × hosts. It emits events and keeps no other record; what a host does is its own file.
import { setMaxListeners } from 'node:events';
import type { Emit, HostRecap } from '../event.ts';
import type { Host } from '../host/host.ts';
import type { ActionContext } from '../plan/plan-action.ts';
import type { Values } from '../render/shape.ts';
import type { RunState } from '../resolve/host-scope.ts';
import type { PlayScopes } from '../resolve/play-scopes.ts';
import { tasksOf } from '../resolve/play-tasks.ts';
import type { ProjectFiles } from '../resolve/project-files.ts';
import type { ResolvedPlay } from '../resolve/resolved-play.ts';
import { type Clock, systemClock } from './clock.ts';
import { batchesOf, needsLockStep, reasonToStop } from './failure-policy.ts';
import { type HostPlayContext, runHostPlay } from './host-play.ts';
import { HostRun } from './host-run.ts';
import { OnceTable } from './once.ts';
import { Slots } from './slots.ts';
import { Turnstile } from './turnstile.ts';

export interface EnginePlay {
  readonly play: ResolvedPlay;
  readonly scopes: PlayScopes;
  /** Beside its playbook. */
  readonly files: ProjectFiles;
  readonly needsFacts: boolean;
}

export interface EngineOptions {
  readonly plays: readonly EnginePlay[];
  /** The way to a host; called once for each host of the run. */
  readonly hostFor: (name: string) => Host;
  readonly actions: Pick<ActionContext, 'mode' | 'diff'>;
  readonly forks: number;
  readonly emit: Emit;
  /** When aborted, hosts end as interrupted and no new wave starts. */
  readonly signal: AbortSignal;
  /** Default: the system's. */
  readonly clock?: Clock;
  /** Actions in one wave; default 200, beyond which there is nothing to gain. 1 is one task after the other. */
  readonly waveLimit?: number;
}

const WAVE_LIMIT = 200;

/** Runs all plays; what went wrong on hosts is in the recap. Rejects only for bugs. */
export async function runPlays(options: EngineOptions): Promise<readonly HostRecap[]> {
  const startMs = performance.now();
  const { emit, actions, signal } = options;
  setMaxListeners(0, signal); // each host listens: thousands are no leak
  const names = [...new Set(options.plays.flatMap(({ play }) => play.hosts))];
  const hosts = new Map<string, Host>();
  const hostOf = (name: string): Host => {
    const host = hosts.get(name) ?? options.hostFor(name);
    hosts.set(name, host);
    return host;
  };
  const runs = new Map(names.map((name) => [name, new HostRun(name, hostOf(name), emit)] as const));
  emit({ kind: 'run-started', hosts: names, mode: actions.mode });
  try {
    for (const each of options.plays) {
      const reason = await runPlay(each, { ...options, runs, hostOf });
      if (reason === undefined) continue;
      const isKeptFromSomething = [...runs.values()].some((run) => run.isActive || run.status === 'stopped');
      if (isKeptFromSomething) emit({ kind: 'rollout-stopped', play: each.play.name, reason });
      break;
    }
  } finally {
    await Promise.all([...hosts.values()].map((host) => host.close()));
  }
  const recap = [...runs.values()].map((run) => {
    run.leave(signal.aborted ? 'interrupted' : 'stopped');
    return run.recap(actions.mode);
  });
  emit({ kind: 'run-ended', recap, elapsedMs: performance.now() - startMs });
  return recap;
}

interface Underway extends EngineOptions {
  readonly runs: ReadonlyMap<string, HostRun>;
  /** The way to any host, one for the whole run. */
  readonly hostOf: (name: string) => Host;
}

/** Why the rollout stops here, or undefined. */
async function runPlay(each: EnginePlay, options: Underway): Promise<string | undefined> {
  const { play } = each;
  const { emit, signal, runs } = options;
  const hosts = play.hosts.flatMap((name) => runs.get(name) ?? []).filter((run) => run.isActive);
  emit({ kind: 'play-started', play: play.name, hosts: hosts.map((run) => run.name) });
  const batches = batchesOf(hosts, play.serial);
  for (const [index, batch] of batches.entries()) {
    if (signal.aborted) return 'interrupted';
    emit({ kind: 'batch-started', index, count: batches.length, hosts: batch.map((run) => run.name) });
    const { endsPlay } = await runBatch(each, batch, options);
    const reason = signal.aborted ? undefined : reasonToStop(play, batch, [...options.runs.values()]);
    if (reason !== undefined) return reason;
    if (endsPlay) break;
  }
  return signal.aborted ? 'interrupted' : undefined;
}

async function runBatch(
  each: EnginePlay,
  batch: readonly HostRun[],
  options: Underway,
): Promise<{ readonly endsPlay: boolean }> {
  const { signal, actions, forks, clock = systemClock(signal), waveLimit = WAVE_LIMIT } = options;
  const { play } = each;
  const slots = new Slots(forks);
  const all = [...options.runs.values()];
  const throttles = new Map<number, Slots>();
  const mayGoOn = (): boolean => !signal.aborted && reasonToStop(play, batch, all) === undefined;
  let endsPlay = false;
  const names = batch.map((run) => run.name);
  const lockStep = needsLockStep(play) ? { turnstile: new Turnstile(names, mayGoOn), slots } : undefined;
  const none: RunState = { facts: undefined, results: new Map(), pending: new Set() };
  const variablesOf = (host: string): Values => each.scopes.scope(host, undefined, none);
  const context: HostPlayContext = {
    ...each,
    actions: { ...actions, files: each.files, variablesOf },
    lockStep,
    once: new OnceTable(names),
    slotsOf: (task) => {
      const own = throttles.get(task.id) ?? new Slots(task.throttle);
      throttles.set(task.id, own);
      return own;
    },
    endPlay: () => {
      endsPlay = true;
    },
    hostOf: options.hostOf,
    memoryOf: (name) => options.runs.get(name)?.memory,
    clock,
    signal,
    waveLimit,
  };
  const keepsConnection = options.plays.some((one) => tasksOf(one.play).some((task) => task.delegateTo));
  const work = async (run: HostRun): Promise<void> => {
    await runHostPlay(run, context);
    await run.endPlay({ isLast: isLastPlayOf(run.name, each, options), keepsConnection });
  };
  // Hosts that wait for each other share the slots wave by wave. Others keep theirs to the end of the play, so that
  // no more hosts than that are half done, or connected, at any time.
  await Promise.all(batch.map((run) => (lockStep === undefined ? slots.use(() => work(run)) : work(run))));
  return { endsPlay };
}

function isLastPlayOf(host: string, current: EnginePlay, { plays }: EngineOptions): boolean {
  return !plays.slice(plays.indexOf(current) + 1).some(({ play }) => play.hosts.includes(host));
}
