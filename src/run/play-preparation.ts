// From resolved plays to plays that the engine can run: each is checked on its hosts, and the way to these is known. Where
// tasks may add hosts, that is done once more when a play starts, for whoever is new by then.

import { type ConnectionDefaults, connectionSettings } from '../apply/connection-variables.ts';
import type { EnginePlay, RenewedPlay } from '../apply/engine.ts';
import { guardVariables } from '../apply/guard-variables.ts';
import { Problems, type Span } from '../diagnostic.ts';
import { operator } from '../guard/operator.ts';
import type { Probe } from '../guard/probes.ts';
import type { ConnectionSettings } from '../host/ssh/connection-settings.ts';
import type { GrowingInventory } from '../load/inventory/growing-inventory.ts';
import type { PlayDocument } from '../load/playbook.ts';
import { fairleadVersion } from '../package.ts';
import { checkPlay } from '../resolve/check-play.ts';
import { type Fleet, fleetOf } from '../resolve/fleet.ts';
import { selectHosts } from '../resolve/host-pattern.ts';
import type { RunState } from '../resolve/host-scope.ts';
import { LeftNames } from '../resolve/left-names.ts';
import type { RunSettings } from '../resolve/magic.ts';
import { mayGrowInventory } from '../resolve/names-set.ts';
import { asksForFacts, tasksThatReadOthers } from '../resolve/needs-facts.ts';
import { guardOf } from '../resolve/play-guard.ts';
import { hostsOf } from '../resolve/play-hosts.ts';
import { PlayScopes } from '../resolve/play-scopes.ts';
import { tasksOf } from '../resolve/play-tasks.ts';
import { ProjectFiles } from '../resolve/project-files.ts';
import { promisedBy } from '../resolve/promised-names.ts';
import { isUnanswered } from '../resolve/prompted-variables.ts';
import type { ResolvedPlay } from '../resolve/resolved-play.ts';
import type { ResolvedTask } from '../resolve/resolved-task.ts';
import type { VariableTemplates } from '../resolve/variable-templates.ts';
import { FACTS, factsShapeOf } from './facts-shape.ts';
import type { RunOptions } from './run.ts';

/** A play and where it was written. */
export interface WrittenPlay {
  readonly document: PlayDocument;
  readonly play: ResolvedPlay;
}

export interface PreparationOptions {
  readonly plays: readonly WrittenPlay[];
  readonly inventory: GrowingInventory;
  readonly templates: VariableTemplates;
  readonly playbookPath: string;
  readonly options: RunOptions;
}

export class PlayPreparation {
  /** By inventory name, for every host of every play, and those that tasks are known to be delegated to. */
  readonly connections = new Map<string, ConnectionSettings>();
  readonly #from: PreparationOptions;
  readonly #fleet: Fleet;
  readonly #settings: RunSettings;
  readonly #files = new Map<string, ProjectFiles>();
  /** The plays that have been checked, as they were last. */
  readonly #checked: EnginePlay[] = [];
  /** Of the plays that have been checked. */
  readonly #lateIncludes = new Set<ResolvedTask>();

  constructor(from: PreparationOptions) {
    this.#from = from;
    this.#fleet = fleetOf(from.inventory);
    this.#settings = settingsOf(from.options);
  }

  /** All plays in their order. */
  prepare(problems: Problems): readonly EnginePlay[] {
    return this.#from.plays.map((each, index) => this.#prepare(each, index, problems));
  }

  #prepare({ play, document }: WrittenPlay, index: number, problems: Problems): EnginePlay {
    const before = this.#from.plays.slice(0, index).map((each) => each.play);
    const mayGainHosts =
      this.#lateIncludes.size > 0 || before.some((each) => tasksOf(each).some(mayGrowInventory));
    // What includes hold is known by now: a pattern was given the benefit of the doubt for them.
    if (mayGainHosts || before.some(hasIncludes))
      this.#hostsOf(document, before, this.#lateIncludes, problems);
    const checked = this.#check(play, this.#leftBefore(index, 'may come'), problems);
    this.#checked[index] = checked;
    for (const task of checked.lateIncludes) this.#lateIncludes.add(task);
    if (!mayGainHosts) return checked;
    return { ...checked, renew: () => this.#renew(checked, index) };
  }

