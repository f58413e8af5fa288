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
