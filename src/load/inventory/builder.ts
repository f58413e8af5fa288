// Puts an inventory together from what the readers of the formats find, by Ansible's rules:
// `all` and `ungrouped`, no loops among groups, depth and priority. Readers report errors; this file only says no.
import type { Origin } from '../source.ts';
import type { InventoryGroup, InventoryHost, Variable } from './model.ts';

interface HostDraft {
  readonly name: string;
  readonly origin?: Origin;
  readonly source?: string;
  readonly variables: Map<string, Variable>;
  readonly groups: Set<string>;
}

interface GroupDraft {
  readonly name: string;
  readonly hosts: Set<string>;
  readonly children: Set<string>;
  readonly parents: Set<string>;
  readonly variables: Map<string, Variable>;
  priority: number;
}

export class InventoryBuilder {
  readonly #hosts = new Map<string, HostDraft>();
  readonly #groups = new Map<string, GroupDraft>();

  constructor() {
    this.addGroup('all');
    this.addGroup('ungrouped');
    this.addChild('all', 'ungrouped');
  }

  hasGroup(name: string): boolean {
    return this.#groups.has(name);
  }

  addGroup(name: string): void {
    this.#group(name);
  }

  /** Names a host, in a group. Where it is new, `origin`, `source` and a port of its line are kept. */
  addHost(
    name: string,
    options: {
      readonly group: string;
      readonly origin?: Origin;
      readonly source?: string;
      readonly port?: Variable;
    },
  ): void {
    const { group, origin, source, port } = options;
    let host = this.#hosts.get(name);
    if (host === undefined) {
      const variables = new Map<string, Variable>(port && [['ansible_port', port]]);
      host = { name, ...(origin && { origin }), ...(source && { source }), variables, groups: new Set() };
      this.#hosts.set(name, host);
    }
    host.groups.add(group);
    this.#group(group).hosts.add(name);
  }

  /** Makes `child` a child of `parent`. False where `parent` is in `child` already, or is it. */
  addChild(parent: string, child: string): boolean {
    if (parent === child || this.#ancestors(parent).has(child)) return false;
    this.#group(parent).children.add(child);
    this.#group(child).parents.add(parent);
    return true;
  }

  /** Sets a group's variable. False where it is an `ansible_group_priority` that is no whole number. */
  setGroupVariable(group: string, name: string, variable: Variable): boolean {
    const draft = this.#group(group);
    if (name !== 'ansible_group_priority') {
      draft.variables.set(name, variable);
      return true;
    }
    const priority = Number(variable.value);
    if (!Number.isInteger(priority) || variable.value === '' || variable.value === null) return false;
    draft.priority = priority;
    return true;
  }

  /**
   * Sets a host's variable. Where a group has the same name it becomes the group's, as in Ansible
   * (inventory/data.py looks among the groups first).
   */
  setHostVariable(host: string, name: string, variable: Variable): boolean {
    if (this.#groups.has(host))
      return this.setGroupVariable(host, name, { ...variable, layer: 'inventory group' });
    this.#hosts.get(host)?.variables.set(name, variable);
    return true;
  }

  /** Everything below `all`, hosts without a group in `ungrouped`, depths and memberships known. */
  finish(): { hosts: ReadonlyMap<string, InventoryHost>; groups: ReadonlyMap<string, InventoryGroup> } {
    for (const group of this.#groups.values()) {
      if (group.name !== 'all' && group.parents.size === 0) this.addChild('all', group.name);
    }
    for (const host of this.#hosts.values()) this.#settleUngrouped(host);
    const depths = new Map<string, number>();
    const groups = new Map<string, InventoryGroup>();
    for (const { name, priority, hosts, children, variables } of this.#groups.values()) {
      const depth = this.#depth(name, depths);
      groups.set(name, { name, depth, priority, hosts: [...hosts], children: [...children], variables });
    }
    const ancestors = new Map<string, ReadonlySet<string>>();
    const hosts = new Map<string, InventoryHost>();
    for (const { groups: direct, ...host } of this.#hosts.values()) {
      const names = new Set<string>();
      for (const group of direct) {
        names.add(group);
        let above = ancestors.get(group);
        if (above === undefined) {
          above = this.#ancestors(group);
          ancestors.set(group, above);
        }
        for (const name of above) names.add(name);
      }
      names.delete('all');
      hosts.set(host.name, { ...host, groupNames: [...names].sort() });
    }
    return { hosts, groups };
  }

  #settleUngrouped(host: HostDraft): void {
    const others = [...host.groups].filter((name) => name !== 'all' && name !== 'ungrouped');
    if (others.length > 0) {
      host.groups.delete('ungrouped');
      this.#group('ungrouped').hosts.delete(host.name);
    } else {
      host.groups.add('ungrouped');
      this.#group('ungrouped').hosts.add(host.name);
    }
  }

  #group(name: string): GroupDraft {
    let group = this.#groups.get(name);
    if (group === undefined) {
      group = {
        name,
        hosts: new Set(),
        children: new Set(),
        parents: new Set(),
        variables: new Map(),
        priority: 1,
      };
      this.#groups.set(name, group);
    }
    return group;
  }

  #ancestors(name: string): ReadonlySet<string> {
    const found = new Set(this.#groups.get(name)?.parents);
    for (const parent of found) {
      for (const above of this.#groups.get(parent)?.parents ?? []) found.add(above);
    }
    return found;
  }

  /** The longest way down from `all`. */
  #depth(name: string, known: Map<string, number>): number {
    const before = known.get(name);
    if (before !== undefined) return before;
    let depth = 0;
    for (const parent of this.#groups.get(name)?.parents ?? []) {
      depth = Math.max(depth, this.#depth(parent, known) + 1);
    }
    known.set(name, depth);
    return depth;
  }
}
