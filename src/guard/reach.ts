// Tries from the controller what has to be reached after a guarded change, before and after it.
import { connect } from 'node:net';
import type { Host } from '../host/host.ts';
import { type ControllerProbe, probeText } from './probes.ts';

export interface ReachOptions {
  /** A way to the host by another address of its own. */
  readonly wayTo: (place: { readonly address: string; readonly port: number | undefined }) => Host;
  readonly connectMs: number;
}

/** What could be reached once, and whether it still can. */
export class Reach {
  readonly #probes: readonly ControllerProbe[];
  readonly #options: ReachOptions;
  #worked: readonly ControllerProbe[] = [];

  constructor(probes: readonly ControllerProbe[], options: ReachOptions) {
    this.#probes = probes;
    this.#options = options;
  }

  /** Before the change, all at the same time. Those that do not work, which then need not afterwards. */
  async keep(): Promise<readonly string[]> {
    const failing = await this.#failing(this.#probes);
    this.#worked = this.#probes.filter((each) => !failing.includes(each));
    return failing.map(probeText);
  }

  /** One attempt at each that worked; what has worked again once need not be tried another time. */
  async lost(): Promise<readonly string[]> {
    this.#worked = await this.#failing(this.#worked);
    return this.#worked.map(probeText);
  }

  async #failing(probes: readonly ControllerProbe[]): Promise<readonly ControllerProbe[]> {
    const works = await Promise.all(probes.map((each) => this.#works(each)));
    return probes.filter((_, index) => works[index] === false);
  }

  #works(probe: ControllerProbe): Promise<boolean> {
    return probe.kind === 'ssh' ? this.#logsIn(probe) : this.#connects(probe);
  }

  async #logsIn({ address, port }: Extract<ControllerProbe, { kind: 'ssh' }>): Promise<boolean> {
    const way = this.#options.wayTo({ address, port });
    try {
      return (await way.connect()).kind === 'connected';
    } finally {
      await way.close();
    }
  }

  #connects({ address, port }: Extract<ControllerProbe, { kind: 'tcp' }>): Promise<boolean> {
    return new Promise((resolve) => {
      const socket = connect({ host: address, port });
      const end = (works: boolean): void => {
        socket.destroy();
        resolve(works);
      };
      socket.setTimeout(this.#options.connectMs, () => end(false));
      socket.once('connect', () => end(true));
      socket.once('error', () => end(false));
    });
  }
}
