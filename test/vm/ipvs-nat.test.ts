// NAT on a real kernel: another port, replies by way of the director though real servers have a default route of their own,
// one-arm NAT for clients in the real servers' network, a mark for two ports, IPv6, and no trace afterwards.
//
//   internet ── isp1 ─── edge-1          director, a machine; the VIP
//               isp2 ─┬─ edge-1
//                     ├─ edge-2, edge-3  real servers, namespaces
//                     └─ edge-4          a client in their network
import { afterAll, beforeAll, expect, it } from 'vitest';
import { figure } from '../lab/support/role-lab.ts';
import { IpvsLab, type Variables, VIP, VIP6 } from './support/ipvs-lab.ts';

const HOSTS = ['edge-1', 'edge-2', 'edge-3'] as const;
const server = (host: string, others: Variables = {}) => ({ host, port: 7777, ...others });
const NAT = {
  forwarding: 'nat',
  port: 80,
  scheduler: 'rr',
  real_servers: [server('edge-2'), server('edge-3')],
};

let ipvs: IpvsLab;
let before: readonly string[];
const pictures = () => Promise.all(HOSTS.map((host) => ipvs.picture(host)));

beforeAll(async () => {
  ipvs = await IpvsLab.create('test-ipvs-nat', ['sysv', 'namespace', 'namespace', 'namespace']);
  ipvs.use('isp2');
  await ipvs.onHost('edge-1', 'modprobe ip_vs');
  before = await pictures();
});
afterAll(() => ipvs?.down());

it('rr gives each exactly half, on another port, and replies come by the director', async () => {
  expect(await ipvs.play(NAT)).toBeGreaterThan(0);
  expect(await ipvs.play(NAT)).toBe(0);
  const heard = await ipvs.ask(60, { port: 80 });
  figure(`nat, rr: ${JSON.stringify(heard)} of 60`);
  expect(heard).toEqual({ 'edge-2': 30, 'edge-3': 30 });
  const way = await ipvs.onHost(
    'edge-2',
    `ip route get 198.51.100.1 from ${ipvs.address('edge-2', 'isp2')} ipproto tcp sport 7777`,
  );
  expect(way).toContain(`via ${ipvs.address('edge-1', 'isp2')} dev isp2 table 701`);
  expect(await ipvs.spoofed()).toBe(0);
});

it('without that rule nobody is answered', async () => {
  await ipvs.onHost('edge-2', 'ip rule del priority 9101');
  expect((await ipvs.ask(2, { port: 80 }))['edge-2']).toBeUndefined();
  expect(await ipvs.script('edge-2', 'ipvs-dr', 'status')).toMatchObject({ exitCode: 4 });
  expect(await ipvs.script('edge-2', 'ipvs-dr', 'reload')).toMatchObject({ exitCode: 0 });
  expect(await ipvs.ask(2, { port: 80 })).toEqual({ 'edge-2': 1, 'edge-3': 1 });
});

it('weights are exact', async () => {
  const real_servers = [server('edge-2', { weight: 3 }), server('edge-3')];
  await ipvs.play({ ...NAT, scheduler: 'wrr', real_servers });
  const heard = await ipvs.ask(40, { port: 80 });
  figure(`nat, wrr 3:1: ${JSON.stringify(heard)} of 40`);
  expect(heard).toEqual({ 'edge-2': 30, 'edge-3': 10 });
});

it('one-arm: clients in the network of the real servers are answered, too', async () => {
  await ipvs.play({ ...NAT, snat: true });
  await ipvs.onHost('edge-4', `ip route add ${VIP}/32 via ${ipvs.address('edge-1', 'isp2')}`);
  const near = await ipvs.ask(20, { port: 80, from: 'edge-4' });
  expect(near).toEqual({ 'edge-2': 10, 'edge-3': 10 });
  expect(await ipvs.ask(20, { port: 80 })).toEqual({ 'edge-2': 10, 'edge-3': 10 });
  expect(await ipvs.script('edge-1', 'ipvs-dr', 'status')).toMatchObject({ exitCode: 0 });
  expect(await ipvs.play({ ...NAT, snat: true })).toBe(0);
  await ipvs.onHost('edge-1', 'iptables -t nat -F fairlead-ipvs-dr');
  expect(await ipvs.ask(2, { port: 80, from: 'edge-4' })).not.toHaveProperty('edge-2');
  expect(await ipvs.script('edge-1', 'ipvs-dr', 'reload')).toMatchObject({ exitCode: 0 });
});

it('a mark makes one service of two ports', async () => {
  const marked = { forwarding: 'nat', port: null, fwmark: 7, ports: [7777, '8000-8001'], scheduler: 'rr' };
  await ipvs.play({ ...marked, snat: true, real_servers: ['edge-2', 'edge-3'] });
  expect(await ipvs.ask(20)).toEqual({ 'edge-2': 10, 'edge-3': 10 });
  expect(await ipvs.onHost('edge-1', 'ipvsadm -S -n')).toMatch(/^-A -f 7 -s rr$/m);
});

it('IPv6: another port, for clients near and far', async () => {
  const service = { ...NAT, vip: VIP6, snat: true };
  expect(await ipvs.play(service)).toBeGreaterThan(0);
  expect(await ipvs.play(service)).toBe(0);
  const heard = await ipvs.ask(60, { address: VIP6, port: 80 });
  figure(`nat, IPv6, rr: ${JSON.stringify(heard)} of 60`);
  expect(heard).toEqual({ 'edge-2': 30, 'edge-3': 30 });
  await ipvs.onHost('edge-4', `ip route add ${VIP6}/128 via ${ipvs.address6('edge-1', 'isp2')}`);
  const near = await ipvs.ask(20, { address: VIP6, port: 80, from: 'edge-4' });
  expect(near).toEqual({ 'edge-2': 10, 'edge-3': 10 });
  expect(await ipvs.script('edge-1', 'ipvs-dr', 'status')).toMatchObject({ exitCode: 0 });
});

it('leaves no trace', async () => {
  for (const host of HOSTS) expect(await ipvs.script(host, 'ipvs-dr', 'stop')).toMatchObject({ exitCode: 0 });
  expect(await pictures()).toEqual(before);
});
