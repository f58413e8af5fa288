// A host without a machine: it answers what it was told to answer and remembers what it was asked.
// For tests of what stands above hosts.
import type {
  ConnectOutcome,
  Host,
  Program,
  ProgramOutcome,
  RunOptions,
  Step,
  StepOutcome,
  StepOutput,
  Upload,
} from './host.ts';

/** What a step does: left out is status 0 and silence. */
export type FakeStep = (step: Step) => Partial<StepOutput>;

/** What a program does. Anything but `finished` is made by hand: unreachable is `connect`, the rest an outcome. */
export type FakeProgram = (program: Program, options: RunOptions) => ProgramOutcome | Promise<ProgramOutcome>;

export interface FakeHostOptions {
  readonly name: string;
  /** Answers of successive connects; the last one stays. Default: connected. */
  readonly connects?: readonly ConnectOutcome[];
  /** Answers of successive programs; the last one stays. Default: every step exits with 0. */
  readonly programs?: readonly FakeProgram[];
}

export type FakeEvent =
  | { readonly kind: 'connect' | 'disconnect' | 'close' }
  | { readonly kind: 'run'; readonly program: Program; readonly options: RunOptions }
  | { readonly kind: 'upload'; readonly file: Upload; readonly options: RunOptions };

export class FakeHost implements Host {
  readonly name: string;
  /** Everything that was asked of it, in order. */
  readonly events: FakeEvent[] = [];
  readonly #options: FakeHostOptions;
  #connects = 0;
  #programs = 0;
  #connected: ConnectOutcome | undefined;

  constructor(options: FakeHostOptions) {
    this.name = options.name;
    this.#options = options;
  }

  /** The programs that were run, in order. */
  get programs(): readonly Program[] {
    return this.events.flatMap((event) => (event.kind === 'run' ? [event.program] : []));
  }

  async connect(): Promise<ConnectOutcome> {
    if (this.#connected !== undefined) return this.#connected;
    this.events.push({ kind: 'connect' });
    const answer = successive(this.#options.connects, this.#connects++) ?? { kind: 'connected' };
    if (answer.kind === 'connected') this.#connected = answer;
    return answer;
  }

  async run(program: Program, options: RunOptions = {}): Promise<ProgramOutcome> {
    this.events.push({ kind: 'run', program, options });
    const answer = successive(this.#options.programs, this.#programs++) ?? answering(() => ({}));
    return answer(program, options);
  }

  async upload(file: Upload, options: RunOptions = {}): Promise<ProgramOutcome> {
    this.events.push({ kind: 'upload', file, options });
    return { kind: 'finished', steps: new Map([['upload', exited({})]]) };
  }

  async disconnect(): Promise<void> {
    this.#connected = undefined;
    this.events.push({ kind: 'disconnect' });
  }

  async close(): Promise<void> {
    this.#connected = undefined;
    this.events.push({ kind: 'close' });
  }
}

/** A program whose steps answer one by one, and stop where a step says so. */
export function answering(step: FakeStep): FakeProgram {
  return (program) => ({ kind: 'finished', steps: walk(program, step, undefined) });
}

/** A program that is lost while the step with this id runs; the steps before it answer. */
export function losing(during: string, step: FakeStep = () => ({})): FakeProgram {
  return (program) => ({
    kind: 'lost',
    reason: 'connection',
    message: 'the connection was lost',
    during,
    steps: walk(program, step, during),
  });
}

/** A program that does not run at all. */
export function refusing(message: string): FakeProgram {
  return () => ({ kind: 'refused', message });
}

function walk(program: Program, answer: FakeStep, before: string | undefined): Map<string, StepOutcome> {
  const outcomes = new Map<string, StepOutcome>();
  let stopped = false;
  for (const step of program.steps) {
    if (step.id === before) break;
    const outcome: StepOutcome = stopped ? { kind: 'skipped' } : exited(answer(step));
    outcomes.set(step.id, outcome);
    if (outcome.kind === 'exited' && outcome.exitCode !== 0 && step.onFailure === 'stop') stopped = true;
  }
  return outcomes;
}

function exited(output: Partial<StepOutput>): StepOutcome {
  return { kind: 'exited', exitCode: 0, stdout: '', stderr: '', ...output };
}

function successive<T>(answers: readonly T[] | undefined, index: number): T | undefined {
  return answers?.[Math.min(index, answers.length - 1)];
}
