// Runs one wave on one host: inspect, decide, change, conclude. What comes back is an outcome for each action that
// was reached; the first failure that is not ignored ends it.
import type { Host, ProgramOutcome } from '../host/host.ts';
import type { HostModule, Verdict } from '../modules/module.ts';
import type { Action, HostAction } from '../plan/action.ts';
import type { Wave } from '../plan/wave.ts';
import {
  changeOutcome,
  changeProgram,
  inspectProgram,
  isDuringChange,
  type PlannedChange,
} from '../plan/wave-programs.ts';
import { waitForReboot } from './reboot.ts';
import type { RawOutcome } from './task-outcome.ts';

export interface WaveOutcome {
  readonly outcomes: readonly { readonly action: Action; readonly raw: RawOutcome }[];
  /** `lost`: the connection went away, nothing more can be asked of the host on it. `rebooted`: facts are stale. */
  readonly host: 'fine' | 'lost' | 'interrupted' | 'rebooted';
}

export interface WaveProgress {
  inspecting(): void;
  changing(actions: readonly HostAction[]): void;
  rebooting(): void;
}

type Decided =
  | { readonly kind: 'done'; readonly action: Action; readonly raw: RawOutcome }
  | { readonly kind: 'change'; readonly planned: PlannedChange; readonly verdict: ChangeVerdict };

type ChangeVerdict = Extract<Verdict<unknown>, { kind: 'change' }>;

/** `host` refuses to write where the wave only checks. */
export async function runWave(wave: Wave, host: Host, progress: WaveProgress): Promise<WaveOutcome> {
  const hostActions = wave.actions.filter((action) => action.kind === 'host');
  const options = optionsOf(wave, hostActions);
  const inspection = inspectProgram(hostActions);
  let inspected = inspection.read(new Map());
  if (inspection.program !== undefined) {
    progress.inspecting();
    const outcome = await host.run(inspection.program, options);
    if (outcome.kind === 'refused' || outcome.kind === 'withheld' || outcome.kind === 'lost') {
      return inspectionFailed(wave, outcome);
    }
    inspected = inspection.read(outcome.steps);
  }
  const decided = decide(wave.actions, (action) => inspected(action));
  const changes = decided.flatMap((each) => (each.kind === 'change' ? [each] : []));
  if (changes.length === 0) return { outcomes: decided.flatMap(doneOnly), host: 'fine' };
  progress.changing(changes.map((each) => each.planned.action));
  const outcome = await makeChanges(
    host,
    changes.map((each) => each.planned),
    options,
  );
  const result = conclude(decided, changes, outcome);
  const reboot = changes.at(-1)?.planned.change.then;
  if (reboot === undefined || outcome.kind === 'withheld' || result.outcomes.at(-1)?.raw.kind === 'failed')
    return result;
  progress.rebooting();
  return concludeReboot(result, await waitForReboot(host, reboot, options));
}

function optionsOf(wave: Wave, actions: readonly HostAction[]): Parameters<Host['run']>[1] {
  const timeoutMs = actions[0]?.timeoutMs;
  return {
    ...(wave.become !== undefined && { become: wave.become }),
    ...(timeoutMs !== undefined && { timeoutMs }),
  };
}

/** In order; a failure that is not ignored keeps everything behind it from being decided. */
function decide(
  actions: readonly Action[],
  inspected: (action: HostAction) => Parameters<HostModule['decide']>[1] | undefined,
): readonly Decided[] {
  const decided: Decided[] = [];
  for (const action of actions) {
    const each = decideOne(action, inspected);
    decided.push(each);
    if (each.kind === 'done' && each.raw.kind === 'failed' && stops(action)) break;
  }
  return decided;
}

function decideOne(
  action: Action,
  inspected: (action: HostAction) => Parameters<HostModule['decide']>[1] | undefined,
): Decided {
  switch (action.kind) {
    case 'skipped':
      return { kind: 'done', action, raw: { kind: 'skipped', message: action.reason } };
    case 'failed':
      return {
        kind: 'done',
        action,
        raw: {
          kind: 'failed',
          message: action.message,
          ...(action.hint !== undefined && { hint: action.hint }),
        },
      };
    case 'controller':
      return { kind: 'done', action, raw: action.verdict };
    case 'host': {
      const actual = inspected(action);
      if (actual === undefined)
        return { kind: 'done', action, raw: { kind: 'failed', message: 'the inspection did not end' } };
      const verdict = action.module.decide(action.wanted, actual);
      if (verdict.kind !== 'change') return { kind: 'done', action, raw: rawOf(verdict) };
      return {
        kind: 'change',
        verdict,
        planned: { action, change: action.module.change(action.wanted, verdict.changes) },
      };
    }
  }
}

function rawOf(verdict: Exclude<Verdict<unknown>, { kind: 'change' }>): RawOutcome {
  return { ...verdict, kind: verdict.kind === 'unchanged' ? 'ok' : verdict.kind };
}

