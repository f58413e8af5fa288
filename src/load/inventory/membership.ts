// Who is in a group: the hosts of a group and of all its children.
import type { Inventory } from './model.ts';

const CACHE = new WeakMap<Inventory, Map<string, readonly string[]>>();

/**
 * The hosts of a group and of its children, each once: first the group's own, then level by level, in the order of
 * definition. Empty for a group that does not exist.
 */
export function hostsOf(inventory: Inventory, group: string): readonly string[] {
  let cache = CACHE.get(inventory);
  if (cache === undefined) {
    cache = new Map();
    CACHE.set(inventory, cache);
  }
  let hosts = cache.get(group);
  if (hosts === undefined) {
    hosts = collect(inventory, group);
    cache.set(group, hosts);
  }
  return hosts;
}

const MAPS = new WeakMap<Inventory, Readonly<Record<string, readonly string[]>>>();

/** Ansible's `groups`: every group with its hosts; one map for all that ask. */
export function groupsMap(inventory: Inventory): Readonly<Record<string, readonly string[]>> {
  const before = MAPS.get(inventory);
  if (before !== undefined) return before;
  const map: Record<string, readonly string[]> = Object.create(null);
  for (const name of inventory.groups.keys()) map[name] = hostsOf(inventory, name);
  MAPS.set(inventory, map);
  return map;
}

function collect(inventory: Inventory, group: string): readonly string[] {
  const hosts = new Set<string>();
  const seen = new Set([group]);
  // A Set grows while it is walked: this is the breadth-first queue.
  for (const name of seen) {
    const { hosts: own = [], children = [] } = inventory.groups.get(name) ?? {};
    for (const host of own) {
      if (group !== 'all' || inventory.hosts.get(host)?.isImplicit !== true) hosts.add(host);
    }
    for (const child of children) seen.add(child);
  }
  return [...hosts];
}
