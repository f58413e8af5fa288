// Runs one wave on one host: inspect, decide, change, conclude. What comes back is an outcome for each action that
// was reached; the first failure that is not ignored ends it.
import { dirname } from 'node:path/posix';
import type { Host, ProgramOutcome, RunOptions, StepOutcome } from '../host/host.ts';
import type { Resource } from '../modules/module.ts';
import type { HostAction } from '../plan/action.ts';
import type { Wave } from '../plan/wave.ts';
import { changeProgram, inspectProgram, rehearsalProgram, rehearsalStep } from '../plan/wave-programs.ts';
import type { Clock } from './clock.ts';
import { concludeWave, decidedBefore, type Rehearsed, refusal } from './conclude.ts';
import { type Decided, decide } from './decide.ts';
import { interruptible } from './interruptible.ts';
import { type RebootOutcome, waitForReboot } from './reboot.ts';
import type { ActionOutcome, RawOutcome } from './task-outcome.ts';

export interface WaveOutcome {
  /** For the first actions of the wave, in order; those behind them have not begun. */
  readonly outcomes: readonly ActionOutcome[];
  /** `lost`: the connection went away, nothing more can be asked of the host on it. `rebooted`: facts are stale. */
  readonly host: 'fine' | 'lost' | 'interrupted' | 'rebooted';
}

export interface WaveContext {
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** What earlier tasks would have changed if check mode had let them. */
  readonly withheld: readonly Resource[];
  readonly tell: (doing: 'inspecting' | 'changing' | 'rebooting', actions: readonly HostAction[]) => void;
}

/** `host` refuses to write where the wave only checks. */
export async function runWave(wave: Wave, host: Host, context: WaveContext): Promise<WaveOutcome> {
  const { signal, withheld } = context;
  const options: RunOptions = {
    ...(wave.become !== undefined && { become: wave.become }),
    ...(wave.timeoutMs !== undefined && { timeoutMs: wave.timeoutMs }),
  };
  const hostActions = wave.actions.filter((action) => action.kind === 'host');
  const inspection = inspectProgram(hostActions);
  let steps: Extract<ProgramOutcome, { kind: 'finished' }>['steps'] = new Map();
  if (inspection.program !== undefined) {
    context.tell('inspecting', hostActions);
    const outcome = await interruptible(host.run(inspection.program, options), signal);
    if (outcome.kind !== 'finished') return inspectionFailed(wave, outcome);
    steps = outcome.steps;
  }
  const decided = decide(wave, { inspected: (action) => inspection.read(action, steps), withheld });
  return change(decided, host, { ...context, options });
}

type Change = Extract<Decided, { kind: 'change' }>;

async function change(
  decided: readonly Decided[],
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
  for (const upload of first.change.uploads ?? []) {
    const sent = await interruptible(machine.upload(upload, options), signal);
    const failure = uploadFailure(sent, upload.path);
    if (failure === undefined) continue;
    const before = decidedBefore(decided, first.action);
    return { outcomes: [...before, ...asOutcome(first, failure, sent)], host: hostAfter(sent) };
  }
  const rehearsed = await rehearse(changes, machine, context);
  const outcome = await interruptible(machine.run(changeProgram(changes), options), signal);
  const outcomes = concludeWave(decided, outcome, rehearsed);
  // A channel that goes down behind the last step takes no result with it.
  const isComplete = outcomes.length === decided.length && outcomes.at(-1)?.raw.kind !== 'unknown';
  const host = hostAfter(outcome);
  const result = { outcomes, host: isComplete && host === 'lost' ? ('fine' as const) : host };
  return concludeReboot(result, { outcome, last: changes.at(-1), host: machine, context });
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
  const before = decide({ ...wave, actions: known }, { inspected: () => undefined, withheld: [] });
  const outcomes = concludeWave(before, undefined);
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

async function concludeReboot(
  result: WaveOutcome,
  after: {
    readonly outcome: ProgramOutcome;
    readonly last: Change | undefined;
    readonly host: Host;
    readonly context: WaveContext & { readonly options: RunOptions };
  },
): Promise<WaveOutcome> {
  const { last, outcome, host, context } = after;
  const reboot = last?.change.then;
  const concluded = result.outcomes.at(-1);
  if (last === undefined || reboot === undefined || concluded?.action !== last.action) return result;
  // The channel may well go down with the host.
  const isGoingDown = outcome.kind === 'lost' && outcome.reason === 'connection';
  if (concluded.raw.kind !== 'changed' && !isGoingDown) return result;
  context.tell('rebooting', [last.action]);
  const rebooted = await waitForReboot(host, reboot, context);
  return {
    outcomes: [...result.outcomes.slice(0, -1), { action: last.action, raw: rebootRaw(rebooted) }],
    host: rebooted.kind === 'back' ? 'rebooted' : rebooted.kind === 'interrupted' ? 'interrupted' : 'lost',
  };
}

function rebootRaw(outcome: RebootOutcome): RawOutcome {
  if (outcome.kind === 'back') {
    return {
      kind: 'changed',
      message: 'rebooted',
      fields: { rebooted: true, elapsed: Math.round(outcome.afterMs / 1000) },
    };
  }
  return outcome.kind === 'interrupted'
    ? { kind: 'unknown', message: 'interrupted while it rebooted' }
    : { kind: 'failed', message: outcome.message, isFinal: true };
}

function hostAfter(outcome: ProgramOutcome): 'fine' | 'lost' | 'interrupted' {
  if (outcome.kind !== 'lost' || outcome.reason === 'killed') return 'fine';
  return outcome.reason === 'interrupted' ? 'interrupted' : 'lost';
}
