// mount in a mount namespace of its own, with an fstab of its own: real file systems are mounted there.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { mount } from '../../src/modules/system/mount.ts';
import { PrivateMachine } from './support/private-machine.ts';

const BUSYBOX = `mount -t tmpfs tmpfs /usr/local/sbin
for tool in mount umount; do ln -s "$(command -v busybox)" "/usr/local/sbin/$tool"; done`;

describe.each([
  ['dash', ':'],
  ['busybox sh', BUSYBOX],
] as const)('under %s', (shell, setup) => {
  let machine: PrivateMachine;
  const fstab = () => machine.say('cat /etc/fstab');
  const options = (path: string) =>
    machine.say(`awk -v path='${path}' '$2 == path { print $4 }' /proc/mounts`);

  function twice(args: object) {
    const all = { path: '/run/a b', src: 'none', fstype: 'tmpfs', state: 'mounted' as const, ...args };
    const first = machine.apply(mount, all);
    expect(first.conclusion).toEqual({ kind: 'changed' });
    expect(machine.apply(mount, all).verdict).toMatchObject({ kind: 'unchanged' });
    return first;
  }

  beforeAll(async () => {
    machine = await PrivateMachine.start({ shell, setup: `echo '# mine' >/etc/fstab\n${setup}` });
  });
  afterAll(() => machine.stop());

  test('a file system is mounted, its folder made and its line written', () => {
    const { verdict } = twice({ opts: 'size=64k,mode=0750' });
    expect(verdict).toHaveProperty('message', 'write /etc/fstab, mount /run/a b');
    expect(fstab()).toBe('# mine\nnone /run/a\\040b tmpfs size=64k,mode=0750 0 0');
    expect(options('/run/a\\\\040b')).toMatch(/size=64k.*mode=750/);
  });

  test('a changed line leads to a remount', () => {
    twice({ opts: 'size=64k,mode=0750,ro' });
    expect(options('/run/a\\\\040b')).toMatch(/^ro,/);
  });

  test('remounted does so each time, with options that fstab has not', () => {
    const args = { path: '/run/a b', state: 'remounted', opts: 'rw' } as const;
    expect(machine.apply(mount, args).conclusion).toEqual({ kind: 'changed' });
    expect(machine.apply(mount, args).conclusion).toEqual({ kind: 'changed' });
    expect(options('/run/a\\\\040b')).toMatch(/^rw,/);
    expect(fstab()).toContain(',ro 0 0');
    expect(machine.apply(mount, { path: '/run/nothing', state: 'remounted' }).verdict).toMatchObject({
      kind: 'failed',
      message: '/run/nothing is not mounted',
    });
  });

  test('unmounted keeps the line, present only writes one', () => {
    twice({ state: 'unmounted' });
    expect(options('/run/a\\\\040b')).toBe('');
    twice({ state: 'present', opts: 'defaults', boot: false, passno: 2 });
    expect(fstab()).toBe('# mine\nnone /run/a\\040b tmpfs defaults,noauto 0 2');
    expect(options('/run/a\\\\040b')).toBe('');
    twice({ opts: 'defaults', boot: false, passno: 2 });
  });

  test('absent takes away mount, line and folder', () => {
    twice({ state: 'absent' });
    expect(fstab()).toBe('# mine');
    expect(machine.run('test -e "/run/a b"').exitCode).toBe(1);
  });

  test('a file system that cannot be mounted is a failure, and fstab is as it was', () => {
    const args = { path: '/run/no', src: '/dev/nothing', fstype: 'ext4', state: 'mounted' } as const;
    expect(machine.apply(mount, args).conclusion).toMatchObject({
      kind: 'failed',
      message: expect.stringContaining('/dev/nothing'),
    });
    expect(fstab()).toBe('# mine');
    expect(machine.run('test -e /run/no').exitCode).toBe(1);
  });

  test('one in use stays, and so does its line', () => {
    twice({});
    machine.say('cd "/run/a b"; sleep 60 >/dev/null 2>&1 & echo $! >/run/sleeper');
    expect(machine.apply(mount, { path: '/run/a b', state: 'absent' }).conclusion).toMatchObject({
      kind: 'failed',
      message: expect.stringMatching(/busy/),
    });
    expect(fstab()).toContain('/run/a\\040b');
    machine.say('kill "$(cat /run/sleeper)"; while kill -0 "$(cat /run/sleeper)" 2>/dev/null; do :; done');
    twice({ state: 'absent' });
  });

  test('a bind mount behind a link, and another fstab', () => {
    machine.say('mkdir -p /run/real /run/source; : >/run/source/there; ln -s real /run/link');
    const fields = {
      path: '/run/link',
      src: '/run/source',
      fstype: 'none',
      opts: 'bind',
      fstab: '/run/fstab',
    };
    twice(fields);
    expect(machine.say('ls /run/real; cat /run/fstab')).toBe('there\n/run/source /run/link none bind 0 0');
    expect(fstab()).toBe('# mine');
    twice({ ...fields, state: 'unmounted' });
  });

  test('swap is a line and no more', () => {
    const swap = { path: 'none', src: '/swap', fstype: 'swap', opts: 'sw' };
    twice({ ...swap, state: 'present' });
    twice({ ...swap, src: '/other', state: 'present' });
    twice({ ...swap, state: 'absent' });
    expect(fstab()).toBe('# mine\n/other none swap sw 0 0');
  });
});
