// The engine: plays × batches × hosts. It emits events and keeps no other record; what a host does is its own file.
import { setMaxListeners } from 'node:events';
import type { Diagnostic } from '../diagnostic.ts';
import type { Emit, HostRecap } from '../event.ts';
import type { Host } from '../host/host.ts';
import type { GrowingInventory } from '../load/inventory/growing-inventory.ts';
import { notedPlay, STATE_FOLDER } from '../plan/handler-notes.ts';
import type { ActionContext } from '../plan/plan-action.ts';
import type { Values } from '../render/shape.ts';
import type { RunState } from '../resolve/host-scope.ts';
import type { PlayScopes } from '../resolve/play-scopes.ts';
import { tasksOf } from '../resolve/play-tasks.ts';
import type { ProjectFiles } from '../resolve/project-files.ts';
import type { ResolvedPlay } from '../resolve/resolved-play.ts';
import type { ResolvedTask } from '../resolve/resolved-task.ts';
import type { StartAt } from '../resolve/start-at.ts';
import { batchesOf, type NamedPeers, peersOf } from './batches.ts';
import { type Clock, systemClock } from './clock.ts';
import { NOBODY, type Person } from './errands/person.ts';
import { needsLockStep, reasonToStop, reasonToStopBatches } from './failure-policy.ts';
import { FleetRuns } from './fleet-runs.ts';
import type { GuardWishes, PlayGuard } from './guarding.ts';
import { runHostPlay } from './host-play.ts';
import type { HostRun } from './host-run.ts';
import { aroundNow, Meeting } from './meeting.ts';
import { OnceTable } from './once.ts';
import type { HostPlayContext } from './play-context.ts';
import { Slots } from './slots.ts';
import { StepAnswers, Stepping } from './stepping.ts';
import { Turnstile } from './turnstile.ts';

export interface EnginePlay {
  readonly play: ResolvedPlay;
  readonly scopes: PlayScopes;
  /** Beside its playbook. */
  readonly files: ProjectFiles;
  readonly needsFacts: boolean;
  /** Of the run. */
  readonly inventory: GrowingInventory;
  /** They read what other hosts find out in the play, and wait until those have come as far. */
  readonly readers: ReadonlySet<ResolvedTask>;
  /** Asked when the play starts. Undefined: its hosts are known before the run. */
  readonly renew?: () => RenewedPlay;
  /** Of which some part is only known when they run. */
  readonly lateIncludes: ReadonlySet<ResolvedTask>;
  /** Undefined: its changes stay, come what may. */
  readonly guard?: GuardWishes;
  /** No two of them are in one batch. */
  readonly peers?: NamedPeers;
  /** Undefined: hosts begin at the first task. */
  readonly start?: StartAt;
  /** Where its actions are those of a plan. */
  readonly planned?: ActionContext['planned'];
}

/** A play with the hosts that there are when it starts. */
export interface RenewedPlay {
  readonly play: EnginePlay;
  /** What is wrong with hosts that nobody could check before: the play does not begin. */
  readonly diagnostics: readonly Diagnostic[];
}

export interface EngineOptions {
  readonly plays: readonly EnginePlay[];
  /** The way to a host; called once for each host of the run. */
  readonly hostFor: (name: string) => Host;
  /** A way to a host beside the one in use, where one can be cut off from it (guard). */
  readonly anotherWay?: PlayGuard['anotherWay'];
  readonly actions: Pick<ActionContext, 'mode' | 'diff' | 'audit'>;
  /** Asked before the first task of a play: whether it may begin on the host, which has been told why not. */
  readonly admit?: HostPlayContext['admit'];
  /** Told what each action came by. */
  readonly watch?: HostPlayContext['watch'];
  readonly forks: number;
  readonly emit: Emit;
  /** When aborted, hosts end as interrupted and no new wave starts. */
  readonly signal: AbortSignal;
  /** Default: the system's. */
  readonly clock?: Clock;
  /** Default: nobody. */
  readonly person?: Person;
  /** They are asked before each task. */
  readonly step?: boolean;
  /** Actions in one wave; default 200, beyond which there is nothing to gain. 1 is one task after the other. */
  readonly waveLimit?: number;
  /** Where hosts remember handlers for root; default /var/lib/fairlead. */
  readonly stateFolder?: string;
}

const WAVE_LIMIT = 200;

/** Runs all plays; what went wrong on hosts is in the recap. Rejects only for bugs. */
export async function runPlays(options: EngineOptions): Promise<readonly HostRecap[]> {
  const startMs = performance.now();
  const { emit, actions, signal } = options;
  setMaxListeners(0, signal); // each host listens: thousands are no leak
  const names = [...new Set(options.plays.flatMap(({ play }) => play.hosts))];
  const runs = new FleetRuns(options.hostFor, emit);
  runs.add(names);
  emit({ kind: 'run-started', hosts: names, mode: actions.mode });
  try {
    for (const [index, each] of options.plays.entries()) {
      const later = options.plays.slice(index + 1);
      const reason = await runPlay(each, { ...options, runs, later });
      const isOver = !signal.aborted && (reason !== undefined || later.length === 0);
      if (isOver) for (const run of runs.all()) run.finish();
      if (reason === undefined) continue;
      const isKeptFromSomething = runs.all().some((run) => run.isActive || run.status === 'stopped');
      if (isKeptFromSomething) emit({ kind: 'rollout-stopped', play: each.play.name, reason });
      break;
    }
  } finally {
    await runs.close();
  }
  const recap = runs.all().map((run) => {
    run.leave(signal.aborted ? 'interrupted' : 'stopped');
    return run.recap(actions.mode);
  });
  emit({ kind: 'run-ended', recap, elapsedMs: performance.now() - startMs });
  return recap;
}

