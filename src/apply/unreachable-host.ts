// A host that a task is delegated to and that cannot be reached: whatever it is asked to run is refused with the reason.
import type { ConnectOutcome, Host, ProgramOutcome } from '../host/host.ts';
import type { WaveOutcome } from './run-wave.ts';
import type { RawOutcome } from './task-outcome.ts';

export type Unreachable = Extract<ConnectOutcome, { kind: 'unreachable' }>;

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

/**
 * With ignore_unreachable the task that could not be run, or during which the connection was lost, is forgiven: the host
 * goes on behind it.
 */
export function forgiven(result: WaveOutcome, machine: Host): WaveOutcome {
  const last = result.outcomes.at(-1);
  const isOut = machine instanceof UnreachableHost || result.host === 'lost';
  if (!isOut || last === undefined || last.action.kind !== 'host') return result;
  const { action, raw } = last;
  if (action.task.onUnreachable !== 'continue' || (raw.kind !== 'failed' && raw.kind !== 'unknown'))
    return result;
  const { message = '', hint } = raw;
  const forgiven: RawOutcome = {
    kind: 'failed',
    message: machine instanceof UnreachableHost ? message : `unreachable: ${message}`,
    ...(hint !== undefined && { hint }),
    fields: { unreachable: true },
    isUnreachable: true,
  };
  return { ...result, host: 'fine', outcomes: [...result.outcomes.slice(0, -1), { action, raw: forgiven }] };
}
