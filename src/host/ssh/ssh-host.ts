// A host over SSH: one connection, made when asked for, and the sessions on it.

import type {
  ConnectOptions,
  ConnectOutcome,
  Host,
  Program,
  ProgramOutcome,
  RunOptions,
  Upload,
} from '../host.ts';
import { HostSessions } from '../session/host-sessions.ts';
import type { Unreachable } from './connect-failure.ts';
import type { ConnectionSettings, SshTarget } from './connection-settings.ts';
import type { SshConnection } from './ssh-connection.ts';
import type { SshContext } from './ssh-context.ts';

interface Connected {
  readonly connection: SshConnection;
  readonly sessions: HostSessions;
}

export class SshHost implements Host {
  readonly name: string;
  readonly #context: SshContext;
  readonly #target: SshTarget;
  #connecting: Promise<Connected | Unreachable> | undefined;
  #connected: Connected | undefined;

  constructor(name: string, settings: ConnectionSettings, context: SshContext) {
    this.name = name;
    this.#context = context;
    this.#target = context.target(name, settings);
  }

  async connect({ timeoutMs }: ConnectOptions = {}): Promise<ConnectOutcome> {
    if (this.#connected?.connection.alive) return { kind: 'connected' };
    this.#connecting ??= this.#connect(timeoutMs);
    const result = await this.#connecting;
    return 'kind' in result ? result : { kind: 'connected' };
  }

  async run(program: Program, options: RunOptions = {}): Promise<ProgramOutcome> {
    return this.#connected?.sessions.run(program, options) ?? NOT_CONNECTED;
  }

  async upload(file: Upload, options: RunOptions = {}): Promise<ProgramOutcome> {
    return this.#connected?.sessions.upload(file, options) ?? NOT_CONNECTED;
  }

  async disconnect(): Promise<void> {
    const connected = await this.#take();
    connected?.connection.destroy({ reason: 'connection', message: 'the connection was dropped' });
    await connected?.connection.closed;
  }

  async close(): Promise<void> {
    const connected = await this.#take();
    connected?.sessions.close();
    await connected?.connection.end();
  }

  async #connect(timeoutMs: number | undefined): Promise<Connected | Unreachable> {
    const connectMs = timeoutMs ?? this.#target.timeouts.connectMs;
    const connection = await this.#context.connect({
      ...this.#target,
      timeouts: { ...this.#target.timeouts, connectMs },
    });
    this.#connecting = undefined;
    if ('kind' in connection) return connection;
    const { signal } = this.#context;
    const { timeouts, user } = this.#target;
    const sessions = new HostSessions({ opener: connection, timeouts, loginUser: user });
    // sshd lets what runs go on when a connection goes away: it has to be told.
    const onAbort = (): void => {
      const destroy = (): void => connection.destroy({ reason: 'interrupted', message: 'interrupted' });
      void sessions.interrupt().then(destroy);
    };
    if (signal.aborted) onAbort();
    signal.addEventListener('abort', onAbort);
    void connection.closed.then(() => signal.removeEventListener('abort', onAbort));
    this.#connected = { connection, sessions };
    return this.#connected;
  }

  /** Waits for a connection that is being made, so that none is left behind. */
  async #take(): Promise<Connected | undefined> {
    await this.#connecting;
    const connected = this.#connected;
    this.#connected = undefined;
    return connected;
  }
}

const NOT_CONNECTED: ProgramOutcome = { kind: 'refused', message: 'not connected' };
