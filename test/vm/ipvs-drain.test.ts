// Servers that leave, on a real kernel: who is connected stays connected to the end, new connections go elsewhere, and nobody
// waits longer than was said. On the way out, everything that can be described: the kernel takes it, and gives it back.
//
//   internet ── isp1 ─┬─ edge-1          director, a machine
//                     └─ edge-2, edge-3  real servers, namespaces
import { afterAll, beforeAll, expect, it } from 'vitest';
import { figure, secondsUntil } from '../lab/support/role-lab.ts';
import { IpvsLab, VIP, VIP6 } from './support/ipvs-lab.ts';

const BOTH = { scheduler: 'rr', real_servers: ['edge-2', 'edge-3'] };
const DRAINED = { scheduler: 'rr', real_servers: ['edge-2', { host: 'edge-3', state: 'drained' }] };

let ipvs: IpvsLab;
const services = () => ipvs.onHost('edge-1', 'ipvsadm -S -n');
const hasLeft = async () => !(await services()).includes(`-r ${ipvs.address('edge-3')}:`);

beforeAll(async () => {
  ipvs = await IpvsLab.create('test-ipvs-drain', ['sysv', 'namespace', 'namespace']);
  ipvs.use('isp1');
  await ipvs.play(BOTH);
});
afterAll(() => ipvs?.down());

it('breaks no connection, and lets go of the server once the last one has ended', async () => {
  const held = await ipvs.lab.holdConnections('internet', { address: VIP, count: 6 });
  expect(await ipvs.play(DRAINED)).toBe(1);
  expect(await ipvs.ask(10)).toEqual({ 'edge-2': 10 });
  expect(await services()).toMatch(new RegExp(`-r ${ipvs.address('edge-3')}:7777 -g -w 0`));
  expect((await ipvs.script('edge-1', 'ipvs-dr', 'status')).said).toContain(
    'leaves when its connections have ended',
  );
  const reports = await held.stop();
  expect(reports.filter(({ greeting }) => greeting === 'edge-3')).toHaveLength(3);
  expect(reports.map(({ broken }) => broken)).toEqual(Array(6).fill(null));
  const seconds = await secondsUntil(hasLeft, { withinS: 30, what: 'the drained server leaves' });
  figure(`drain: 6 connections, none broken; the server left ${seconds.toFixed(1)} s after the last one`);
  expect(await ipvs.script('edge-1', 'ipvs-dr', 'status')).toMatchObject({
    exitCode: 0,
    said: 'fairlead-ipvs-dr: applied\n',
  });
  expect(await ipvs.play(DRAINED)).toBe(0);
});

it('an end, not silence, once the time is up', async () => {
  await ipvs.play(BOTH);
  const held = await ipvs.lab.holdConnections('internet', { address: VIP, count: 4 });
  await ipvs.play(DRAINED, { ipvs_dr_drain_s: 3 });
  const seconds = await secondsUntil(hasLeft, { withinS: 30, what: 'the drained server leaves' });
  figure(`drain: with 3 s to go, the server left within ${seconds.toFixed(1)} s of the run's end`);
  const reports = await held.stop();
  const broken = reports.filter(({ broken: why }) => why !== null);
  expect(broken.map(({ greeting }) => greeting)).toEqual(['edge-3', 'edge-3']);
  for (const { broken: why } of broken) expect(why).toMatch(/reset|closed by the other side/i);
});

const SCHEDULERS = ['rr', 'wrr', 'lc', 'wlc', 'lblc', 'lblcr', 'dh', 'sh', 'sed', 'nq', 'fo', 'ovf', 'mh'];

it('everything that can be described is what the kernel says it is', async () => {
  const servers = { vip: VIP, real_servers: ['edge-2', { host: 'edge-3', weight: 5 }] };
  const six = { ...servers, vip: VIP6 };
  const marked = { forwarding: 'nat', snat: true, persistence_s: 300 };
  const ipvs_dr_services = [
    ...SCHEDULERS.map((scheduler, at) => ({ ...servers, name: scheduler, port: 1000 + at, scheduler })),
    { ...servers, name: 'flags', port: 2000, scheduler: 'sh', scheduler_flags: ['sh-port', 'sh-fallback'] },
    { ...six, ...marked, name: 'm6', fwmark: 6, ports: [80, '443/udp'], persistence_mask: 64 },
    {
      ...servers,
      ...marked,
      name: 'm4',
      fwmark: 4,
      ports: [80, '443/udp', '9-10/sctp'],
      persistence_mask: '255.255.0.0',
    },
    { ...servers, name: 'arm', port: 2001, forwarding: 'nat', snat: true },
    { ...servers, name: 'one', port: 53, protocol: 'udp', one_packet: true },
    { ...servers, name: 'all', port: 0, protocol: 'sctp', persistence_s: 9 },
    { ...six, name: 'hello', port: 7777, scheduler: 'rr', real_servers: ['edge-2', 'edge-3'] },
  ];
  const others = {
    ipvs_dr_services,
    ipvs_dr_timeouts: { tcp: 1000, tcp_fin: 20, udp: 30 },
    ipvs_dr_sync: { device: 'isp2', id: 3 },
    ipvs_dr_settings: { sloppy_tcp: 1, conn_reuse_mode: 0 },
  };
  expect(await ipvs.play({}, others)).toBeGreaterThan(0);
  expect(await ipvs.script('edge-1', 'ipvs-dr', 'status')).toEqual({
    exitCode: 0,
    said: 'fairlead-ipvs-dr: applied\n',
  });
  expect(await ipvs.play({}, others)).toBe(0);
  expect((await services()).match(/^-A/gm)).toHaveLength(ipvs_dr_services.length);
  expect(await ipvs.ask(20, { address: VIP6 })).toEqual({ 'edge-2': 10, 'edge-3': 10 });
  expect(await ipvs.script('edge-1', 'ipvs-dr', 'stop')).toMatchObject({ exitCode: 0 });
  const left = await ipvs.onHost(
    'edge-1',
    'ipvsadm -S -n; ipvsadm -L --daemon; ipvsadm -L --timeout; iptables-save; ip6tables-save; cat /proc/sys/net/ipv4/vs/sloppy_tcp',
  );
  expect(left).toMatch(/^Timeout \(tcp tcpfin udp\): 900 120 300\n(?![\s\S]*fairlead)[\s\S]*^0\n$/m);
});
