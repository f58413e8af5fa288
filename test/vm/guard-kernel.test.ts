// What only a kernel of its own can show of the guard, on a machine with SysV's init: a clock that is really set, IPVS, links of
// all sorts, and what a disk remembers of a moment ago.
//
//   internet ── isp1 ─┬─ edge-1   a machine: director
//                     └─ edge-2   a namespace: real server (DR)
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bareAddress, HELLO_PORT } from '../../src/lab/plan.ts';
import { expectRolledBack, type RunUnderway } from '../lab/support/guard-lab.ts';
import { figure } from '../lab/support/role-lab.ts';
import { damageRounds, undamaged } from './support/guard-damage.ts';
import { ENDLESS_S, GuardMachines, SETTLE } from './support/guard-machines.ts';
import { expectBackAfterPowerCut } from './support/guard-power-cut.ts';

const HOST = 'edge-1';
const VIP = '192.0.2.200';
const RULE = '- ip_rule: { priority: 97, from: 198.51.100.9, table: 77 }';

let machines: GuardMachines;

beforeAll(async () => {
  machines = await GuardMachines.create('kernel', ['sysv', 'namespace']);
  await machines.inside(HOST, 'echo old >/etc/motd');
});

afterAll(() => machines.down());

const realServer = () => bareAddress(machines.guard.lab.host('edge-2').links[0]?.address ?? '');

/** A run on the machine alone that changes it, and fails. */
async function expectAsBefore(tasks: string): Promise<void> {
  const before = await machines.pictures();
  const run = await machines.guard.run(
    machines.playbook(`${tasks}\n- command: "false"`, { windowS: ENDLESS_S }),
  );
  expectRolledBack(run, /failed +command/);
  expect(run.stdout).toMatch(/rolled back, as it was before$/m);
  expect(await machines.pictures()).toEqual(before);
}

describe('the power is cut', () => {
  it('in the middle of the window: it goes back before its network starts', () =>
    expectBackAfterPowerCut(machines));

  it('right after it was confirmed: it stays, whole', async () => {
    const run = await machines.guard.run(
      machines.playbook(`
- copy: { dest: /etc/motd, content: "confirmed" }
- copy: { dest: /etc/new-file, content: "new" }
${RULE}`),
    );
    await machines.guard.lab.reboot(HOST);
    expect({ exitCode: run.exitCode, stderr: run.stderr }).toEqual({ exitCode: 0, stderr: '' });
    expect(await machines.inside(HOST, 'cat /etc/motd /etc/new-file')).toBe('confirmednew');
    expect(await machines.guard.journal(HOST)).toMatch(/ confirmed\n$/);
    const history = await machines.guard.fairlead('history', HOST);
    expect(history.stdout).toContain('/etc/new-file');
    expect(await machines.inside(HOST, 'ls /var/lib/fairlead/guard')).not.toMatch(/^current$/m);
  });
});

describe('the clock is set in the middle of the window', () => {
  // Never of whoever runs the tests.
  const step = (seconds: number) =>
    `test -e /lab/born && date -s "@$(($(date +%s) + ${seconds}))" >/dev/null`;

  /** Changes something, sets the clock, and puts that right when it has gone back; by how much it was late. */
  async function goesBackAtItsTime(seconds: number, dies: 'SIGKILL' | 'SIGSTOP'): Promise<RunUnderway> {
    const before = await machines.pictures();
    const run = await machines.startAndWait(machines.playbook(`${RULE}\n- pause: { seconds: 5 }`));
    run.signal(dies);
    await machines.inside(HOST, step(seconds));
    const lateS = await machines.latenessS(HOST);
    await machines.inside(HOST, step(-seconds));
    expect(await machines.pictures()).toEqual(before);
    expect(lateS).toBeGreaterThanOrEqual(0);
    expect(lateS).toBeLessThan(1);
    figure(`the clock set by ${seconds} s: back ${lateS.toFixed(2)} s after its time`);
    return run;
  }

  it('by an hour, forwards: it goes back at its time all the same', async () => {
    const run = await goesBackAtItsTime(3600, 'SIGKILL');
    await run.ended;
  });

  it('by an hour, backwards, while the controller stands still for longer than the window: it hears of it afterwards', async () => {
    const run = await goesBackAtItsTime(-3600, 'SIGSTOP');
    run.signal('SIGCONT');
    const { exitCode } = await run.ended;
    expect(exitCode).toBe(1);
    expect(run.events()).toContainEqual(
      expect.objectContaining({
        kind: 'guard-rolled-back',
        reason: 'its time was up and nobody had confirmed it',
        failures: [],
        differences: [],
      }),
    );
  });

  it.each([3600, -3600])('by %i s: what was confirmed is', async (seconds) => {
    const run = await machines.guard.run(machines.playbook(`${RULE}\n- shell: ${step(seconds)}`));
    await machines.inside(HOST, step(-seconds));
    expect({ exitCode: run.exitCode, stdout: run.stdout, stderr: run.stderr }).toMatchObject({
      exitCode: 0,
      stderr: '',
    });
    expect(await machines.inside(HOST, 'ip rule del priority 97; ls /var/lib/fairlead/guard')).not.toMatch(
      /^current$/m,
    );
  });
});

