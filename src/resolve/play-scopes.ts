// Builds the scope of a task on a host: which variables there are, in Ansible's order of precedence.
// docs/variables.md tells the order; here it is made.
import type { Problems } from '../diagnostic.ts';
import type { Fleet } from './fleet.ts';
import {
  HostScope,
  type MagicLayer,
  type RunState,
  type ScopeLayers,
  type VariableLayer,
} from './host-scope.ts';
import type { SeenHosts } from './host-vars.ts';
import { lazily, type PlayNow, playMagic, type RunSettings, roleMagic, runMagic, stacked } from './magic.ts';
import type { ResolvedPlay } from './resolved-play.ts';
import type { ResolvedTask } from './resolved-task.ts';
import type { VariableTemplates } from './variable-templates.ts';

export interface PlayScopesOptions {
  readonly fleet: Fleet;
  readonly extraVars: VariableLayer;
  readonly templates: VariableTemplates;
  readonly settings: RunSettings;
}

const NO_VALUES: ReadonlyMap<string, unknown> = new Map();

/** Of a host of which nothing but the inventory is known. */
const NOTHING_SAID: RunState = { facts: undefined, results: new Map(), pending: new Set() };

/** Scopes for the tasks of one play. */
export class PlayScopes {
  readonly #play: ResolvedPlay;
  readonly #options: PlayScopesOptions;
  /** Of the run, and of each host. */
  readonly #ofRun: MagicLayer;
  readonly #ofHosts = new Map<string, MagicLayer>();
  /** As others see hosts, by what was known of them. */
  #seen = new WeakMap<RunState, Map<string, HostScope>>();
  /** Of the inventory that those are from. */
  #edition: object | undefined;

  constructor(play: ResolvedPlay, options: PlayScopesOptions) {
    this.#play = play;
    this.#options = options;
    this.#ofRun = stacked([
      runMagic(options.settings, options.fleet.sources),
      lazily({ playbook_dir: () => play.folder, groups: () => options.fleet.groups() }),
    ]);
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
      magic: this.#magic(host, task, { values: more.values ?? NO_VALUES, now: state.now }),
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
      hosts: this.#seenFrom(host, state),
      ...(more.problems !== undefined && { problems: more.problems }),
    });
  }

  /** The inventory's variables of a host. */
  inventoryVariables(host: string): VariableLayer {
    return this.#options.fleet.variables(host);
  }

  /** What a host shows to others through hostvars, as far as the inventory tells. */
  shown(host: string): HostScope {
    return this.#seenScope(host, NOTHING_SAID);
  }

  /** Hosts of the inventory. */
  hosts(): Iterable<string> {
    return this.#options.fleet.names();
  }

  /** Layers in which a user can set a role's variables, for finding misspelled ones. */
  userLayers(host: string, role: ResolvedTask['role']): readonly VariableLayer[] {
    const own = role === undefined ? [] : [role.parameters];
    return [this.#options.extraVars, ...own, ...this.#play.vars, this.inventoryVariables(host)];
  }

  /** All hosts as `host` sees them: of itself, it knows what it knows by now. */
  #seenFrom(host: string, state: RunState): SeenHosts {
    const { fleet } = this.#options;
    const stateOf = (name: string): RunState =>
      name === host ? state : (state.others?.(name) ?? NOTHING_SAID);
    return {
      names: () => fleet.names(),
      has: (name) => fleet.has(name),
      scope: (name) => this.#seenScope(name, stateOf(name)),
    };
  }

  /** What a host shows to others: neither variables of plays and roles nor those of tasks. */
  #seenScope(host: string, state: RunState): HostScope {
    const { extraVars, templates } = this.#options;
    this.#forgetOldInventory();
    const scopes = this.#seen.get(state) ?? new Map<string, HostScope>();
    this.#seen.set(state, scopes);
    let scope = scopes.get(host);
    if (scope === undefined) {
      scope = new HostScope({
        layers: {
          magic: stacked([this.#hostMagic(host), this.#ofRun]),
          overResults: [extraVars],
          overFacts: [],
          belowFacts: [this.inventoryVariables(host)],
        },
        state,
        templates,
        role: undefined,
        hosts: this.#seenFrom(host, state),
      });
      scopes.set(host, scope);
    }
    return scope;
  }

  #magic(
    host: string,
    task: ResolvedTask | undefined,
    { values, now }: { readonly values: ReadonlyMap<string, unknown>; readonly now: PlayNow | undefined },
  ): MagicLayer {
    return stacked([
      values,
      this.#hostMagic(host),
      ...(task?.role === undefined ? [] : [roleMagic(task.role)]),
      playMagic(this.#play, now),
      this.#ofRun,
    ]);
  }

  /** The host's own are the same for all its tasks. */
  #hostMagic(host: string): MagicLayer {
    this.#forgetOldInventory();
    const before = this.#ofHosts.get(host);
    if (before !== undefined) return before;
    const magic = this.#options.fleet.magic(host);
    this.#ofHosts.set(host, magic);
    return magic;
  }

  /** A task may have added to it. */
  #forgetOldInventory(): void {
    const edition = this.#options.fleet.edition();
    if (edition === this.#edition) return;
    this.#edition = edition;
    this.#ofHosts.clear();
    this.#seen = new WeakMap();
  }
}
