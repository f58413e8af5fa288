// modprobe on private machines, with a /sys/module and a modprobe program of the test's own: no module of this kernel
// is touched.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { modprobe } from '../../src/modules/system/modprobe.ts';
import { PrivateMachine } from './support/private-machine.ts';
import { controller, SHELLS } from './support/this-machine.ts';

const PROGRAM = `#!/bin/sh
case $1 in
  -V) echo 'kmod version 30'; exit ;;
  -R) [ "$2" != an-alias ] || echo toy-mod; exit ;;
  -n) shift; [ "$1" = toy-mod ] || { echo "modprobe: FATAL: Module $1 not found" >&2; exit 1; }; exit ;;
  -r) rm -r "/sys/module/$(echo "$2" | tr - _)"; exit ;;
esac
echo "$*" >>/run/loads
if [ "$1" != toy-mod ]; then echo "modprobe: FATAL: Module $1 not found" >&2; exit 1; fi
mkdir -p /sys/module/toy_mod
echo live >/sys/module/toy_mod/initstate
`;
const SETUP = `mount -t tmpfs tmpfs /usr/local/sbin
cat >/usr/local/sbin/modprobe <<'END'
${PROGRAM}END
chmod 755 /usr/local/sbin/modprobe
mount -t tmpfs tmpfs /sys/module
mkdir /sys/module/inside`;

describe.each(SHELLS)('under %s', (shell) => {
  let machine: PrivateMachine;
  const apply = (args: Parameters<typeof modprobe.prepare>[0]) => machine.apply(modprobe, args);

  beforeAll(async () => {
    machine = await PrivateMachine.start({ shell, setup: SETUP });
  });
  afterAll(() => machine.stop());

  test('a module is loaded with its parameters, once, and by its alias it is there too', () => {
    const args = { name: 'toy-mod', params: 'a=1  b=2' };
    expect(apply(args).conclusion).toEqual({ kind: 'changed' });
    expect(machine.say('cat /run/loads')).toBe('toy-mod a=1 b=2');
    expect(apply(args).verdict.kind).toBe('unchanged');
    expect(apply({ name: 'an-alias' }).verdict.kind).toBe('unchanged');
  });

  test('persistent writes what is loaded at boot, and takes it away', () => {
    const args = { name: 'toy-mod', params: 'a=1', persistent: 'present' } as const;
    expect(apply(args).conclusion).toEqual({ kind: 'changed' });
    expect(machine.say('cat /etc/modules-load.d/toy-mod.conf /etc/modprobe.d/toy-mod.conf')).toBe(
      'toy-mod\noptions toy-mod a=1',
    );
    expect(apply(args).verdict.kind).toBe('unchanged');
    expect(apply({ ...args, params: 'a=2' }).conclusion).toEqual({ kind: 'changed' });
    expect(machine.say('cat /etc/modprobe.d/toy-mod.conf')).toBe('options toy-mod a=2');
    const gone = { name: 'toy-mod', state: 'absent', persistent: 'absent' } as const;
    expect(apply(gone).conclusion).toEqual({ kind: 'changed' });
    expect(apply(gone).verdict.kind).toBe('unchanged');
    expect(machine.say('cd /etc; ls modules-load.d modprobe.d')).not.toContain('toy');
  });

  test('what others wrote counts, and is left alone', () => {
    machine.say('echo toy_mod >/etc/modules-load.d/mine.conf');
    apply({ name: 'toy-mod', persistent: 'present' });
    expect(apply({ name: 'toy-mod', persistent: 'present' }).verdict.kind).toBe('unchanged');
    expect(machine.run('test -e /etc/modules-load.d/toy-mod.conf').exitCode).toBe(1);
    expect(apply({ name: 'toy-mod', persistent: 'absent' }).verdict).toMatchObject({
      kind: 'failed',
      message: '/etc/modules-load.d/mine.conf has toy-mod loaded at boot',
    });
  });

  test('one that is built in is there, and cannot go', () => {
    expect(apply({ name: 'inside' }).verdict.kind).toBe('unchanged');
    expect(apply({ name: 'inside', state: 'absent' }).verdict).toMatchObject({ kind: 'failed' });
  });

  test('one that there is not is a failure, and check mode says so', () => {
    const args = { name: 'nothing' };
    expect(apply(args).conclusion).toMatchObject({
      kind: 'failed',
      message: expect.stringContaining('Module nothing not found'),
    });
    const wanted = modprobe.prepare(args, controller());
    const rehearsal = modprobe.rehearse?.(wanted, { action: 'load', files: {} }) ?? '';
    expect(machine.run(rehearsal)).toMatchObject({
      exitCode: 1,
      stderr: expect.stringContaining('not found'),
    });
  });
});
