// Jobs as the engine sees them: it asks the host for them, over and over where the task waits, over a new connection where
// the old one has gone; and what a job printed is judged by the module that made its script, as ever.
import { randomInt } from 'node:crypto';
import type { Host, Program, RunOptions } from '../../host/host.ts';
import { concludeRun } from '../../modules/command/command-run.ts';
import type { JobQuestion } from '../../modules/errand.ts';
import type { ChangeProgram, Output } from '../../modules/module.ts';
import {
  clearJobScript,
  type JobState,
  jobOutputScript,
  jobStateScript,
  readJobState,
} from '../../modules/system/job-script.ts';
import type { Action, HostAction } from '../../plan/action.ts';
import type { Clock } from '../clock.ts';
import { concludeStep, jobFields } from '../conclude.ts';
import type { Settled } from '../decide.ts';
import { hostAfter, interruptible } from '../interruptible.ts';
import type { RawOutcome } from '../task-outcome.ts';
import type { ErrandContext, ErrandOutcome } from './errands.ts';
import { untilReady } from './reachable.ts';

type Change = Extract<Settled, { kind: 'change' }>;
export type JobStart = Extract<NonNullable<ChangeProgram['then']>, { kind: 'job' }>;

/** What the jobs of a host are, by their id: for whoever asks for them later in the run. */
export type Jobs = Map<string, Change>;

export function newJobId(): string {
  return `j${String(randomInt(1, 2 ** 48 - 1)).padStart(15, '0')}`;
}

interface Asking {
  readonly options: RunOptions;
  readonly signal: AbortSignal;
  /** The task's: a HOME in it says where its jobs are. */
  readonly environment: HostAction['environment'];
}

type Told =
  | { readonly kind: 'state'; readonly state: JobState; readonly output: Output }
  | { readonly kind: 'interrupted' }
  | { readonly kind: 'silent'; readonly message: string; readonly isLost: boolean };

/** The host ends a job by itself; after this it is taken not to answer for it any more. */
const GRACE_MS = 30_000;
const FIRST_LOOK_MS = 250;
const RECONNECT_MS = 1000;

/** For tasks with `async_status`. */
export async function answerForJob(
  { id, mode }: JobQuestion,
  action: Action,
  context: ErrandContext,
): Promise<ErrandOutcome> {
  const environment = action.kind === 'host' ? action.environment : {};
  const told = await ask(context.host, id, { ...context, environment });
  if (told.kind === 'interrupted') return { raw: undefined, host: 'interrupted' };
  if (told.kind === 'silent') {
    const { message, isLost } = told;
    const raw: RawOutcome = { kind: 'failed', message, ...(isLost && { isFinal: true }) };
    return { raw, host: isLost ? 'lost' : 'fine' };
  }
  if (mode === 'cleanup') return clear(id, told.state, { ...context, environment });
  return { raw: rawOf(told, id, context.jobs.get(id)), host: 'fine' };
}

/** Waits until the job that a change has started is over. The host may be reached by another connection afterwards. */
export async function followJob(
  change: Change,
  { id, limitMs, pollMs }: JobStart,
  context: {
    readonly host: Host;
    readonly clock: Clock;
    readonly options: RunOptions;
    readonly signal: AbortSignal;
  },
): Promise<RawOutcome | 'interrupted'> {
  const { host, clock, options } = context;
  const asking = { ...context, environment: change.action.environment };
  const untilMs = clock.nowMs() + limitMs + GRACE_MS;
  for (let napMs = FIRST_LOOK_MS; ; napMs *= 2) {
    if ((await clock.pause(Math.min(napMs, pollMs))) === 'interrupted') return 'interrupted';
    const told = await ask(host, id, asking);
    if (told.kind === 'interrupted') return 'interrupted';
    const isOver = told.kind === 'state' && told.state.kind !== 'running';
    if (isOver) {
      if (told.state.kind === 'finished') await host.run(clearing(id, asking), options);
      return rawOf(told, id, change);
    }
    if (clock.nowMs() >= untilMs) {
      const why = told.kind === 'silent' ? told.message : 'its host says that it still runs';
      return { kind: 'unknown', message: `the job ${id} did not end: ${why}` };
    }
    if (told.kind === 'state') continue;
    const patience = { timeoutMs: untilMs - clock.nowMs(), sleepMs: RECONNECT_MS };
    const look = async () => ({ kind: 'ready' as const });
    const waited = await untilReady(host, { ...patience, look }, clock);
    if (waited.kind === 'interrupted') return 'interrupted';
    if (waited.kind === 'late') {
      const message = `the connection was lost while the job ${id} ran: ${waited.why}`;
      return { kind: 'unknown', message };
    }
  }
}

