// The guard of one host in one play: which waves it goes with, and how the host comes out of the play with it.
import type { Emit } from '../event.ts';
import { type GuardEnd, type GuardPlan, HostGuard } from '../guard/host-guard.ts';
import type { Probe } from '../guard/probes.ts';
import type { Become, Host } from '../host/host.ts';
import { ArgumentError } from '../modules/module.ts';
import { becomeOf } from '../plan/plan-action.ts';
import type { Wave } from '../plan/wave.ts';
import { touchesNetwork } from '../resolve/play-guard.ts';
import type { PlayScopes } from '../resolve/play-scopes.ts';
import { tasksOf } from '../resolve/play-tasks.ts';
import type { ResolvedPlay } from '../resolve/resolved-play.ts';
import { unreachable } from '../unreachable.ts';
import type { Clock } from './clock.ts';
import type { HostRun } from './host-run.ts';

/** What the user's files say of how a play is guarded: plain data, for it is kept in files, too. */
export interface GuardWishes {
  readonly plan: GuardPlan;
  /** `with the network`: nobody knows of a task that touches it, and includes may still bring one in. */
  readonly begins: 'at once' | 'with the network';
  /** Of hosts that have some. */
  readonly probes: readonly (readonly [host: string, probes: readonly Probe[]])[];
}

/** A way to a host beside the one in use. */
export interface OtherWay {
  readonly connectMs: number;
  /** By another address of its own. */
  readonly reachedAt?: { readonly address: string; readonly port: number | undefined };
}

/** What a play's hosts are guarded with. */
export interface PlayGuard extends Omit<GuardWishes, 'probes'> {
  readonly probes: ReadonlyMap<string, readonly Probe[]>;
  /** Undefined: it cannot be cut off (connection local). */
  readonly anotherWay: (host: string, way: OtherWay) => Host | undefined;
}

export interface GuardingOptions {
  readonly run: HostRun;
  readonly play: ResolvedPlay;
  readonly scopes: PlayScopes;
  /** Undefined: the play goes without. */
  readonly guard: PlayGuard | undefined;
  readonly clock: Clock;
  readonly emit: Emit;
}

export class Guarding {
  readonly #options: GuardingOptions;
  #guard: HostGuard | undefined;
  #hasBegun = false;

  constructor(options: GuardingOptions) {
    this.#options = options;
  }

  /** What the wave's changes go with; undefined: with nothing. */
  of(wave: Wave): HostGuard | undefined {
    const { guard } = this.#options;
    // What is done on another host in this one's name is not this one's to confirm.
    if (guard === undefined || wave.mode === 'check' || wave.delegate !== undefined) return undefined;
    if (isReboot(wave)) return undefined;
    this.#hasBegun ||= guard.begins === 'at once' || wave.actions.some(({ task }) => touchesNetwork(task));
    if (!this.#hasBegun) return undefined;
    this.#guard ??= this.#newGuard(guard);
    return this.#guard;
  }

  /** Undefined: the host cannot be cut off. */
  #newGuard({ plan, probes, anotherWay }: PlayGuard): HostGuard | undefined {
    const { run, clock, emit } = this.#options;
    // Several attempts fit into the half of the window that confirming may take.
    const connectMs = Math.max(1000, plan.windowS * 150);
    const way = (reachedAt?: OtherWay['reachedAt']) =>
      anotherWay(run.name, { connectMs, ...(reachedAt && { reachedAt }) });
    if (way() === undefined) return undefined;
    return new HostGuard({
      plan,
      host: run.host,
      anotherWay: () => way() ?? run.host,
      clock,
      tell: (message) => emit({ kind: 'guard-told', host: run.name, message }),
      note: (message) => emit({ kind: 'guard-told', host: run.name, message, verbosity: 1 }),
      root: () => this.#root(),
      probes: probes.get(run.name) ?? [],
      reach: { wayTo: (place) => way(place) ?? run.host, connectMs: Math.min(connectMs, PROBE_MS) },
    });
  }

  /** How to be root, in the words of the play or of any task of it. */
  #root(): Become | undefined {
    const { run, play, scopes } = this.#options;
    const { state } = run.memory;
    const ways = [play, ...tasksOf(play)].flatMap((each) => {
      const task = 'sections' in each ? undefined : each;
      if (task?.delegateTo !== undefined) return [];
      try {
        return becomeOf(each, scopes.scope(run.name, task, state)) ?? [];
      } catch (error) {
        // What is wrong with it the task itself tells.
        if (error instanceof ArgumentError) return [];
        throw error;
      }
    });
    const [first] = ways;
    return ways.find(({ user }) => user === 'root') ?? (first && { ...first, user: 'root' });
  }

  /** Undefined: nothing is to be confirmed. */
  get open(): HostGuard | undefined {
    return this.#guard?.isArmed === true ? this.#guard : undefined;
  }

  /** A reboot on purpose comes after what is confirmed: at boot, what is not would go back. */
  async settleBefore(wave: Wave): Promise<void> {
    if (isReboot(wave)) await this.settle();
  }

  /** Confirms what the host has been through, or goes back from it. */
  async settle(): Promise<void> {
    const { run, emit } = this.#options;
    const guard = this.#guard;
    if (guard?.isArmed !== true) return;
    run.working(run.isActive ? 'confirming' : 'going back', []);
    // It goes back by itself: nobody is there to wait for it.
    const end: GuardEnd =
      run.status === 'interrupted'
        ? { kind: 'interrupted' }
        : run.isActive
          ? await guard.confirm()
          : await guard.undo(reasonOf(run));
    switch (end.kind) {
      case 'confirmed':
        this.#guard = undefined;
        emit({ kind: 'guard-confirmed', host: run.name });
        return;
      case 'rolled-back':
        run.end('failed');
        run.wentBack(end.differences.length + end.failures.length === 0 ? 'as before' : 'not as before');
        emit({ ...end, kind: 'guard-rolled-back', host: run.name });
        return;
      case 'unseen':
        run.end('failed');
        run.wentBack('unseen');
        emit({ kind: 'guard-unseen', host: run.name, message: end.message });
        return;
      case 'interrupted':
        run.end('interrupted');
        run.wentBack('later');
        return;
      default:
        unreachable(end);
    }
  }
}

/** As long as a host waits for an answer (templates/guard/probes.sh). */
const PROBE_MS = 2000;

function isReboot({ actions }: Wave): boolean {
  return actions.some((action) => action.kind === 'host' && action.module.endsWave === 'alone');
}

function reasonOf({ status }: HostRun): string {
  return status === 'stopped' ? 'the rollout stopped before it was done' : 'a task failed';
}
