// The stages in a row: load → resolve → check → apply. What the command line and the library have in common.
// Everything up to `runPrepared` works without contacting a host.
import { homedir, userInfo } from 'node:os';
import { dirname, resolve } from 'node:path';
import type { ConnectionDefaults } from '../apply/connection-variables.ts';
import { type EngineOptions, type EnginePlay, runPlays } from '../apply/engine.ts';
import type { Person } from '../apply/errands/person.ts';
import type { OtherWay } from '../apply/guarding.ts';
import { type Diagnostic, Problems } from '../diagnostic.ts';
import type { Emit, HostRecap } from '../event.ts';
import { DEFAULT_TIMEOUTS, type Host } from '../host/host.ts';
import { LocalHost } from '../host/local-host.ts';
import type { ConnectionSettings } from '../host/ssh/connection-settings.ts';
import { SshContext } from '../host/ssh/ssh-context.ts';
import { SshHost } from '../host/ssh/ssh-host.ts';
import { GrowingInventory } from '../load/inventory/growing-inventory.ts';
import { loadInventory } from '../load/inventory/load-inventory.ts';
import type { Inventory } from '../load/inventory/model.ts';
import { loadPlaybook, type PlaybookDocument } from '../load/playbook.ts';
import type { Prompt } from '../load/vars-prompt.ts';
import { Vault } from '../load/vault/vault.ts';
import { discreet, maskedDiagnostic, maskedEmit, withMaskedDiagnostics } from '../masking.ts';
import type { GuardWish } from '../resolve/guard-wish.ts';
import type { VariableLayer } from '../resolve/host-scope.ts';
import type { BecomeSettings } from '../resolve/inherited.ts';
import { checkLimit } from '../resolve/play-hosts.ts';
import { promisedBy } from '../resolve/promised-names.ts';
import type { Answers } from '../resolve/prompted-variables.ts';
import { resolvePlay } from '../resolve/resolved-play.ts';
import type { TagSelection } from '../resolve/tags.ts';
import { VariableTemplates } from '../resolve/variable-templates.ts';
import { connectionOf, PlayPreparation, type WrittenPlay } from './play-preparation.ts';

export interface RunOptions {
  /** `-i` arguments; empty: none but localhost. */
  readonly inventories: readonly string[];
  readonly limit?: string;
  /** Of the hosts no others than these. */
  readonly onlyHosts?: ReadonlySet<string>;
  readonly extraVars?: VariableLayer;
  /** To vars_prompt, by name. Default: none, and nobody can be asked. */
  readonly answers?: Answers;
  /** Opens what is vaulted; what it opened is masked in all events and diagnostics. Default: one without keys. */
  readonly vault?: Vault;
  readonly tags?: TagSelection;
  readonly become?: BecomeSettings;
  readonly connection?: Partial<ConnectionDefaults>;
  readonly mode?: 'apply' | 'check';
  readonly diff?: boolean;
  /** Beside check mode: tasks with `check_mode: false` do not run either, but for those that say they only look. */
  readonly audit?: boolean;
  /** Instead of what plays say. */
  readonly guard?: GuardWish;
  /** Hosts at work at the same time. */
  readonly forks?: number;
  /** How much the user wants to be told: 2 stands for -vv. Tasks can ask for it. */
  readonly verbosity?: number;
  /** Gets what is most likely a mistake in the user's files, though nothing is lost by going on. */
  readonly warn?: (warnings: readonly Diagnostic[]) => void;
}

