// Runs one wave on one host: inspect, decide, change, conclude. What comes back is an outcome for each action that
// was reached; the first failure that is not ignored ends it.
import { dirname } from 'node:path/posix';
import type { Doing } from '../event.ts';
import type { HostGuard } from '../guard/host-guard.ts';
import type { Host, Program, ProgramOutcome, RunOptions, StepOutcome } from '../host/host.ts';
import type { GrowingInventory } from '../load/inventory/growing-inventory.ts';
import type { Inspected, Resource } from '../modules/module.ts';
import type { Action, HostAction } from '../plan/action.ts';
import type { Watched } from '../plan/plan-recorder.ts';
import type { Wave } from '../plan/wave.ts';
import { changeProgram, inspectProgram, rehearsalProgram, rehearsalStep } from '../plan/wave-programs.ts';
import type { Clock } from './clock.ts';
import { concludeWave, decidedBefore, type Rehearsed, refusal } from './conclude.ts';
import { type Decided, decide, type Settled } from './decide.ts';
import { afterwards } from './errands/afterwards.ts';
import { settled } from './errands/errands.ts';
import { type Jobs, newJobId } from './errands/job.ts';
import type { Person } from './errands/person.ts';
import { hostAfter, interruptible } from './interruptible.ts';
import type { WaveNotes } from './remembered-handlers.ts';
import type { ActionOutcome, RawOutcome } from './task-outcome.ts';

export interface WaveOutcome {
  /** For the first actions of the wave, in order; those behind them have not begun. */
  readonly outcomes: readonly ActionOutcome[];
  /** `lost`: the connection went away, nothing more can be asked of the host on it. `rebooted`: facts are stale. */
  readonly host: 'fine' | 'lost' | 'interrupted' | 'rebooted';
  /** Nothing has been done, for the host is not what it was a moment ago: why. */
  readonly lookAgain?: string;
}

export interface WaveContext {
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** To which tasks add hosts and groups. */
  readonly inventory: GrowingInventory;
  readonly person: Person;
  readonly jobs: Jobs;
  /** Somebody has reached the play's own host, and run something there. */
  readonly contacted: () => void;
  /** The way to the host that a task is delegated to; undefined: to its own. */
  readonly hostOf: (delegate: string | undefined) => Host;
  /** A file of the controller's is another one from now on. */
  readonly forgetFile: (path: string) => void;
  /** What earlier tasks would have changed if check mode had let them. */
  readonly withheld: readonly Resource[];
  readonly tell: (doing: Doing, actions: readonly Action[]) => void;
  /** What its changes go with. */
  readonly guard: HostGuard | undefined;
  /** What the host remembers of handlers; undefined: nothing. */
  readonly notes: WaveNotes | undefined;
  /** Told what each action came by. */
  readonly watch?: (watched: readonly Watched[]) => void;
}

/** `host` refuses to write where the wave only checks. */
export async function runWave(wave: Wave, host: Host, context: WaveContext): Promise<WaveOutcome> {
  const { signal, withheld } = context;
  const options: RunOptions = {
    ...(wave.become !== undefined && { become: wave.become }),
    ...(wave.timeoutMs !== undefined && { timeoutMs: wave.timeoutMs }),
  };
  const hostActions = wave.actions.filter((action) => action.kind === 'host');
  const { guard, notes } = context;
  const inspection = inspectProgram(hostActions, [...(guard?.look ?? []), ...(notes?.look ?? [])]);
  let steps: Extract<ProgramOutcome, { kind: 'finished' }>['steps'] = new Map();
  if (inspection.program !== undefined) {
    context.tell('inspecting', hostActions);
    const outcome = await interruptible(host.run(inspection.program, options), signal);
    if (outcome.kind !== 'finished') return inspectionFailed(wave, outcome);
    steps = outcome.steps;
    guard?.looked(steps);
    notes?.looked(steps);
  }
  const inspected = (action: HostAction) => inspection.read(action, steps);
  const decided = decide(wave, { inspected, withheld, newJobId });
  context.watch?.(decided.map((each) => watchedOf(each, inspected)));
  const errands = await settled(decided, { ...context, host, options });
  if (errands.host !== 'fine') {
    return { outcomes: concludeWave(errands.decided, undefined), host: errands.host };
  }
  return change(errands.decided, host, { ...context, options });
}

function watchedOf(each: Decided, inspected: (action: HostAction) => Inspected | undefined): Watched {
  const { action } = each;
  return {
    action,
    inspected: action.kind === 'host' ? inspected(action) : undefined,
    isUnknowable: each.kind === 'done' && each.raw.leaves === 'unknowable',
  };
}

type Change = Extract<Settled, { kind: 'change' }>;

