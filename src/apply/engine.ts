// The engine: plays × batches × hosts. It emits events and keeps no other record; what a host does is its own file.
import { setMaxListeners } from 'node:events';
import type { Emit, HostRecap } from '../event.ts';
import type { Host } from '../host/host.ts';
import type { ActionContext } from '../plan/plan-action.ts';
import type { PlayScopes } from '../resolve/play-scopes.ts';
import type { ResolvedPlay } from '../resolve/resolved-play.ts';
import { type Clock, systemClock } from './clock.ts';
import { batchesOf, needsLockStep, reasonToStop } from './failure-policy.ts';
import { runHostPlay } from './host-play.ts';
import { HostRun } from './host-run.ts';
import { Slots } from './slots.ts';
import { Turnstile } from './turnstile.ts';

export interface EnginePlay {
  readonly play: ResolvedPlay;
  readonly scopes: PlayScopes;
  readonly needsFacts: boolean;
}

export interface EngineOptions {
  readonly plays: readonly EnginePlay[];
  /** The way to a host; called once for each host of the run. */
  readonly hostFor: (name: string) => Host;
  readonly actions: ActionContext;
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
  const runs = new Map(names.map((name) => [name, new HostRun(name, options.hostFor(name), emit)] as const));
  emit({ kind: 'run-started', hosts: names, mode: actions.mode });
  try {
    for (const each of options.plays) {
      const reason = await runPlay(each, runs, options);
      if (reason === undefined) continue;
      const isKeptFromSomething = [...runs.values()].some((run) => run.isActive || run.status === 'stopped');
      if (isKeptFromSomething) emit({ kind: 'rollout-stopped', play: each.play.name, reason });
      break;
    }
  } finally {
    await Promise.all([...runs.values()].map((run) => run.host.close()));
  }
  const recap = [...runs.values()].map((run) => {
    run.leave(signal.aborted ? 'interrupted' : 'stopped');
    return run.recap(actions.mode);
  });
  emit({ kind: 'run-ended', recap, elapsedMs: performance.now() - startMs });
  return recap;
}

/** Why the rollout stops here, or undefined. */
async function runPlay(
  each: EnginePlay,
  runs: ReadonlyMap<string, HostRun>,
  options: EngineOptions,
): Promise<string | undefined> {
  const { play } = each;
  const { emit, signal } = options;
  const hosts = play.hosts.flatMap((name) => runs.get(name) ?? []).filter((run) => run.isActive);
  emit({ kind: 'play-started', play: play.name, hosts: hosts.map((run) => run.name) });
  const batches = batchesOf(hosts, play.serial);
  for (const [index, batch] of batches.entries()) {
    if (signal.aborted) return 'interrupted';
    emit({ kind: 'batch-started', index, count: batches.length, hosts: batch.map((run) => run.name) });
    await runBatch(each, batch, options);
    const reason = signal.aborted ? undefined : reasonToStop(play, batch);
    if (reason !== undefined) return reason;
  }
  return signal.aborted ? 'interrupted' : undefined;
}

async function runBatch(each: EnginePlay, batch: readonly HostRun[], options: EngineOptions): Promise<void> {
  const { signal, actions, forks, clock = systemClock(signal), waveLimit = WAVE_LIMIT } = options;
  const { play } = each;
  const slots = new Slots(forks);
  const mayGoOn = (): boolean => !signal.aborted && reasonToStop(play, batch) === undefined;
  const names = batch.map((run) => run.name);
  const lockStep = needsLockStep(play) ? { turnstile: new Turnstile(names, mayGoOn), slots } : undefined;
  const context = { ...each, actions, lockStep, clock, signal, waveLimit };
  const work = async (run: HostRun): Promise<void> => {
    await runHostPlay(run, context);
    await run.endPlay({ isLast: isLastPlayOf(run.name, each, options) });
  };
  // Hosts that wait for each other share the slots wave by wave. Others keep theirs to the end of the play, so that
  // no more hosts than that are half done, or connected, at any time.
  await Promise.all(batch.map((run) => (lockStep === undefined ? slots.use(() => work(run)) : work(run))));
}

function isLastPlayOf(host: string, current: EnginePlay, { plays }: EngineOptions): boolean {
  return !plays.slice(plays.indexOf(current) + 1).some(({ play }) => play.hosts.includes(host));
}
