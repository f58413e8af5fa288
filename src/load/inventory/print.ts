// The inventory as `ansible-inventory` shows it: JSON for --list and --host, a tree for --graph.
import { didYouMean, type Problems } from '../../diagnostic.ts';
import { findHost, groupVariables, hostVariables, ownVariables } from './host-variables.ts';
import { hostsOf } from './membership.ts';
import type { Inventory, Variables } from './model.ts';

type Json = Record<string, unknown>;

/**
 * What `ansible-inventory --list` prints: groups with their own hosts and children, and each host's merged variables
 * below `_meta`. With `export`, variables stay where they are set: at the groups and at the hosts.
 */
export function toAnsibleJson(inventory: Inventory, options: { readonly export?: boolean } = {}): Json {
  const json: Json = Object.create(null);
  const visit = (name: string): void => {
    if (name in json) return;
    const group = inventory.groups.get(name);
    if (group === undefined) return;
    const variables = options.export ? jsonOf(groupVariables(inventory, group)) : {};
    if (options.export && group.priority !== 1) variables.ansible_group_priority = group.priority;
    const shown = {
      ...(group.children.length > 0 && { children: group.children }),
      ...(name !== 'all' && group.hosts.length > 0 && { hosts: group.hosts }),
      ...(Object.keys(variables).length > 0 && { vars: variables }),
    };
    if (Object.keys(shown).length > 0) json[name] = shown;
    for (const child of group.children) visit(child);
  };
  visit('all');
  const hostvars: Json = Object.create(null);
  for (const name of hostsOf(inventory, 'all')) {
    const host = inventory.hosts.get(name);
    const variables = jsonOf(
      options.export && host ? ownVariables(inventory, host) : hostVariables(inventory, name),
    );
    if (Object.keys(variables).length > 0) hostvars[name] = variables;
  }
  return { _meta: { hostvars }, ...json };
}

/** What `ansible-inventory --host` prints; undefined for a host that is not there. */
export function hostJson(inventory: Inventory, hostName: string): Json | undefined {
  if (findHost(inventory, hostName) === undefined) return undefined;
  return jsonOf(hostVariables(inventory, hostName));
}

/** What `ansible-inventory --graph` prints, from a group down. An unknown group is a problem, and the text empty. */
export function toGraph(inventory: Inventory, problems: Problems, group = 'all'): string {
  if (!inventory.groups.has(group)) {
    const hint = didYouMean(group, inventory.groups.keys());
    problems.add({
      code: 'unknown-group',
      summary: 'group is not in the inventory',
      details: [`a graph starts at a group, and "${group}" is none`],
      ...(hint && { hint }),
    });
    return '';
  }
  const lines: string[] = [];
  const visit = (name: string, depth: number): void => {
    const { children = [], hosts = [] } = inventory.groups.get(name) ?? {};
    lines.push(branch(`@${name}:`, depth));
    for (const child of children) visit(child, depth + 1);
    if (name !== 'all') for (const host of hosts) lines.push(branch(host, depth + 1));
  };
  visit(group, 0);
  return lines.join('\n');
}

function branch(text: string, depth: number): string {
  return depth === 0 ? text : `${'  |'.repeat(depth)}--${text}`;
}

/** Names that Ansible sets itself and leaves out of what it prints (cli/inventory.py, INTERNAL_VARS). */
const INTERNAL = new Set([
  'ansible_config_file',
  'ansible_diff_mode',
  'ansible_facts',
  'ansible_forks',
  'ansible_inventory_sources',
  'ansible_limit',
  'ansible_playbook_python',
  'ansible_run_tags',
  'ansible_skip_tags',
  'ansible_verbosity',
  'ansible_version',
  'group_names',
  'groups',
  'inventory_dir',
  'inventory_file',
  'inventory_hostname',
  'inventory_hostname_short',
  'omit',
  'playbook_dir',
]);

function jsonOf(variables: Variables): Json {
  const json: Json = Object.create(null);
  for (const [name, { value }] of [...variables].sort(([a], [b]) => (a < b ? -1 : 1))) {
    if (!INTERNAL.has(name)) json[name] = value;
  }
  return json;
}
