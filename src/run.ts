// The stages in a row: load → resolve → check → apply. What the command line and the library have in common.
// Everything up to `runPrepared` works without contacting a host.
import { homedir, userInfo } from 'node:os';
import { dirname, resolve } from 'node:path';
import { type ConnectionDefaults, connectionSettings } from './apply/connection-variables.ts';
import { type EnginePlay, runPlays } from './apply/engine.ts';
import { Problems } from './diagnostic.ts';
import type { Emit, HostRecap } from './event.ts';
import { type FactShape, factsShape } from './host/facts/facts.ts';
import type { Host } from './host/host.ts';
import { LocalHost } from './host/local-host.ts';
import type { ConnectionSettings } from './host/ssh/connection-settings.ts';
import { SshContext } from './host/ssh/ssh-context.ts';
import { SshHost } from './host/ssh/ssh-host.ts';
import { loadInventory } from './load/inventory/load-inventory.ts';
import type { Inventory } from './load/inventory/model.ts';
import { loadPlaybook, type PlaybookDocument } from './load/playbook.ts';
import type { Shape } from './render/shape.ts';
import { checkPlay } from './resolve/check-play.ts';
import type { VariableLayer } from './resolve/host-scope.ts';
import { asksForFacts } from './resolve/needs-facts.ts';
import { PlayScopes } from './resolve/play-scopes.ts';
import { ProjectFiles } from './resolve/project-files.ts';
import { type ResolvedPlay, resolvePlay } from './resolve/resolved-play.ts';
import type { BecomeSettings } from './resolve/resolved-task.ts';
import type { TagSelection } from './resolve/tags.ts';
import { VariableTemplates } from './resolve/variable-templates.ts';

export interface RunOptions {
  /** `-i` arguments; empty: none but localhost. */
  readonly inventories: readonly string[];
  readonly limit?: string;
  readonly extraVars?: VariableLayer;
  readonly tags?: TagSelection;
  readonly become?: BecomeSettings;
  readonly connection?: Partial<ConnectionDefaults>;
  readonly mode?: 'apply' | 'check';
  readonly diff?: boolean;
  /** Hosts at work at the same time. */
  readonly forks?: number;
}

/** A playbook that has been checked against an inventory: nothing in the user's files is wrong. */
export interface PreparedRun {
  readonly plays: readonly EnginePlay[];
  readonly files: ProjectFiles;
  readonly inventory: Inventory;
  /** By inventory name, for every host of every play. */
  readonly connections: ReadonlyMap<string, ConnectionSettings>;
  readonly options: RunOptions;
}

export const DEFAULT_FORKS = 50;

/** Loads, resolves and checks a playbook file. Throws a DiagnosticError with everything that is wrong. */
export function preparePlaybook(path: string, options: RunOptions): PreparedRun {
  const problems = new Problems();
  const document = loadPlaybook(path, problems);
  return prepare(document, resolve(path), options, problems);
}

/** The same for a playbook that stands in no file of its own. */
export function prepare(
  document: PlaybookDocument | undefined,
  playbookPath: string,
  options: RunOptions,
  problems: Problems = new Problems(),
): PreparedRun {
  const folder = dirname(playbookPath);
  const before = problems.count;
  const inventory = loadInventory(options.inventories, { playbookFolder: folder }, problems);
  const inventoryIsWhole = problems.count === before;
  const templates = new VariableTemplates(problems);
  const files = new ProjectFiles(folder);
  const noBecome: BecomeSettings = {
    become: undefined,
    user: undefined,
    method: undefined,
    flags: undefined,
  };
  const plays = (document?.plays ?? []).map((play) =>
    resolvePlay(
      play,
      {
        inventory,
        inventoryIsWhole,
        playbookPath,
        limit: options.limit === undefined ? undefined : { pattern: options.limit },
        tags: options.tags ?? { only: [], skip: [] },
        become: options.become ?? noBecome,
      },
      problems,
    ),
  );
  // Names cannot be checked against files that could not be read.
  problems.throwIfAny();
  const connections = new Map<string, ConnectionSettings>();
  const enginePlays = plays.map((play): EnginePlay => {
    const scopes = new PlayScopes(play, {
      inventory,
      playbookPath,
      extraVars: options.extraVars ?? new Map(),
      templates,
      checkMode: options.mode === 'check',
    });
    const needsFacts =
      play.gatherFacts === 'always' ||
      (play.gatherFacts === 'on-demand' && asksForFacts(play, scopes, files));
    checkPlay(play, scopes, files, play.gatherFacts === 'never' ? undefined : FACTS, problems);
    addConnections(play, scopes, options, connections, problems);
    return { play, scopes, needsFacts };
  });
  problems.throwIfAny();
  return { plays: enginePlays, files, inventory, connections, options };
}

