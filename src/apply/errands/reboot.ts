// Waits until a host that was told to reboot has done so: a new boot_id over a new connection.
// That ssh answers proves nothing: the old sshd does so for a second or two.
import type { Host, RunOptions } from '../../host/host.ts';
import type { ChangeProgram } from '../../modules/module.ts';
import type { Clock } from '../clock.ts';
import { type Look, lookAt, untilReady } from './reachable.ts';

const POLL_MS = 1000;
const BOOT_ID_SCRIPT = 'read -r id </proc/sys/kernel/random/boot_id && printf %s "$id"';

export type Reboot = Extract<NonNullable<ChangeProgram['then']>, { kind: 'reboot' }>;

export type RebootOutcome =
  | { readonly kind: 'back'; readonly afterMs: number }
  | { readonly kind: 'interrupted' }
  | { readonly kind: 'failed'; readonly message: string };

/** Asks once a second until the host is ready or its time is over. */
export async function waitForReboot(
  host: Host,
  reboot: Reboot,
  { clock, options }: { readonly clock: Clock; readonly options: RunOptions },
): Promise<RebootOutcome> {
  const { timeoutMs, settleMs } = reboot;
  const look = (): Promise<Look> => hasRebooted(host, reboot, options);
  const waited = await untilReady(host, { timeoutMs, sleepMs: POLL_MS, look }, clock);
  if (waited.kind === 'interrupted') return waited;
  if (waited.kind === 'late') {
    const seconds = Math.round(timeoutMs / 1000);
    return { kind: 'failed', message: `not back ${seconds} s after the reboot: ${waited.why}` };
  }
  // Interrupted now, it is back all the same.
  if (settleMs) await clock.pause(settleMs);
  return { kind: 'back', afterMs: waited.afterMs };
}

async function hasRebooted(host: Host, { bootId, testCommand }: Reboot, options: RunOptions): Promise<Look> {
  const boot = await lookAt(host, BOOT_ID_SCRIPT, options);
  if (typeof boot === 'string') return { notYet: `it cannot be asked for its boot_id: ${boot}` };
  if (boot.exitCode !== 0 || boot.stdout === '') return { notYet: 'it does not tell its boot_id' };
  if (boot.stdout.trim() === bootId) return { notYet: 'it answers, but has not rebooted' };
  if (testCommand === undefined) return { kind: 'ready' };
  const test = await lookAt(host, testCommand, options);
  if (typeof test === 'string') return { notYet: `the test command was cut off: ${test}` };
  return test.exitCode === 0
    ? { kind: 'ready' }
    : { notYet: `it is up, but the test command exited ${test.exitCode}` };
}
