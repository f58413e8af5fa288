// The guard of one host in one play: which waves it goes with, and how the host comes out of the play with it.
import type { Emit } from '../event.ts';
import { type GuardEnd, type GuardPlan, HostGuard } from '../guard/host-guard.ts';
import type { Become, Host } from '../host/host.ts';
import type { Wave } from '../plan/wave.ts';
import { unreachable } from '../unreachable.ts';
import type { Clock } from './clock.ts';
import type { HostRun } from './host-run.ts';

/** What a play's hosts are guarded with. */
export interface PlayGuard {
  readonly plan: GuardPlan;
  /** A way to the host beside the one in use; undefined: it cannot be cut off (connection local). */
  readonly anotherWay: (host: string, limits: { readonly connectMs: number }) => Host | undefined;
}

export interface GuardingOptions {
  readonly run: HostRun;
  /** Undefined: the play goes without. */
  readonly guard: PlayGuard | undefined;
  readonly clock: Clock;
  readonly emit: Emit;
}

export class Guarding {
  readonly #options: GuardingOptions;
  #guard: HostGuard | undefined;

  constructor(options: GuardingOptions) {
    this.#options = options;
  }

  /** What the wave's changes go with; undefined: with nothing. */
  of(wave: Wave): HostGuard | undefined {
    const { run, guard, clock, emit } = this.#options;
    // What is done on another host in this one's name is not this one's to confirm.
    if (guard === undefined || wave.mode === 'check' || wave.delegate !== undefined) return undefined;
    if (isReboot(wave)) return undefined;
    if (this.#guard !== undefined) return this.#guard;
    // Several attempts fit into the half of the window that confirming may take.
    const limits = { connectMs: Math.max(1000, guard.plan.windowS * 150) };
    if (guard.anotherWay(run.name, limits) === undefined) return undefined;
    const become = rootOf(wave.become);
    this.#guard = new HostGuard({
      plan: guard.plan,
      host: run.host,
      anotherWay: () => guard.anotherWay(run.name, limits) ?? run.host,
      clock,
      tell: (message) => emit({ kind: 'guard-told', host: run.name, message }),
      become,
      ...(become !== undefined && become !== wave.become && { apart: become }),
    });
    return this.#guard;
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

function isReboot({ actions }: Wave): boolean {
  return actions.some((action) => action.kind === 'host' && action.module.endsWave === 'alone');
}

function rootOf(become: Become | undefined): Become | undefined {
  return become === undefined || become.user === 'root' ? become : { ...become, user: 'root' };
}

function reasonOf({ status }: HostRun): string {
  return status === 'stopped' ? 'the rollout stopped before it was done' : 'a task failed';
}
