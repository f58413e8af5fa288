// The world as an interface: a machine on which POSIX sh programs run.
// ssh-host, local-host, read-only-host and fake-host implement it; the engine knows nothing else.
//
//   connect ──► run(program) … run(program) ──► close
//      │             │
//      │             └─ lost: the result is unknown, which counts as failed
//      └─ unreachable: nothing was sent
import type { Secret } from '../secret.ts';

/** Who runs a program: undefined = the login user. */
export interface Become {
  readonly method: 'sudo' | 'su' | 'doas';
  readonly user: string;
  /** Travels on stdin only. */
  readonly password?: Secret;
  /** Extra words for the become program, as in Ansible's become_flags. */
  readonly flags?: string;
}

/** One fragment of a program. It runs in a subshell of its own, with stdin from /dev/null. */
export interface Step {
  /** Unique within the program. */
  readonly id: string;
  readonly script: string;
  /** `stop`: a status other than 0 keeps the steps behind it from running. */
  readonly onFailure: 'stop' | 'continue';
  readonly environment?: Readonly<Record<string, string>>;
}

export interface Program {
  /** `inspect` only reads; a read-only host runs nothing else. */
  readonly kind: 'inspect' | 'change';
  readonly steps: readonly Step[];
}

export interface StepOutput {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** What became of one step. `skipped`: a step before it failed with onFailure `stop`. */
export type StepOutcome = ({ readonly kind: 'exited' } & StepOutput) | { readonly kind: 'skipped' };

/** `killed`: its time was up and none of its processes lives; `timeout`: they may. Both leave the connection as it was. */
export type LostReason = 'connection' | 'killed' | 'timeout' | 'idle' | 'interrupted';

/**
 * `finished`: every step has an outcome.
 * `lost`: the channel went away or a timer fired; steps that had ended before have outcomes,
 * what `during` did is unknown (undefined = before the first step began).
 * `refused`: nothing ran (become failed, or the channel could not be opened).
 * `withheld`: a read-only host did not run a change.
 */
export type ProgramOutcome =
  | { readonly kind: 'finished'; readonly steps: ReadonlyMap<string, StepOutcome> }
  | {
      readonly kind: 'lost';
      readonly reason: LostReason;
      readonly message: string;
      readonly during: string | undefined;
      readonly steps: ReadonlyMap<string, StepOutcome>;
    }
  | { readonly kind: 'refused'; readonly message: string; readonly hint?: string }
  | { readonly kind: 'withheld' };

export type UnreachableReason =
  | 'address' // the name does not resolve
  | 'refused'
  | 'timeout'
  | 'host-key-unknown'
  | 'host-key-changed'
  | 'host-key-revoked'
  | 'authentication'
  | 'key-file'
  | 'jump'
  | 'protocol'
  | 'interrupted';

export type ConnectOutcome =
  | { readonly kind: 'connected' }
  | {
      readonly kind: 'unreachable';
      readonly reason: UnreachableReason;
      readonly message: string;
      readonly hint?: string;
    };

export interface ConnectOptions {
  /** For TCP and SSH handshake and authentication; undefined = the host's default. */
  readonly timeoutMs?: number;
}

export interface RunOptions {
  readonly become?: Become;
  /** For the whole program; undefined = the host's default. */
  readonly timeoutMs?: number;
  readonly listener?: StepListener;
}

/** Hears what steps print as it comes, in any pieces. */
export interface StepListener {
  /** `taken`: the step's outcome will not hold these bytes, so that there may be more of them than fit into memory. */
  heard(step: string, from: 'stdout' | 'stderr', bytes: Uint8Array): 'taken' | 'left';
}

export interface Upload {
  /** Absolute path on the host; the file is created with mode 0600 and overwritten if there. */
  readonly path: string;
  readonly bytes: Uint8Array;
}

export interface Host {
  /** inventory_hostname. */
  readonly name: string;
  /** Idempotent: a second call while connected answers at once. */
  connect(options?: ConnectOptions): Promise<ConnectOutcome>;
  /** Never rejects for what a host or the network does. Programs of one identity run one after the other. */
  run(program: Program, options?: RunOptions): Promise<ProgramOutcome>;
  /** For content too large for a program. A change: a read-only host withholds it. */
  upload(file: Upload, options?: RunOptions): Promise<ProgramOutcome>;
  /** Drops the connection at once, so that the next connect is a new TCP and SSH connection. */
  disconnect(): Promise<void>;
  /** Ends sessions and connection politely. Never rejects; idempotent. */
  close(): Promise<void>;
}

export interface HostTimeouts {
  /** TCP and SSH handshake and authentication. */
  readonly connectMs: number;
  /** Opening a channel and becoming the wished user. */
  readonly openMs: number;
  /** A whole program, unless RunOptions says otherwise. */
  readonly programMs: number;
  /** Silence on a connection that has been proven dead by keepalives: interval times count. */
  readonly keepaliveIntervalMs: number;
  readonly keepaliveCount: number;
}

export const DEFAULT_TIMEOUTS: HostTimeouts = {
  connectMs: 10_000,
  openMs: 20_000,
  programMs: 600_000,
  keepaliveIntervalMs: 5_000,
  keepaliveCount: 3,
};
