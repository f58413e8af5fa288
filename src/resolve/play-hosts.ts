// The hosts of a play: what its pattern selects from the inventory of the moment, within the limit, in the order asked for.
import { Problems, type Span } from '../diagnostic.ts';
import type { Inventory } from '../load/inventory/model.ts';
import type { PlayDocument } from '../load/playbook.ts';
import { unreachable } from '../unreachable.ts';
import { matchHosts, selectHosts } from './host-pattern.ts';
import type { Promised } from './promised-names.ts';

export interface Limit {
  readonly pattern: string;
  readonly at?: Span;
}

export interface HostsContext {
  readonly inventory: Inventory;
  /** False: a part of it could not be read. */
  readonly inventoryIsWhole: boolean;
  readonly limit: Limit | undefined;
  /** No others. Default: all. */
  readonly only?: ReadonlySet<string> | undefined;
  /** What may be in the inventory by the time the play starts. Default: nothing more. */
  readonly promised?: Promised;
}

export function hostsOf(
  document: PlayDocument,
  context: HostsContext,
  problems: Problems,
): readonly string[] {
  const { inventory, inventoryIsWhole, limit, only, promised } = context;
  if (document.hosts.length === 0) return [];
  const pattern = document.hosts.map((each) => each.value).join(',');
  const at = document.hosts[0]?.origin.span();
  // Where the inventory could not be read, every group of it would be told to be unknown.
  const told = inventoryIsWhole ? problems : new Problems();
  const order = document.keys.get<HostOrder>('order')?.value;
  const hosts = inOrder(selectHosts(inventory, { pattern, at, promised }, told), order);
  if (limit === undefined) return hosts.filter((host) => only?.has(host) !== false);
  // What is wrong with the limit is told once for all plays.
  const limited = new Set(matchHosts(inventory, limit.pattern, limit.at, new Problems()));
  return hosts.filter((host) => limited.has(host) && only?.has(host) !== false);
}

/** Whether there is, or may be, what the limit names. */
export function checkLimit(
  inventory: Inventory,
  { pattern, at }: Limit,
  promised: Promised,
  problems: Problems,
): void {
  selectHosts(inventory, { pattern, at, promised }, problems);
}

type HostOrder = 'inventory' | 'reverse_inventory' | 'sorted' | 'reverse_sorted' | 'shuffle';

function inOrder(hosts: readonly string[], order: HostOrder = 'inventory'): readonly string[] {
  switch (order) {
    case 'inventory':
      return hosts;
    case 'reverse_inventory':
      return hosts.toReversed();
    case 'sorted':
      return hosts.toSorted();
    case 'reverse_sorted':
      return hosts.toSorted().reverse();
    case 'shuffle': {
      const keys = new Map(hosts.map((host) => [host, Math.random()]));
      return hosts.toSorted((a, b) => (keys.get(a) ?? 0) - (keys.get(b) ?? 0));
    }
    default:
      return unreachable(order);
  }
}
