// All variables of one host, merged by Ansible's precedence (model.ts lists the layers): the later one replaces the
// earlier one whole, also where both are mappings.

import { fixedOrigin } from '../source.ts';
import { isAddress } from './host-name.ts';
import { groupsMap } from './membership.ts';
import {
  type Inventory,
  type InventoryGroup,
  type InventoryHost,
  LOCALHOST_NAMES,
  type Variable,
  type Variables,
} from './model.ts';

/**
 * A host of the inventory. `localhost`, `127.0.0.1` and `::1` exist without being listed: they are in no group but
 * `all`, and are reached without a network.
 */
export function findHost(inventory: Inventory, name: string): InventoryHost | undefined {
  const host = inventory.hosts.get(name);
  if (host || !LOCALHOST_NAMES.includes(name)) return host;
  return { name, variables: IMPLICIT_LOCALHOST, groupNames: [] };
}

/** Everything the inventory and its files say about a host; empty for a host that is not there. */
export function hostVariables(inventory: Inventory, hostName: string): Variables {
  const merged = new Map<string, Variable>();
  for (const { variables } of hostLayers(inventory, hostName)) {
    for (const [name, variable] of variables) merged.set(name, variable);
  }
  return merged;
}

/** Variables that stand together, and the group that they are for; of the host itself where there is none. */
export interface HostLayer {
  readonly group: string | undefined;
  readonly variables: Variables;
}

/** What the inventory and its files say about a host, later ones win; nothing of a host that is not there. */
export function hostLayers(inventory: Inventory, hostName: string): readonly HostLayer[] {
  const host = findHost(inventory, hostName);
  if (host === undefined) return [];
  const all = inventory.groups.get('all');
  const groups = groupsOf(inventory, host);
  const layers: HostLayer[] = [];
  const add = (group: string | undefined, variables: Variables | undefined): void => {
    if (variables !== undefined) layers.push({ group, variables });
  };
  add('all', all?.variables);
  for (const group of groups) add(group.name, group.variables);
  for (const folder of inventory.folders) add('all', folder.groups.get('all'));
  for (const folder of inventory.folders) {
    for (const { name } of groups) add(name, folder.groups.get(name));
  }
  add(undefined, host.variables);
  for (const folder of inventory.folders) add(undefined, folder.hosts.get(hostName));
  return layers;
}

/** What a group itself says, in the inventory and in group_vars files: nothing from its parents. */
export function groupVariables(inventory: Inventory, group: InventoryGroup): Variables {
  const merged = new Map(group.variables);
  for (const folder of inventory.folders) {
    for (const [name, variable] of folder.groups.get(group.name) ?? []) merged.set(name, variable);
  }
  return merged;
}

/** What a host says itself: nothing from its groups. */
export function ownVariables(inventory: Inventory, host: InventoryHost): Variables {
  const merged = new Map(host.variables);
  for (const folder of inventory.folders) {
    for (const [name, variable] of folder.hosts.get(host.name) ?? []) merged.set(name, variable);
  }
  return merged;
}

/** The variables that Ansible gives every host by itself; they win over the inventory's. */
export function magicVariables(inventory: Inventory, host: InventoryHost): Readonly<Record<string, unknown>> {
  const short = isAddress(host.name) ? host.name : (host.name.split('.')[0] ?? host.name);
  return {
    inventory_hostname: host.name,
    inventory_hostname_short: short,
    inventory_file: host.source ?? null,
    inventory_dir: host.source === undefined ? null : host.source.replace(/\/[^/]*$/, ''),
    group_names: host.groupNames,
    groups: groupsMap(inventory),
  };
}

/** The groups of a host but `all`, in the order in which their variables apply. */
function groupsOf(inventory: Inventory, host: InventoryHost): readonly InventoryGroup[] {
  return host.groupNames
    .flatMap((name) => inventory.groups.get(name) ?? [])
    .sort((a, b) => a.depth - b.depth || a.priority - b.priority || (a.name < b.name ? -1 : 1));
}

const NOWHERE = fixedOrigin({ file: 'implicit localhost', line: 1, column: 1, length: 1, lineText: '' });

/** What a localhost has that no source names. */
export const IMPLICIT_LOCALHOST: Variables = new Map([
  ['ansible_connection', { value: 'local', origin: NOWHERE, layer: 'implicit localhost' }],
]);
