// The hosts of a run: the way to each, how it stands, what is known of it. Plays may bring in more of them.
import type { Emit } from '../event.ts';
import type { Host } from '../host/host.ts';
import { HostMemory } from './host-memory.ts';
import { HostRun } from './host-run.ts';

export class FleetRuns {
  /** Those that plays are for. */
  readonly #runs = new Map<string, HostRun>();
  /** Of others: what tasks have set on them. */
  readonly #memories = new Map<string, HostMemory>();
  readonly #hosts = new Map<string, Host>();
  readonly #hostFor: (name: string) => Host;
  readonly #emit: Emit;

  /** `hostFor`: called once for each host. */
  constructor(hostFor: (name: string) => Host, emit: Emit) {
    this.#hostFor = hostFor;
    this.#emit = emit;
  }

  /** What plays are for, each once. */
  add(names: Iterable<string>): void {
    for (const name of names) {
      if (this.#runs.has(name)) continue;
      this.#runs.set(name, new HostRun(name, this.host(name), this.#emit, this.memory(name)));
    }
  }

  all(): readonly HostRun[] {
    return [...this.#runs.values()];
  }

  of(names: readonly string[]): readonly HostRun[] {
    return names.flatMap((name) => this.#runs.get(name) ?? []);
  }

  /** The way to any host, one for the whole run. */
  host(name: string): Host {
    const host = this.#hosts.get(name) ?? this.#hostFor(name);
    this.#hosts.set(name, host);
    return host;
  }

  /** What is known of any host, also of one that no play is for. */
  memory(name: string): HostMemory {
    const memory = this.#runs.get(name)?.memory ?? this.#memories.get(name) ?? new HostMemory();
    if (!this.#runs.has(name)) this.#memories.set(name, memory);
    return memory;
  }

  async close(): Promise<void> {
    await Promise.all([...this.#hosts.values()].map((host) => host.close()));
  }
}
