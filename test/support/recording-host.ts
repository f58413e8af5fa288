// A host that does what another does and remembers which programs it was given.
import type {
  ConnectOutcome,
  Host,
  Program,
  ProgramOutcome,
  RunOptions,
  Upload,
} from '../../src/host/host.ts';

export class RecordingHost implements Host {
  readonly name: string;
  readonly programs: Program[] = [];
  readonly calls: ('connect' | 'upload' | 'disconnect' | 'close')[] = [];
  readonly #host: Host;

  constructor(host: Host) {
    this.name = host.name;
    this.#host = host;
  }

  connect(): Promise<ConnectOutcome> {
    this.calls.push('connect');
    return this.#host.connect();
  }

  run(program: Program, options?: RunOptions): Promise<ProgramOutcome> {
    this.programs.push(program);
    return this.#host.run(program, options);
  }

  upload(file: Upload, options?: RunOptions): Promise<ProgramOutcome> {
    this.calls.push('upload');
    return this.#host.upload(file, options);
  }

  disconnect(): Promise<void> {
    this.calls.push('disconnect');
    return this.#host.disconnect();
  }

  close(): Promise<void> {
    this.calls.push('close');
    return this.#host.close();
  }
}

/** `facts, look, change 2, look, change 1`: each program, with how many changes it makes. */
export function programsText(programs: readonly Program[]): string {
  return programs
    .map(({ kind, steps }) => {
      if (kind === 'change') return `change ${steps.length}`;
      return steps.some((step) => step.id === 'facts') ? 'facts' : 'look';
    })
    .join(', ');
}
