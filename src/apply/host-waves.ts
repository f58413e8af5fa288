// The waves of one host in a play: plans the next one with what is known by now, finds the machine that it runs on, and
// runs it there. What follows from it is after-wave.ts.
import type { Host } from '../host/host.ts';
import { ReadOnlyHost } from '../host/read-only-host.ts';
import type { Place } from '../plan/place.ts';
import { nextWave, type Wave, type WaveRequest } from '../plan/wave.ts';
import type { TaskList } from '../resolve/task-list.ts';
import type { Guarding } from './guarding.ts';
import type { HostRun } from './host-run.ts';
import { included } from './included.ts';
import type { HostPlayContext } from './play-context.ts';
import type { RememberedHandlers } from './remembered-handlers.ts';
import { runWave, type WaveOutcome } from './run-wave.ts';
import { labelOf } from './task-outcome.ts';
import { forgiven, UnreachableHost } from './unreachable-host.ts';

/** `again`: nothing was done, for the host is not what it was a moment ago. `out`: it cannot be reached, or is cut off. */
export type WaveRun = { readonly wave: Wave; readonly outcome: WaveOutcome } | 'again' | 'out';

export interface HostWavesOptions {
  readonly run: HostRun;
  readonly context: HostPlayContext;
  readonly guarding: Guarding;
  readonly remembered: RememberedHandlers;
}

export class HostWaves {
  readonly #run: HostRun;
  readonly #context: HostPlayContext;
  readonly #guarding: Guarding;
  readonly #remembered: RememberedHandlers;
  /** Of actions in the next wave: small after a wave that had to end early, for looking twice is a waste. */
  #limit: number;

  constructor({ run, context, guarding, remembered }: HostWavesOptions) {
    this.#run = run;
    this.#context = context;
    this.#guarding = guarding;
    this.#remembered = remembered;
    this.#limit = context.waveLimit;
  }

  /** Runs the wave that starts at the place. */
  async run(place: Place, within: TaskList | undefined): Promise<WaveRun> {
    const { clock, signal, inventory, person, actions, emit } = this.#context;
    const run = this.#run;
    const wave = nextWave({ ...this.planningAt(place), limit: this.#limit, within });
    await this.#guarding.settleBefore(wave);
    const machine = run.isActive ? await this.#machineFor(wave) : undefined;
    if (machine === undefined) return 'out';
    const mayWrite = wave.mode === 'apply' || machine instanceof UnreachableHost;
    const result = await runWave(wave, mayWrite ? machine : new ReadOnlyHost(machine), {
      clock,
      signal,
      withheld: run.memory.withheld,
      person,
      jobs: run.memory.jobs,
      contacted: () => run.contacted(),
      hostOf: (delegate) => (delegate === undefined ? run.host : this.#context.hostOf(delegate)),
      inventory,
      forgetFile: (path) => actions.files.forget(path),
      tell: (doing, busy) => run.working(doing, busy.map(labelOf)),
      guard: this.#guarding.of(wave),
      notes: this.#remembered.of(wave),
      watch: (watched) => this.#context.watch?.(run.name, this.#context.play, watched),
    });
    if (result.lookAgain !== undefined) {
      emit({ kind: 'guard-told', host: run.name, message: result.lookAgain });
      return 'again';
    }
    this.#learnFrom(wave, result);
    return { wave, outcome: forgiven(result, machine) };
  }

  planningAt(place: Place): Omit<WaveRequest, 'limit'> {
    const { scopes, actions } = this.#context;
    const run = this.#run;
    return {
      place,
      state: run.memory.state,
      readers: this.#context.readers,
      scopeFor: (task, state, values) => scopes.scope(run.name, task, state, { values }),
      include: (action, entry, within) => included(action, entry, within, { ...this.#context, run }),
      context: actions,
    };
  }

  #learnFrom({ actions }: Wave, { outcomes }: WaveOutcome): void {
    const reached = outcomes.length;
    const isCut = reached < actions.length;
    this.#limit = Math.min(this.#context.waveLimit, isCut ? Math.max(1, 2 * reached) : 4 * this.#limit);
  }

  /** Undefined where the host itself cannot be reached, which has been told. */
  async #machineFor(wave: Wave): Promise<Host | undefined> {
    const run = this.#run;
    if (!wave.actions.some((action) => action.kind === 'host')) return run.host;
    if (wave.delegate === undefined) return this.#ownMachine(wave);
    const machine = this.#context.hostOf(wave.delegate);
    const connected = await machine.connect();
    return connected.kind === 'connected' ? machine : new UnreachableHost(wave.delegate, connected);
  }

  async #ownMachine({ actions }: Wave): Promise<Host | undefined> {
    const run = this.#run;
    const first = actions.find((action) => action.kind === 'host');
    if (first?.task.onUnreachable !== 'continue') return (await run.connect()) ? run.host : undefined;
    const outcome = await run.tryToConnect();
    if (outcome.kind === 'connected') return run.host;
    return run.isActive ? new UnreachableHost(run.name, outcome) : undefined;
  }
}