/** Uploads first: what is too large for a program is put beside its target, under a name of its own. */
async function makeChanges(
  host: Host,
  changes: readonly PlannedChange[],
  options: Parameters<Host['run']>[1],
): Promise<ProgramOutcome> {
  for (const { change } of changes) {
    for (const upload of change.uploads ?? []) {
      const outcome = await host.upload(upload, options);
      if (outcome.kind === 'withheld') return outcome;
      if (outcome.kind !== 'finished') return outcome;
    }
  }
  return host.run(changeProgram(changes), options);
}

function conclude(
  decided: readonly Decided[],
  changes: readonly Extract<Decided, { kind: 'change' }>[],
  outcome: ProgramOutcome,
): WaveOutcome {
  const outcomes: { action: Action; raw: RawOutcome }[] = [];
  for (const each of decided) {
    if (each.kind === 'done') {
      outcomes.push(each);
      continue;
    }
    const raw = concludeChange(each, changes.indexOf(each), outcome);
    if (raw === undefined) break;
    outcomes.push({ action: each.planned.action, raw });
    if ((raw.kind === 'failed' && stops(each.planned.action)) || raw.kind === 'unknown') break;
  }
  if (outcome.kind !== 'lost') return { outcomes, host: 'fine' };
  return { outcomes, host: outcome.reason === 'interrupted' ? 'interrupted' : 'lost' };
}

/** Undefined: the action was not reached. */
function concludeChange(
  { planned, verdict }: Extract<Decided, { kind: 'change' }>,
  index: number,
  outcome: ProgramOutcome,
): RawOutcome | undefined {
  const { action } = planned;
  const diffs = verdict.diffs ?? [];
  if (outcome.kind === 'withheld') {
    return {
      kind: 'would-change',
      message: verdict.message,
      diffs,
      ...(verdict.fields && { fields: verdict.fields }),
    };
  }
  if (outcome.kind === 'refused') return index === 0 ? refusal(outcome) : undefined;
  const step = changeOutcome(index, outcome.steps);
  if (step === undefined) {
    const isRunning =
      outcome.kind === 'lost' &&
      (isDuringChange(index, outcome.during) || (outcome.during === undefined && index === 0));
    return isRunning ? { kind: 'unknown', message: outcome.message } : undefined;
  }
  if (step.kind === 'skipped') return undefined;
  const conclusion =
    action.module.conclude?.(action.wanted, verdict.changes, step) ?? defaultConclusion(step);
  const message = conclusion.message ?? verdict.message;
  const kind = conclusion.kind === 'unchanged' ? 'ok' : conclusion.kind;
  return { ...conclusion, kind, message, diffs, fields: { ...verdict.fields, ...conclusion.fields } };
}

function defaultConclusion(step: {
  exitCode: number;
  stdout: string;
  stderr: string;
}): RawOutcome & { kind: 'changed' | 'failed' } {
  if (step.exitCode === 0) return { kind: 'changed' };
  const said = step.stderr.trim() || step.stdout.trim();
  return {
    kind: 'failed',
    message: said === '' ? `exited ${step.exitCode}` : said,
    fields: { rc: step.exitCode },
  };
}

function inspectionFailed(wave: Wave, outcome: Exclude<ProgramOutcome, { kind: 'finished' }>): WaveOutcome {
  // What the controller knew without the host is still told, up to the first action that needed it.
  const reached = wave.actions.findIndex((action) => action.kind === 'host');
  const before = wave.actions
    .slice(0, reached)
    .map((action) => ({
      action,
      raw: (decideOne(action, () => undefined) as Extract<Decided, { kind: 'done' }>).raw,
    }));
  const first = wave.actions[reached];
  const raw: RawOutcome =
    outcome.kind === 'refused'
      ? refusal(outcome)
      : {
          kind: 'failed',
          message:
            outcome.kind === 'lost'
              ? `${outcome.message}, while it was only looked at`
              : 'the host refuses to be read',
        };
  const outcomes = first === undefined ? before : [...before, { action: first, raw }];
  if (outcome.kind !== 'lost') return { outcomes, host: 'fine' };
  return { outcomes, host: outcome.reason === 'interrupted' ? 'interrupted' : 'lost' };
}

function refusal(outcome: Extract<ProgramOutcome, { kind: 'refused' }>): RawOutcome {
  return {
    kind: 'failed',
    message: outcome.message,
    ...(outcome.hint !== undefined && { hint: outcome.hint }),
  };
}

function concludeReboot(result: WaveOutcome, error: string | undefined): WaveOutcome {
  const last = result.outcomes.at(-1);
  if (last === undefined) return result;
  const raw: RawOutcome =
    error === undefined
      ? { kind: 'changed', message: 'rebooted', fields: { rebooted: true } }
      : { kind: 'failed', message: error };
  return {
    outcomes: [...result.outcomes.slice(0, -1), { action: last.action, raw }],
    host: error === undefined ? 'rebooted' : 'lost',
  };
}

function stops(action: Action): boolean {
  return action.task.onFailure === 'stop-host';
}

function doneOnly(each: Decided): { action: Action; raw: RawOutcome }[] {
  return each.kind === 'done' ? [each] : [];
}
