// What all SSH hosts of one run share: the parsed ssh configuration, known_hosts, keys, jump hosts, the limit on
// handshakes, and the signal that ends everything. Created once, before the first host.
import { setMaxListeners } from 'node:events';
import { join } from 'node:path';
import { because, type Unreachable } from './connect-failure.ts';
import {
  type ConnectionSettings,
  jumpTarget,
  type LocalIdentity,
  parseJump,
  type SshTarget,
  sshAlias,
  sshTarget,
} from './connection-settings.ts';
import { HandshakeGate } from './handshake-gate.ts';
import { JumpHosts } from './jump-hosts.ts';
import { KnownHosts } from './known-hosts.ts';
import { diskReader, readSshConfig, type SshConfigFile, sshHostOptions } from './ssh-config.ts';
import { type ConnectSources, connectSsh } from './ssh-connect.ts';
import type { SshConnection } from './ssh-connection.ts';
import { KeyCache } from './ssh-keys.ts';

export interface SshContextOptions {
  readonly local: LocalIdentity;
  /** SSH_AUTH_SOCK. */
  readonly agentSocket?: string;
  /** Aborted by Ctrl-C: programs are lost, connections destroyed. */
  readonly signal: AbortSignal;
  /** Default 32. */
  readonly handshakeLimit?: number;
  /** Default: ~/.ssh/config and /etc/ssh/ssh_config. */
  readonly sshConfigPaths?: readonly string[];
}

const HANDSHAKE_LIMIT = 32;
const MAX_JUMPS = 8;

export class SshContext {
  readonly signal: AbortSignal;
  readonly #local: LocalIdentity;
  readonly #sshConfig: readonly SshConfigFile[];
  readonly #sources: ConnectSources;
  readonly #jumpHosts: JumpHosts;
  readonly #knownHosts = new Map<string, Promise<KnownHosts>>();

  /** Reads the ssh configuration: throws a DiagnosticError where that is broken. */
  constructor(options: SshContextOptions) {
    const { local, signal, agentSocket } = options;
    const paths = options.sshConfigPaths ?? [
      join(local.homeDirectory, '.ssh', 'config'),
      '/etc/ssh/ssh_config',
    ];
    this.signal = signal;
    setMaxListeners(0, signal); // each connection listens: thousands are no leak
    this.#local = local;
    this.#sshConfig = readSshConfig(paths, diskReader(local.homeDirectory));
    this.#sources = {
      gate: new HandshakeGate(options.handshakeLimit ?? HANDSHAKE_LIMIT),
      signal,
      keys: new KeyCache(),
      agentSocket,
      knownHosts: (files) => this.#readKnownHosts(files),
    };
    this.#jumpHosts = new JumpHosts((target, through) => connectSsh(target, this.#sources, through));
  }

  /** The settings merged with the ssh configuration. */
  target(name: string, settings: ConnectionSettings): SshTarget {
    const configured = sshHostOptions(this.#sshConfig, sshAlias(name, settings), this.#local.user);
    return sshTarget(name, { settings, configured, local: this.#local });
  }

  /** Through the target's jump hosts, where it has any. Never rejects. */
  async connect(target: SshTarget): Promise<SshConnection | Unreachable> {
    const chain = this.#chain(target);
    if (chain === undefined) return because('jump', `ProxyJump of ${target.name} goes in a circle`);
    const lease = await this.#jumpHosts.acquire(chain);
    if (lease !== undefined && 'kind' in lease) return lease;
    const connection = await connectSsh(target, this.#sources, lease);
    if ('kind' in connection) lease?.release();
    else void connection.closed.then(() => lease?.release());
    return connection;
  }

  /** The first jump host may have jumps of its own; the others are reached from the one before. */
  #chain(target: SshTarget): readonly SshTarget[] | undefined {
    let chain = target.jumps.map((jump) => this.#jumpTarget(jump, target));
    for (let first = chain[0]; first !== undefined && first.jumps.length > 0; first = chain[0]) {
      const from = first;
      chain = [
        ...from.jumps.map((jump) => this.#jumpTarget(jump, from)),
        { ...from, jumps: [] },
        ...chain.slice(1),
      ];
      if (chain.length > MAX_JUMPS) return undefined;
    }
    return chain;
  }

  #jumpTarget(jump: string, target: SshTarget): SshTarget {
    const configured = sshHostOptions(this.#sshConfig, parseJump(jump).name, this.#local.user);
    return jumpTarget(jump, { target, configured, local: this.#local });
  }

  #readKnownHosts(paths: readonly string[]): Promise<KnownHosts> {
    const key = JSON.stringify(paths);
    let known = this.#knownHosts.get(key);
    if (known === undefined) {
      known = KnownHosts.read(paths);
      this.#knownHosts.set(key, known);
    }
    return known;
  }
}
