// Waits until a host that was told to reboot has done so: a new boot_id over a new connection.
// That ssh answers proves nothing: the old sshd does so for a second or two.
import { setTimeout as delay } from 'node:timers/promises';
import type { Host, RunOptions } from '../host/host.ts';
import type { ChangeProgram } from '../modules/module.ts';

const POLL_MS = 1000;

/** Undefined once the host is back; otherwise what went wrong. */
export async function waitForReboot(
  host: Host,
  reboot: NonNullable<ChangeProgram['then']>,
  options: RunOptions | undefined,
): Promise<string | undefined> {
  const deadline = Date.now() + reboot.timeoutMs;
  let last = 'it did not answer';
  for (;;) {
    await host.disconnect();
    const connected = await host.connect();
    if (connected.kind === 'connected') {
      const bootId = await readBootId(host, options);
      if (bootId !== undefined && bootId !== reboot.bootId) return undefined;
      last =
        bootId === undefined ? 'it could not be asked for its boot_id' : 'it answers, but has not rebooted';
    } else if (connected.reason === 'interrupted') {
      return 'interrupted while it rebooted';
    } else {
      last = connected.message;
    }
    if (Date.now() >= deadline)
      return `not back ${Math.round(reboot.timeoutMs / 1000)} s after the reboot: ${last}`;
    await delay(POLL_MS);
  }
}

async function readBootId(host: Host, options: RunOptions | undefined): Promise<string | undefined> {
  const script = 'read -r id </proc/sys/kernel/random/boot_id && printf %s "$id"';
  const outcome = await host.run(
    { kind: 'inspect', steps: [{ id: 'boot', script, onFailure: 'stop' }] },
    options,
  );
  if (outcome.kind !== 'finished') return undefined;
  const step = outcome.steps.get('boot');
  return step?.kind === 'exited' && step.exitCode === 0 ? step.stdout.trim() : undefined;
}
