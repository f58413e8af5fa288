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
import { Vault } from './load/vault/vault.ts';
import { maskedEmit, withMaskedDiagnostics } from './masking.ts';
import type { Shape } from './render/shape.ts';
import { checkPlay } from './resolve/check-play.ts';
import type { VariableLayer } from './resolve/host-scope.ts';
import type { BecomeSettings } from './resolve/inherited.ts';
import { asksForFacts } from './resolve/needs-facts.ts';
import { PlayScopes } from './resolve/play-scopes.ts';
import { ProjectFiles } from './resolve/project-files.ts';
import { type ResolvedPlay, resolvePlay } from './resolve/resolved-play.ts';
import type { TagSelection } from './resolve/tags.ts';
import { VariableTemplates } from './resolve/variable-templates.ts';

export interface RunOptions {
  /** `-i` arguments; empty: none but localhost. */
  readonly inventories: readonly string[];
  readonly limit?: string;
  readonly extraVars?: VariableLayer;
  /** Opens what is vaulted; what it opened is masked in all events and diagnostics. Default: one without keys. */
  readonly vault?: Vault;
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
  readonly inventory: Inventory;
  /** By inventory name, for every host of every play, and those that tasks are known to be delegated to. */
  readonly connections: ReadonlyMap<string, ConnectionSettings>;
  readonly options: RunOptions;
}

export const DEFAULT_FORKS = 50;

/** Loads, resolves and checks a playbook file. Throws a DiagnosticError with everything that is wrong. */
export function preparePlaybook(path: string, options: RunOptions): PreparedRun {
  const problems = new Problems();
  const vault = options.vault ?? new Vault();
  const document = loadPlaybook(path, problems, vault);
  return prepare(document, resolve(path), { ...options, vault }, problems);
}

/** The same for a playbook that stands in no file of its own. */
export function prepare(
  document: PlaybookDocument | undefined,
  playbookPath: string,
  options: RunOptions,
  problems: Problems = new Problems(),
): PreparedRun {
  const { vault = new Vault() } = options;
  const stages = () => resolveAndCheck(document, playbookPath, { ...options, vault }, problems);
  return withMaskedDiagnostics(vault.secrets, stages);
}

function resolveAndCheck(
  document: PlaybookDocument | undefined,
  playbookPath: string,
  options: RunOptions & { readonly vault: Vault },
  problems: Problems,
): PreparedRun {
  const folder = dirname(playbookPath);
  const { vault } = options;
  const before = problems.count;
  const inventory = loadInventory(options.inventories, { playbookFolder: folder, vault }, problems);
  const inventoryIsWhole = problems.count === before;
  const templates = new VariableTemplates(problems);
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
        limit: options.limit === undefined ? undefined : { pattern: options.limit },
        tags: options.tags ?? { only: [], skip: [] },
        become: options.become ?? noBecome,
        vault,
      },
      problems,
    ),
  );
  // Names cannot be checked against files that could not be read.
  problems.throwIfAny();
  const connections = new Map<string, ConnectionSettings>();
  const filesOf = new Map<string, ProjectFiles>();
  const enginePlays = plays.map((play): EnginePlay => {
    const files = filesOf.get(play.folder) ?? new ProjectFiles(play.folder, vault);
    filesOf.set(play.folder, files);
    const scopes = new PlayScopes(play, {
      inventory,
      extraVars: options.extraVars ?? new Map(),
      templates,
      checkMode: options.mode === 'check',
    });
    const factsShape = play.gatherFacts === 'never' ? undefined : FACTS;
    const { hasLateIncludes, delegates } = checkPlay(play, { scopes, files, factsShape }, problems);
    // Who knows what an include will ask for that nobody can name yet.
    const needsFacts =
      play.gatherFacts === 'always' ||
      (play.gatherFacts === 'on-demand' && (hasLateIncludes || asksForFacts(play, scopes, files)));
    for (const host of [...play.hosts, ...delegates]) {
      if (!connections.has(host))
        connections.set(host, connectionOf(host, { play, scopes }, options, problems));
    }
    return { play, scopes, files, needsFacts };
  });
  problems.throwIfAny();
  return { plays: enginePlays, inventory, connections, options };
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
  const { options } = prepared;
  const { signal } = environment;
  const { vault = new Vault() } = options;
  const emit = maskedEmit(environment.emit, vault.secrets);
  return runPlays({
    plays: prepared.plays,
    hostFor: hostFactory(prepared, environment),
    actions: { mode: options.mode ?? 'apply', diff: options.diff ?? false },
    forks: options.forks ?? DEFAULT_FORKS,
    emit,
    signal,
  });
}

/** Makes hosts: over SSH with one shared context, or this machine. */
function hostFactory(
  { connections, plays: [first], options }: PreparedRun,
  { signal, agentSocket }: RunEnvironment,
): (name: string) => Host {
  // A host that only a result names: what is wrong with its variables shows when it is not reached.
  const late = (name: string) => (first ? connectionOf(name, first, options, new Problems()) : {});
  const local = { user: userInfo().username, homeDirectory: homedir() };
  let context: SshContext | undefined;
  return (name) => {
    const settings = connections.get(name) ?? late(name);
    if (settings.connection === 'local') return new LocalHost({ name, signal, user: local.user });
    context ??= new SshContext({ local, signal, ...(agentSocket !== undefined && { agentSocket }) });
    return new SshHost(name, settings, context);
  };
}

/** How to reach a host, in the words of the first play that names it. */
function connectionOf(
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
  // Facts come over the connection: a variable that needs them is told to be of no use for it.
  const state = { facts: FACTS, results: new Map(), pending: new Set<string>() };
  const [unknownNames, wrongValues] = [new Problems(), new Problems()];
  const scope = scopes.scope(host, undefined, state, { problems: unknownNames });
  const settings = connectionSettings(scope, defaults, wrongValues);
  const found = unknownNames.count > 0 ? unknownNames : wrongValues;
  for (const each of found.list) problems.add(each);
  return settings;
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
