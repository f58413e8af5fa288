// Where a host's cables end, and what can happen to them there without the host's doing. Pure: which commands to run
// at which place. Each lasts until it is taken back or the host boots, which brings new cables.
import type { Place } from './fabric.ts';
import { LabError } from './lab-error.ts';
import { lanClientFile } from './lab-folder.ts';
import type { Argv } from './namespaces.ts';
import type { LabHost } from './plan.ts';

export interface AtPlace {
  readonly place: Place;
  readonly argv: Argv;
}

/** Takes the far end of a host's cable down: the host's device loses its carrier. A LabError where it has no such device. */
export function unplugCommand(host: LabHost, device: string): AtPlace {
  const { place, name } = farEnd(host, device);
  return { place, argv: ['ip', 'link', 'set', name, 'down'] };
}

/** Takes it up again; what the kernel forgot at a LAN's client is set up anew. */
export function plugCommand(host: LabHost, device: string, folder: string): AtPlace {
  const { place, name } = farEnd(host, device);
  const isLan = device === host.lan?.device;
  return {
    place,
    argv: isLan
      ? ['ip', '-batch', `${folder}/${lanClientFile(host.name)}`]
      : ['ip', 'link', 'set', name, 'up'],
  };
}

/**
 * `silent`: a provider's switch lets no frame through to or from these hosts, neighbour discovery of both families
 * included; the carrier stays. A port's states are those of bridge(8).
 */
export function gatewayCommand(hosts: readonly LabHost[], state: 'silent' | 'awake'): Argv {
  const portState = state === 'silent' ? 'disabled' : 'forwarding';
  const script = 'state=$1; shift; for port; do bridge link set dev "$port" state "$state" || exit; done';
  return ['sh', '-c', script, 'gateway', portState, ...hosts.map(portOf)];
}

function farEnd(host: LabHost, device: string): { readonly place: Place; readonly name: string } {
  if (device === host.lan?.device) return { place: `lan/${host.name}`, name: device };
  if (device === 'mgmt') return { place: 'mgmt', name: portOf(host) };
  const link = host.links.find((each) => each.device === device);
  if (link !== undefined) return { place: link.name, name: portOf(host) };
  throw new LabError(`${host.name} has no device "${device}"`);
}

/** Of its cable at the switches of the controller and the providers. */
function portOf(host: LabHost): string {
  return `host${host.index}`;
}