async function ask(host: Host, id: string, { options, signal, environment }: Asking): Promise<Told> {
  const program: Program = {
    kind: 'inspect',
    steps: [
      { id: 'state', script: jobStateScript(id), onFailure: 'stop', environment },
      { id: 'output', script: jobOutputScript(id), onFailure: 'continue', environment },
    ],
  };
  const outcome = await interruptible(host.run(program, options), signal);
  if (hostAfter(outcome) === 'interrupted') return { kind: 'interrupted' };
  if (outcome.kind !== 'finished') {
    const message = outcome.kind === 'withheld' ? 'the host refuses to be read' : outcome.message;
    return { kind: 'silent', message, isLost: hostAfter(outcome) === 'lost' };
  }
  const [told, output] = [outcome.steps.get('state'), outcome.steps.get('output')];
  const state = told?.kind === 'exited' ? readJobState(told.stdout) : undefined;
  if (state !== undefined && output?.kind === 'exited') return { kind: 'state', state, output };
  const said = told?.kind === 'exited' ? told.stderr.trim() : '';
  return { kind: 'silent', message: `its jobs cannot be asked for: ${said || 'no answer'}`, isLost: false };
}

/** `change` undefined: it was not started in this run, so that only its status tells how it went. */
function rawOf(
  { state, output }: Extract<Told, { kind: 'state' }>,
  id: string,
  change: Change | undefined,
): RawOutcome {
  const fields = jobFields(id, state.folder, state.kind);
  switch (state.kind) {
    case 'running':
      return { kind: 'ok', message: 'it is running', fields: { ...NOTHING_PRINTED, ...fields } };
    case 'absent':
      return { kind: 'failed', message: NO_JOB, fields };
    case 'gone': {
      const message = 'the job ended without a result: its host went down, or somebody killed it';
      return { kind: 'failed', message, fields, hasRun: true };
    }
    case 'finished': {
      const { started, ended, isLate } = state;
      const times = { start: dateText(started), end: dateText(ended), delta: ended - started };
      const raw = change === undefined ? plainRaw(output) : concludeStep(change, output);
      const whole = { ...raw, fields: { ...raw.fields, ...times, ...fields } };
      if (!isLate) return whole;
      return { ...whole, kind: 'failed', message: `not done after ${ended - started} s: it was ended` };
    }
  }
}

function plainRaw(output: Output): RawOutcome {
  const shown = { start: '', shown: 'the job', cmd: '', creates: undefined, removes: undefined };
  const run = { ...shown, chdir: undefined, stdin: undefined, strip: true };
  const conclusion = concludeRun(run, {}, output);
  const { cmd: _, ...fields } = conclusion.fields ?? {};
  return {
    ...conclusion,
    kind: conclusion.kind === 'unchanged' ? 'ok' : conclusion.kind,
    fields,
    hasRun: true,
  };
}

const NO_JOB = 'could not find job';
const NOTHING_PRINTED = { stdout: '', stderr: '', stdout_lines: [], stderr_lines: [] };

function dateText(seconds: number): string {
  return new Date(seconds * 1000).toISOString().replace('T', ' ').replace('.000Z', '');
}

function clearing(id: string, { environment }: Pick<Asking, 'environment'>): Program {
  const step = { id: 'clear', script: clearJobScript(id), onFailure: 'stop', environment } as const;
  return { kind: 'change', steps: [step] };
}

async function clear(
  id: string,
  { kind, folder }: JobState,
  asking: ErrandContext & Asking,
): Promise<ErrandOutcome> {
  const base = { ansible_job_id: id };
  if (kind === 'absent') {
    return { raw: { kind: 'failed', message: NO_JOB, fields: base }, host: 'fine' };
  }
  const fields = { ...base, erased: folder };
  if (asking.mode === 'check') {
    return { raw: { kind: 'would-change', message: `clear away ${folder}`, fields }, host: 'fine' };
  }
  const { host, options, signal } = asking;
  const outcome = await interruptible(host.run(clearing(id, asking), options), signal);
  if (hostAfter(outcome) === 'interrupted') return { raw: undefined, host: 'interrupted' };
  const step = outcome.kind === 'finished' ? outcome.steps.get('clear') : undefined;
  if (step?.kind === 'exited' && step.exitCode === 0) return { raw: { kind: 'ok', fields }, host: 'fine' };
  const said = step?.kind === 'exited' ? step.stderr.trim() : 'message' in outcome ? outcome.message : '';
  return {
    raw: { kind: 'failed', message: `${folder} cannot be cleared away: ${said}`, fields: base },
    host: hostAfter(outcome),
  };
}