describe('IPVS', () => {
  const SERVICES = () => `
ip address add ${VIP}/32 dev isp1
ipvsadm --set 800 100 200
ipvsadm -A -t ${VIP}:${HELLO_PORT} -s wlc
ipvsadm -a -t ${VIP}:${HELLO_PORT} -r ${realServer()} -g -w 3
ipvsadm -a -t ${VIP}:${HELLO_PORT} -r 192.0.2.222 -g -w 0
ipvsadm -A -u ${VIP}:53 -s sh -b sh-port -o
ipvsadm -a -u ${VIP}:53 -r 10.0.0.1:5353 -m -w 1
ipvsadm -A -f 7 -s rr -p 300 -M 255.255.255.0
ipvsadm -a -f 7 -r ${realServer()}:0 -i -w 2 -x 100 -y 80
ipvsadm -A -t [2001:db8:1::200]:80 -s wrr
ipvsadm -a -t [2001:db8:1::200]:80 -r [2001:db8:1::12]:80 -g -w 7
ipvsadm --start-daemon master --mcast-interface isp2 --syncid 5`;

  it('that nobody had used before the change is as new afterwards', () =>
    expectAsBefore(`- shell: |
    ipvsadm -A -t 10.9.9.9:80 -s rr
    ipvsadm -a -t 10.9.9.9:80 -r 10.9.9.1 -g
    ipvsadm --set 1 2 3
    ipvsadm --start-daemon master --mcast-interface isp2
    iptables -A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT`));

  it('comes back after any damage', async () => {
    await machines.inside(HOST, SERVICES());
    const damages = [
      'ipvsadm -C',
      'ipvsadm -C; ipvsadm --stop-daemon master; ipvsadm --start-daemon backup --mcast-interface isp1 --syncid 9',
      `ipvsadm -e -t ${VIP}:${HELLO_PORT} -r ${realServer()} -m -w 1; ipvsadm -d -u ${VIP}:53 -r 10.0.0.1:5353`,
      `ipvsadm -e -f 7 -r ${realServer()}:0 -i -w 2`,
      'ipvsadm -E -f 7 -s sh; ipvsadm -E -t [2001:db8:1::200]:80 -s wrr -p; ipvsadm -D -u 192.0.2.200:53',
      'ipvsadm -A -t 10.9.9.9:80 -s rr; ipvsadm -a -t 10.9.9.9:80 -r 10.9.9.1 -g; ipvsadm --set 1 2 3',
      'ipvsadm --stop-daemon master; ipvsadm --start-daemon master --mcast-interface isp1 --syncid 6; echo 0 >/proc/sys/net/ipv4/vs/expire_nodest_conn; echo 1 >/proc/sys/net/ipv4/vs/conntrack',
    ];
    expect(await damageRounds(machines, HOST, { kinds: 'sysctl ipvs', damages })).toEqual(undamaged(damages));
  });

  it('connections through the director live on', async () => {
    const { lab } = machines.guard;
    await machines.inside(
      'edge-2',
      `echo 1 >/proc/sys/net/ipv4/conf/all/arp_ignore; echo 2 >/proc/sys/net/ipv4/conf/all/arp_announce
      ip address add ${VIP}/32 dev lo`,
    );
    const held = await Promise.all([1, 2, 3, 4].map(() => lab.holdConnection(VIP)));
    await expectAsBefore(`- shell: |
    ipvsadm -E -t ${VIP}:${HELLO_PORT} -s rr
    ipvsadm -e -t ${VIP}:${HELLO_PORT} -r ${realServer()} -g -w 0
    ipvsadm -D -f 7
    ipvsadm --set 9 9 9
    ipvsadm --stop-daemon master`);
    const reports = await Promise.all(held.map((each) => each.stop()));
    expect(reports.map(({ broken }) => broken)).toEqual([null, null, null, null]);
    figure(
      `the longest silence of 4 connections: ${Math.max(...reports.map(({ longestGapMs }) => longestGapMs)).toFixed(0)} ms`,
    );
    await machines.inside(
      HOST,
      `ipvsadm -C; ipvsadm --stop-daemon master; ip address del ${VIP}/32 dev isp1`,
    );
  });
});

