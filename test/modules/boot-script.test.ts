// boot_script on private machines with each init system: real files, real kernel rules, the real module cycle.
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bootScript } from '../../src/modules/boot/boot-script.ts';
import { ArgumentError } from '../../src/modules/module.ts';
import { PrivateMachine } from './support/private-machine.ts';
import { controller } from './support/this-machine.ts';

const name = 'fairlead-sample';
const sample = readFileSync(new URL('boot-script-sample.sh', import.meta.url), 'utf8');
const changed = sample.replace('# version 1', '# version 2');
const TREE = 'find /etc /var/lib -newer /run/began ! -type d | sort; ip rule';

describe.each([
  ['sysv', 'dash'],
  ['sysv', 'busybox sh'],
  ['sysv by hand', 'busybox sh'],
  ['sysv by rcS.d', 'busybox sh'],
  ['systemd', 'dash'],
  ['openrc', 'busybox sh'],
] as const)('with %s under %s', (init, shell) => {
  let machine: PrivateMachine;
  const path = init === 'openrc' ? `/etc/fairlead/${name}.sh` : `/etc/init.d/${name}`;
  const apply = (args: object = {}) => machine.apply(bootScript, { name, content: sample, ...args });
  const calls = () =>
    machine.say('cat /run/sample.calls 2>/dev/null || :; rm -f /run/sample.calls').split('\n');
  const rules = () => machine.say("ip rule | grep -c '198.51.100.7' || :");
  let before = '';

  beforeAll(async () => {
    machine = await PrivateMachine.start({ shell, init, setup: 'sleep 0.01; : >/run/began' });
    before = machine.say(TREE);
  });
  afterAll(() => machine.stop());

  test('a script that does not pass its check changes nothing', () => {
    machine.say(': >/run/sample.unfit');
    const { conclusion } = apply();
    expect(conclusion).toMatchObject({ kind: 'failed' });
    expect(conclusion).toHaveProperty('message', expect.stringContaining('sample: eth7 is not there'));
    expect(machine.say(TREE)).toBe(before);
    machine.say('rm /run/sample.unfit');
    expect(calls()).toEqual(['check']);
  });

  test('the first run installs, registers and starts it', () => {
    const { verdict, conclusion } = apply();
    expect(conclusion).toMatchObject({ kind: 'changed' });
    expect(verdict).toMatchObject({ kind: 'change' });
    expect(verdict).toHaveProperty('message', expect.stringMatching(/^write .*, enable at boot, start$/));
    expect(calls()).toEqual(['check', 'start']);
    expect(rules()).toBe('2');
    expect(machine.say(`stat -c '%a %u' ${path}`)).toBe('755 0');
    expect(machine.say(`cat ${path}`)).toBe(sample.trimEnd());
    expect(machine.say(`ls -A /etc/init.d | grep '^\\.fairlead' || :`)).toBe('');
  });

  test('it is run at the next boot', () => {
    const listing = machine.say(
      'ls /etc/rc?.d /etc/runlevels/* /etc/systemd/system/*.wants 2>/dev/null || :',
    );
    const links = listing.split('\n').filter((line) => line.includes(name));
    const sysv = init === 'sysv' ? 'S01' : 'S99';
    const levels = init === 'sysv by rcS.d' ? 1 : 4;
    if (init.startsWith('sysv')) {
      expect(links.filter((link) => link === `${sysv}${name}`)).toHaveLength(levels);
    } else expect(links).toEqual([init === 'systemd' ? `${name}.service` : name]);
  });

  test('the second run changes nothing and only asks for the status', () => {
    expect(apply().verdict).toEqual({
      kind: 'unchanged',
      fields: { init: init.startsWith('sysv') ? 'sysv' : init, status: 0 },
    });
    expect(calls()).toEqual(['']);
  });

  test('what has drifted is reloaded, and the message says what', () => {
    machine.say('ip rule del prio 10101');
    const { verdict, conclusion } = apply();
    expect(verdict).toHaveProperty('message', 'reload (drifted: rule 10101 is missing)');
    expect(conclusion).toMatchObject({ kind: 'changed', fields: { status: 0 } });
    expect(calls()).toEqual(['reload']);
    expect(rules()).toBe('2');
    expect(apply().verdict.kind).toBe('unchanged');
  });

  test('a script that changed is checked, replaced and reloaded', () => {
    const { verdict } = apply({ content: changed });
    expect(verdict).toHaveProperty('message', `write ${path}, reload`);
    expect(calls()).toEqual(['check', 'reload']);
    expect(apply({ content: changed }).verdict.kind).toBe('unchanged');
  });

  test('a check that fails leaves the old script in place', () => {
    machine.say(': >/run/sample.unfit');
    expect(apply().conclusion?.kind).toBe('failed');
    machine.say('rm /run/sample.unfit');
    expect(machine.say(`cat ${path}`)).toBe(changed.trimEnd());
    expect(calls()).toEqual(['check']);
  });

  test('a reload that does not put it right is a failure with what the status says', () => {
    machine.say(': >/run/sample.useless; ip rule del prio 10100');
    expect(apply({ content: changed }).conclusion).toEqual({
      kind: 'failed',
      message: `after the reload, status of ${name} is 4 instead of 0\nrule 10100 is missing`,
      hint: `${path} status`,
    });
    machine.say('rm /run/sample.useless');
    expect(apply({ content: changed }).conclusion?.kind).toBe('changed');
    calls();
  });

  test('one that was stopped is started, and one that cannot start says why', () => {
    machine.say(`${path} stop; : >/run/sample.refuses; rm -f /run/stand-in/*.active /run/openrc/started/*`);
    expect(apply({ content: changed }).conclusion).toMatchObject({
      kind: 'failed',
      message: expect.stringContaining('sample: cannot start today'),
    });
    machine.say('rm /run/sample.refuses');
    const { verdict } = apply({ content: changed });
    expect(verdict).toHaveProperty('message', 'start (not applied)');
    expect(rules()).toBe('2');
    calls();
  });

  test('one that cannot be stopped is not removed', () => {
    machine.say(': >/run/sample.stays');
    expect(machine.apply(bootScript, { name, state: 'absent' }).conclusion).toMatchObject({ kind: 'failed' });
    expect(machine.say(`test -x ${path} && echo there`)).toBe('there');
    machine.say('rm /run/sample.stays');
  });

  test('absent leaves no trace, and says unchanged the second time', () => {
    expect(machine.apply(bootScript, { name, state: 'absent' }).conclusion).toEqual({ kind: 'changed' });
    expect(machine.say(TREE)).toBe(before);
    expect(machine.apply(bootScript, { name, state: 'absent' }).verdict).toEqual({ kind: 'unchanged' });
  });

  test('installed registers it without running it', () => {
    calls();
    expect(apply({ state: 'installed' }).conclusion).toEqual({ kind: 'changed' });
    expect(calls()).toEqual(['check']);
    expect(rules()).toBe('0');
    expect(apply({ state: 'installed' }).verdict.kind).toBe('unchanged');
  });
});

