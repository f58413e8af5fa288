// Does what decided actions leave to the engine, one errand after the other, before the wave's changes are made.
import type { Host, RunOptions } from '../../host/host.ts';
import type { Errand } from '../../modules/errand.ts';
import type { Action } from '../../plan/action.ts';
import { unreachable } from '../../unreachable.ts';
import { type Decided, type Settled, stops } from '../decide.ts';
import type { WaveContext } from '../run-wave.ts';
import type { RawOutcome } from '../task-outcome.ts';
import { deliver } from './delivery.ts';
import { grow } from './grow.ts';
import { answerForJob } from './job.ts';
import { pause } from './pause.ts';
import { reconnect } from './reconnect.ts';

interface WaveErrands extends WaveContext {
  /** Of the wave's host actions, with the rights that they have. */
  readonly host: Host;
  readonly options: RunOptions;
}

export interface ErrandContext extends WaveErrands {
  readonly mode: 'apply' | 'check';
}

export interface ErrandOutcome {
  /** Undefined: it had not begun when the run was interrupted. */
  readonly raw: RawOutcome | undefined;
  readonly host: 'fine' | 'lost' | 'interrupted';
}

/** Everything decided up to the first errand that failed and stops the host, or after which it is gone. */
export async function settled(
  decided: readonly Decided[],
  context: WaveErrands,
): Promise<{ readonly decided: readonly Settled[]; readonly host: ErrandOutcome['host'] }> {
  const done: Settled[] = [];
  for (const each of decided) {
    if (each.kind !== 'errand') {
      done.push(each);
      continue;
    }
    const { action, errand, fields } = each;
    const { raw, host } = await run(errand, action, { ...context, mode: modeOf(action) });
    if (raw !== undefined) {
      done.push({ kind: 'done', action, raw: { ...raw, fields: { ...fields, ...raw.fields } } });
    }
    if (host !== 'fine') return { decided: done, host };
    if (raw?.kind === 'failed' && stops(action)) break;
  }
  return { decided: done, host: 'fine' };
}

function modeOf(action: Action): 'apply' | 'check' {
  return action.kind === 'host' || action.kind === 'controller' ? action.mode : 'apply';
}

function run(errand: Errand, action: Action, context: ErrandContext): Promise<ErrandOutcome> {
  switch (errand.kind) {
    case 'deliver':
      context.tell('fetching', [action]);
      return deliver(errand, context);
    case 'pause':
      context.tell('waiting', [action]);
      return pause(errand, action, context);
    case 'job':
      return answerForJob(errand, action, context);
    case 'add-host':
    case 'group-by':
    case 'refresh-inventory':
      return Promise.resolve({ raw: grow(errand, action, context.inventory), host: 'fine' });
    case 'reconnect':
      context.tell('waiting', [action]);
      return reconnect(errand, action, context);
    default:
      return unreachable(errand);
  }
}
