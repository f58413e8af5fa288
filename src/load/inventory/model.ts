// The inventory as data: hosts, groups, and what each variable is and where it was written.
// Loading builds it (load-inventory.ts), host-variables.ts merges it for one host, host patterns select from it.
import type { Located } from '../located.ts';
import type { Origin } from '../source.ts';

/**
 * Where a variable stands in Ansible's precedence, lowest first
 * (docs.ansible.com, "Understanding variable precedence", 3 to 10).
 */
export const VARIABLE_LAYERS = [
  'inventory group',
  'inventory group_vars/all',
  'playbook group_vars/all',
  'inventory group_vars',
  'playbook group_vars',
  'implicit localhost',
  'inventory host',
  'inventory host_vars',
  'playbook host_vars',
] as const;

export type VariableLayer = (typeof VARIABLE_LAYERS)[number];

/** A value as it was written, templates and all, with its place and its rank. */
export interface Variable extends Located<unknown> {
  readonly layer: VariableLayer;
}

export type Variables = ReadonlyMap<string, Variable>;

export interface InventoryHost {
  readonly name: string;
  /** Where the host is named first; undefined for a host of a host list on the command line. */
  readonly origin?: Origin;
  /** The path of the source that names the host first; undefined for the implicit localhost. */
  readonly source?: string;
  /** A localhost that no source names, and that a task has put into a group: it is in no `all`. */
  readonly isImplicit?: true;
  /** From the inventory itself; host_vars files are in `Inventory.folders`. */
  readonly variables: Variables;
  /** Every group the host is in, directly or through children, sorted, without `all`: Ansible's `group_names`. */
  readonly groupNames: readonly string[];
}

export interface InventoryGroup {
  readonly name: string;
  /** Steps from `all` on the longest way; of two groups the deeper one's variables win. */
  readonly depth: number;
  /** `ansible_group_priority`: decides between groups of one depth; then the name does. */
  readonly priority: number;
  /** Hosts named in the group itself; `hostsOf` has those of its children, too. */
  readonly hosts: readonly string[];
  readonly children: readonly string[];
  /** From the inventory itself; group_vars files are in `Inventory.folders`. */
  readonly variables: Variables;
}

/** What group_vars/ and host_vars/ beside one inventory source, or beside the playbook, say. */
export interface VariablesFolder {
  readonly path: string;
  readonly beside: 'inventory' | 'playbook';
  readonly groups: ReadonlyMap<string, Variables>;
  readonly hosts: ReadonlyMap<string, Variables>;
}

export interface Inventory {
  /** The `-i` arguments as shown to people. */
  readonly sources: readonly string[];
  /** In order of definition. */
  readonly hosts: ReadonlyMap<string, InventoryHost>;
  /** In order of definition; `all` and `ungrouped` are always there and come first. */
  readonly groups: ReadonlyMap<string, InventoryGroup>;
  /** In the order in which they apply: later ones win. */
  readonly folders: readonly VariablesFolder[];
}

/** Names that mean this machine, also where no inventory lists it. */
export const LOCALHOST_NAMES: readonly string[] = ['localhost', '127.0.0.1', '::1'];