/** What surrounds a run. */
export interface RunEnvironment {
  readonly emit: Emit;
  /** When aborted, hosts end as interrupted. */
  readonly signal: AbortSignal;
  /** SSH_AUTH_SOCK. */
  readonly agentSocket: string | undefined;
}

/** Runs what was prepared. Rejects only for bugs; failures of hosts are in the recap. */
export async function runPrepared(
  prepared: PreparedRun,
  environment: RunEnvironment,
): Promise<readonly HostRecap[]> {
  const { options, files } = prepared;
  const { emit, signal } = environment;
  return runPlays({
    plays: prepared.plays,
    hostFor: hostFactory(prepared.connections, environment),
    actions: { files, mode: options.mode ?? 'apply', diff: options.diff ?? false },
    forks: options.forks ?? DEFAULT_FORKS,
    emit,
    signal,
  });
}

/** Makes hosts: over SSH with one shared context, or this machine. */
function hostFactory(
  connections: ReadonlyMap<string, ConnectionSettings>,
  { signal, agentSocket }: RunEnvironment,
): (name: string) => Host {
  const local = { user: userInfo().username, homeDirectory: homedir() };
  let context: SshContext | undefined;
  return (name) => {
    const settings = connections.get(name) ?? {};
    if (settings.connection === 'local') return new LocalHost({ name, signal, user: local.user });
    context ??= new SshContext({ local, signal, ...(agentSocket !== undefined && { agentSocket }) });
    return new SshHost(name, settings, context);
  };
}

function addConnections(
  play: ResolvedPlay,
  scopes: PlayScopes,
  { connection }: RunOptions,
  connections: Map<string, ConnectionSettings>,
  problems: Problems,
): void {
  const defaults: ConnectionDefaults = {
    user: play.remoteUser ?? connection?.user,
    port: play.port ?? connection?.port,
    privateKeyFile: connection?.privateKeyFile,
    connectTimeoutS: connection?.connectTimeoutS,
    hostKeyPolicy: connection?.hostKeyPolicy,
  };
  for (const host of play.hosts) {
    if (connections.has(host)) continue;
    // Facts come over the connection: a variable that needs them is told to be of no use for it.
    const state = { facts: FACTS, results: new Map(), pending: new Set<string>() };
    const [unknownNames, wrongValues] = [new Problems(), new Problems()];
    const scope = scopes.scope(host, undefined, state, { problems: unknownNames });
    connections.set(host, connectionSettings(scope, defaults, wrongValues));
    const found = unknownNames.count > 0 ? unknownNames : wrongValues;
    for (const each of found.list) problems.add(each);
  }
}

/** What facts will look like, in the words of the name checker. */
const FACTS: Shape = toShape(factsShape);

function toShape(shape: FactShape): Shape {
  if (shape === 'value') return { kind: 'any' };
  if ('map' in shape) return { kind: 'map', item: toShape(shape.map as FactShape) };
  if ('list' in shape) return { kind: 'list', item: toShape(shape.list as FactShape) };
  return {
    kind: 'record',
    fields: new Map(Object.entries(shape).map(([name, inner]) => [name, toShape(inner)])),
  };
}
