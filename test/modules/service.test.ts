// service on private machines: real SysV scripts and rc links; systemd and OpenRC by their stand-ins.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DETECT_INIT } from '../../src/init-system.ts';
import { service } from '../../src/modules/system/service.ts';
import { complaints } from './support/lint.ts';
import { PrivateMachine } from './support/private-machine.ts';
import { controller } from './support/this-machine.ts';

// Its daemon holds its output open, as careless daemons do; a session must not wait for it.
const SCRIPT = `#!/bin/sh
### BEGIN INIT INFO
# Provides: toy
# Required-Start: $network
# Required-Stop: $network
# Default-Start: 2 3 4 5
# Default-Stop: 0 1 6
### END INIT INFO
[ "$1" = status ] || echo "$1" >>/run/toy.calls
case $1 in
  start) [ ! -e /run/toy.broken ] || { echo 'toy: no disk' >&2; exit 1; }; sleep 300 & echo $! >/run/toy.pid ;;
  stop) kill "$(cat /run/toy.pid)"; rm /run/toy.pid ;;
  restart) "$0" stop; "$0" start ;;
  reload) ;;
  status) [ -e /run/toy.pid ] || exit 3 ;;
esac
`;
const UNIT = `[Unit]
Description=toy
[Service]
ExecStart=/etc/init.d/toy start
ExecReload=/etc/init.d/toy reload
ExecStop=/etc/init.d/toy stop
[Install]
WantedBy=multi-user.target
`;

describe.each([
  ['sysv', 'dash'],
  ['sysv by hand', 'busybox sh'],
  ['systemd', 'busybox sh'],
  ['openrc', 'busybox sh'],
] as const)('with %s under %s', (init, shell) => {
  let machine: PrivateMachine;
  const apply = (args: object) => machine.apply(service, { name: 'toy', ...args });
  const calls = () => machine.say('cat /run/toy.calls 2>/dev/null || :; rm -f /run/toy.calls').split('\n');

  beforeAll(async () => {
    const unit = init === 'systemd' ? `cat >/etc/systemd/system/toy.service <<'END'\n${UNIT}END\n` : '';
    const setup = `cat >/etc/init.d/toy <<'END'\n${SCRIPT}END\nchmod 755 /etc/init.d/toy\n${unit}`;
    machine = await PrivateMachine.start({ shell, init, setup });
  });
  afterAll(async () => {
    machine.run('kill "$(cat /run/toy.pid)"');
    await machine.stop();
  });

  test('is found at run time', () => {
    expect(machine.say(`${DETECT_INIT}\necho $init`)).toBe(init.replace(' by hand', ''));
  });

  test('starts and enables a service, once', () => {
    expect(apply({ state: 'started', enabled: true }).conclusion).toEqual({ kind: 'changed' });
    expect(calls()).toEqual(['start']);
    expect(apply({ state: 'started', enabled: true }).verdict).toMatchObject({
      kind: 'unchanged',
      fields: { running: true, enabled: true },
    });
    expect(calls()).toEqual(['']);
  });

  test('reloads and restarts it each time', () => {
    apply({ state: 'reloaded' });
    apply({ state: 'restarted' });
    expect(calls().slice(0, 2)).toEqual([
      'reload',
      init === 'sysv' || init === 'sysv by hand' ? 'restart' : expect.any(String),
    ]);
  });

  test('stops and disables it, once', () => {
    expect(apply({ state: 'stopped', enabled: false }).conclusion).toEqual({ kind: 'changed' });
    expect(apply({ state: 'stopped', enabled: false }).verdict).toMatchObject({
      kind: 'unchanged',
      fields: { running: false, enabled: false },
    });
    calls();
  });

  test('a start that fails says why', () => {
    machine.say(': >/run/toy.broken');
    expect(apply({ state: 'started' }).conclusion).toMatchObject({
      kind: 'failed',
      message: expect.stringContaining('toy: no disk'),
    });
    machine.say('rm /run/toy.broken');
  });

  test('a service that is not there is a failure', () => {
    expect(machine.apply(service, { name: 'toi', state: 'started' }).verdict.kind).toBe('failed');
  });
});

test('its programs are taken by shellcheck', () => {
  const wanted = service.prepare({ name: 'cron', state: 'started' }, controller());
  expect(complaints(service.inspect(wanted).script ?? '')).toBe('');
  expect(complaints(service.change(wanted, { actions: ['enable', 'start', 'disable'] }).script)).toBe('');
});