describe('links of all sorts', () => {
  const LINKS = `
for each in dummy0 dummy1 dummy2 dummy3; do ip link add $each type dummy; done
ip link add bond0 type bond mode active-backup
ip link set dummy0 master bond0; ip link set dummy1 master bond0
ip link add link isp2 name isp2.7 type vlan id 7
ip link add red type vrf table 100
ip link set dummy2 master red
ip tunnel add tun9 mode ipip local 192.0.2.11 remote 192.0.2.12
for each in bond0 isp2.7 red dummy2 dummy3 tun9; do ip link set $each up; done
ip address add 10.1.0.1/24 dev bond0; ip address add 10.1.0.2/24 dev bond0; ip address add fd01::1/64 dev bond0
ip address add 10.2.0.1/24 dev isp2.7; ip address add fd02::1/64 dev isp2.7
ip address add 10.3.0.1/24 dev dummy2; ip address add fd03::1/64 dev dummy2
ip address add 10.4.0.1/32 dev dummy3
ip address add 10.5.0.1 peer 10.5.0.2/32 dev tun9
ip route add 10.11.0.0/16 via 10.1.0.9 dev bond0
ip route add 10.12.0.0/16 via 10.2.0.9 dev isp2.7 table 77; ip -6 route add fd12::/32 via fd02::9 dev isp2.7
ip route add default via 10.3.0.9 dev dummy2 table 100; ip route add unreachable default table 100 metric 4278198272
ip route add 10.15.0.0/16 dev tun9
ip neigh add 10.2.0.9 lladdr 02:00:00:00:00:09 dev isp2.7 nud permanent`;

  it('are as they were after any damage', async () => {
    await machines.inside(HOST, `${LINKS}\n${SETTLE}`);
    const damages = [
      'for each in bond0 isp2.7 red dummy2 dummy3 tun9; do ip link set $each down; done',
      'for each in bond0 isp2.7 dummy2 dummy3 tun9; do ip address flush dev $each; done',
      'ip link set dummy0 nomaster; ip link set dummy1 nomaster; ip link set dummy2 nomaster',
      'ip link set dummy3 master red; ip link set bond0 master red; ip link set isp2.7 master red',
      'ip link set bond0 mtu 1400; ip link set isp2.7 mtu 1300; ip link set tun9 mtu 1200; ip link set isp2.7 address 02:00:00:00:00:77',
      'ip route flush table 100; ip route flush table 77; ip route del 10.11.0.0/16; ip route del 10.15.0.0/16; ip rule del l3mdev; ip -6 rule del l3mdev; ip neigh del 10.2.0.9 dev isp2.7',
      'ip address del 10.1.0.1/24 dev bond0; ip address add 10.1.0.3/24 dev bond0; ip address add 10.4.0.2/32 dev dummy3; ip route replace 10.11.0.0/16 dev dummy3',
    ];
    expect(
      await damageRounds(machines, HOST, { kinds: 'links addresses neighbours routes rules', damages }),
    ).toEqual(undamaged(damages));
  });
});
