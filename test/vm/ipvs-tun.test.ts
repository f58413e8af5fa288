// Tunnels on real machines: ipip and gue, and IPv6 in IPv6, through a reverse path filter that was strict, and no trace afterwards.
//
//   internet ── isp1 ─┬─ edge-1          director
//                     └─ edge-2, edge-3  real servers
import { afterAll, beforeAll, expect, it } from 'vitest';
import { figure } from '../lab/support/role-lab.ts';
import { IpvsLab, VIP6 } from './support/ipvs-lab.ts';

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
  // Once up, tunnels have IPv6 settings for good.
  for (const host of ['edge-2', 'edge-3'])
    await ipvs.onHost(
      host,
      'modprobe -a ipip fou ip6_tunnel; for link in tunl0 ip6tnl0; do ip link set $link up; ip link set $link down; done; echo 1 >/proc/sys/net/ipv4/conf/all/rp_filter',
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

it('IPv6 in IPv6: rr gives each exactly half', async () => {
  await ipvs.play({ ...IPIP, vip: VIP6 });
  const heard = await ipvs.ask(60, { address: VIP6 });
  figure(`tun (ip6ip6), rr: ${JSON.stringify(heard)} of 60`);
  expect(heard).toEqual({ 'edge-2': 30, 'edge-3': 30 });
  expect(await ipvs.play({ ...IPIP, vip: VIP6 })).toBe(0);
});

it('leaves no trace', async () => {
  for (const host of HOSTS) expect(await ipvs.script(host, 'ipvs-dr', 'stop')).toMatchObject({ exitCode: 0 });
  expect(await pictures()).toEqual(before);
});
