// Which file and line set each variable of a host, and what that wins over, in Ansible's order of precedence: what all tasks of
// a play see. What single tasks add (vars of tasks, blocks and includes, parameters of a role, results) is none of it.
import { hostLayers } from '../load/inventory/host-variables.ts';
import type { Inventory, Variable } from '../load/inventory/model.ts';
import type { Located } from '../load/located.ts';
import { TaggedText, VaultedText } from '../load/tagged-text.ts';
import { MASK } from '../secret.ts';
import type { SecretTexts } from '../secret-texts.ts';
import { unreachable } from '../unreachable.ts';
import type { HostOrigins, VariableSetting } from '../variable-origin.ts';
import type { VariableLayer } from './host-scope.ts';
import type { ResolvedPlay } from './resolved-play.ts';

export interface OriginsRequest {
  readonly inventory: Inventory;
  readonly extraVars: VariableLayer;
  /** Undefined: only the inventory and extra variables. */
  readonly play?: ResolvedPlay;
  /** Masked in all values. */
  readonly secrets: SecretTexts;
}

export function variableOrigins(host: string, request: OriginsRequest): HostOrigins {
  const { play, secrets } = request;
  const found = new Map<string, VariableSetting[]>();
  for (const { setBy, layer } of layersOf(host, request)) {
    for (const [name, variable] of layer) {
      const settings = found.get(name) ?? [];
      for (let each: Located<unknown> | undefined = variable; each !== undefined; each = each.over)
        settings.push(settingOf(each, setBy(each), secrets));
      found.set(name, settings);
    }
  }
  const variables = [...found]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([name, [winner, ...beaten]]) => (winner === undefined ? [] : [{ name, winner, beaten }]));
  const { file, line } = play?.origin.span() ?? {};
  return {
    play: play && file !== undefined && line !== undefined ? { name: play.name, file, line } : undefined,
    variables,
  };
}

interface Layer {
  readonly layer: VariableLayer;
  readonly setBy: (variable: Located<unknown>) => string;
}

/** Those that win first. */
function layersOf(host: string, { inventory, extraVars, play }: OriginsRequest): readonly Layer[] {
  const named = (layer: VariableLayer, words: string): Layer => ({ layer, setBy: () => words });
  const roles = [...(play?.roles ?? [])].reverse();
  const ofInventory = hostLayers(inventory, host)
    .map(({ group, variables }): Layer => {
      return { layer: variables, setBy: (variable) => inventoryWords(variable as Variable, group) };
    })
    .reverse();
  return [
    named(extraVars, '-e'),
    ...roles.map(({ role }) => named(role.vars, `vars of the role ${role.name}`)),
    ...(play?.vars ?? []).map((layer, index) => named(layer, play?.varsSetBy[index] ?? '')),
    ...ofInventory,
    ...roles.map(({ role }) => named(role.defaults, `defaults of the role ${role.name}`)),
  ];
}

function inventoryWords({ layer }: Variable, group: string | undefined): string {
  switch (layer) {
    case 'implicit localhost':
      return 'localhost by itself';
    case 'inventory host':
      return 'the inventory, for the host';
    case 'inventory group':
      return `the inventory, for ${group}`;
    case 'inventory host_vars':
      return 'host_vars beside the inventory';
    case 'playbook host_vars':
      return 'host_vars beside the playbook';
    case 'inventory group_vars':
    case 'inventory group_vars/all':
      return `group_vars/${group} beside the inventory`;
    case 'playbook group_vars':
    case 'playbook group_vars/all':
      return `group_vars/${group} beside the playbook`;
    default:
      return unreachable(layer);
  }
}

function settingOf(
  { value, origin }: Located<unknown>,
  setBy: string,
  secrets: SecretTexts,
): VariableSetting {
  const { file, line, column } = origin.span();
  return { value: shown(value, origin.isVaulted === true, secrets), setBy, place: { file, line, column } };
}

function shown(value: unknown, isVaulted: boolean, secrets: SecretTexts): unknown {
  if (value instanceof VaultedText) return MASK;
  const plain = value instanceof TaggedText ? value.text : value;
  if (plain === null) return null;
  if (Array.isArray(plain)) return plain.map((each) => shown(each, isVaulted, secrets));
  if (typeof plain === 'object') {
    const copy: Record<string, unknown> = Object.create(null);
    for (const [key, each] of Object.entries(plain)) copy[key] = shown(each, isVaulted, secrets);
    return copy;
  }
  return isVaulted ? MASK : secrets.maskValue(plain);
}