async function change(
  decided: readonly Settled[],
  machine: Host,
  context: WaveContext & { readonly options: RunOptions },
): Promise<WaveOutcome> {
  const { options, signal } = context;
  const changes = decided.filter((each) => each.kind === 'change');
  const [first] = changes;
  if (first === undefined) return { outcomes: concludeWave(decided, undefined), host: 'fine' };
  context.tell(
    'changing',
    changes.map(({ action }) => action),
  );
  const watching = context.guard?.watch();
  for (const upload of first.change.uploads ?? []) {
    const sent = await interruptible(machine.upload(upload, options), signal);
    const failure = uploadFailure(sent, upload.path);
    if (failure === undefined) continue;
    const before = decidedBefore(decided, first.action);
    return { outcomes: [...before, ...asOutcome(first, failure, sent)], host: hostAfter(sent) };
  }
  const rehearsed = await rehearse(changes, machine, context);
  await watching;
  const outcome = await armAndChange(changes, machine, context);
  context.notes?.ran(changes, outcome);
  const refusal = context.guard?.refusal(outcome);
  if (refusal?.kind === 'look again') return { outcomes: [], host: 'fine', lookAgain: refusal.message };
  if (refusal !== undefined) {
    const { message, hint } = refusal;
    const raw: RawOutcome = { kind: 'failed', message, ...(hint !== undefined && { hint }) };
    const before = decidedBefore(decided, first.action);
    return { outcomes: [...before, { action: first.action, raw }], host: hostAfter(outcome) };
  }
  const outcomes = concludeWave(decided, outcome, rehearsed);
  // A channel that goes down behind the last step takes no result with it.
  const isComplete = outcomes.length === decided.length && outcomes.at(-1)?.raw.kind !== 'unknown';
  const host = hostAfter(outcome);
  const result = { outcomes, host: isComplete && host === 'lost' ? ('fine' as const) : host };
  return afterwards(result, { outcome, last: changes.at(-1), host: machine, context });
}

/** The changes with the guard's steps around them, or behind a program of its own where those who make them may not. */
async function armAndChange(
  changes: readonly Change[],
  machine: Host,
  { guard, notes, options, signal }: WaveContext & { readonly options: RunOptions },
): Promise<ProgramOutcome> {
  const { touched, ...around } = notes?.around(changes) ?? { touched: [], lead: [] };
  const run = (program: Program, as: RunOptions) => interruptible(machine.run(program, as), signal);
  if (guard === undefined) return run(changeProgram(changes, around), options);
  const lead = () => [guard.lead([...changes.flatMap(({ action }) => action.writes), ...touched])];
  const trail = [guard.trail()];
  let place = guard.placeFor(options.become);
  if (place.kind === 'together') {
    const surroundings = { ...around, lead: [...lead(), ...around.lead], trail };
    const outcome = await run(changeProgram(changes, surroundings), options);
    if (!guard.mustGoApart(outcome)) return outcome;
    place = guard.placeFor(options.become);
  }
  const become = place.kind === 'apart' ? place.become : options.become;
  const armed = await run(
    { kind: 'change', steps: [...lead(), ...trail] },
    become === undefined ? {} : { become },
  );
  const isArmed = armed.kind === 'finished' && guard.refusal(armed) === undefined;
  return isArmed ? run(changeProgram(changes, around), options) : armed;
}

/** One program more, in check mode alone. Where it does not end, nothing is known beyond what was decided. */
async function rehearse(
  changes: readonly Change[],
  machine: Host,
  { options, signal }: WaveContext & { readonly options: RunOptions },
): Promise<Rehearsed> {
  const program = rehearsalProgram(changes);
  if (program === undefined) return () => undefined;
  const outcome = await interruptible(machine.run(program, options), signal);
  const steps = outcome.kind === 'finished' ? outcome.steps : new Map<string, StepOutcome>();
  return (change) => steps.get(rehearsalStep(changes.indexOf(change)));
}

/** Undefined when it is there, or was not wanted in check mode. Nothing of the program has run yet. */
function uploadFailure(outcome: ProgramOutcome, path: string): RawOutcome | undefined {
  if (outcome.kind === 'withheld') return undefined;
  if (outcome.kind === 'refused') return refusal(outcome);
  if (outcome.kind === 'lost') {
    const message = `${outcome.message}, while its content was sent; what was there before still is`;
    return { kind: 'failed', message, isFinal: true };
  }
  for (const step of outcome.steps.values()) {
    if (step.kind === 'exited' && step.exitCode === 0) continue;
    const said = step.kind === 'exited' ? step.stderr.trim() : '';
    return {
      kind: 'failed',
      message: `its content cannot be written to ${dirname(path)}, what was there before still is${said === '' ? '' : `: ${said}`}`,
    };
  }
  return undefined;
}

function inspectionFailed(wave: Wave, outcome: Exclude<ProgramOutcome, { kind: 'finished' }>): WaveOutcome {
  const first = wave.actions.find((action) => action.kind === 'host');
  const known = wave.actions.slice(0, first === undefined ? undefined : wave.actions.indexOf(first));
  // What the controller knew without the host is still told.
  const before = decide({ ...wave, actions: known }, { inspected: () => undefined, withheld: [], newJobId });
  const outcomes = concludeWave(
    before.filter((each) => each.kind !== 'errand'),
    undefined,
  );
  const host = hostAfter(outcome);
  const own = first === undefined ? [] : asOutcome({ action: first }, notInspected(outcome), outcome);
  return { outcomes: [...outcomes, ...own], host };
}

/** Of an action that had changed nothing yet: an interruption is no failure of its own. */
function asOutcome(
  { action }: { readonly action: HostAction },
  raw: RawOutcome,
  outcome: ProgramOutcome,
): readonly ActionOutcome[] {
  return hostAfter(outcome) === 'interrupted' ? [] : [{ action, raw }];
}

function notInspected(outcome: Exclude<ProgramOutcome, { kind: 'finished' }>): RawOutcome {
  if (outcome.kind === 'refused') return refusal(outcome);
  if (outcome.kind === 'withheld') return { kind: 'failed', message: 'the host refuses to be read' };
  const message = `${outcome.message}, while it was only looked at`;
  return { kind: 'failed', message, ...(hostAfter(outcome) === 'lost' && { isFinal: true }) };
}