  /** The play as its hosts are when it starts; what is wrong with those that are new or have new variables. */
  #renew(each: EnginePlay, index: number): RenewedPlay {
    const written = this.#from.plays[index];
    if (written === undefined) throw new Error('a play was written nowhere');
    const before = this.#from.plays.slice(0, index).map(({ play }) => play);
    const problems = new Problems();
    const { inventory } = this.#from;
    const hosts = this.#hostsOf(written.document, before, new Set(), problems);
    for (const problem of inventory.takeProblems()) problems.add(problem);
    const touched = hosts.filter((host) => inventory.hasTouched(host) || !each.play.hosts.includes(host));
    const play = { ...each.play, hosts };
    const own = this.#check({ ...play, hosts: touched }, this.#leftBefore(index, 'is there'), problems);
    const scopes = this.#scopesOf(play);
    const needsFacts = each.needsFacts || own.needsFacts;
    const readers = tasksThatReadOthers(play, { scopes, files: each.files, needsFacts });
    const lateIncludes = new Set([...each.lateIncludes, ...own.lateIncludes]);
    const guarded = this.#guarded(play, { scopes, lateIncludes }, problems);
    const renewed = { ...each, play, scopes, needsFacts, readers, lateIncludes, ...guarded };
    this.#checked[index] = renewed;
    return { play: renewed, diagnostics: problems.list };
  }

  /** What plays leave behind for the one with this index. `may come`: with what they may add to the inventory. */
  #leftBefore(index: number, inventory: 'may come' | 'is there'): LeftNames {
    const left = new LeftNames();
    for (const { play, needsFacts } of this.#checked.slice(0, index)) {
      const mayCome = inventory === 'may come' && tasksOf(play).some(mayGrowInventory);
      left.add(play, {
        hasFacts: needsFacts,
        ...(mayCome && { namesThatMayCome: this.#from.inventory.namesThatMayCome() }),
      });
    }
    return left;
  }

  #hostsOf(
    document: PlayDocument,
    before: readonly ResolvedPlay[],
    late: ReadonlySet<ResolvedTask>,
    problems: Problems,
  ): readonly string[] {
    const { limit, onlyHosts } = this.#from.options;
    const context = {
      inventory: this.#from.inventory.current,
      inventoryIsWhole: true,
      limit: limit === undefined ? undefined : { pattern: limit },
      only: onlyHosts,
      promised: promisedBy(before, { late: (task) => late.has(task) }),
    };
    return hostsOf(document, context, problems);
  }

  #check(play: ResolvedPlay, left: LeftNames, problems: Problems): EnginePlay {
    const { options, inventory } = this.#from;
    const files = this.#filesOf(play);
    const scopes = this.#scopesOf(play);
    const factsShape = factsShapeOf(play);
    const { lateIncludes, delegates, hasLateVariables } = checkPlay(
      play,
      { scopes, files, factsShape, left, namesThatMayCome: () => inventory.namesThatMayCome() },
      problems,
    );
    // Who knows what an include will ask for that nobody can name yet.
    const needsFacts =
      play.gatherFacts === 'always' ||
      (play.gatherFacts === 'on-demand' &&
        (lateIncludes.size > 0 || hasLateVariables || asksForFacts(play, scopes, files)));
    for (const host of [...play.hosts, ...delegates]) {
      if (!this.connections.has(host))
        this.connections.set(host, connectionOf(host, { play, scopes }, options, problems));
    }
    const readers = tasksThatReadOthers(play, { scopes, files, needsFacts });
    const guarded = this.#guarded(play, { scopes, lateIncludes }, problems);
    return { play, scopes, files, needsFacts, inventory, lateIncludes, readers, ...guarded };
  }

  /** What its changes go with, and who stands in for whom: in check mode, too, so that it has the same batches. */
  #guarded(
    play: ResolvedPlay,
    { scopes, lateIncludes }: Pick<EnginePlay, 'scopes' | 'lateIncludes'>,
    problems: Problems,
  ): Pick<EnginePlay, 'guard' | 'peers'> {
    const { options, playbookPath, plays } = this.#from;
    const wish = guardOf(play, { asked: options.guard, mayGrow: lateIncludes.size > 0 });
    if (wish === 'off') return {};
    const promised = plays.some((each) => tasksOf(each.play).some(mayGrowInventory)) ? 'any' : undefined;
    const inventory = this.#from.inventory.current;
    const probes: [string, readonly Probe[]][] = [];
    const peers: [string, readonly string[]][] = [];
    for (const host of play.hosts) {
      const [unknownNames, wrongValues] = [new Problems(), new Problems()];
      const scope = scopes.scope(host, undefined, BEFORE_FACTS, { problems: unknownNames });
      const select = (pattern: string, at: Span) =>
        selectHosts(inventory, { pattern, at, promised }, wrongValues);
      const said = guardVariables(scope, select, wrongValues);
      if (said.probes.length > 0) probes.push([host, said.probes]);
      if (said.peers.length > 0) peers.push([host, said.peers]);
      addFound(play, { unknownNames, wrongValues }, problems);
    }
    if (options.mode === 'check') return { peers };
    const owner = operator();
    const plan = { windowS: wish.windowS, owner, playbook: playbookPath, play: play.name };
    return { guard: { plan, begins: wish.begins, probes }, peers };
  }

  #filesOf({ folder }: ResolvedPlay): ProjectFiles {
    const files = this.#files.get(folder) ?? new ProjectFiles(folder, this.#from.options.vault);
    this.#files.set(folder, files);
    return files;
  }

  #scopesOf(play: ResolvedPlay): PlayScopes {
    return new PlayScopes(play, {
      fleet: this.#fleet,
      extraVars: this.#from.options.extraVars ?? new Map(),
      templates: this.#from.templates,
      settings: this.#settings,
    });
  }
}

