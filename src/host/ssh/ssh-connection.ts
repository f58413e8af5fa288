// One authenticated SSH connection: commands and forwards on it, and how it went away.
// Making one is ssh-connect.ts's work.
import { constants } from 'node:os';
import type { Duplex } from 'node:stream';
import type { Client, ClientChannel, PseudoTtyOptions } from 'ssh2';
import {
  type ByteChannel,
  type ChannelEnd,
  type CommandOpener,
  type CommandOptions,
  hangUpAfterExit,
  type Loss,
  type Refusal,
  streamChannel,
} from '../session/byte-channel.ts';

export class SshConnection implements CommandOpener {
  /** Resolves when it is gone, whoever ended it; never rejects. */
  readonly closed: Promise<Loss>;
  readonly #client: Client;
  readonly #socket: Duplex;
  #loss: Loss | undefined;

  constructor(client: Client, socket: Duplex) {
    this.#client = client;
    this.#socket = socket;
    client.on('error', (error) => {
      const idle = error.message === 'Keepalive timeout';
      this.#loss ??= idle
        ? { reason: 'idle', message: 'the host no longer answers keepalives' }
        : { reason: 'connection', message: `the connection was lost: ${error.message}` };
    });
    this.closed = new Promise((resolve) => {
      client.on('close', () => {
        this.#loss ??= { reason: 'connection', message: 'the host closed the connection' };
        resolve(this.#loss);
      });
    });
  }

  get alive(): boolean {
    return this.#loss === undefined;
  }

  open(
    command: string,
    { terminal }: CommandOptions,
  ): Promise<{ readonly kind: 'open'; readonly channel: ByteChannel } | Refusal> {
    return new Promise((resolve) => {
      const refuse = (error: unknown): void => resolve(this.#refusal(error));
      if (!this.alive) return refuse(undefined);
      try {
        this.#client.exec(command, terminal ? { pty: RAW_TERMINAL } : {}, (error, stream) => {
          if (error !== undefined) return refuse(error);
          resolve({ kind: 'open', channel: this.#channel(stream) });
        });
      } catch (error) {
        refuse(error); // exec throws when the socket is already gone
      }
    });
  }

  /** A byte stream to an address as the host sees it. Rejects with what the host says. */
  forward(address: string, port: number): Promise<Duplex> {
    return new Promise((resolve, reject) => {
      if (this.#loss !== undefined) return reject(new Error(this.#loss.message));
      try {
        this.#client.forwardOut('127.0.0.1', 0, address, port, (error, stream) => {
          if (error === undefined) resolve(stream);
          else reject(error);
        });
      } catch (error) {
        reject(error);
      }
    });
  }

  /** Says goodbye. */
  async end(): Promise<void> {
    if (!this.alive) return;
    this.#loss = { reason: 'connection', message: 'the connection was closed' };
    this.#client.end();
    const impatient = setTimeout(() => this.#socket.destroy(), GOODBYE_MS);
    await this.closed;
    clearTimeout(impatient);
  }

  /** At once; programs that run are lost for this reason. */
  destroy(loss: Loss): void {
    this.#loss ??= loss;
    this.#socket.destroy();
  }

  #channel(stream: ClientChannel): ByteChannel {
    const closed = new Promise<ChannelEnd>((resolve) => {
      stream.on('exit', () => hangUpAfterExit(() => stream.destroy()));
      stream.on('close', (code: number | null | undefined, signal: string | undefined) => {
        const end = this.#channelEnd(code, signal);
        if (stream.stderr.readableEnded) resolve(end);
        else stream.stderr.once('end', () => resolve(end));
      });
    });
    return streamChannel({
      stdin: stream,
      stdout: stream,
      stderr: stream.stderr,
      closed,
      destroy: () => stream.destroy(),
    });
  }

  #channelEnd(code: number | null | undefined, signal: string | undefined): ChannelEnd {
    if (typeof code === 'number') return { status: code };
    if (signal !== undefined) return { status: 128 + (SIGNALS[signal] ?? 0) };
    return { status: undefined, ...(this.#loss && { loss: this.#loss }) };
  }

  #refusal(error: unknown): Refusal {
    if (this.#loss !== undefined) return { kind: 'refused', message: `not connected: ${this.#loss.message}` };
    const why =
      error instanceof Error ? error.message.replace('(SSH) Channel open failure: ', '') : String(error);
    return {
      kind: 'refused',
      message: `the host opened no channel: ${why}`,
      hint: 'each identity (become_user) holds a channel; see MaxSessions in its sshd_config',
    };
  }
}

const GOODBYE_MS = 2_000;
const SIGNALS: Readonly<Record<string, number>> = constants.signals;

/** No echo, no line editing, bytes as they are: become.ts says `stty raw` again where a server ignores this. */
const RAW_TERMINAL: PseudoTtyOptions = {
  term: 'dumb',
  modes: { ECHO: 0, ICANON: 0, ISIG: 0, IEXTEN: 0, OPOST: 0, ONLCR: 0, ICRNL: 0, IXON: 0 },
};
