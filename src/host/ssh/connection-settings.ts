// What the inventory says about reaching a host, and its merging with the ssh configuration into a target. Pure.
// Explicit settings win over ssh arguments, those over ssh_config, that over the defaults.
import { isAbsolute, join } from 'node:path';
import type { Secret } from '../../secret.ts';
import { type Become, DEFAULT_TIMEOUTS, type HostTimeouts } from '../host.ts';
import type { HostKeyPolicy } from './known-hosts.ts';
import { parseSshArguments } from './ssh-arguments.ts';
import type { SshHostOptions } from './ssh-config.ts';

/** Everything is optional: undefined = not said. */
export interface ConnectionSettings {
  readonly connection?: 'ssh' | 'local';
  /** ansible_host: a name (of ssh_config, too) or an address; the inventory's name without it. */
  readonly address?: string;
  readonly port?: number;
  /** By another address of the same host, which is to show the key that is known of `address`. */
  readonly reachedAt?: { readonly address: string; readonly port: number | undefined };
  readonly user?: string;
  readonly privateKeyFiles?: readonly string[];
  readonly privateKeyPassphrase?: Secret;
  readonly password?: Secret;
  /** What tasks that ask for `become` use. */
  readonly become?: Become;
  /** ansible_ssh_common_args. */
  readonly sshArguments?: string;
  readonly hostKeyPolicy?: HostKeyPolicy;
  readonly timeouts?: Partial<HostTimeouts>;
}

/** All that is needed to connect to one host. */
export interface SshTarget {
  /** For messages: the inventory's name, or the jump host's as written. */
  readonly name: string;
  readonly address: string;
  readonly port: number;
  readonly user: string;
  /** The name (and port) that known_hosts has. */
  readonly hostKeyName: string;
  readonly hostKeyPort: number;
  readonly hostKeyPolicy: HostKeyPolicy;
  readonly knownHostsFiles: readonly string[];
  /** Named by somebody (`given`), or the ones ssh tries by itself. */
  readonly keyFiles: readonly string[];
  readonly keyFilesAre: 'given' | 'default';
  readonly identitiesOnly: boolean;
  readonly passphrase?: Secret;
  readonly password?: Secret;
  /** `[user@]host[:port]`, the first is connected to first. */
  readonly jumps: readonly string[];
  readonly timeouts: HostTimeouts;
  /** What was asked for and cannot be done: the host is not connected to. */
  readonly unsupported: readonly string[];
}

/** Who and where we are: what `~` and %-tokens stand for. */
export interface LocalIdentity {
  readonly user: string;
  readonly homeDirectory: string;
}

/** The name under which ssh_config is asked. */
export function sshAlias(name: string, settings: ConnectionSettings): string {
  return settings.address ?? name;
}

/** One target out of the settings, the effective ssh_config options of `sshAlias` and the defaults. */
export function sshTarget(
  name: string,
  sources: {
    readonly settings: ConnectionSettings;
    readonly configured: SshHostOptions;
    readonly local: LocalIdentity;
  },
): SshTarget {
  const { settings, configured, local } = sources;
  const { options, unsupported } = parseSshArguments(settings.sshArguments ?? '');
  const alias = sshAlias(name, settings);
  const address = options.hostName ?? configured.hostName ?? alias;
  const port = settings.port ?? options.port ?? configured.port ?? 22;
  const user = settings.user ?? options.user ?? configured.user ?? local.user;
  const tokens = {
    h: address,
    n: alias,
    p: String(port),
    r: user,
    d: local.homeDirectory,
    u: local.user,
    '%': '%',
  };
  const path = (text: string): string => localPath(text, tokens);

  const hostKeyAlias = options.hostKeyAlias ?? configured.hostKeyAlias;
  const given = settings.privateKeyFiles ?? [...options.identityFiles, ...configured.identityFiles];
  const proxy = proxyOf(options) ?? proxyOf(configured) ?? { jumps: [] };
  const { privateKeyPassphrase: passphrase, password, reachedAt } = settings;
  return {
    name,
    address: reachedAt?.address ?? address,
    port: reachedAt?.port ?? port,
    user,
    hostKeyName: hostKeyAlias ?? address,
    hostKeyPort: hostKeyAlias === undefined ? port : 22,
    hostKeyPolicy:
      settings.hostKeyPolicy ?? policyOf(options.strictHostKeyChecking ?? configured.strictHostKeyChecking),
    knownHostsFiles: [
      ...(options.userKnownHostsFiles ?? configured.userKnownHostsFiles ?? USER_KNOWN_HOSTS).map(path),
      ...SYSTEM_KNOWN_HOSTS,
    ],
    keyFiles: (given.length > 0 ? given : DEFAULT_KEY_FILES).filter((file) => file !== 'none').map(path),
    keyFilesAre: given.length > 0 ? 'given' : 'default',
    identitiesOnly: options.identitiesOnly ?? configured.identitiesOnly ?? false,
    ...(passphrase && { passphrase }),
    ...(password && { password }),
    jumps: proxy.jumps.map((jump) => expand(jump, tokens)),
    timeouts: { ...DEFAULT_TIMEOUTS, ...settings.timeouts },
    unsupported: [...unsupported, ...(proxy.unsupported === undefined ? [] : [proxy.unsupported])],
  };
}

