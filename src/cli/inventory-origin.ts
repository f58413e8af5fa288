// fairlead inventory --host NAME --origin: where each variable of a host is set; with a playbook, also by its plays and roles.
import { Problems } from '../diagnostic.ts';
import { findHost } from '../load/inventory/host-variables.ts';
import { loadInventory } from '../load/inventory/load-inventory.ts';
import { withMaskedDiagnostics } from '../masking.ts';
import { originJson } from '../report/origin-json.ts';
import { originText } from '../report/origin-text.ts';
import { COLOURS, NO_COLOURS } from '../report/paint.ts';
import { variableOrigins } from '../resolve/variable-origins.ts';
import { preparePlaybook } from '../run/run.ts';
import type { HostOrigins } from '../variable-origin.ts';
import { type CliContext, usageError } from './context.ts';
import { toRunOptions } from './run-options.ts';
import { unknownHost } from './unknown-host.ts';
import type { VaultFlags } from './vault-keys.ts';

export interface OriginFlags extends VaultFlags {
  readonly inventory: readonly string[];
  readonly playbook?: string;
  readonly extraVars?: readonly string[];
  readonly output?: 'text' | 'json';
}

/** Throws a DiagnosticError where files or words are wrong: a playbook is checked for this host as before a run. */
export async function originsOf(host: string, flags: OriginFlags, context: CliContext): Promise<string> {
  const { output, ...others } = flags;
  const options = await toRunOptions(others, context);
  const { vault, extraVars = new Map() } = options;
  if (vault === undefined) throw new Error('a run has a vault');
  const { secrets } = vault;
  const find = (): readonly HostOrigins[] => {
    if (flags.playbook === undefined) {
      const problems = new Problems();
      const inventory = loadInventory(options.inventories, { vault }, problems);
      problems.throwIfAny();
      if (findHost(inventory, host) === undefined) throw unknownHost(host, inventory);
      return [variableOrigins(host, { inventory, extraVars, secrets })];
    }
    const { plays, inventory } = preparePlaybook(flags.playbook, options);
    if (findHost(inventory, host) === undefined) throw unknownHost(host, inventory);
    const own = plays.filter(({ play }) => play.hosts.includes(host));
    if (own.length === 0) throw usageError(`no play of ${flags.playbook} is for "${host}"`);
    return own.map(({ play }) => variableOrigins(host, { inventory, extraVars, play, secrets }));
  };
  const found = withMaskedDiagnostics(secrets, find);
  const paint = context.terminal.outColours ? COLOURS : NO_COLOURS;
  return output === 'json' ? originJson(host, found) : originText(found, paint);
}