function hasIncludes(play: ResolvedPlay): boolean {
  return tasksOf(play).some((task) => task.include !== undefined);
}

/** Facts come over the connection, and guard it: a variable that needs them is told to be of no use for either. */
const BEFORE_FACTS: RunState = { facts: FACTS, results: new Map(), pending: new Set() };

function settingsOf(options: RunOptions): RunSettings {
  return {
    checkMode: options.mode === 'check',
    diffMode: options.diff ?? false,
    limit: options.limit,
    onlyTags: options.tags?.only ?? [],
    skippedTags: options.tags?.skip ?? [],
    verbosity: options.verbosity ?? 0,
    forks: options.forks ?? 0,
    version: fairleadVersion(),
  };
}

/** How to reach a host, in the words of the first play that names it. */
export function connectionOf(
  host: string,
  { play, scopes }: { readonly play: ResolvedPlay; readonly scopes: PlayScopes },
  { connection }: RunOptions,
  problems: Problems,
): ConnectionSettings {
  const defaults: ConnectionDefaults = {
    user: play.remoteUser ?? connection?.user,
    port: play.port ?? connection?.port,
    privateKeyFile: connection?.privateKeyFile,
    connectTimeoutS: connection?.connectTimeoutS,
    hostKeyPolicy: connection?.hostKeyPolicy,
  };
  const [unknownNames, wrongValues] = [new Problems(), new Problems()];
  const scope = scopes.scope(host, undefined, BEFORE_FACTS, { problems: unknownNames });
  const settings = connectionSettings(scope, defaults, wrongValues);
  addFound(play, { unknownNames, wrongValues }, problems);
  return settings;
}

/** A value that rests on a name that nobody knows is wrong for no reason of its own. */
function addFound(
  play: ResolvedPlay,
  { unknownNames, wrongValues }: { readonly unknownNames: Problems; readonly wrongValues: Problems },
  problems: Problems,
): void {
  // Where somebody is still to be asked, the run is prepared once more with the answers.
  if (isUnanswered(play)) return;
  const found = unknownNames.count > 0 ? unknownNames : wrongValues;
  for (const each of found.list) problems.add(each);
}
