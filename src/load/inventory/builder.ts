// Puts an inventory together from what the readers of the formats find, by Ansible's rules:
// `all` and `ungrouped`, no loops among groups, depth and priority. Readers report errors; this file only says no.
import { replace } from '../located.ts';
import type { Origin } from '../source.ts';
import type { Inventory, InventoryGroup, InventoryHost, Variable, Variables } from './model.ts';

interface HostDraft {
  readonly name: string;
  readonly origin?: Origin;
  readonly source?: string;
  readonly isImplicit?: true;
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

  /** One that goes on where another has finished. */
  static from({ hosts, groups }: Inventory): InventoryBuilder {
    const builder = new InventoryBuilder();
    for (const host of hosts.values()) {
      const { groupNames: _, ...rest } = host;
      builder.#hosts.set(host.name, { ...rest, variables: new Map(host.variables), groups: new Set() });
    }
    for (const { name, priority, hosts: own, children, variables } of groups.values()) {
      const draft = builder.#group(name);
      draft.priority = priority;
      for (const [key, variable] of variables) draft.variables.set(key, variable);
      for (const child of children) builder.addChild(name, child);
      for (const host of own) {
        draft.hosts.add(host);
        builder.#hosts.get(host)?.groups.add(name);
      }
    }
    return builder;
  }

  hasHost(name: string): boolean {
    return this.#hosts.has(name);
  }

  /** Whether the host itself is named in the group. */
  isIn(host: string, group: string): boolean {
    return this.#groups.get(group)?.hosts.has(host) === true;
  }

  /** Whether the group is a child of the other's, and no further below it. */
  isChild(parent: string, child: string): boolean {
    return this.#groups.get(parent)?.children.has(child) === true;
  }

  /** What the host itself has been given: nothing of its groups. */
  hostVariable(host: string, name: string): Variable | undefined {
    return this.#hosts.get(host)?.variables.get(name);
  }

  hasGroup(name: string): boolean {
    return this.#groups.has(name);
  }

  groupNames(): Iterable<string> {
    return this.#groups.keys();
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

  /** A localhost that no source names. */
  addImplicit(name: string, variables: Variables): void {
    this.#hosts.set(name, { name, isImplicit: true, variables: new Map(variables), groups: new Set() });
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
      replace(draft.variables, name, variable);
      return true;
    }
    const priority = Number(variable.value);
    if (!Number.isInteger(priority) || variable.value === '' || variable.value === null) return false;
    draft.priority = priority;
    return true;
  }

  /** The same for a host that may be called like a group. */
  setOwnVariable(host: string, name: string, variable: Variable): void {
    this.#hosts.get(host)?.variables.set(name, variable);
  }

  /**
   * Sets a host's variable. Where a group has the same name it becomes the group's, as in Ansible
   * (inventory/data.py looks among the groups first).
   */
  setHostVariable(host: string, name: string, variable: Variable): boolean {
    if (this.#groups.has(host))
      return this.setGroupVariable(host, name, { ...variable, layer: 'inventory group' });
    const own = this.#hosts.get(host)?.variables;
    if (own !== undefined) replace(own, name, variable);
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
    for (const draft of this.#groups.values()) groups.set(draft.name, this.#finishedGroup(draft, depths));
    const ancestors = new Map<string, ReadonlySet<string>>();
    const hosts = new Map<string, InventoryHost>();
    for (const draft of this.#hosts.values()) hosts.set(draft.name, this.#finishedHost(draft, ancestors));
    return { hosts, groups };
  }

  /** Brings what has been finished before up to date for one host that has gone into groups which were there. */
  finishHost(
    name: string,
    before: { readonly hosts: Map<string, InventoryHost>; readonly groups: Map<string, InventoryGroup> },
  ): void {
    const host = this.#hosts.get(name);
    if (host === undefined) return;
    this.#settleUngrouped(host);
    before.hosts.set(name, this.#finishedHost(host, new Map()));
    const depths = new Map<string, number>();
    for (const group of [...host.groups, 'ungrouped']) {
      const draft = this.#groups.get(group);
      const known = before.groups.get(group);
      const isSame =
        draft?.hosts.size === known?.hosts.length && draft?.children.size === known?.children.length;
      if (draft && !isSame) before.groups.set(group, this.#finishedGroup(draft, depths));
    }
  }

  #finishedGroup(draft: GroupDraft, depths: Map<string, number>): InventoryGroup {
    const { name, priority, hosts, children, variables } = draft;
    return {
      name,
      depth: this.#depth(name, depths),
      priority,
      hosts: [...hosts],
      children: [...children],
      variables,
    };
  }

  /** `ancestors`: of groups that have been asked about before. */
  #finishedHost(draft: HostDraft, ancestors: Map<string, ReadonlySet<string>>): InventoryHost {
    const { groups: direct, ...host } = draft;
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
    return { ...host, groupNames: [...names].sort() };
  }

  #settleUngrouped(host: HostDraft): void {
    const others = [...host.groups].filter((name) => name !== 'all' && name !== 'ungrouped');
    if (others.length > 0) {
      host.groups.delete('ungrouped');
      this.#group('ungrouped').hosts.delete(host.name);
    } else if (
      host.groups.has('ungrouped') ||
      !this.#groups.has(host.name) ||
      !this.addChild('ungrouped', host.name)
    ) {
      // Where a group has the host's name Ansible means the group (inventory/data.py looks among the groups first).
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

/** Why `addChild` says no. */
export function whyNoChild(parent: string, child: string): string {
  if (parent === child) return `"${child}" cannot be a child of itself`;
  return `"${child}" cannot be a child of "${parent}", which is below "${child}" already`;
}
