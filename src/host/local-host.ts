// This machine as a host (`ansible_connection: local`): the same sessions over a child process.
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { constants } from 'node:os';
import {
  type ConnectOutcome,
  DEFAULT_TIMEOUTS,
  type Host,
  type HostTimeouts,
  type Program,
  type ProgramOutcome,
  type RunOptions,
  type Upload,
} from './host.ts';
import {
  type ByteChannel,
  type ChannelEnd,
  type CommandOpener,
  type CommandOptions,
  hangUpAfterExit,
  type Loss,
  type Refusal,
  streamChannel,
} from './session/byte-channel.ts';
import { HostSessions } from './session/host-sessions.ts';

export interface LocalHostOptions {
  readonly name: string;
  /** Who runs this process. */
  readonly user: string;
  readonly signal: AbortSignal;
  readonly timeouts?: Partial<HostTimeouts>;
}

export class LocalHost implements Host {
  readonly name: string;
  readonly #options: LocalHostOptions;
  #connected: { readonly children: Children; readonly sessions: HostSessions } | undefined;

  constructor(options: LocalHostOptions) {
    this.name = options.name;
    this.#options = options;
  }

  async connect(): Promise<ConnectOutcome> {
    if (this.#connected !== undefined) return { kind: 'connected' };
    const { signal, timeouts, user } = this.#options;
    if (signal.aborted) {
      return { kind: 'unreachable', reason: 'interrupted', message: 'interrupted before it was connected' };
    }
    const children = new Children(signal);
    const sessions = new HostSessions({
      opener: children,
      timeouts: { ...DEFAULT_TIMEOUTS, ...timeouts },
      loginUser: user,
    });
    this.#connected = { children, sessions };
    return { kind: 'connected' };
  }

  async run(program: Program, options: RunOptions = {}): Promise<ProgramOutcome> {
    return this.#connected?.sessions.run(program, options) ?? NOT_CONNECTED;
  }

  async upload(file: Upload, options: RunOptions = {}): Promise<ProgramOutcome> {
    return this.#connected?.sessions.upload(file, options) ?? NOT_CONNECTED;
  }

  async disconnect(): Promise<void> {
    this.#connected?.children.end({ reason: 'connection', message: 'the connection was dropped' });
    this.#connected = undefined;
  }

  async close(): Promise<void> {
    this.#connected?.sessions.close();
    this.#connected?.children.release();
    this.#connected = undefined;
  }
}

const NOT_CONNECTED: ProgramOutcome = { kind: 'refused', message: 'not connected' };
const SIGNALS: Readonly<Record<string, number>> = constants.signals;

/** Commands as child processes, each the leader of a process group of its own. */
class Children implements CommandOpener {
  readonly #running = new Set<ChildProcessWithoutNullStreams>();
  #loss: Loss | undefined;

  readonly #signal: AbortSignal;
  readonly #onAbort = () => this.end({ reason: 'interrupted', message: 'interrupted' });

  constructor(signal: AbortSignal) {
    this.#signal = signal;
    signal.addEventListener('abort', this.#onAbort);
  }

  async open(
    command: string,
    { terminal }: CommandOptions,
  ): Promise<{ readonly kind: 'open'; readonly channel: ByteChannel } | Refusal> {
    if (terminal) {
      return {
        kind: 'refused',
        message: 'doas reads a password from a terminal only, and a local connection has none',
        hint: 'use sudo, or give the user "nopass" in doas.conf',
      };
    }
    if (this.#loss !== undefined) return { kind: 'refused', message: `not connected: ${this.#loss.message}` };
    const child = spawn('/bin/sh', ['-c', command], { detached: true, stdio: 'pipe' });
    this.#running.add(child);
    const closed = new Promise<ChannelEnd>((resolve) => {
      child.on('error', () => {}); // 'close' follows
      child.on('exit', () => hangUpAfterExit(() => closeStreams(child)));
      child.on('close', (code, signal) => {
        this.#running.delete(child);
        if (this.#loss !== undefined) return resolve({ status: undefined, loss: this.#loss });
        resolve({ status: code ?? (signal === null ? undefined : 128 + (SIGNALS[signal] ?? 0)) });
      });
    });
    const { stdin, stdout, stderr } = child;
    return {
      kind: 'open',
      channel: streamChannel({ stdin, stdout, stderr, closed, destroy: () => hangUp(child) }),
    };
  }

  end(loss: Loss): void {
    this.release();
    this.#loss ??= loss;
    for (const child of this.#running) hangUp(child);
  }

  /** What runs may end by itself. */
  release(): void {
    this.#signal.removeEventListener('abort', this.#onAbort);
  }
}

/** Ends what the child started too, and does not wait for output that something still holds open. */
function hangUp(child: ChildProcessWithoutNullStreams): void {
  if (child.pid !== undefined) {
    try {
      process.kill(-child.pid, 'SIGKILL');
    } catch {
      // gone already
    }
  }
  closeStreams(child);
}

function closeStreams(child: ChildProcessWithoutNullStreams): void {
  child.stdin.destroy();
  child.stdout.destroy();
  child.stderr.destroy();
}
