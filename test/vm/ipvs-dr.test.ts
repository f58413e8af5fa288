// Direct routing on real kernels: exact turns and weights, one answer to ARP, connections that live through changes, a
// reboot of director and real server, and no trace afterwards.
//
//   internet ── isp1 ─┬─ edge-1          director, sysvinit
//                     ├─ edge-2, edge-3  real servers, a machine with systemd and a namespace
//                     └─ edge-4          a neighbour, a namespace
import { afterAll, beforeAll, expect, it } from 'vitest';
import { figure, secondsUntil } from '../lab/support/role-lab.ts';
import { IpvsLab, VIP } from './support/ipvs-lab.ts';

const RR = { scheduler: 'rr', real_servers: ['edge-2', 'edge-3'] };
const WRR = { scheduler: 'wrr', real_servers: [{ host: 'edge-2', weight: 3 }, 'edge-3'] };
const HOSTS = ['edge-1', 'edge-2', 'edge-3'] as const;
const FOREIGN = `-A -t 192.0.2.77:80 -s rr
-a -t 192.0.2.77:80 -r 192.0.2.78:80 -g -w 1
`;

let ipvs: IpvsLab;
let before: readonly string[];

const pictures = () => Promise.all(HOSTS.map((host) => ipvs.picture(host)));

beforeAll(async () => {
  ipvs = await IpvsLab.create('test-ipvs-dr', ['sysv', 'systemd', 'namespace', 'namespace']);
  ipvs.use('isp1');
  await ipvs.onHost(
    'edge-1',
    `printf '%s\\n' '${FOREIGN.trim().replace('\n', "' '")}' | while read -r line; do ipvsadm $line; done`,
  );
  before = await pictures();
});
afterAll(() => ipvs?.down());

it('is set up by one playbook, the second run of which changes nothing', async () => {
  expect(await ipvs.play(RR)).toBeGreaterThan(0);
  expect(await ipvs.play(RR)).toBe(0);
});

it('rr gives each exactly half', async () => {
  const heard = await ipvs.ask(60);
  figure(`dr, rr: ${JSON.stringify(heard)} of 60`);
  expect(heard).toEqual({ 'edge-2': 30, 'edge-3': 30 });
});

it('exactly one answers ARP for the VIP, and it is the settings that see to it', async () => {
  const answers = async () => {
    const { stdout } = await ipvs.lab.inHost('edge-4', ['arping', '-b', '-w', '3', '-I', 'isp1', VIP]);
    return new Set([...stdout.matchAll(/\[([0-9A-F:]+)\]/gi)].map(([, mac]) => mac?.toLowerCase()));
  };
  const director = (await ipvs.onHost('edge-1', 'cat /sys/class/net/isp1/address')).trim();
  expect(await answers()).toEqual(new Set([director]));
  const setting = (value: number) =>
    ipvs.onHost('edge-2', `echo ${value} >/proc/sys/net/ipv4/conf/all/arp_ignore`);
  await setting(0);
  expect((await answers()).size).toBe(2);
  await setting(1);
});

it('weights are exact, and what is open lives through their change', async () => {
  const held = await ipvs.lab.holdConnections('internet', { address: VIP, count: 6 });
  expect(await ipvs.play(WRR)).toBeGreaterThan(0);
  const heard = await ipvs.ask(40);
  figure(`dr, wrr 3:1: ${JSON.stringify(heard)} of 40`);
  expect(heard).toEqual({ 'edge-2': 30, 'edge-3': 10 });
  const reports = await held.stop();
  expect(reports.map(({ broken }) => broken)).toEqual(Array(6).fill(null));
  expect(reports.map(({ greeting }) => greeting).sort()).toEqual([
    ...Array(3).fill('edge-2'),
    ...Array(3).fill('edge-3'),
  ]);
});

it('comes back after a power cut of the director and a real server', async () => {
  const ids = await Promise.all(HOSTS.map((host) => ipvs.bootId(host)));
  const script = await ipvs.onHost('edge-1', 'cat /etc/init.d/fairlead-ipvs-dr');
  await Promise.all([ipvs.lab.reboot('edge-1'), ipvs.lab.reboot('edge-2')]);
  const after = await Promise.all(HOSTS.map((host) => ipvs.bootId(host)));
  expect(after.map((id, at) => id === ids[at])).toEqual([false, false, true]);
  expect(await ipvs.onHost('edge-1', 'cat /etc/init.d/fairlead-ipvs-dr')).toBe(script);
  await secondsUntil(async () => (await ipvs.script('edge-1', 'ipvs-dr', 'status')).exitCode === 0, {
    withinS: 30,
    what: 'the director is ready',
  });
  expect((await ipvs.script('edge-2', 'ipvs-dr', 'status')).said).toBe('fairlead-ipvs-dr: applied\n');
  const heard = await ipvs.ask(40);
  figure(`dr, wrr 3:1, after the reboot: ${JSON.stringify(heard)} of 40`);
  expect(heard).toEqual({ 'edge-2': 30, 'edge-3': 10 });
});

it("leaves no trace, and somebody else's service alone", async () => {
  await ipvs.onHost(
    'edge-1',
    `printf '%s\\n' '${FOREIGN.trim().replace('\n', "' '")}' | while read -r line; do ipvsadm $line; done`,
  );
  for (const action of ['start', 'reload', 'stop']) {
    expect(await ipvs.script('edge-1', 'ipvs-dr', action)).toMatchObject({ exitCode: 0 });
    expect(await ipvs.onHost('edge-1', 'ipvsadm -S -n')).toContain(FOREIGN);
  }
  for (const host of ['edge-2', 'edge-3'])
    expect(await ipvs.script(host, 'ipvs-dr', 'stop')).toMatchObject({ exitCode: 0 });
  expect(await pictures()).toEqual(before);
});
