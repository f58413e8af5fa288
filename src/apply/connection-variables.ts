// The variables that say how to reach a host (Ansible's names) as connection settings.
// A value that cannot be right is a diagnostic at the place it was written.
import type { Problems } from '../diagnostic.ts';
import type { ConnectionSettings } from '../host/ssh/connection-settings.ts';
import type { HostKeyPolicy } from '../host/ssh/known-hosts.ts';
import type { HostScope } from '../resolve/host-scope.ts';
import { Secret } from '../secret.ts';

/** What the command line or the play says; the host's own variables win, but for `hostKeyPolicy`. */
export interface ConnectionDefaults {
  readonly user: string | undefined;
  readonly port: number | undefined;
  readonly privateKeyFile: string | undefined;
  readonly connectTimeoutS: number | undefined;
  /** Wins over the variable. */
  readonly hostKeyPolicy: HostKeyPolicy | undefined;
}

const POLICIES: readonly HostKeyPolicy[] = ['strict', 'accept-new', 'off'];

export function connectionSettings(
  scope: HostScope,
  defaults: ConnectionDefaults,
  problems: Problems,
): ConnectionSettings {
  const read = new Reader(scope, problems);
  const connection = read.choice(['ansible_connection'], CONNECTIONS);
  const address = read.text(['ansible_host', 'ansible_ssh_host']);
  const port = read.number(['ansible_port', 'ansible_ssh_port']) ?? defaults.port;
  const user = read.text(['ansible_user', 'ansible_ssh_user']) ?? defaults.user;
  const key =
    read.text(['ansible_ssh_private_key_file', 'ansible_private_key_file']) ?? defaults.privateKeyFile;
  const password = read.text(['ansible_password', 'ansible_ssh_password', 'ansible_ssh_pass']);
  const passphrase = read.text(['ansible_ssh_private_key_passphrase', 'ansible_private_key_passphrase']);
  const policy =
    defaults.hostKeyPolicy ??
    read.choice(['fairlead_host_key'], new Map(POLICIES.map((each) => [each, each])));
  const timeoutS = read.number(['ansible_ssh_timeout', 'ansible_timeout']) ?? defaults.connectTimeoutS;
  const sshArguments = [read.text(['ansible_ssh_common_args']), read.text(['ansible_ssh_extra_args'])]
    .filter((each) => each !== undefined)
    .join(' ');
  return {
    ...(connection !== undefined && { connection }),
    ...(address !== undefined && { address }),
    ...(port !== undefined && { port }),
    ...(user !== undefined && { user }),
    ...(key !== undefined && { privateKeyFiles: [key] }),
    ...(passphrase !== undefined && { privateKeyPassphrase: new Secret(passphrase) }),
    ...(password !== undefined && { password: new Secret(password) }),
    ...(sshArguments !== '' && { sshArguments }),
    ...(policy !== undefined && { hostKeyPolicy: policy }),
    ...(timeoutS !== undefined && { timeouts: { connectMs: timeoutS * 1000 } }),
  };
}

/** Ansible's connection plugins that come to one of ours. */
const CONNECTIONS: ReadonlyMap<string, 'ssh' | 'local'> = new Map([
  ['ssh', 'ssh'],
  ['smart', 'ssh'],
  ['paramiko', 'ssh'],
  ['paramiko_ssh', 'ssh'],
  ['local', 'local'],
  ['ansible.builtin.ssh', 'ssh'],
  ['ansible.builtin.local', 'local'],
]);

class Reader {
  readonly #scope: HostScope;
  readonly #problems: Problems;

  constructor(scope: HostScope, problems: Problems) {
    this.#scope = scope;
    this.#problems = problems;
  }

  text(names: readonly string[]): string | undefined {
    const found = this.#find(names);
    if (found === undefined) return undefined;
    if (typeof found.value === 'string' || typeof found.value === 'number') return String(found.value);
    return this.#wrong(found.name, 'is not text');
  }

  number(names: readonly string[]): number | undefined {
    const found = this.#find(names);
    if (found === undefined) return undefined;
    const number = Number(found.value);
    return Number.isInteger(number) && number > 0
      ? number
      : this.#wrong(found.name, 'is not a whole number above 0');
  }

  choice<T>(names: readonly string[], choices: ReadonlyMap<string, T>): T | undefined {
    const found = this.#find(names);
    if (found === undefined) return undefined;
    return (
      choices.get(String(found.value)) ??
      this.#wrong(found.name, `is none of ${[...choices.keys()].join(', ')}`)
    );
  }

  /** The first of the names that has a value, as in Ansible. */
  #find(names: readonly string[]): { readonly name: string; readonly value: unknown } | undefined {
    const name = names.find((each) => this.#scope.has(each));
    if (name === undefined) return undefined;
    const shape = this.#scope.shape(name);
    if (shape?.kind !== 'known') return this.#wrong(name, 'depends on what only the host can tell');
    return shape.value === null ? undefined : { name, value: shape.value };
  }

  #wrong(name: string, detail: string): undefined {
    const at = this.#scope.variable(name)?.origin.span();
    this.#problems.add({
      code: 'variable-type',
      summary: 'connection variable cannot be used',
      ...(at !== undefined && { at }),
      details: [`${name} ${detail}`],
    });
    return undefined;
  }
}
