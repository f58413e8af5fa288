// The addresses of a lab's hosts in the shapes that tests ask for.
import { bareAddress, type LabHost, type ProviderName } from '../../../src/lab/plan.ts';

/** Both families of one uplink. */
export function uplinkAddresses(host: LabHost, provider: ProviderName): readonly string[] {
  return host.links
    .filter((link) => link.name === provider)
    .flatMap((link) => [bareAddress(link.address), bareAddress(link.address6)]);
}

/** All of one uplink of all hosts. */
export function fleetAddresses(hosts: readonly LabHost[], provider: ProviderName): readonly string[] {
  return hosts.flatMap((host) => uplinkAddresses(host, provider));
}

/** Source addresses of edge-1 for snat-rr, of both families; nobody else has them. */
export const POOLS = [
  {
    name: 'isp1',
    device: 'isp1',
    sources: ['192.0.2.101', '192.0.2.102', '2001:db8:1::101', '2001:db8:1::102'],
  },
  {
    name: 'isp2',
    device: 'isp2',
    sources: ['203.0.113.101', '203.0.113.102', '2001:db8:2::101', '2001:db8:2::102'],
  },
] as const;
