// What both states allow goes on through a rollback: connections that were open before the change, by all links.
import { afterAll, beforeAll, expect, it } from 'vitest';
import { internetAddress } from '../../../src/lab/plan.ts';
import { uplinkAddresses } from '../support/addresses.ts';
import { GuardLab } from '../support/guard-lab.ts';
import { figure } from '../support/role-lab.ts';

const HOST = 'edge-1';

let guard: GuardLab;

beforeAll(async () => {
  guard = await GuardLab.create('open-connections');
});

afterAll(() => guard.down());

it('connections live through a rollback of rules, routes, filters, settings and addresses', async () => {
  const { lab } = guard;
  const before = await guard.picture(HOST);
  const held = await Promise.all([
    ...uplinkAddresses(lab.host(HOST), 'isp1').map((address) =>
      lab.holdConnections('internet', { address, count: 20 }),
    ),
    lab.holdConnections({ host: HOST }, { address: internetAddress(10, 'IPv4'), count: 20 }),
    lab.holdConnections({ host: HOST }, { address: internetAddress(10, 'IPv6'), count: 20 }),
  ]);
  const run = await guard.run(
    guard.playbook(`
- ip_rule: { priority: 99, from: 198.51.100.7, table: 77 }
- ip_route: { dest: default, via: 203.0.113.1, dev: isp2, table: 77 }
- shell: |
    ip route replace default via 203.0.113.1 dev isp2 metric 50
    iptables -t nat -A POSTROUTING -o isp2 -j MASQUERADE
    iptables -A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT
    iptables -P INPUT DROP
    ip address add 192.0.2.77/24 dev isp1
    echo 1 >/proc/sys/net/ipv4/conf/isp1/rp_filter
    ip route del default dev isp2 metric 50
- command: "false"`),
  );
  const reports = (await Promise.all(held.map((each) => each.stop()))).flat();
  expect({ exitCode: run.exitCode, stderr: run.stderr }).toEqual({ exitCode: 1, stderr: '' });
  expect(run.stdout).toMatch(/failed, rolled back, as it was before$/m);
  expect(await guard.picture(HOST)).toBe(before);
  expect(reports.length).toBe(80);
  expect(reports.filter(({ broken }) => broken !== null)).toEqual([]);
  figure(
    `80 connections lived, the longest silence ${Math.max(...reports.map((each) => each.longestGapMs)).toFixed(0)} ms`,
  );
});
