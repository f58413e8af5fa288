// One host during a run: its connection, what it has told, how it stands. Lives from the first play to the last.
import type { Emit, HostRecap, HostStatus, TaskLabel, TaskOutcome } from '../event.ts';
import type { Facts } from '../host/facts.ts';
import type { Host } from '../host/host.ts';

export class HostRun {
  readonly name: string;
  readonly host: Host;
  /** Registered results and set_fact values. */
  results: ReadonlyMap<string, unknown> = new Map();
  /** Registered by tasks that check mode did not run. */
  unknowable: ReadonlySet<string> = new Set();
  #facts: Facts | undefined;
  readonly notified = new Set<string>();
  readonly #emit: Emit;
  readonly #counts = { ok: 0, changed: 0, skipped: 0, failed: 0, ignored: 0 };
  #status: HostStatus = 'not-started';
  #unknown: string | undefined;

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
    return this.#status === 'ok' || this.#status === 'not-started';
  }

  /** Connects if need be. False: unreachable, and said so. */
  async connect(): Promise<boolean> {
    if (this.#status === 'not-started') this.#emit({ kind: 'host-connecting', host: this.name });
    const outcome = await this.host.connect();
    if (outcome.kind === 'connected') {
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

  get facts(): Facts | undefined {
    return this.#facts;
  }

  told(facts: Facts): void {
    this.#facts = facts;
    this.#emit({ kind: 'facts-gathered', host: this.name, facts });
  }

  working(
    doing: 'gathering facts' | 'inspecting' | 'changing' | 'rebooting',
    tasks: readonly TaskLabel[],
  ): void {
    this.#emit({ kind: 'host-working', host: this.name, doing, tasks });
  }

  finished(task: TaskLabel, outcome: TaskOutcome, progress: { done: number; of: number }): void {
    switch (outcome.status) {
      case 'would-change':
        this.#counts.changed += 1;
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

  /** No more tasks run on it. The first reason stands. */
  end(status: Exclude<HostStatus, 'ok' | 'not-started'>): void {
    if (this.isActive) this.#status = status;
  }

  recap(mode: 'apply' | 'check'): HostRecap {
    return { host: this.name, status: this.#status, ...this.#counts, state: this.#state(mode) };
  }

  #state(mode: 'apply' | 'check'): string {
    if (this.#status === 'not-started') return 'not contacted';
    if (this.#unknown !== undefined) return `unknown: the connection was lost during "${this.#unknown}"`;
    if (mode === 'check') return 'nothing was changed: check mode';
    const { changed } = this.#counts;
    if (changed === 0) return 'nothing was changed';
    if (this.#status === 'ok') return changed === 1 ? '1 change made' : `${changed} changes made`;
    return `changed in part: ${changed === 1 ? '1 change' : `${changed} changes`} made before it stopped`;
  }
}