/**
 * A jump host of a target. What ssh_config does not say about it, it takes over from the target: policy, timeouts, and
 * where nothing is configured known_hosts and key files. Never a password.
 */
export function jumpTarget(
  jump: string,
  sources: { readonly target: SshTarget; readonly configured: SshHostOptions; readonly local: LocalIdentity },
): SshTarget {
  const { target, configured, local } = sources;
  const { name, settings } = parseJump(jump);
  const { hostKeyPolicy, timeouts } = target;
  const own = sshTarget(name, { settings: { ...settings, hostKeyPolicy, timeouts }, configured, local });
  return {
    ...own,
    ...(configured.userKnownHostsFiles === undefined && { knownHostsFiles: target.knownHostsFiles }),
    ...(own.keyFilesAre === 'default' && { keyFiles: target.keyFiles, keyFilesAre: target.keyFilesAre }),
    ...(target.passphrase && { passphrase: target.passphrase }),
  };
}

/** `[user@]host[:port]`, `[user@][address]:port` or `ssh://…` as the settings of a jump host. */
export function parseJump(text: string): { readonly name: string; readonly settings: ConnectionSettings } {
  const [, user, bracketed, plain, port] =
    /^(?:ssh:\/\/)?(?:([^@]+)@)?(?:\[([^\]]+)\]|([^:]+|[^:]*:.*:[^:]*))(?::(\d+))?$/.exec(text) ?? [];
  const name = bracketed ?? plain ?? text;
  return { name, settings: { ...(user && { user }), ...(port && { port: Number(port) }) } };
}

const USER_KNOWN_HOSTS = ['~/.ssh/known_hosts', '~/.ssh/known_hosts2'];
const SYSTEM_KNOWN_HOSTS = ['/etc/ssh/ssh_known_hosts', '/etc/ssh/ssh_known_hosts2'];
const DEFAULT_KEY_FILES = ['~/.ssh/id_ed25519', '~/.ssh/id_ecdsa', '~/.ssh/id_rsa'];

interface Proxy {
  readonly jumps: readonly string[];
  readonly unsupported?: string;
}

/** Undefined: nothing was said. A ProxyCommand that is `ssh -W` in disguise is a jump. */
function proxyOf({ proxyJump, proxyCommand }: SshHostOptions): Proxy | undefined {
  if (proxyJump !== undefined) {
    return { jumps: /^none$/i.test(proxyJump) ? [] : proxyJump.split(',').map((jump) => jump.trim()) };
  }
  if (proxyCommand === undefined) return undefined;
  if (/^none$/i.test(proxyCommand.trim())) return { jumps: [] };
  const parts = proxyCommand.trim().split(/\s+/);
  const plain = parts.filter((part) => !/^-[qaT]+$/.test(part));
  const [ssh, ...rest] = plain;
  const at = rest.indexOf('-W');
  const jump = [...rest.slice(0, at), ...rest.slice(at + 2)];
  const [name] = jump;
  const isJump = /(^|\/)ssh$/.test(ssh ?? '') && at >= 0 && rest[at + 1] === '%h:%p';
  if (isJump && jump.length === 1 && name !== undefined && !name.startsWith('-')) return { jumps: [name] };
  return { jumps: [], unsupported: `ProxyCommand ${proxyCommand}` };
}

/** OpenSSH's `ask` is strict here: nobody is asked in the middle of a run. */
function policyOf(strictHostKeyChecking: string | undefined): HostKeyPolicy {
  if (strictHostKeyChecking === 'accept-new') return 'accept-new';
  return strictHostKeyChecking === 'no' || strictHostKeyChecking === 'off' ? 'off' : 'strict';
}

type Tokens = Readonly<Record<string, string>>;

function expand(text: string, tokens: Tokens): string {
  return text.replace(/%([a-zA-Z%])/g, (whole, token: string) => tokens[token] ?? whole);
}

function localPath(text: string, tokens: Tokens): string {
  const expanded = expand(text, tokens);
  const home = tokens.d ?? '/';
  if (expanded === '~' || expanded.startsWith('~/')) return join(home, expanded.slice(1));
  return isAbsolute(expanded) || expanded === 'none' ? expanded : join('.', expanded);
}
