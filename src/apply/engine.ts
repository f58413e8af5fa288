// The engine: plays × batches × hosts. It emits events and keeps no other record; what a host does is its own file.
import type { Emit, HostRecap } from '../event.ts';
import type { Host } from '../host/host.ts';
import type { ActionContext } from '../plan/plan-action.ts';
import type { PlayScopes } from '../resolve/play-scopes.ts';
import type { ResolvedPlay } from '../resolve/resolved-play.ts';
import { batchesOf, needsLockStep, reasonToStop } from './failure-policy.ts';
import { runHostPlay } from './host-play.ts';
import { HostRun } from './host-run.ts';
import { Slots } from './slots.ts';
import { LockStep, NO_TURNSTILE } from './turnstile.ts';

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
}

/** Runs all plays; what went wrong on hosts is in the recap. Rejects only for bugs. */
export async function runPlays(options: EngineOptions): Promise<readonly HostRecap[]> {
  const started = performance.now();
  const { emit, actions } = options;
  const names = [...new Set(options.plays.flatMap(({ play }) => play.hosts))];
  const runs = new Map(names.map((name) => [name, new HostRun(name, options.hostFor(name), emit)] as const));
  emit({ kind: 'run-started', hosts: names, mode: actions.mode });
  try {
    for (const each of options.plays) {
      const reason = await runPlay(each, runs, options);
      if (reason === undefined) continue;
      emit({ kind: 'rollout-stopped', play: each.play.name, reason });
      break;
    }
  } finally {
    await Promise.all([...runs.values()].map((run) => run.host.close()));
  }
  const recap = [...runs.values()].map((run) => {
    if (options.signal.aborted) run.end('interrupted');
    return run.recap(actions.mode);
  });
  emit({ kind: 'run-ended', recap, elapsedMs: performance.now() - started });
  return recap;
}

/** Why the rollout stops here, or undefined. */
async function runPlay(
  each: EnginePlay,
  runs: ReadonlyMap<string, HostRun>,
  options: EngineOptions,
): Promise<string | undefined> {
  const { play } = each;
  const hosts = play.hosts.flatMap((name) => runs.get(name) ?? []).filter((run) => run.isActive);
  options.emit({ kind: 'play-started', play: play.name, hosts: hosts.map((run) => run.name) });
  const batches = batchesOf(hosts, play.serial);
  for (const [index, batch] of batches.entries()) {
    if (options.signal.aborted) return 'interrupted';
    const batchNames = batch.map((run) => run.name);
    options.emit({ kind: 'batch-started', index, count: batches.length, hosts: batchNames });
    await runBatch(each, batch, options);
    for (const run of batch) {
      if (!run.isActive || isLastPlayOf(run.name, each, options)) {
        await run.host.close();
        options.emit({ kind: 'host-finished', host: run.name, status: run.status });
      }
    }
    const reason = reasonToStop(play, batch);
    if (reason !== undefined) return reason;
  }
  return undefined;
}

async function runBatch(each: EnginePlay, batch: readonly HostRun[], options: EngineOptions): Promise<void> {
  const { play, scopes, needsFacts } = each;
  const mayGoOn = (): boolean => !options.signal.aborted && reasonToStop(play, batch) === undefined;
  const turnstile = needsLockStep(play)
    ? new LockStep(
        batch.map((run) => run.name),
        mayGoOn,
      )
    : NO_TURNSTILE;
  const slots = new Slots(options.forks);
  const context = { play, scopes, actions: options.actions, needsFacts, slots, turnstile };
  await Promise.all(batch.map((run) => runHostPlay(run, context)));
}

function isLastPlayOf(host: string, current: EnginePlay, { plays }: EngineOptions): boolean {
  return !plays.slice(plays.indexOf(current) + 1).some(({ play }) => play.hosts.includes(host));
}
