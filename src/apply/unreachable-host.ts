// A host that a task is delegated to and that cannot be reached: whatever it is asked to run is refused with the reason.
import type { ConnectOutcome, Host, ProgramOutcome } from '../host/host.ts';

type Unreachable = Extract<ConnectOutcome, { kind: 'unreachable' }>;

export class UnreachableHost implements Host {
  readonly name: string;
  readonly #why: Unreachable;

  constructor(name: string, why: Unreachable) {
    this.name = name;
    this.#why = why;
  }

  async connect(): Promise<ConnectOutcome> {
    return this.#why;
  }

  async run(): Promise<ProgramOutcome> {
    const { message, hint } = this.#why;
    return {
      kind: 'refused',
      message: `${this.name} is unreachable: ${message}`,
      ...(hint !== undefined && { hint }),
    };
  }

  upload(): Promise<ProgramOutcome> {
    return this.run();
  }

  async disconnect(): Promise<void> {}

  async close(): Promise<void> {}
}
