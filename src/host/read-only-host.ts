// A host that may be looked at and not touched: --check is this, rather than an `if` in each module.
import type {
  ConnectOptions,
  ConnectOutcome,
  Host,
  Program,
  ProgramOutcome,
  RunOptions,
  Upload,
} from './host.ts';

export class ReadOnlyHost implements Host {
  readonly name: string;
  readonly #host: Host;

  constructor(host: Host) {
    this.name = host.name;
    this.#host = host;
  }

  connect(options?: ConnectOptions): Promise<ConnectOutcome> {
    return this.#host.connect(options);
  }

  /** Changes are `withheld`. */
  async run(program: Program, options?: RunOptions): Promise<ProgramOutcome> {
    return program.kind === 'inspect' ? this.#host.run(program, options) : { kind: 'withheld' };
  }

  async upload(_file: Upload, _options?: RunOptions): Promise<ProgramOutcome> {
    return { kind: 'withheld' };
  }

  disconnect(): Promise<void> {
    return this.#host.disconnect();
  }

  close(): Promise<void> {
    return this.#host.close();
  }
}
