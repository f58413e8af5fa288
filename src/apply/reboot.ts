// Waits until a host that was told to reboot has done so: a new boot_id over a new connection.
// That ssh answers proves nothing: the old sshd does so for a second or two.
import type { Host, RunOptions, StepOutput } from '../host/host.ts';
import type { ChangeProgram } from '../modules/module.ts';
import type { Clock } from './clock.ts';

const POLL_MS = 1000;
const BOOT_ID_SCRIPT = 'read -r id </proc/sys/kernel/random/boot_id && printf %s "$id"';

export type RebootOutcome =
  | { readonly kind: 'back'; readonly afterMs: number }
  | { readonly kind: 'interrupted' }
  | { readonly kind: 'failed'; readonly message: string };

type Answer = { readonly kind: 'ready' } | { readonly kind: 'interrupted' } | { readonly notYet: string };

/** Asks once a second, each time over a new connection, until the host is ready or its time is over. */
export async function waitForReboot(
  host: Host,
  reboot: NonNullable<ChangeProgram['then']>,
  { clock, options }: { readonly clock: Clock; readonly options: RunOptions },
): Promise<RebootOutcome> {
  const startMs = clock.nowMs();
  for (;;) {
    await host.disconnect();
    const answer = await ask(host, reboot, options);
    const afterMs = clock.nowMs() - startMs;
    if ('notYet' in answer) {
      if (afterMs >= reboot.timeoutMs) {
        const seconds = Math.round(reboot.timeoutMs / 1000);
        return { kind: 'failed', message: `not back ${seconds} s after the reboot: ${answer.notYet}` };
      }
      if ((await clock.pause(POLL_MS)) === 'interrupted') return { kind: 'interrupted' };
      continue;
    }
    if (answer.kind === 'interrupted') return answer;
    // Interrupted now, it is back all the same.
    if (reboot.settleMs) await clock.pause(reboot.settleMs);
    return { kind: 'back', afterMs };
  }
}

async function ask(
  host: Host,
  { bootId, testCommand }: NonNullable<ChangeProgram['then']>,
  options: RunOptions,
): Promise<Answer> {
  const connected = await host.connect();
  if (connected.kind === 'unreachable') {
    return connected.reason === 'interrupted' ? { kind: 'interrupted' } : { notYet: connected.message };
  }
  const boot = await output(host, BOOT_ID_SCRIPT, options);
  if (typeof boot === 'string') return { notYet: `it cannot be asked for its boot_id: ${boot}` };
  if (boot.exitCode !== 0 || boot.stdout === '') return { notYet: 'it does not tell its boot_id' };
  if (boot.stdout.trim() === bootId) return { notYet: 'it answers, but has not rebooted' };
  if (testCommand === undefined) return { kind: 'ready' };
  const test = await output(host, testCommand, options);
  if (typeof test === 'string') return { notYet: `the test command was cut off: ${test}` };
  return test.exitCode === 0
    ? { kind: 'ready' }
    : { notYet: `it is up, but the test command exited ${test.exitCode}` };
}

/** What a script printed, or why it could not be run. */
async function output(host: Host, script: string, options: RunOptions): Promise<StepOutput | string> {
  const program = { kind: 'inspect', steps: [{ id: 'ask', script, onFailure: 'stop' }] } as const;
  const outcome = await host.run(program, options);
  if (outcome.kind === 'withheld') return 'it may not be asked';
  if (outcome.kind !== 'finished') return outcome.message;
  const step = outcome.steps.get('ask');
  return step?.kind === 'exited' ? step : 'it did not answer';
}