interface Underway extends EngineOptions {
  readonly runs: FleetRuns;
  /** Plays behind the one that is run. */
  readonly later: readonly EnginePlay[];
}

/** Why the rollout stops here, or undefined. */
async function runPlay(written: EnginePlay, options: Underway): Promise<string | undefined> {
  const { emit, signal, runs } = options;
  const { play: each, diagnostics } = written.renew?.() ?? { play: written, diagnostics: [] };
  const { play } = each;
  runs.add(play.hosts);
  const hosts = runs.of(play.hosts).filter((run) => run.isActive);
  for (const run of hosts) run.expectPlay();
  emit({ kind: 'play-started', play: play.name, hosts: hosts.map((run) => run.name) });
  if (diagnostics.length > 0) {
    emit({ kind: 'play-refused', play: play.name, diagnostics });
    for (const run of hosts) run.end('failed');
    return 'the play does not fit hosts that have been added';
  }
  const batches = batchesOf(hosts, play.serial, peersOf(each.peers ?? []));
  const stepping = options.step === true ? new Stepping(options.person ?? NOBODY, signal) : undefined;
  for (const [index, batch] of batches.entries()) {
    if (signal.aborted) return 'interrupted';
    emit({ kind: 'batch-started', index, count: batches.length, hosts: batch.map((run) => run.name) });
    const { endsPlay } = await runBatch(each, batch, { ...options, stepping });
    const stops = batches.length > 1 ? reasonToStopBatches : reasonToStop;
    const reason = signal.aborted ? undefined : stops(play, batch, runs.all());
    if (reason !== undefined) return reason;
    if (endsPlay) break;
  }
  return signal.aborted ? 'interrupted' : undefined;
}

async function runBatch(
  each: EnginePlay,
  batch: readonly HostRun[],
  options: Underway & { readonly stepping: Stepping | undefined },
): Promise<{ readonly endsPlay: boolean }> {
  const { signal, actions, forks, clock = systemClock(signal), stepping } = options;
  const { waveLimit = stepping === undefined ? WAVE_LIMIT : 1 } = options;
  const { play } = each;
  const slots = new Slots(forks);
  const all = options.runs.all();
  const throttles = new Map<number, Slots>();
  const mayGoOn = (): boolean => !signal.aborted && reasonToStop(play, batch, all) === undefined;
  let endsPlay = false;
  const names = batch.map((run) => run.name);
  const gathering = {
    batch,
    all: options.runs.of(play.hosts),
    stateOf: (name: string) => options.runs.memory(name).state,
  };
  const around = aroundNow(gathering);
  for (const run of batch) run.memory.around = around;
  const meeting =
    each.readers.size === 0
      ? undefined
      : new Meeting({ ...gathering, readers: each.readers, handlers: play.handlers });
  const onRound = (): boolean => {
    meeting?.round();
    return mayGoOn();
  };
  const isInStep = stepping !== undefined || needsLockStep(each);
  const lockStep = isInStep ? { turnstile: new Turnstile(names, onRound), slots } : undefined;
  const none: RunState = { facts: undefined, results: new Map(), pending: new Set() };
  const variablesOf = (host: string): Values => each.scopes.scope(host, undefined, none);
  const context: HostPlayContext = {
    ...each,
    actions: {
      ...actions,
      files: each.files,
      variablesOf,
      ...(each.planned !== undefined && { planned: each.planned }),
    },
    noted: notedPlay(play, twinsOf(play, options.plays)),
    stateFolder: options.stateFolder ?? STATE_FOLDER,
    lockStep,
    meeting,
    once: new OnceTable(names),
    slotsOf: (task) => {
      const own = throttles.get(task.id) ?? new Slots(task.throttle);
      throttles.set(task.id, own);
      return own;
    },
    endPlay: () => {
      endsPlay = true;
    },
    hostOf: (name) => options.runs.host(name),
    memoryOf: (name) => options.runs.memory(name),
    clock,
    guard: each.guard && {
      ...each.guard,
      probes: new Map(each.guard.probes),
      anotherWay: options.anotherWay ?? (() => undefined),
    },
    emit: options.emit,
    person: options.person ?? NOBODY,
    steps: stepping && new StepAnswers(stepping),
    signal,
    waveLimit,
    admit: options.admit,
    watch: options.watch,
  };
  const keepsConnection = options.plays.some((one) => tasksOf(one.play).some((task) => task.delegateTo));
  const work = async (run: HostRun): Promise<void> => {
    await runHostPlay(run, context);
    await run.endPlay({ isLast: isLastPlayOf(run.name, options.later), keepsConnection });
  };
  // Hosts that wait for each other share the slots wave by wave. Others keep theirs to the end of the play, so that
  // no more hosts than that are half done, or connected, at any time.
  await Promise.all(batch.map((run) => (lockStep === undefined ? slots.use(() => work(run)) : work(run))));
  return { endsPlay };
}

/** Plays of its name before it in its playbook. */
function twinsOf(play: ResolvedPlay, plays: readonly EnginePlay[]): number {
  const here = play.origin.span();
  return plays.filter(({ play: other }) => {
    const { file, line } = other.origin.span();
    return other.name === play.name && file === here.file && line < here.line;
  }).length;
}

function isLastPlayOf(host: string, later: readonly EnginePlay[]): 'yes' | 'no' | 'as far as is known' {
  if (later.some(({ play }) => play.hosts.includes(host))) return 'no';
  return later.some(({ renew }) => renew !== undefined) ? 'as far as is known' : 'yes';
}
