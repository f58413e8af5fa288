// What tasks add to the inventory while the run is under way, in memory alone. It counts from then on: for `groups` and
// `hostvars` at once, for `hosts` from the next play.
import { DiagnosticError, Problems } from '../../diagnostic.ts';
import type { GrowingInventory } from '../../load/inventory/growing-inventory.ts';
import { parseAddress } from '../../load/inventory/host-name.ts';
import type { Growth } from '../../modules/errand.ts';
import type { Action } from '../../plan/action.ts';
import { planningFailure } from '../../plan/plan-action.ts';
import { unreachable } from '../../unreachable.ts';
import type { RawOutcome } from '../task-outcome.ts';

export function grow(growth: Growth, { task, scope }: Action, inventory: GrowingInventory): RawOutcome {
  switch (growth.kind) {
    case 'add-host': {
      const { host, port } = parseAddress(growth.name) ?? { host: growth.name, port: undefined };
      const { groups } = growth;
      const variables = { ...growth.variables, ...(port !== undefined && { ansible_ssh_port: port }) };
      const isNew = inventory.add({ kind: 'host', host, groups, variables, origin: task.origin });
      return {
        kind: isNew ? 'changed' : 'ok',
        message: groups.length === 0 ? host : `${host} in ${groups.join(', ')}`,
        fields: { add_host: { host_name: host, groups, host_vars: variables } },
      };
    }
    case 'group-by': {
      const { group, parents } = growth;
      const host = String(scope.get('inventory_hostname'));
      const isNew = inventory.add({ kind: 'group', host, group, parents });
      return {
        kind: isNew ? 'changed' : 'ok',
        message: group,
        fields: { add_group: group, parent_groups: parents },
      };
    }
    case 'refresh-inventory': {
      const problems = new Problems();
      inventory.refresh(problems);
      if (problems.count === 0) return { kind: 'ok', message: 'the inventory was read again' };
      return { kind: 'failed', ...planningFailure(task, new DiagnosticError(problems.list)) };
    }
    default:
      return unreachable(growth);
  }
}
