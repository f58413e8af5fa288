// The sessions of one host, one per identity, opened when they are first needed and anew after a loss.
// Whatever can start commands will do: ssh-host and local-host share everything from here on.

import type { Become, HostTimeouts, Program, ProgramOutcome, RunOptions, Upload } from '../host.ts';
import type { CommandOpener, Refusal } from './byte-channel.ts';
import { ShellSession } from './shell-session.ts';
import { upload } from './upload.ts';

export interface HostSessionsOptions {
  readonly opener: CommandOpener;
  readonly timeouts: HostTimeouts;
  /** To become who one is already is to do nothing, as in Ansible. */
  readonly loginUser: string;
}

export class HostSessions {
  readonly #options: HostSessionsOptions;
  /** In the order of their last use. */
  readonly #sessions = new Map<string, ShellSession>();
  /** The last program of each identity: the next one waits for it. */
  readonly #queues = new Map<string, Promise<unknown>>();
  #interrupted = false;

  constructor(options: HostSessionsOptions) {
    this.#options = options;
  }

  /** Programs of one identity run one after the other, those of several side by side. */
  run(program: Program, options: RunOptions): Promise<ProgramOutcome> {
    const identity = this.#identity(options.become);
    const previous = this.#queues.get(identity.key) ?? Promise.resolve();
    const outcome = previous.then(() => this.#runNow(program, identity, options));
    this.#queues.set(
      identity.key,
      outcome.catch(() => {}),
    );
    return outcome;
  }

  upload(file: Upload, { become, timeoutMs }: RunOptions): Promise<ProgramOutcome> {
    const { opener, timeouts } = this.#options;
    return upload(file, {
      opener,
      become: this.#identity(become).become,
      openMs: timeouts.openMs,
      timeoutMs: timeoutMs ?? timeouts.programMs,
    });
  }

  /** Starts nothing any more and kills what runs. Resolves when it is dead, or after a moment. */
  async interrupt(): Promise<void> {
    this.#interrupted = true;
    await Promise.all([...this.#sessions.values()].map((session) => session.interrupt(KILL_PATIENCE_MS)));
  }

  /** Tells every shell that there is no more input. */
  close(): void {
    for (const session of this.#sessions.values()) session.close();
    this.#sessions.clear();
  }

  async #runNow(
    program: Program,
    identity: Identity,
    { timeoutMs = this.#options.timeouts.programMs, listener }: RunOptions,
  ): Promise<ProgramOutcome> {
    const found = await this.#session(identity);
    if (!(found instanceof ShellSession)) return found;
    if (this.#interrupted) return { kind: 'refused', message: 'interrupted' };
    const outcome = await found.run(program, { timeoutMs, listener });
    if (!found.alive) this.#forget(identity.key, found);
    return outcome;
  }

  async #session({ key, become }: Identity): Promise<ShellSession | ProgramOutcome> {
    const existing = this.#sessions.get(key);
    this.#sessions.delete(key);
    if (existing?.alive) {
      this.#sessions.set(key, existing);
      return existing;
    }
    const { opener, timeouts } = this.#options;
    const opened = await ShellSession.open({ opener, become, openMs: timeouts.openMs });
    if (opened.kind === 'open') {
      this.#sessions.set(key, opened.session);
      return opened.session;
    }
    if (opened.kind === 'lost') return { ...opened, during: undefined, steps: new Map() };
    return opened satisfies Refusal;
  }

  #forget(key: string, session: ShellSession): void {
    if (this.#sessions.get(key) === session) this.#sessions.delete(key);
  }

  #identity(become: Become | undefined): Identity {
    if (become === undefined || become.user === this.#options.loginUser)
      return { key: '', become: undefined };
    return { key: JSON.stringify([become.method, become.user, become.flags ?? '']), become };
  }
}

/** Ctrl-C is to end a run within two seconds. */
const KILL_PATIENCE_MS = 1_000;

interface Identity {
  readonly key: string;
  readonly become: Become | undefined;
}
