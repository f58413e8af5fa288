// systemd_service on private machines, with a stand-in for systemctl that writes down what it is asked to do.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { systemdService } from '../../src/modules/system/systemd-service.ts';
import { PrivateMachine } from './support/private-machine.ts';
import { SHELLS } from './support/this-machine.ts';

const UNIT = `[Service]
ExecStart=test ! -e /run/broken || { echo 'toy: no disk' >&2; exit 1; }
ExecReload=true
ExecStop=true
[Install]
WantedBy=multi-user.target
`;

describe.each(SHELLS)('under %s', (shell) => {
  let machine: PrivateMachine;
  const calls = () =>
    machine
      .say('cat /run/stand-in/calls 2>/dev/null || :; rm -f /run/stand-in/calls')
      .split('\n')
      .map((line) => line.replace('systemctl ', ''));
  const apply = (args: object) => machine.apply(systemdService, { name: 'toy', ...args });

  beforeAll(async () => {
    const setup = `cat >/etc/systemd/system/toy.service <<'END'\n${UNIT}END`;
    machine = await PrivateMachine.start({ shell, init: 'systemd', setup });
  });
  afterAll(() => machine.stop());

  test('starts, enables, disables and stops, once each', () => {
    for (const [args, made] of [
      [{ state: 'started', enabled: true, no_block: true }, ['enable toy', 'start --no-block toy']],
      [{ state: 'stopped', enabled: false }, ['disable toy', 'stop toy']],
    ] as const) {
      expect(apply(args).conclusion).toEqual({ kind: 'changed' });
      expect(calls()).toEqual(made);
      expect(apply(args).verdict.kind).toBe('unchanged');
      expect(calls().filter((line) => line !== '' && !line.startsWith('is-enabled'))).toEqual([]);
    }
  });

  test('masks and unmasks, and starts nothing that is masked', () => {
    expect(apply({ masked: true }).conclusion).toEqual({ kind: 'changed' });
    expect(apply({ masked: true }).verdict.kind).toBe('unchanged');
    expect(apply({ state: 'started' }).verdict).toMatchObject({
      kind: 'failed',
      message: 'the unit toy is masked',
    });
    calls();
    expect(apply({ masked: false, state: 'started' }).conclusion).toEqual({ kind: 'changed' });
    expect(calls()).toEqual(['unmask toy', 'start toy']);
  });

  test('reloads systemd first, and with a name only where the unit needs it', () => {
    expect(apply({ state: 'started', daemon_reload: true }).verdict.kind).toBe('unchanged');
    machine.say(': >/run/stand-in/stale');
    expect(apply({ state: 'restarted', daemon_reload: true }).conclusion).toEqual({ kind: 'changed' });
    expect(calls()).toEqual(['daemon-reload', 'restart toy']);
    const all = () => machine.apply(systemdService, { daemon_reload: true });
    expect(all().conclusion).toEqual({ kind: 'unchanged' });
    expect(all().conclusion).toEqual({ kind: 'unchanged' });
    expect(calls()).toEqual(['daemon-reload', 'daemon-reload']);
  });

  test('a start that fails says why', () => {
    machine.say(': >/run/broken');
    expect(apply({ state: 'restarted' }).conclusion).toMatchObject({
      kind: 'failed',
      message: expect.stringContaining('toy: no disk'),
    });
  });

  test('a unit that is not there is a failure, unless a reload may bring it', () => {
    const there = { name: 'toi', state: 'started' } as const;
    expect(machine.apply(systemdService, there).verdict.kind).toBe('failed');
    expect(machine.apply(systemdService, { ...there, daemon_reload: true }).conclusion).toMatchObject({
      kind: 'failed',
      message: expect.stringContaining('toi.service not found'),
    });
  });
});

test('without systemd it fails and names what does work', async () => {
  const machine = await PrivateMachine.start({ shell: 'dash', init: 'sysv' });
  expect(machine.apply(systemdService, { name: 'cron', state: 'started' }).verdict).toMatchObject({
    kind: 'failed',
    message: 'systemd does not run on this host',
  });
  await machine.stop();
});
