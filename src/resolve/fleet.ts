// The inventory as tasks see it: which hosts and groups there are, and what it says of a host. Whoever asks gets what is
// there at that moment.
import { findHost, hostVariables, magicVariables } from '../load/inventory/host-variables.ts';
import { groupsMap } from '../load/inventory/membership.ts';
import type { Inventory } from '../load/inventory/model.ts';
import type { MagicLayer, VariableLayer } from './host-scope.ts';

export interface Fleet {
  /** `-i` arguments as shown to people. */
  readonly sources: readonly string[];
  /** Another object after each change. */
  edition(): object;
  /** In order of definition; a localhost that is only implied is there without being named. */
  names(): Iterable<string>;
  has(host: string): boolean;
  /** All groups, each with the names of its hosts. */
  groups(): Readonly<Record<string, readonly string[]>>;
  /** The inventory's variables of a host, merged. */
  variables(host: string): VariableLayer;
  /** inventory_hostname and its like. */
  magic(host: string): MagicLayer;
}

/** `source`: asked again each time, for tasks may add to the inventory. */
export function fleetOf(source: { readonly current: Inventory }): Fleet {
  let known = source.current;
  const variables = new Map<string, VariableLayer>();
  const now = (): Inventory => {
    const { current } = source;
    if (current !== known) variables.clear();
    known = current;
    return known;
  };
  return {
    sources: known.sources,
    edition: now,
    names: () => now().hosts.keys(),
    has: (host) => findHost(now(), host) !== undefined,
    groups: () => groupsMap(now()),
    variables: (host) => {
      const inventory = now();
      const merged = variables.get(host) ?? hostVariables(inventory, host);
      variables.set(host, merged);
      return merged;
    },
    magic: (name) => {
      const inventory = now();
      const host = findHost(inventory, name);
      const { groups: _, ...own } = host === undefined ? {} : magicVariables(inventory, host);
      return new Map(Object.entries(own));
    },
  };
}
