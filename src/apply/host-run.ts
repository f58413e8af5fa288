// One host during a run: its connection, how it stands, what is told of it. Lives from the first play to the last.
import type { Emit, HostRecap, HostStatus, TaskLabel, TaskOutcome } from '../event.ts';
import type { Facts } from '../host/facts/facts.ts';
import type { Host } from '../host/host.ts';
import { HostMemory } from './host-memory.ts';

export class HostRun {
  readonly name: string;
  readonly host: Host;
  readonly memory = new HostMemory();
  readonly #emit: Emit;
  readonly #counts = { ok: 0, changed: 0, wouldChange: 0, skipped: 0, failed: 0, rescued: 0, ignored: 0 };
  #status: HostStatus = 'not-started';
  #wasContacted = false;
  #isFinished = false;
  /** The task that was cut off. */
  #unknown: string | undefined;
  #mayHaveChanged = false;

  constructor(name: string, host: Host, emit: Emit) {
    this.name = name;
    this.host = host;
    this.#emit = emit;
  }

  get status(): HostStatus {
    return this.#status;
  }

  /** Whether tasks still run on it. */
  get isActive(): boolean {
    return !this.#isFinished && (this.#status === 'ok' || this.#status === 'not-started');
  }

  /** Whether its failure is that of all (any_errors_fatal of a task). */
  isFatal = false;

  /** Whether it counts for failure policies. */
  get hasFailed(): boolean {
    return this.#status === 'failed' || this.#status === 'unreachable';
  }

  /** Connects if need be. False: unreachable, and said so. */
  async connect(): Promise<boolean> {
    if (this.#status === 'not-started') this.#emit({ kind: 'host-connecting', host: this.name });
    const outcome = await this.host.connect();
    if (outcome.kind === 'connected') {
      this.#wasContacted = true;
      if (this.#status === 'not-started') {
        this.#status = 'ok';
        this.#emit({ kind: 'host-connected', host: this.name });
      }
      return true;
    }
    this.end(outcome.reason === 'interrupted' ? 'interrupted' : 'unreachable');
    const { reason, message, hint } = outcome;
    this.#emit({
      kind: 'host-unreachable',
      host: this.name,
      reason,
      message,
      ...(hint !== undefined && { hint }),
    });
    return false;
  }

  told(facts: Facts): void {
    this.memory.facts = facts;
    this.#emit({ kind: 'facts-gathered', host: this.name, facts });
  }

  working(
    doing: 'gathering facts' | 'inspecting' | 'changing' | 'rebooting',
    tasks: readonly TaskLabel[],
  ): void {
    this.#emit({ kind: 'host-working', host: this.name, doing, tasks });
  }

  /** Something failed of which only the user knows what it did until then. */
  mayHaveChanged(): void {
    this.#mayHaveChanged = true;
  }

  finished(task: TaskLabel, outcome: TaskOutcome, progress: { done: number; of: number }): void {
    switch (outcome.status) {
      case 'would-change':
        this.#counts.wouldChange += 1;
        break;
      case 'unknown':
        this.#counts.failed += 1;
        this.#unknown = task.title;
        break;
      default:
        this.#counts[outcome.status] += 1;
    }
    this.#emit({ kind: 'task-finished', host: this.name, task, outcome, progress });
  }

  /** The task is run once more: not finished yet. */
  retrying(
    task: TaskLabel,
    outcome: TaskOutcome,
    retry: { readonly attempt: number; readonly of: number; readonly delayMs: number },
  ): void {
    this.#emit({ kind: 'task-retrying', host: this.name, task, ...retry, outcome });
  }

  /** No more tasks run on it. The first reason stands. */
  end(status: Exclude<HostStatus, 'ok' | 'not-started'>): void {
    if (this.isActive) this.#status = status;
  }

  /** It is through a play, or out of it. After its last play the connection is let go, if nobody else may want it. */
  async endPlay({
    isLast,
    keepsConnection,
  }: {
    readonly isLast: boolean;
    readonly keepsConnection: boolean;
  }): Promise<void> {
    if (isLast || !this.isActive) {
      if (this.#status === 'not-started') this.#status = 'ok'; // all it had to do was known on the controller
      this.#isFinished = true;
      if (!keepsConnection) await this.host.close();
    }
    const status = this.isActive ? 'ok' : this.#status;
    this.#emit({ kind: 'host-finished', host: this.name, status });
  }

  /** The rollout ended around it. */
  leave(status: 'interrupted' | 'stopped'): void {
    if (this.#status === 'ok' || status === 'interrupted') this.end(status);
  }

  recap(mode: 'apply' | 'check'): HostRecap {
    const { wouldChange, ...counts } = this.#counts;
    const { ok, changed } = counts;
    const shown = mode === 'check' ? { changed: changed + wouldChange } : { ok: ok + wouldChange };
    return { host: this.name, status: this.#status, ...counts, ...shown, state: this.#state(mode) };
  }

  #state(mode: 'apply' | 'check'): string {
    if (this.#unknown !== undefined) return `unknown: cut off during "${this.#unknown}"`;
    if (!this.#wasContacted && this.#status !== 'unreachable') return 'not contacted';
    const { changed } = this.#counts;
    const changes = changed === 1 ? '1 change made' : `${changed} changes made`;
    if (mode === 'check') {
      if (changed === 0) return 'check mode: nothing was changed';
      return `check mode, and ${changes} by tasks with check_mode: false`;
    }
    if (changed === 0) {
      const isOpen = this.#mayHaveChanged && this.#status !== 'ok';
      return isOpen ? 'what failed may have changed something' : 'nothing was changed';
    }
    return this.#status === 'ok' ? changes : `${changes} before it stopped`;
  }
}
