// BusyBox hosts with dropbear: no bash, no coreutils, no sftp. What is promised holds there too.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BusyboxMachine, type BusyboxOptions } from '../support/busybox-machine.ts';
import { expectComesBack, expectRolledBack, GuardLab } from '../support/guard-lab.ts';

const HOST = 'edge-1';
const MOTD = '- copy: { dest: /etc/motd, content: "new\\n" }';

const CUTS: Readonly<Record<string, string>> = {
  address: '- command: ip addr del {{ansible_host}}/16 dev mgmt',
};

/** Names of tables are iproute2's. */
const NO_NAMES = ['-e', '{"split_access_table_names": false}'];

interface Row extends BusyboxOptions {
  readonly title: string;
  readonly cuts: Readonly<Record<string, string>>;
}

const ROWS: readonly Row[] = [
  { title: 'BusyBox ip, rcS.d', boots: 'rcS.d', cuts: CUTS },
  {
    title: 'iproute2 and iptables, inittab alone',
    boots: 'inittab',
    programs: [
      'ip',
      'iptables',
      'iptables-save',
      'iptables-restore',
      'ip6tables',
      'ip6tables-save',
      'ip6tables-restore',
    ],
    cuts: {
      filter:
        '- shell: iptables -A INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT && iptables -P INPUT DROP',
    },
  },
];

describe.each(ROWS)('$title', ({ cuts, ...options }) => {
  let guard: GuardLab;
  let machine: BusyboxMachine;

  beforeAll(async () => {
    guard = await GuardLab.create(`busybox-${options.boots.replace('.', '').toLowerCase()}`);
    machine = await BusyboxMachine.create(guard, HOST, options);
    // Without nft nobody can take away a table that has come to hold nothing.
    if (options.programs !== undefined)
      await machine.inside('iptables -P INPUT ACCEPT; ip6tables -P INPUT ACCEPT');
  });

  afterAll(() => guard.down());

  const motd = () => machine.inside('cat /etc/motd');

  it('is spoken to: facts, commands, files large and small', async () => {
    const exec = await guard.fairlead('exec', 'all', '--', 'readlink', '-f', '/bin/cat');
    expect(exec).toMatchObject({ exitCode: 0, stderr: '' });
    expect(exec.stdout).toContain('/bin/busybox');
    const facts = await guard.fairlead('facts', 'all');
    expect({ exitCode: facts.exitCode, stderr: facts.stderr }).toEqual({ exitCode: 0, stderr: '' });
    const large = guard.write('large', 'x'.repeat(400_000));
    const run = await guard.run(
      guard.playbook(`
- copy: { dest: /root/large, src: ${large} }
- copy: { dest: /root/small, content: "small\\n", mode: "0600" }`),
    );
    expect({ exitCode: run.exitCode, stderr: run.stderr }).toEqual({ exitCode: 0, stderr: '' });
    expect(await machine.inside('wc -c </root/large; cat /root/small; stat -c %a /root/small')).toBe(
      '400000\nsmall\n600\n',
    );
  });

  it.each(Object.entries(cuts))('comes back from what cuts it off: %s', async (_, cut) => {
    const before = await motd();
    await expectComesBack(guard, `${MOTD}\n${cut}`, { reason: /no new connection gets in|time was up/ });
    expect(await motd()).toBe(before);
  });

  it('a power cut in the middle of the window', async () => {
    const run = guard.start(guard.playbook(`${MOTD}\n- pause: { seconds: 600 }`));
    await run.until('it waits', (event) => event.kind === 'host-working' && event.doing === 'waiting');
    expect(await motd()).toBe('new\n');
    await run.kill();
    await machine.reboot();
    // Where init runs no rcS.d the next run puts it right, and says so.
    if (options.boots === 'rcS.d') expect(await motd()).toBe('old\n');
    const next = await guard.run(guard.playbook('- copy: { dest: /root/next, content: "x" }'));
    expect({ exitCode: next.exitCode, stderr: next.stderr }).toEqual({ exitCode: 0, stderr: '' });
    expect(next.stdout).toMatch(/^edge-1 +earlier +what .* was rolled back at \S+: /m);
    expect(await motd()).toBe('old\n');
  });

  it('a role of ours is rolled back, installed, and there after a boot; where init would not start it, nothing is done', async () => {
    const play = (more: string) => `- hosts: all\n  guard: 30s\n  roles: [split-access]\n${more}`;
    const failing = guard.write('failing.yml', play('  post_tasks:\n    - command: "false"\n'));
    const before = await guard.picture(HOST);
    const failed = await guard.run(failing, ...NO_NAMES);
    expect({ exitCode: failed.exitCode, stderr: failed.stderr }).toEqual({ exitCode: 1, stderr: '' });
    expect(await guard.picture(HOST)).toBe(before);
    if (options.boots === 'inittab') {
      expect(failed.stdout).toMatch(/no init system was found[\s\S]*nothing was changed$/m);
      return;
    }
    expectRolledBack(failed, /failed +command/);
    const playbook = guard.write('role.yml', play(''));
    const first = await guard.run(playbook, ...NO_NAMES);
    expect({ exitCode: first.exitCode, stdout: first.stdout, stderr: first.stderr }).toMatchObject({
      exitCode: 0,
      stderr: '',
    });
    expect((await guard.run(playbook, ...NO_NAMES)).stdout).toMatch(/\b0 changed/);
    await machine.reboot();
    await machine.inside('/etc/init.d/fairlead-split-access status');
  });

  it('what is confirmed stays', async () => {
    const run = await guard.run(guard.playbook(MOTD));
    expect({ exitCode: run.exitCode, stderr: run.stderr }).toEqual({ exitCode: 0, stderr: '' });
    expect(await motd()).toBe('new\n');
    expect((await guard.fairlead('history', 'all')).stdout).toContain('/etc/motd');
  });
});
