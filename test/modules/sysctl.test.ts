// sysctl against this kernel's parameters, in a network namespace of its own.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { sysctl } from '../../src/modules/system/sysctl.ts';
import { complaints } from './support/lint.ts';
import { PrivateMachine } from './support/private-machine.ts';
import { controller } from './support/this-machine.ts';

describe.each(['dash', 'busybox sh'] as const)('under %s', (shell) => {
  let machine: PrivateMachine;
  const live = (path: string) => machine.say(`cat /proc/sys/${path}`);
  const file = () => machine.say('cat /etc/sysctl.d/60-fairlead.conf');

  beforeAll(async () => {
    machine = await PrivateMachine.start({ shell, setup: 'ip link add eth0.5 type veth peer name peer' });
  });
  afterAll(() => machine.stop());

  test.each([
    ['a switch', { name: 'net.ipv4.ip_forward', value: 1 }, 'net/ipv4/ip_forward', '1'],
    [
      'numbers',
      { name: 'net.ipv4.ip_local_port_range', value: '20000 30000' },
      'net/ipv4/ip_local_port_range',
      '20000\t30000',
    ],
    [
      'an interface with a dot',
      { name: 'net.ipv4.conf.eth0.5.rp_filter', value: '2' },
      'net/ipv4/conf/eth0.5/rp_filter',
      '2',
    ],
  ])('%s is set now and for the next boot, once', (_case, args, path, value) => {
    expect(machine.apply(sysctl, args).conclusion).toEqual({ kind: 'changed' });
    expect(live(path)).toBe(value);
    expect(machine.apply(sysctl, args).verdict.kind).toBe('unchanged');
  });

  test('one file holds them all, in a form that every sysctl reads', () => {
    expect(file()).toBe(
      '# fairlead: kernel parameters set by playbooks\nnet.ipv4.ip_forward = 1\n' +
        'net.ipv4.ip_local_port_range = 20000 30000\nnet/ipv4/conf/eth0.5/rp_filter = 2',
    );
    machine.say('echo 0 >/proc/sys/net/ipv4/conf/eth0.5/rp_filter; echo 0 >/proc/sys/net/ipv4/ip_forward');
    machine.say('/usr/sbin/sysctl -q -p /etc/sysctl.d/60-fairlead.conf');
    expect([live('net/ipv4/conf/eth0.5/rp_filter'), live('net/ipv4/ip_forward')]).toEqual(['2', '1']);
  });

  test('a value that the kernel refuses is a failure that names it', () => {
    const { conclusion } = machine.apply(sysctl, { name: 'net.ipv4.ip_forward', value: 'much' });
    expect(conclusion).toEqual({
      kind: 'failed',
      message: 'exited 1: the kernel refuses the value much for /proc/sys/net/ipv4/ip_forward',
    });
    machine.apply(sysctl, { name: 'net.ipv4.ip_forward', value: 1 });
  });

  test('a value that the kernel rounds is a failure that says to what', () => {
    const args = { name: 'net.ipv4.ip_forward', value: '01' };
    expect(machine.apply(sysctl, args).conclusion).toHaveProperty(
      'message',
      expect.stringContaining('ip_forward is 1 after 01 was written to it'),
    );
    machine.apply(sysctl, { name: 'net.ipv4.ip_forward', value: 1 });
  });

  test('a parameter that is not there is a failure before anything is written', () => {
    expect(machine.apply(sysctl, { name: 'net.ipv4.conf.eth9.rp_filter', value: 1 }).verdict.kind).toBe(
      'failed',
    );
    expect(file()).not.toContain('eth9');
  });

  test('absent removes lines, at last the file, and leaves the kernel alone', () => {
    for (const name of [
      'net.ipv4.ip_forward',
      'net.ipv4.ip_local_port_range',
      'net/ipv4/conf/eth0.5/rp_filter',
    ]) {
      expect(machine.apply(sysctl, { name, state: 'absent' }).conclusion).toEqual({ kind: 'changed' });
    }
    expect(machine.run('test -e /etc/sysctl.d/60-fairlead.conf').exitCode).toBe(1);
    expect(live('net/ipv4/ip_forward')).toBe('1');
  });
});

test('its programs are taken by shellcheck', () => {
  const wanted = sysctl.prepare({ name: 'net.ipv4.ip_forward', value: 1 }, controller());
  expect(complaints(sysctl.inspect(wanted).script ?? '')).toBe('');
  expect(complaints(sysctl.change(wanted, { content: 'x\n', mode: 0o644, setLive: true }).script)).toBe('');
});
