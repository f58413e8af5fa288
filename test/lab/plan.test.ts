// Who has which address, for labs of all shapes: nobody twice, everybody in the right network.
import ipaddr from 'ipaddr.js';
import { describe, expect, it } from 'vitest';
import { bareAddress, internetAddress, type LabHost, type LabPlan, planLab } from '../../src/lab/plan.ts';
import type { LabSystem } from '../../src/lab/vm/systems.ts';

function addressesOf(host: LabHost): readonly string[] {
  const links = host.links.flatMap(({ address, address6 }) => [address, address6]);
  const { lan } = host;
  const behind = lan === undefined ? [] : [lan.address, lan.address6, lan.client, lan.client6];
  return [host.managementAddress, ...links, ...behind].map(bareAddress);
}

function isIn(address: string, network: string): boolean {
  return ipaddr.parse(bareAddress(address)).match(ipaddr.parseCIDR(network));
}

function wronglyNetworked(plan: LabPlan): readonly string[] {
  return plan.hosts.flatMap((host) => {
    const outside = host.links.flatMap((link) => {
      const provider = plan.providers.find(({ name }) => name === link.name);
      if (provider === undefined) return [link.name];
      const v4 = [link.address, link.gateway].filter((each) => !isIn(each, provider.network));
      return [...v4, ...[link.address6, link.gateway6].filter((each) => !isIn(each, provider.network6))];
    });
    const { lan } = host;
    if (lan === undefined) return outside;
    const network = ipaddr.IPv4.networkAddressFromCIDR(lan.address).toString();
    const network6 = ipaddr.IPv6.networkAddressFromCIDR(lan.address6).toString();
    const lost = [
      ...(isIn(lan.client, `${network}/24`) ? [] : [lan.client]),
      ...(isIn(lan.client6, `${network6}/64`) ? [] : [lan.client6]),
    ];
    return [...outside, ...lost];
  });
}

describe('the plan of a lab', () => {
  it.each([
    [1, 2, false],
    [200, 3, true],
    [201, 3, true],
    [1000, 2, false],
    [1000, 3, true],
  ] as const)(
    'of %i hosts, %i providers, LANs: %s has each address once, in its own network',
    (hostCount, providers, lan) => {
      const plan = planLab({ hostCount, providers, lan });
      const addresses = plan.hosts.flatMap(addressesOf).map((address) => ipaddr.parse(address).toString());
      expect(addresses).toHaveLength(hostCount * (1 + 2 * providers + (lan ? 4 : 0)));
      expect(new Set(addresses).size).toBe(addresses.length);
      expect(wronglyNetworked(plan)).toEqual([]);
      expect(plan.providers.map(({ name }) => name)).toEqual(['isp1', 'isp2', 'isp3'].slice(0, providers));
    },
  );

  it('gives the first host the addresses that the documents tell', () => {
    const [host] = planLab({ hostCount: 1, providers: 3, lan: true }).hosts;
    expect(host?.links.map(({ address }) => address)).toEqual([
      '192.0.2.11/24',
      '203.0.113.11/24',
      '198.18.3.11/24',
    ]);
    expect(host?.links[2]).toMatchObject({ device: 'isp3', address6: '2001:db8:3::11/64' });
    expect(host?.lan).toEqual({
      device: 'lan',
      address: '10.88.11.1/24',
      address6: 'fd88:11::1/64',
      client: '10.88.11.2',
      client6: 'fd88:11::2',
    });
    expect(planLab({ hostCount: 1000, providers: 3, lan: true }).hosts[999]).toMatchObject({
      links: [{}, {}, { address: '10.3.3.242/16' }],
      lan: { client: '10.91.242.2', client6: 'fd88:1010::2' },
    });
    expect([internetAddress(7, 'IPv4'), internetAddress(254, 'IPv6')]).toEqual([
      '198.51.100.7',
      '2001:db8:ffff::254',
    ]);
  });

  it('deals out the systems in turn, and namespaces where none are named', () => {
    const systemsOf = (systems?: readonly LabSystem[]) =>
      planLab({ hostCount: 4, providers: 2, lan: false, ...(systems && { systems }) }).hosts.map(
        ({ system }) => system,
      );
    expect(systemsOf(['sysv', 'busybox', 'namespace'])).toEqual(['sysv', 'busybox', 'namespace', 'sysv']);
    expect(systemsOf([])).toEqual(systemsOf());
    expect(systemsOf()).toEqual(['namespace', 'namespace', 'namespace', 'namespace']);
  });

  it.each([
    [{ hostCount: 0, providers: 2 }, 'a lab has 1 to 1000 hosts'],
    [{ hostCount: 1001, providers: 2 }, 'a lab has 1 to 1000 hosts'],
    [{ hostCount: 1, providers: 4 }, 'a lab has 2 or 3 providers'],
  ])('does not exist for %j', (shape, message) => {
    expect(() => planLab({ ...shape, lan: false } as Parameters<typeof planLab>[0])).toThrow(message);
  });
});
