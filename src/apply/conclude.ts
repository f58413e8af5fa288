// What became of decided actions, given what became of the program that made their changes. Pure.
import type { ProgramOutcome, StepOutcome, StepOutput } from '../host/host.ts';
import { type Conclusion, type HostModule, type ResultFields, withNotes } from '../modules/module.ts';
import type { Action } from '../plan/action.ts';
import { changeStep, isChangeStep } from '../plan/wave-programs.ts';
import { type Settled, stops } from './decide.ts';
import type { ActionOutcome, RawOutcome } from './task-outcome.ts';

type Change = Extract<Settled, { kind: 'change' }>;

type JobStart = Extract<NonNullable<Change['change']['then']>, { kind: 'job' }>;

/** What became of rehearsals. */
export type Rehearsed = (change: Change) => StepOutcome | undefined;

/**
 * Outcomes in order, up to the first failure that is not ignored, or to the first action that was not reached.
 * `program` undefined: there was nothing to change.
 */
export function concludeWave(
  decided: readonly Settled[],
  program: ProgramOutcome | undefined,
  rehearsed: Rehearsed = () => undefined,
): readonly ActionOutcome[] {
  const concluded: ActionOutcome[] = [];
  const changes = decided.filter((each) => each.kind === 'change');
  for (const each of decided) {
    const { action } = each;
    const raw =
      each.kind === 'done'
        ? each.raw
        : program && concludeChange(each, { index: changes.indexOf(each), program, rehearsed });
    if (raw === undefined) break;
    concluded.push({ action, raw });
    if (raw.kind === 'unknown' || (raw.kind === 'failed' && stops(action))) break;
  }
  return concluded;
}

/** The outcomes of what was decided before an action that could not begin. */
export function decidedBefore(decided: readonly Settled[], action: Action): readonly ActionOutcome[] {
  const until = decided.findIndex((each) => each.action === action);
  return concludeWave(decided.slice(0, until), undefined);
}

/** Nothing ran: become failed, for one. */
export function refusal(outcome: Extract<ProgramOutcome, { kind: 'refused' }>): RawOutcome {
  const { message, hint } = outcome;
  return { kind: 'failed', message, ...(hint !== undefined && { hint }) };
}

/** Undefined: the change was not reached. */
function concludeChange(
  planned: Change,
  done: { readonly index: number; readonly program: ProgramOutcome; readonly rehearsed: Rehearsed },
): RawOutcome | undefined {
  const { index, program } = done;
  if (program.kind === 'withheld') return concludeRehearsal(planned, done.rehearsed(planned));
  if (program.kind === 'refused') return index === 0 ? refusal(program) : undefined;
  const step = program.steps.get(changeStep(index));
  const { then } = planned.change;
  if (step?.kind === 'exited') {
    return then?.kind === 'job' ? concludeStart(planned, then, step) : concludeStep(planned, step);
  }
  if (step?.kind === 'skipped' || program.kind === 'finished') return undefined;
  const { during: at } = program;
  const during = at !== undefined && isChangeStep(at) ? at : changeStep(0);
  if (during !== changeStep(index)) return undefined;
  const { message } = program;
  return program.reason === 'killed'
    ? { kind: 'failed', message, hasRun: true }
    : { kind: 'unknown', message };
}

/** Of a job: the script that started it is none of its module's business. */
function concludeStart({ verdict }: Change, { id }: JobStart, step: StepOutput): RawOutcome {
  const begun = plainConclusion(step);
  if (begun.kind === 'failed') return begun;
  const fields = { ...verdict.fields, ...jobFields(id, step.stdout.trim(), 'running') };
  return { kind: 'changed', message: `started: ${verdict.message}`, fields, hasRun: true };
}

function concludeRehearsal({ verdict }: Change, step: StepOutcome | undefined): RawOutcome {
  if (step?.kind !== 'exited') return { ...verdict, kind: 'would-change' };
  if (step.exitCode !== 0) {
    const said = step.stderr.trim() || step.stdout.trim() || `exited ${step.exitCode}`;
    return { kind: 'failed', message: `it would fail: ${said}` };
  }
  return { ...verdict, kind: 'would-change', message: withNotes(verdict.message, step.stdout) };
}

/** What the module makes of what its script printed. */
export function concludeStep({ action, verdict }: Change, step: StepOutput): RawOutcome {
  const { module, wanted } = action;
  const conclusion = module.conclude?.(wanted, verdict.changes, step) ?? plainConclusion(step);
  return {
    ...conclusion,
    kind: conclusion.kind === 'unchanged' ? 'ok' : conclusion.kind,
    message: messageOf(module, conclusion.message ?? verdict.message, step),
    diffs: verdict.diffs ?? [],
    fields: { ...verdict.fields, ...conclusion.fields },
    hasRun: true,
  };
}

/** Whoever rehearses says the same to people when it comes true. */
function messageOf(module: HostModule, message: string, { stderr }: StepOutput): string {
  return module.rehearse === undefined ? message : withNotes(message, stderr);
}

/** What a result tells of the job that it is of. */
export function jobFields(
  id: string,
  folder: string,
  state: 'running' | 'absent' | 'gone' | 'finished',
): ResultFields {
  return { ansible_job_id: id, started: true, finished: state !== 'running', results_file: folder };
}

/** Of modules that have nothing to say to it: the status decides. */
function plainConclusion({ exitCode, stderr, stdout }: StepOutput): Conclusion {
  if (exitCode === 0) return { kind: 'changed' };
  const said = stderr.trim() || stdout.trim();
  return { kind: 'failed', message: said === '' ? `exited ${exitCode}` : said, fields: { rc: exitCode } };
}