/** A playbook that has been checked against an inventory: nothing in the user's files is wrong. */
export interface PreparedRun {
  readonly plays: readonly EnginePlay[];
  readonly inventory: Inventory;
  /** By inventory name, for every host of every play, and those that tasks are known to be delegated to. */
  readonly connections: ReadonlyMap<string, ConnectionSettings>;
  /** What a person is to be asked for, where the answers are to come later. */
  readonly prompts: readonly Prompt[];
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
  try {
    return withMaskedDiagnostics(vault.secrets, stages);
  } finally {
    options.warn?.(problems.warnings.map((each) => maskedDiagnostic(each, vault.secrets)));
  }
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
  const plays: WrittenPlay[] = [];
  const limit = options.limit === undefined ? undefined : { pattern: options.limit };
  for (const each of document?.plays ?? []) {
    const before = plays.map(({ play }) => play);
    const context = {
      inventory,
      inventoryIsWhole,
      limit,
      only: options.onlyHosts,
      // What includes hold is only known when they have been checked.
      promised: promisedBy(before, { late: (task) => task.include !== undefined }),
      tags: options.tags ?? { only: [], skip: [] },
      become: options.become ?? noBecome,
      answers: options.answers ?? new Map(),
      extraVars: options.extraVars ?? new Map(),
      vault,
    };
    plays.push({ document: each, play: resolvePlay(each, context, problems) });
  }
  const mayCome = promisedBy(
    plays.map(({ play }) => play),
    { late: (task) => task.include !== undefined },
  );
  if (limit !== undefined && inventoryIsWhole) checkLimit(inventory, limit, mayCome, problems);
  // Names cannot be checked against files that could not be read.
  problems.throwIfAny();
  const growing = new GrowingInventory(inventory, {
    sources: options.inventories,
    playbookFolder: folder,
    vault,
  });
  const preparation = new PlayPreparation({
    plays,
    inventory: growing,
    templates,
    playbookPath,
    options: { ...options, forks: options.forks ?? DEFAULT_FORKS },
  });
  const enginePlays = preparation.prepare(problems);
  problems.throwIfAny();
  const given = options.extraVars ?? new Map();
  const prompts = (document?.plays ?? []).flatMap((play) =>
    play.prompts.filter(({ name }) => !given.has(name)),
  );
  return { plays: enginePlays, inventory, connections: preparation.connections, prompts, options };
}

/** What surrounds a run. */
export interface RunEnvironment {
  readonly emit: Emit;
  /** When aborted, hosts end as interrupted. */
  readonly signal: AbortSignal;
  /** At the terminal. Default: nobody. */
  readonly person?: Person;
  /** The person is asked before each task. */
  readonly step?: boolean;
  /** SSH_AUTH_SOCK. */
  readonly agentSocket: string | undefined;
  /** Asked before the first task of a play: whether it may begin on the host, which has been told why not. */
  readonly admit?: EngineOptions['admit'];
  /** Told what each action came by. */
  readonly watch?: EngineOptions['watch'];
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
  const hostFor = hostFactory(prepared, environment);
  return runPlays({
    plays: prepared.plays,
    hostFor,
    anotherWay: (name, way) => {
      const host = hostFor(name, way);
      return host instanceof LocalHost ? undefined : host;
    },
    actions: {
      mode: options.mode ?? 'apply',
      diff: options.diff ?? false,
      ...(options.audit === true && { audit: true }),
    },
    forks: options.forks ?? DEFAULT_FORKS,
    emit,
    signal,
    step: environment.step ?? false,
    ...(environment.admit !== undefined && { admit: environment.admit }),
    ...(environment.watch !== undefined && { watch: environment.watch }),
    ...(environment.person !== undefined && { person: discreet(environment.person, vault.secrets) }),
  });
}

/** Makes hosts: over SSH with one shared context, or this machine. `way`: in place of what the host's settings say. */
export function hostFactory(
  { connections, plays: [first], options }: PreparedRun,
  { signal, agentSocket }: Pick<RunEnvironment, 'signal' | 'agentSocket'>,
): (name: string, way?: OtherWay) => Host {
  // A host that only a result names: what is wrong with its variables shows when it is not reached.
  const late = (name: string) => (first ? connectionOf(name, first, options, new Problems()) : {});
  const local = { user: userInfo().username, homeDirectory: homedir() };
  let context: SshContext | undefined;
  return (name, way) => {
    const own = connections.get(name) ?? late(name);
    const connectMs = Math.min(
      way?.connectMs ?? Number.POSITIVE_INFINITY,
      own.timeouts?.connectMs ?? DEFAULT_TIMEOUTS.connectMs,
    );
    const settings: ConnectionSettings =
      way === undefined
        ? own
        : {
            ...own,
            timeouts: { ...own.timeouts, connectMs },
            ...(way.reachedAt !== undefined && { reachedAt: way.reachedAt }),
          };
    if (settings.connection === 'local') return new LocalHost({ name, signal, user: local.user });
    context ??= new SshContext({ local, signal, ...(agentSocket !== undefined && { agentSocket }) });
    return new SshHost(name, settings, context);
  };
}
