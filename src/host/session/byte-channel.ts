// A running command as three streams of bytes and an end, whether sshd or this machine runs it.
// What the bytes mean is left to become.ts, shell-session.ts and upload.ts.
import type { Buffer } from 'node:buffer';
import type { Readable, Writable } from 'node:stream';
import type { LostReason } from '../host.ts';

/** How a command ended: with a status, or because what carried it went away (`loss`). */
export interface ChannelEnd {
  /** Undefined: unknown. 128 + n for signal n. */
  readonly status: number | undefined;
  readonly loss?: Loss;
}

export interface Loss {
  readonly reason: LostReason;
  readonly message: string;
}

export interface ChannelListener {
  stdout(chunk: Buffer): void;
  stderr(chunk: Buffer): void;
}

export interface ByteChannel {
  readonly stdin: Writable;
  /** Resolves after the last chunk of both streams was handed over; never rejects. */
  readonly closed: Promise<ChannelEnd>;
  /** From now on chunks go to this listener; those nobody has listened to yet come first. */
  listen(listener: ChannelListener): void;
  destroy(): void;
}

/** A `terminal` has one output stream: what the command writes to stderr comes out of stdout. */
export interface CommandOptions {
  readonly terminal: boolean;
}

export interface Refusal {
  readonly kind: 'refused';
  readonly message: string;
  readonly hint?: string;
}

/** Something that can start commands: an SSH connection or this machine. Never rejects. */
export interface CommandOpener {
  open(
    command: string,
    options: CommandOptions,
  ): Promise<{ readonly kind: 'open'; readonly channel: ByteChannel } | Refusal>;
}

interface Streams {
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly stderr: Readable;
  readonly closed: Promise<ChannelEnd>;
  destroy(): void;
}

/** A channel over Node streams. Both outputs are drained from the start, or the far side would stall. */
export function streamChannel(streams: Streams): ByteChannel {
  let listener: ChannelListener | undefined;
  const early: { readonly from: 'stdout' | 'stderr'; readonly chunk: Buffer }[] = [];
  for (const from of ['stdout', 'stderr'] as const) {
    streams[from].on('data', (chunk: Buffer) => {
      if (listener === undefined) early.push({ from, chunk });
      else listener[from](chunk);
    });
    streams[from].on('error', () => {}); // the end tells
  }
  streams.stdin.on('error', () => {}); // EPIPE: the end tells
  return {
    stdin: streams.stdin,
    closed: streams.closed,
    listen: (next) => {
      listener = next;
      for (const { from, chunk } of early.splice(0)) next[from](chunk);
    },
    destroy: () => streams.destroy(),
  };
}

/**
 * What has ended closes its streams a little later, unless something it left in the background holds them open:
 * then `hangUp` is called.
 */
export function hangUpAfterExit(hangUp: () => void): void {
  setTimeout(hangUp, EXIT_GRACE_MS).unref();
}

const EXIT_GRACE_MS = 1_000;
