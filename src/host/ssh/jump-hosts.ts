// Connections to jump hosts, one for all the targets behind it, kept for as long as one of them is used.
//   a target behind j1,j2:  j1 ──forward──► j2 ──forward──► target, each with its own name and key
import { jumpFailure, place, type Unreachable } from './connect-failure.ts';
import type { SshTarget } from './connection-settings.ts';
import type { Through } from './ssh-connect.ts';
import type { SshConnection } from './ssh-connection.ts';

/** The use of a jump host's connection; `release` once, when the connection through it is gone. */
export interface JumpLease extends Through {
  release(): void;
}

type Connect = (target: SshTarget, through: Through | undefined) => Promise<SshConnection | Unreachable>;

interface Shared {
  uses: number;
  readonly opening: Promise<{ readonly connection: SshConnection } | Unreachable>;
}

export class JumpHosts {
  readonly #connect: Connect;
  readonly #shared = new Map<string, Shared>();

  constructor(connect: Connect) {
    this.#connect = connect;
  }

  /** A use of the last host of the chain. Hosts that share a beginning of their chains share its connections. */
  async acquire(chain: readonly SshTarget[]): Promise<JumpLease | Unreachable | undefined> {
    const last = chain.at(-1);
    if (last === undefined) return undefined;
    const key = chain.map((target) => `${target.user}@${place(target)}`).join(',');
    let shared = this.#shared.get(key);
    if (shared === undefined) {
      shared = { uses: 0, opening: this.#open(chain.slice(0, -1), last, key) };
      this.#shared.set(key, shared);
    }
    shared.uses++;
    const mine = shared;
    const opened = await mine.opening;
    if ('kind' in opened) return opened;
    const { connection } = opened;
    const release = (): void => {
      if (--mine.uses > 0) return;
      this.#forget(key, mine);
      void connection.end();
    };
    return { name: last.name, connection, release };
  }

  async #open(
    before: readonly SshTarget[],
    target: SshTarget,
    key: string,
  ): Promise<{ readonly connection: SshConnection } | Unreachable> {
    const lease = await this.acquire(before);
    const through = lease !== undefined && !('kind' in lease) ? lease : undefined;
    const result = lease !== undefined && 'kind' in lease ? lease : await this.#connect(target, through);
    const mine = this.#shared.get(key);
    if ('kind' in result) {
      through?.release();
      this.#forget(key, mine); // whoever comes later tries again
      return result === lease ? result : jumpFailure(target.name, result);
    }
    void result.closed.then(() => {
      through?.release();
      this.#forget(key, mine);
    });
    return { connection: result };
  }

  #forget(key: string, shared: Shared | undefined): void {
    if (this.#shared.get(key) === shared) this.#shared.delete(key);
  }
}
