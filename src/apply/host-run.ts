// One host during a run: its connection, how it stands, what is told of it. Lives from the first play to the last.
import type { Doing, Emit, HostRecap, HostStatus, TaskLabel, TaskOutcome } from '../event.ts';
import type { Facts } from '../host/facts/facts.ts';
import type { ConnectOutcome, Host } from '../host/host.ts';
import type { HostMemory } from './host-memory.ts';

/** `later`: by itself, once its time is up. `unseen`: the same, and nobody could see it. */
type Undoing = 'as before' | 'not as before' | 'unseen' | 'later';

const UNDONE: Readonly<Record<Undoing, string>> = {
  'as before': 'rolled back, as it was before',
  'not as before': 'rolled back, but not all is as it was before',
  unseen: 'rolls back by itself, which nobody could see',
  later: 'rolls back by itself',
};

export class HostRun {
  readonly name: string;
  readonly host: Host;
  readonly memory: HostMemory;
  readonly #emit: Emit;
  readonly #counts = { ok: 0, changed: 0, wouldChange: 0, skipped: 0, failed: 0, rescued: 0, ignored: 0 };
  #status: HostStatus = 'not-started';
  #hasTried = false;
  #wasContacted = false;
  #isFinished = false;
  /** It is through all plays that are known to be for it. */
  #mayBeFinished = false;
  /** The task that was cut off. */
  #unknown: string | undefined;
  #mayHaveChanged = false;
  /** How what it changed was undone, or will be. */
  #undoing: Undoing | undefined;

  constructor(name: string, host: Host, emit: Emit, memory: HostMemory) {
    this.memory = memory;
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

  /** What was changed on it has gone back, or will. */
  get isUndone(): boolean {
    return this.#undoing !== undefined;
  }

  /** Connects if need be. What comes of it is for the caller to tell. */
  async tryToConnect(): Promise<ConnectOutcome> {
    if (this.#status === 'not-started' && !this.#hasTried)
      this.#emit({ kind: 'host-connecting', host: this.name });
    this.#hasTried = true;
    const outcome = await this.host.connect();
    if (outcome.kind === 'connected') this.contacted();
    else if (outcome.reason === 'interrupted') this.end('interrupted');
    return outcome;
  }

  /** Connects if need be. False: unreachable, and said so. */
  async connect(): Promise<boolean> {
    const outcome = await this.tryToConnect();
    if (outcome.kind === 'connected') return true;
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

  /** It has been reached, by `connect` or by a task that waited for it. */
  contacted(): void {
    this.#wasContacted = true;
    if (this.#status !== 'not-started') return;
    this.#status = 'ok';
    this.#emit({ kind: 'host-connected', host: this.name });
  }

  told(facts: Facts): void {
    this.memory.facts = facts;
    this.#emit({ kind: 'facts-gathered', host: this.name, facts });
  }

  working(doing: Doing, tasks: readonly TaskLabel[]): void {
    this.#emit({ kind: 'host-working', host: this.name, doing, tasks });
  }

  /** A guarded play was not confirmed. */
  wentBack(how: Undoing): void {
    this.#undoing = how;
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
    /** `as far as is known`: hosts may still be added to later plays. */
    readonly isLast: 'yes' | 'no' | 'as far as is known';
    readonly keepsConnection: boolean;
  }): Promise<void> {
    this.#mayBeFinished = isLast === 'as far as is known';
    if (isLast === 'yes' || !this.isActive) {
      if (this.#status === 'not-started') this.#status = 'ok'; // all it had to do was known on the controller
      this.#isFinished = true;
      if (!keepsConnection) await this.host.close();
    }
    const status = this.isActive ? 'ok' : this.#status;
    this.#emit({ kind: 'host-finished', host: this.name, status });
  }

  /** It is in the play that starts. */
  expectPlay(): void {
    this.#mayBeFinished = false;
  }

  /** No play follows: for those that only waited for one, all is well. */
  finish(): void {
    if (!this.isActive || !this.#mayBeFinished) return;
    this.#status = 'ok';
    this.#isFinished = true;
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
    if (this.#undoing !== undefined) return UNDONE[this.#undoing];
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