describe.each(['dash', 'busybox sh'] as const)('hooks under %s', (shell) => {
  const hooks = {
    ifupdown: `/etc/network/if-up.d/${name}`,
    networkManager: `/etc/NetworkManager/dispatcher.d/90-${name}`,
    networkd: `/etc/systemd/networkd.conf.d/10-${name}.conf`,
    dispatcher: `/etc/networkd-dispatcher/routable.d/50-${name}`,
  };
  const managers = `mkdir -p /etc/network/if-up.d /etc/NetworkManager/dispatcher.d /run/NetworkManager \\
  /etc/networkd-dispatcher/routable.d /run/systemd/netif
: >/run/systemd/netif/state`;
  let machine: PrivateMachine;
  const apply = (args: object = {}) =>
    machine.apply(bootScript, { name, content: sample, interfaces: ['eth0', 'eth1'], ...args });
  const rules = () => machine.say("ip rule | grep -c '198.51.100.7' || :");
  /** Waits for what the hook leaves behind: all of its session. */
  const runHook = (command: string) =>
    machine.run(`sid=$(setsid sh -c 'echo $$; exec >/dev/null; ${command}')
while [ -n "$(ps -o stat= -s "$sid" | grep -v Z)" ]; do :; done`);
  const there = () => Object.values(hooks).filter((path) => machine.run(`test -e ${path}`).exitCode === 0);

  beforeAll(async () => {
    machine = await PrivateMachine.start({ shell, init: 'sysv', setup: managers });
  });
  afterAll(() => machine.stop());

  test('go where a manager is found, and twice is once', () => {
    expect(apply().conclusion?.kind).toBe('changed');
    expect(there()).toEqual(Object.values(hooks));
    expect(machine.say(`stat -c %a ${Object.values(hooks).join(' ')}`)).toBe('755\n755\n644\n755');
    expect(apply().verdict.kind).toBe('unchanged');
  });

  test.each([
    ['ifupdown', `IFACE=eth1 ${hooks.ifupdown}`],
    ['ifupdown, all interfaces', `IFACE=--all ${hooks.ifupdown}`],
    ['NetworkManager', `${hooks.networkManager} eth0 up`],
    ['networkd-dispatcher', `IFACE=eth0 ${hooks.dispatcher}`],
  ])('of %s puts right what has drifted', (_manager, command) => {
    machine.say('ip rule del prio 10100');
    expect(runHook(command)).toEqual({ exitCode: 0, stdout: '', stderr: '' });
    expect(rules()).toBe('2');
  });

  test.each([
    ['another interface', `IFACE=eth7 ${hooks.ifupdown}`],
    ['an event that changes nothing', `${hooks.networkManager} eth0 hostname`],
    ['no interface at all', hooks.ifupdown],
  ])('leave it alone for %s', (_case, command) => {
    machine.say('ip rule del prio 10100');
    expect(runHook(command)).toEqual({ exitCode: 0, stdout: '', stderr: '' });
    expect(rules()).toBe('1');
    apply();
  });

  test('do not bring back what somebody stopped', () => {
    machine.say(`/etc/init.d/${name} stop`);
    runHook(`IFACE=eth0 ${hooks.ifupdown}`);
    expect(rules()).toBe('0');
    apply();
  });

  test('go away when they are no longer wished', () => {
    const { verdict } = apply({ hooks: false });
    expect(verdict).toHaveProperty('message', `remove ${Object.values(hooks).join(', ')}`);
    expect(there()).toEqual([]);
    expect(apply({ hooks: false }).verdict.kind).toBe('unchanged');
  });

  test('a timer where there is neither systemd nor cron is not kept silent about', () => {
    const { verdict } = apply({ hooks: false, reconcile_s: 30 });
    expect(verdict).toMatchObject({
      kind: 'unchanged',
      message: 'nothing reconciles: the host has neither systemd nor cron',
    });
  });
});

