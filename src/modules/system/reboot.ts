// Reboots the host. The reboot itself is left behind on the host, a moment later, so that the session can end
// cleanly; the engine then waits for another boot_id, for "SSH answers again" proves nothing.
import { quote } from '../../shell.ts';
import type { HostModule } from '../module.ts';

interface Args {
  readonly reboot_timeout?: number;
  readonly pre_reboot_delay?: number;
  readonly post_reboot_delay?: number;
  readonly test_command?: string;
  readonly reboot_command?: string;
  readonly msg?: string;
}

export interface RebootChanges {
  readonly bootId: string;
}

export const reboot: HostModule<Args, Args, RebootChanges> = {
  kind: 'host',
  name: 'reboot',
  summary: 'Reboots the host and waits until it is back.',
  schema: {
    type: 'object',
    properties: {
      reboot_timeout: {
        type: 'integer',
        minimum: 1,
        default: 600,
        description: 'Seconds after which a host that has not come back counts as failed.',
      },
      pre_reboot_delay: {
        type: 'integer',
        minimum: 0,
        default: 0,
        description: 'Seconds before the reboot.',
      },
      post_reboot_delay: {
        type: 'integer',
        minimum: 0,
        default: 0,
        description: 'Seconds to leave the host alone once it is back.',
      },
      test_command: {
        type: 'string',
        description: 'Command that has to succeed before the host counts as back. Unsaid, a login is enough.',
      },
      reboot_command: { type: 'string', description: 'Command to use in place of the usual ones.' },
      msg: {
        type: 'string',
        default: 'Reboot initiated by fairlead',
        description: 'What users who are logged in are told.',
      },
    },
    additionalProperties: false,
  },

  endsWave: 'alone',
  noJob: 'the host goes down under it',
  prepare: (args) => args,
  acts: () => true,
  reads: () => ['*'],
  writes: () => ['*'],
  inspect: () => ({ script: 'cat /proc/sys/kernel/random/boot_id' }),

  decide(_wanted, actual) {
    const bootId = actual.output.stdout.trim();
    if (!/^[0-9a-f-]{36}$/.test(bootId)) {
      return { kind: 'failed', message: 'the host has no boot id: nothing would prove that it rebooted' };
    }
    return { kind: 'change', changes: { bootId }, message: 'reboot' };
  },

  change: (wanted, changes) => ({
    script: rebootScript(wanted),
    // biome-ignore lint/suspicious/noThenProperty: not callable, so nothing takes it for a promise
    then: {
      kind: 'reboot',
      bootId: changes.bootId,
      timeoutMs: (wanted.reboot_timeout ?? 600) * 1000,
      ...(wanted.post_reboot_delay !== undefined && { settleMs: wanted.post_reboot_delay * 1000 }),
      ...(wanted.test_command !== undefined && { testCommand: wanted.test_command }),
    },
  }),
};

/**
 * A second is left for the session to end in. Programs that are there but cannot reboot this host
 * (a shutdown of systemd's under another init) exit with something else than 0, and the next one is tried.
 */
function rebootScript(wanted: Args): string {
  const message = quote(wanted.msg ?? 'Reboot initiated by fairlead');
  const command =
    wanted.reboot_command === undefined
      ? `shutdown -r now ${message} || reboot || { sync; reboot -f; }`
      : wanted.reboot_command;
  return `PATH=$PATH:/usr/sbin:/sbin
detach=
if command -v setsid >/dev/null 2>&1; then detach=setsid; fi
$detach sh -c ${quote(`trap '' HUP; sleep ${(wanted.pre_reboot_delay ?? 0) + 1}; ${command}`)} </dev/null >/dev/null 2>&1 &`;
}
