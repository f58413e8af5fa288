// What programs call: run a playbook and follow it, read an inventory. docs/library.md tells of it.
// Options here are plain data; run.ts has the stages that the command line uses too.
import { Buffer } from 'node:buffer';
import { type Diagnostic, Problems } from './diagnostic.ts';
import type { HostRecap, RunEvent } from './event.ts';
import { EventStream } from './event-stream.ts';
import { loadInventory as load } from './load/inventory/load-inventory.ts';
import { groupsMap } from './load/inventory/membership.ts';
import { hostJson } from './load/inventory/print.ts';
import { locatedEntries } from './load/located.ts';
import { SourceFile } from './load/source.ts';
import { Vault } from './load/vault/vault.ts';
import { parseYaml } from './load/yaml-document.ts';
import { maskedDiagnostic, withMaskedDiagnostics } from './masking.ts';
import { matchHosts } from './resolve/host-pattern.ts';
import type { VariableLayer } from './resolve/host-scope.ts';
import { preparePlaybook, runPrepared } from './run/run.ts';
import { Secret } from './secret.ts';

export interface RunInput {
  /** Path of the playbook. */
  readonly playbook: string;
  /** Files, folders, scripts, or lists such as `a,b,`; none: localhost alone. */
  readonly inventories?: readonly string[];
  /** A pattern: only these of the hosts. */
  readonly limit?: string;
  /** They win over all other variables. JSON. */
  readonly extraVars?: Readonly<Record<string, unknown>>;
  /** To vars_prompt, by name; a name without one has its default. */
  readonly answers?: Readonly<Record<string, string>>;
  readonly tags?: readonly string[];
  readonly skipTags?: readonly string[];
  /** `check` changes nothing. Default: apply. */
  readonly mode?: 'apply' | 'check';
  /** Whether events have the differences between files. */
  readonly diff?: boolean;
  /** Hosts at work at the same time. Default: 50. */
  readonly forks?: number;
  readonly user?: string;
  readonly privateKeyFile?: string;
  readonly connectTimeoutS?: number;
  /** Unknown host keys. Default: strict. */
  readonly hostKeys?: 'strict' | 'accept-new' | 'off';
  /** true: root. */
  readonly become?: boolean | { readonly user?: string; readonly method?: 'sudo' | 'su' | 'doas' };
  /** By label; `default` for what has none. */
  readonly vaultPasswords?: Readonly<Record<string, string>>;
  /** Hosts end what is under way once it is aborted. */
  readonly signal?: AbortSignal;
  /** Socket of the SSH agent. Default: $SSH_AUTH_SOCK. */
  readonly agentSocket?: string;
}

export interface RunResult {
  /** `failed`: some host failed, could not be reached, or was kept from going on. */
  readonly status: 'ok' | 'failed' | 'interrupted';
  /** Whether anything was changed; in check mode, whether anything would be. */
  readonly changed: boolean;
  readonly hosts: readonly HostRecap[];
}

/** A run under way. Its events can be read once, in order; who leaves the loop does not stop the run. */
export interface Run extends AsyncIterable<RunEvent> {
  /** Rejects only for bugs: failures of hosts are in the result. */
  readonly result: Promise<RunResult>;
}

/** Checks a playbook and starts it. Throws a DiagnosticError where files are wrong: no host was contacted then. */
export function run(input: RunInput): Run {
  const vault = vaultOf(input.vaultPasswords);
  const prepared = preparePlaybook(input.playbook, {
    inventories: input.inventories ?? [],
    ...(input.limit !== undefined && { limit: input.limit }),
    extraVars: withMaskedDiagnostics(vault.secrets, () => layerOf(input.extraVars ?? {})),
    answers: new Map(Object.entries(input.answers ?? {})),
    vault,
    tags: { only: input.tags ?? [], skip: input.skipTags ?? [] },
    become: becomeOf(input.become),
    connection: {
      user: input.user,
      port: undefined,
      privateKeyFile: input.privateKeyFile,
      connectTimeoutS: input.connectTimeoutS,
      hostKeyPolicy: input.hostKeys,
    },
    mode: input.mode ?? 'apply',
    diff: input.diff ?? false,
    ...(input.forks !== undefined && { forks: input.forks }),
  });
  const stream = new EventStream();
  const { signal = new AbortController().signal } = input;
  const result = runPrepared(prepared, {
    emit: (event) => stream.push(event),
    signal,
    agentSocket: input.agentSocket ?? process.env.SSH_AUTH_SOCK,
  })
    .then((hosts) => resultOf(hosts))
    .finally(() => stream.end());
  // Who only reads events gets the error there.
  result.catch(() => {});
  return { result, [Symbol.asyncIterator]: () => reader(stream, result) };
}

