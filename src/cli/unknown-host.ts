// A host on the command line that no inventory has.
import { type DiagnosticError, didYouMean } from '../diagnostic.ts';
import type { Inventory } from '../load/inventory/model.ts';
import { usageError } from './context.ts';

export function unknownHost(host: string, inventory: Inventory): DiagnosticError {
  return usageError(`"${host}" is not in the inventory`, didYouMean(host, inventory.hosts.keys()));
}
