// What the engine does once a wave's change program has run: waits for a reboot, or for a job that the program started.
import type { Host, ProgramOutcome, RunOptions } from '../../host/host.ts';
import { unreachable } from '../../unreachable.ts';
import type { Settled } from '../decide.ts';
import type { WaveContext, WaveOutcome } from '../run-wave.ts';
import type { RawOutcome } from '../task-outcome.ts';
import { followJob, type JobStart } from './job.ts';
import { type Reboot, waitForReboot } from './reboot.ts';

type Change = Extract<Settled, { kind: 'change' }>;

export interface After {
  readonly outcome: ProgramOutcome;
  /** The program's last change: nothing follows one that has an afterwards. */
  readonly last: Change | undefined;
  readonly host: Host;
  readonly context: WaveContext & { readonly options: RunOptions };
}

/** The wave's outcome, the last change's in the light of what came afterwards. */
export async function afterwards(result: WaveOutcome, after: After): Promise<WaveOutcome> {
  const { last, outcome } = after;
  const concluded = result.outcomes.at(-1);
  const then = last?.change.then;
  if (last === undefined || then === undefined || concluded?.action !== last.action) return result;
  // The channel may well go down with the host; and a job may have begun all the same.
  const isLost = outcome.kind === 'lost' && outcome.reason === 'connection';
  if (concluded.raw.kind !== 'changed' && !isLost) return result;
  const ended = await end(then, concluded.raw, { ...after, last, isLost });
  if (ended === undefined) return result;
  const outcomes = [...result.outcomes.slice(0, -1), { action: last.action, raw: ended.raw }];
  return { outcomes, host: ended.host };
}

type Ended = { readonly raw: RawOutcome; readonly host: WaveOutcome['host'] } | undefined;

function end(
  then: Reboot | JobStart,
  begun: RawOutcome,
  after: After & { readonly last: Change; readonly isLost: boolean },
): Promise<Ended> {
  switch (then.kind) {
    case 'reboot':
      return endReboot(then, after);
    case 'job':
      return endJob(then, begun, after);
    default:
      return unreachable(then);
  }
}

async function endReboot(
  reboot: Reboot,
  { last, host, context }: After & { readonly last: Change },
): Promise<Ended> {
  context.tell('rebooting', [last.action]);
  const rebooted = await waitForReboot(host, reboot, context);
  switch (rebooted.kind) {
    case 'back': {
      const fields = { rebooted: true, elapsed: Math.round(rebooted.afterMs / 1000) };
      return { raw: { kind: 'changed', message: 'rebooted', fields }, host: 'rebooted' };
    }
    case 'interrupted':
      return { raw: { kind: 'unknown', message: 'interrupted while it rebooted' }, host: 'interrupted' };
    case 'failed':
      return { raw: { kind: 'failed', message: rebooted.message, isFinal: true }, host: 'lost' };
    default:
      return unreachable(rebooted);
  }
}

async function endJob(
  job: JobStart,
  begun: RawOutcome,
  { last, host, context, isLost }: After & { readonly last: Change; readonly isLost: boolean },
): Promise<Ended> {
  context.jobs.set(job.id, last);
  if (job.pollMs === 0) return undefined;
  context.tell('waiting', [last.action]);
  const raw = await followJob(last, job, { ...context, host });
  if (raw === 'interrupted') {
    const message = `interrupted while it ran as a job, which goes on: ${job.id}`;
    return { raw: { kind: 'unknown', message }, host: 'interrupted' };
  }
  if (raw.kind === 'unknown') return { raw, host: 'lost' };
  // The connection was lost before the job was there.
  const isMissing = isLost && raw.kind === 'failed' && raw.hasRun !== true;
  return { raw: isMissing ? { ...begun, kind: 'failed' } : raw, host: 'fine' };
}