function reader(stream: EventStream, result: Promise<RunResult>): AsyncIterator<RunEvent> {
  return {
    next: async () => {
      const next = await stream.next();
      if (next.done === true) await result;
      return next;
    },
    return: async () => {
      stream.leave();
      return { done: true, value: undefined };
    },
  };
}

function resultOf(hosts: readonly HostRecap[]): RunResult {
  const is = (status: HostRecap['status']) => hosts.some((host) => host.status === status);
  const isFine = hosts.every(({ status }) => status === 'ok');
  return {
    status: is('interrupted') ? 'interrupted' : isFine ? 'ok' : 'failed',
    changed: hosts.some(({ changed }) => changed > 0),
    hosts,
  };
}

function vaultOf(passwords: Readonly<Record<string, string>> = {}): Vault {
  return new Vault(
    Object.entries(passwords).map(([label, password]) => ({
      label,
      password: new Secret(Buffer.from(password, 'utf8').toString('latin1')),
    })),
  );
}

/** As JSON text, so that places in it can be told. */
function layerOf(variables: Readonly<Record<string, unknown>>): VariableLayer {
  const problems = new Problems();
  const document = parseYaml(new SourceFile('extraVars', JSON.stringify(variables)), problems);
  problems.throwIfAny();
  return document === undefined ? new Map() : locatedEntries(document.data, document.origin);
}

function becomeOf(become: RunInput['become'] = false) {
  const { user, method } = typeof become === 'object' ? become : {};
  return { become: become === false ? undefined : true, user, method, flags: undefined };
}

/** An inventory to ask. */
export interface Fleet {
  /** In order of definition. */
  readonly hosts: readonly string[];
  /** Hosts by group, those of its children included. */
  readonly groups: Readonly<Record<string, readonly string[]>>;
  /** Merged, templates as they are written; undefined for a host that is not there. */
  variablesOf(host: string): Readonly<Record<string, unknown>> | undefined;
  /** Hosts that a pattern selects, such as `web:!web-1`. Throws a DiagnosticError. */
  match(pattern: string): readonly string[];
}

export interface InventoryOptions extends Pick<RunInput, 'vaultPasswords'> {
  /** Called with what is most likely a mistake although nothing is lost by it, as a key twice. Default: it is not told. */
  readonly warn?: (warning: Diagnostic) => void;
}

/** Reads inventories as `-i` names them. Throws a DiagnosticError where they are wrong. */
export function loadInventory(inventories: readonly string[], options: InventoryOptions = {}): Fleet {
  const vault = vaultOf(options.vaultPasswords);
  const checked = <T>(work: (problems: Problems) => T): T =>
    withMaskedDiagnostics(vault.secrets, () => {
      const problems = new Problems();
      const value = work(problems);
      problems.throwIfAny();
      for (const warning of problems.warnings) options.warn?.(maskedDiagnostic(warning, vault.secrets));
      return value;
    });
  const inventory = checked((problems) => load(inventories, { vault }, problems));
  return {
    hosts: [...inventory.hosts.keys()],
    groups: groupsMap(inventory),
    variablesOf: (host) => hostJson(inventory, host),
    match: (pattern) => checked((problems) => matchHosts(inventory, pattern, undefined, problems)),
  };
}
