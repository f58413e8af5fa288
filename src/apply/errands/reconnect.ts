// Waits until a host can be logged in to anew, and runs programs: that something listens there is not enough.
import type { Reconnection } from '../../modules/errand.ts';
import type { Action } from '../../plan/action.ts';
import type { ErrandContext, ErrandOutcome } from './errands.ts';
import { lookAt, untilReady } from './reachable.ts';

const INTERRUPTED: ErrandOutcome = { raw: undefined, host: 'interrupted' };

export async function reconnect(
  { delayMs, sleepMs, timeoutMs, connectMs }: Reconnection,
  { delegate }: Action,
  { clock, mode, contacted, hostOf }: ErrandContext,
): Promise<ErrandOutcome> {
  if (mode === 'check') {
    return { raw: { kind: 'skipped', message: 'check mode does not wait' }, host: 'fine' };
  }
  if (delayMs > 0 && (await clock.pause(delayMs)) === 'interrupted') return INTERRUPTED;
  const host = hostOf(delegate);
  const look = async () => {
    const answer = await lookAt(host, ':', {});
    return typeof answer === 'string' ? { notYet: answer } : { kind: 'ready' as const };
  };
  const waited = await untilReady(host, { timeoutMs, sleepMs, connectMs, look }, clock);
  if (waited.kind === 'interrupted') return INTERRUPTED;
  const fields = { elapsed: Math.floor((delayMs + waited.afterMs) / 1000) };
  if (waited.kind === 'ready') {
    if (delegate === undefined) contacted();
    return { raw: { kind: 'ok', fields }, host: 'fine' };
  }
  const message = `timed out after ${timeoutMs / 1000} s: ${waited.why}`;
  return { raw: { kind: 'failed', message, fields }, host: 'fine' };
}
