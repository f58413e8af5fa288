// From a target to an authenticated connection, or to the exact reason why not.
//
//   connect ──► handshake ──► host key ──► authentication ──► ready
//      one timer over all of it; a key that is not accepted ends it before anything of ours is sent
import { Buffer } from 'node:buffer';
import { connect as connectTcp } from 'node:net';
import type { Duplex } from 'node:stream';
import ssh2 from 'ssh2';
import {
  because,
  connectFailure,
  connectTimeout,
  hostKeyFailure,
  jumpFailure,
  type Phase,
  place,
  type Unreachable,
} from './connect-failure.ts';
import type { SshTarget } from './connection-settings.ts';
import type { HandshakeGate } from './handshake-gate.ts';
import type { KnownHost, KnownHosts } from './known-hosts.ts';
import { algorithmsFor } from './ssh-algorithms.ts';
import { type Authentication, type AuthSources, prepareAuthentication } from './ssh-auth.ts';
import { SshConnection } from './ssh-connection.ts';

/** What all connections of a run share. */
export interface ConnectSources extends AuthSources {
  readonly gate: HandshakeGate;
  readonly signal: AbortSignal;
  knownHosts(paths: readonly string[]): Promise<KnownHosts>;
}

/** A jump host to go through. */
export interface Through {
  readonly name: string;
  readonly connection: SshConnection;
}

/** Never rejects. Waits at the gate before its timer starts. */
export async function connectSsh(
  target: SshTarget,
  sources: ConnectSources,
  through: Through | undefined,
): Promise<SshConnection | Unreachable> {
  if (target.unsupported.length > 0) {
    return because('protocol', `not supported for ${target.name}: ${target.unsupported.join(', ')}`, {
      hint: 'use ProxyJump, and host variables for the rest',
    });
  }
  const authentication = await prepareAuthentication(target, sources);
  if ('kind' in authentication) return authentication;
  const knownHosts = await sources.knownHosts(target.knownHostsFiles);
  const leave = await sources.gate.enter();
  try {
    return await new Attempt(target, { authentication, knownHosts, signal: sources.signal }).run(through);
  } finally {
    leave();
  }
}

interface AttemptParts {
  readonly authentication: Authentication;
  readonly knownHosts: KnownHosts;
  readonly signal: AbortSignal;
}

class Attempt {
  readonly #target: SshTarget;
  readonly #parts: AttemptParts;
  readonly #known: KnownHost;
  #phase: Phase = 'connect';
  #key: Buffer | undefined;
  #addKey = false;
  #adding: Promise<void> = Promise.resolve();
  #settle: (result: SshConnection | Unreachable) => void = () => {};
  #failed = false;

  constructor(target: SshTarget, parts: AttemptParts) {
    this.#target = target;
    this.#parts = parts;
    this.#known = parts.knownHosts.lookup(target.hostKeyName, target.hostKeyPort);
  }

  run(through: Through | undefined): Promise<SshConnection | Unreachable> {
    const { signal } = this.#parts;
    if (signal.aborted) return Promise.resolve(interrupted());
    return new Promise((resolve) => {
      let socket: Duplex | undefined;
      const timer = setTimeout(() => {
        this.#settle(connectTimeout(this.#target, this.#phase));
      }, this.#target.timeouts.connectMs);
      const onAbort = (): void => this.#settle(interrupted());
      signal.addEventListener('abort', onAbort);
      this.#settle = (result) => {
        clearTimeout(timer);
        signal.removeEventListener('abort', onAbort);
        if ('kind' in result) {
          this.#failed = true;
          socket?.destroy();
        }
        resolve(result);
      };
      const opened = (stream: Duplex): void => {
        socket = stream;
        if (this.#failed) stream.destroy();
      };
      if (through === undefined) this.#overTcp(opened);
      else void this.#overJump(through, opened);
    });
  }

  #overTcp(opened: (stream: Duplex) => void): void {
    const { address, port } = this.#target;
    const socket = connectTcp({ host: address, port, noDelay: true });
    opened(socket);
    const failed = (error: Error): void => this.#fail(error);
    socket.once('error', failed);
    socket.once('connect', () => {
      socket.off('error', failed);
      this.#handshake(socket);
    });
  }

  async #overJump({ name, connection }: Through, opened: (stream: Duplex) => void): Promise<void> {
    const { address, port } = this.#target;
    try {
      const stream = await connection.forward(address, port);
      opened(stream);
      if (!this.#failed) this.#handshake(stream);
    } catch (error) {
      const why = error instanceof Error ? error.message.replace('(SSH) Channel open failure: ', '') : error;
      this.#settle(jumpFailure(name, because('jump', `cannot reach ${place(this.#target)} from it: ${why}`)));
    }
  }

  #handshake(socket: Duplex): void {
    this.#phase = 'handshake';
    const client = new ssh2.Client();
    client.on('handshake', () => this.#handshakeDone());
    client.on('error', (error) => {
      // The agent's errors are not the end: ssh2 goes on with the next method.
      if (error.level !== 'agent') this.#fail(error);
    });
    client.on('close', () => this.#fail(new Error('closed by the host')));
    client.on('ready', () => void this.#ready(client, socket));
    const { user, timeouts } = this.#target;
    client.connect({
      sock: socket as never, // any duplex stream will do; the types ask for a Readable
      username: user,
      readyTimeout: 0,
      keepaliveInterval: timeouts.keepaliveIntervalMs,
      keepaliveCountMax: timeouts.keepaliveCount,
      algorithms: algorithmsFor(this.#known.keyTypes),
      hostVerifier: (key: Buffer) => this.#verify(key),
      authHandler: this.#parts.authentication.handler,
    });
  }

  /** Asked at the first key exchange and again at each later one, which must show the same key. */
  #verify(key: Buffer): boolean {
    if (this.#key !== undefined) return this.#key.equals(key);
    const { hostKeyPolicy } = this.#target;
    const verdict = hostKeyPolicy === 'off' ? { kind: 'match' as const } : this.#known.verify(key);
    if (verdict.kind !== 'match') {
      // A host that is known by keys of other types is not a new one.
      const isNew = verdict.kind === 'unknown' && this.#known.keyTypes.length === 0;
      if (hostKeyPolicy !== 'accept-new' || !isNew) {
        this.#settle(hostKeyFailure(this.#target, key, verdict, this.#known.keyTypes));
        return false;
      }
      this.#addKey = true;
    }
    this.#key = Buffer.from(key);
    return true;
  }

  /** Only now is it proven that the host has the private half of the key. */
  #handshakeDone(): void {
    this.#phase = 'authentication';
    if (!this.#addKey || this.#key === undefined) return;
    this.#addKey = false;
    const { hostKeyName, hostKeyPort } = this.#target;
    this.#adding = this.#parts.knownHosts.add(hostKeyName, hostKeyPort, this.#key);
    this.#adding.catch(() => {}); // looked at in #ready
  }

  async #ready(client: ssh2.Client, socket: Duplex): Promise<void> {
    try {
      await this.#adding;
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      this.#settle(because('host-key-unknown', `the new host key cannot be added to known_hosts: ${why}`));
      return;
    }
    if (this.#failed) return;
    client.removeAllListeners();
    this.#settle(new SshConnection(client, socket));
  }

  #fail(error: Error & { readonly level?: string }): void {
    if (error.level === 'client-authentication' && this.#phase === 'authentication') {
      this.#settle(this.#parts.authentication.failure());
    } else this.#settle(connectFailure(this.#target, this.#phase, error));
  }
}

function interrupted(): Unreachable {
  return because('interrupted', 'interrupted before it was connected');
}
