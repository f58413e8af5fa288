// Tunnels on real machines: ipip and gue, through a reverse path filter that was strict, and no trace afterwards.
//
//   internet ── isp1 ─┬─ edge-1          director
//                     └─ edge-2, edge-3  real servers
import { afterAll, beforeAll, expect, it } from 'vitest';
import { figure } from '../lab/support/role-lab.ts';
import { IpvsLab } from './support/ipvs-lab.ts';

const HOSTS = ['edge-1', 'edge-2', 'edge-3'] as const;
const IPIP = { forwarding: 'tun', scheduler: 'rr', real_servers: ['edge-2', 'edge-3'] };
const GUE = {
  ...IPIP,
  scheduler: 'wrr',
  tunnel: { type: 'gue', port: 6080 },
  real_servers: [{ host: 'edge-2', weight: 3 }, 'edge-3'],
};

let ipvs: IpvsLab;
let before: readonly string[];
const pictures = () => Promise.all(HOSTS.map((host) => ipvs.picture(host)));

beforeAll(async () => {
  ipvs = await IpvsLab.create('test-ipvs-tun', ['sysv', 'sysv', 'sysv']);
  ipvs.use('isp1');
  await ipvs.onHost('edge-1', 'modprobe ip_vs');
  // Once up, tunl0 has IPv6 settings for good.
  for (const host of ['edge-2', 'edge-3'])
    await ipvs.onHost(
      host,
      'modprobe -a ipip fou; ip link set tunl0 up; ip link set tunl0 down; echo 1 >/proc/sys/net/ipv4/conf/all/rp_filter',
    );
  before = await pictures();
});
afterAll(() => ipvs?.down());

it('ipip: rr gives each exactly half', async () => {
  expect(await ipvs.play(IPIP)).toBeGreaterThan(0);
  expect(await ipvs.play(IPIP)).toBe(0);
  const heard = await ipvs.ask(60);
  figure(`tun (ipip), rr: ${JSON.stringify(heard)} of 60`);
  expect(heard).toEqual({ 'edge-2': 30, 'edge-3': 30 });
  await ipvs.onHost('edge-2', 'echo 1 >/proc/sys/net/ipv4/conf/tunl0/rp_filter');
  expect(await ipvs.ask(2), 'a strict filter lets nothing through').not.toHaveProperty('edge-2');
  expect(await ipvs.script('edge-2', 'ipvs-dr', 'reload')).toMatchObject({ exitCode: 0 });
});

it('gue: weights are exact', async () => {
  expect(await ipvs.play(GUE)).toBe(3);
  const heard = await ipvs.ask(40);
  figure(`tun (gue), wrr 3:1: ${JSON.stringify(heard)} of 40`);
  expect(heard).toEqual({ 'edge-2': 30, 'edge-3': 10 });
  expect(await ipvs.onHost('edge-1', 'ipvsadm -S -n')).toContain('--tun-type gue --tun-port 6080');
  expect(await ipvs.play(GUE)).toBe(0);
});

it('leaves no trace', async () => {
  for (const host of HOSTS) expect(await ipvs.script(host, 'ipvs-dr', 'stop')).toMatchObject({ exitCode: 0 });
  expect(await pictures()).toEqual(before);
});