describe('under systemd', () => {
  let machine: PrivateMachine;
  const apply = (args: object = {}) => machine.apply(bootScript, { name, content: sample, ...args });
  const calls = () => machine.say('cat /run/stand-in/calls; rm /run/stand-in/calls').split('\n');

  beforeAll(async () => {
    const setup = 'mkdir -p /run/systemd/netif; : >/run/systemd/netif/state';
    machine = await PrivateMachine.start({ shell: 'dash', init: 'systemd', setup });
  });
  afterAll(() => machine.stop());

  test('networkd learns to leave foreign rules alone before the first start, once', () => {
    expect(apply().conclusion?.kind).toBe('changed');
    expect(calls()).toEqual([
      `systemctl enable --quiet --no-reload ${name}`,
      'systemctl daemon-reload',
      'systemctl restart systemd-networkd.service',
      `systemctl start ${name}`,
    ]);
    apply({ content: changed });
    expect(calls()).toEqual([`systemctl reload ${name}`]);
  });

  test('a timer comes and goes', () => {
    expect(apply({ content: changed, reconcile_s: 30 }).conclusion?.kind).toBe('changed');
    expect(calls()).toEqual(['systemctl daemon-reload', `systemctl enable --now ${name}-reconcile.timer`]);
    expect(apply({ content: changed, reconcile_s: 30 }).verdict.kind).toBe('unchanged');
    expect(apply({ content: changed }).conclusion?.kind).toBe('changed');
    expect(machine.say('ls /etc/systemd/system /etc/systemd/system/*.wants')).not.toContain('reconcile');
  });

  test('a service of that name that the host brought along is not replaced', () => {
    machine.say('mount -t tmpfs tmpfs /usr/lib/systemd; mkdir /usr/lib/systemd/system');
    machine.say(`: >/usr/lib/systemd/system/${name}.service`);
    expect(apply().verdict).toEqual({
      kind: 'failed',
      message: `the host has a service ${name} of its own`,
      hint: 'give the boot script another name',
    });
  });
});

test('a host without an init system is told so', async () => {
  const machine = await PrivateMachine.start({ shell: 'dash', init: 'none' });
  try {
    expect(machine.apply(bootScript, { name, content: sample }).verdict).toMatchObject({
      kind: 'failed',
      message: expect.stringContaining('no init system'),
    });
  } finally {
    await machine.stop();
  }
});

test.each([
  ['no script', {}, 'content', 'exactly one of src and content is needed'],
  ['two scripts', { content: sample, src: 'x' }, 'src', 'exactly one of src and content is needed'],
  ['bash', { content: '#!/bin/bash\n' }, 'content', 'the script does not begin with #!/bin/sh'],
  ['no LSB header', { content: '#!/bin/sh\n' }, 'content', expect.stringContaining('no LSB header')],
  [
    'a relative data file',
    { content: sample, data_files: ['x'] },
    'data_files',
    expect.stringContaining('absolute'),
  ],
])('%s is refused before any host is contacted', (_case, args, argument, message) => {
  const refused = (() => {
    try {
      bootScript.prepare({ name, ...args }, controller());
      return undefined;
    } catch (error) {
      return error;
    }
  })();
  expect(refused).toBeInstanceOf(ArgumentError);
  expect(refused).toMatchObject({ argument, message });
});
