// hostname in a UTS namespace of its own, for which /proc/sys/kernel/hostname is that namespace's name.
import { hostname as nameHere } from 'node:os';
import { afterEach, describe, expect, test } from 'vitest';
import { hostname } from '../../src/modules/system/hostname.ts';
import { quote } from '../../src/shell.ts';
import { PrivateMachine } from './support/private-machine.ts';

const OWN_HOSTNAMECTL = (line: string) => `mount -t tmpfs tmpfs /usr/local/sbin
printf '%s\\n' '#!/bin/sh' ${quote(line)} >/usr/local/sbin/hostnamectl
chmod 755 /usr/local/sbin/hostnamectl`;

describe.each([
  ['no systemd', 'dash', 'sysv', ':'],
  ['no systemd', 'busybox sh', 'openrc', ':'],
  [
    'systemd',
    'dash',
    'systemd',
    OWN_HOSTNAMECTL('echo $2 >/etc/hostname; echo $2 >/proc/sys/kernel/hostname'),
  ],
  ['systemd without D-Bus', 'busybox sh', 'systemd', OWN_HOSTNAMECTL('echo no bus >&2; exit 1')],
] as const)('with %s under %s', (_world, shell, init, setup) => {
  let machine: PrivateMachine;
  const before = nameHere();
  afterEach(async () => {
    await machine.stop();
    expect(nameHere()).toBe(before);
  });

  test('the name is set now and for the next boot, once', async () => {
    const lines = `printf '# a comment\\nold\\n' >/etc/hostname; echo old >/proc/sys/kernel/hostname`;
    machine = await PrivateMachine.start({ shell, init, setup: `${setup}\n${lines}` });
    expect(machine.apply(hostname, { name: 'old' }).verdict.kind).toBe('unchanged');
    const args = { name: 'edge-1.lab' };
    expect(machine.apply(hostname, args)).toMatchObject({
      verdict: { message: 'host name old → edge-1.lab, write /etc/hostname' },
      conclusion: { kind: 'changed' },
    });
    expect(machine.say('cat /etc/hostname /proc/sys/kernel/hostname')).toBe('edge-1.lab\nedge-1.lab');
    expect(machine.apply(hostname, args).verdict).toEqual({ kind: 'unchanged', fields: args });
    machine.say('echo drifted >/proc/sys/kernel/hostname');
    expect(machine.apply(hostname, args)).toMatchObject({
      verdict: { message: 'host name drifted → edge-1.lab' },
      conclusion: { kind: 'changed' },
    });
    expect(machine.say('cat /proc/sys/kernel/hostname')).toBe('edge-1.lab');
  });
});
