// Builds the scope of a task on a host: which variables there are, in Ansible's order of precedence.
// docs/variables.md tells the order; here it is made.
import type { Problems } from '../diagnostic.ts';
import { findHost, hostVariables, magicVariables } from '../load/inventory/host-variables.ts';
import type { Inventory } from '../load/inventory/model.ts';
import { HostScope, type RunState, type ScopeLayers, type VariableLayer } from './host-scope.ts';
import type { ResolvedPlay } from './resolved-play.ts';
import type { ResolvedTask } from './resolved-task.ts';
import type { VariableTemplates } from './variable-templates.ts';

export interface PlayScopesOptions {
  readonly inventory: Inventory;
  readonly extraVars: VariableLayer;
  readonly templates: VariableTemplates;
  readonly checkMode: boolean;
}

const NO_VALUES: ReadonlyMap<string, unknown> = new Map();

/** Scopes for the tasks of one play. */
export class PlayScopes {
  readonly #play: ResolvedPlay;
  readonly #options: PlayScopesOptions;
  readonly #inventoryLayers = new Map<string, VariableLayer>();
  readonly #magicOfHosts = new Map<string, ReadonlyMap<string, unknown>>();

  constructor(play: ResolvedPlay, options: PlayScopesOptions) {
    this.#play = play;
    this.#options = options;
  }

  /** `task` undefined: the play's own variables, for connection settings and the like. */
  scope(
    host: string,
    task: ResolvedTask | undefined,
    state: RunState,
    more: {
      /** What its loop and those of includes around it are at, by the names they give it. */
      readonly values?: ReadonlyMap<string, unknown>;
      readonly problems?: Problems;
    } = {},
  ): HostScope {
    const { extraVars, templates } = this.#options;
    const role = task?.role;
    // The play's roles see each other's variables; of two that set one, the later role wins.
    const others = this.#play.roles.filter((each) => each !== role).reverse();
    const layers: ScopeLayers = {
      magic: this.#magic(host, task, more.values ?? NO_VALUES),
      overResults: [
        extraVars,
        ...(task?.includeVars ?? []),
        ...(role === undefined ? [] : [role.parameters]),
      ],
      overFacts: [
        ...(task === undefined ? [] : task.vars),
        ...(role === undefined ? [] : [role.role.vars]),
        ...others.map((each) => each.role.vars),
        ...this.#play.vars,
      ],
      belowFacts: [
        this.inventoryVariables(host),
        ...(role === undefined ? [] : [role.role.defaults]),
        ...others.map((each) => each.role.defaults),
      ],
    };
    return new HostScope({
      layers,
      state,
      templates,
      role: role?.variables,
      ...(more.problems !== undefined && { problems: more.problems }),
    });
  }

  /** The inventory's variables of a host, merged once. */
  inventoryVariables(host: string): VariableLayer {
    let layer = this.#inventoryLayers.get(host);
    if (layer === undefined) {
      layer = hostVariables(this.#options.inventory, host);
      this.#inventoryLayers.set(host, layer);
    }
    return layer;
  }

  /** Layers in which a user can set a role's variables, for finding misspelled ones. */
  userLayers(host: string, role: ResolvedTask['role']): readonly VariableLayer[] {
    const own = role === undefined ? [] : [role.parameters];
    return [this.#options.extraVars, ...own, ...this.#play.vars, this.inventoryVariables(host)];
  }

  /** The host's own are the same for all its tasks. */
  #magic(
    host: string,
    task: ResolvedTask | undefined,
    values: ReadonlyMap<string, unknown>,
  ): ReadonlyMap<string, unknown> {
    let ofHost = this.#magicOfHosts.get(host);
    if (ofHost === undefined) {
      ofHost = this.#magicOf(host);
      this.#magicOfHosts.set(host, ofHost);
    }
    if (task?.role === undefined && values.size === 0) return ofHost;
    const magic = new Map(ofHost);
    if (task?.role !== undefined) {
      magic.set('role_name', task.role.role.name);
      magic.set('role_path', task.role.role.folder);
    }
    for (const [name, value] of values) magic.set(name, value);
    return magic;
  }

  #magicOf(name: string): ReadonlyMap<string, unknown> {
    const { inventory, checkMode } = this.#options;
    const host = findHost(inventory, name);
    return new Map<string, unknown>([
      ...Object.entries(host === undefined ? {} : magicVariables(inventory, host)),
      ['playbook_dir', this.#play.folder],
      ['ansible_check_mode', checkMode],
      ['ansible_play_hosts', this.#play.hosts],
      ['ansible_play_name', this.#play.name],
    ]);
  }
}
