// known_hosts files (sshd(8), SSH_KNOWN_HOSTS FILE FORMAT): which keys a host may show, and adding a new one.
// What to do about an unknown or changed key is left to host-key-check.ts.
import { Buffer } from 'node:buffer';
import { createHmac } from 'node:crypto';
import { mkdir, open, readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { matchesPattern } from './host-pattern.ts';

/** `strict`: only known keys. `accept-new`: a host's first key is added. `off`: any key, nothing is checked. */
export type HostKeyPolicy = 'strict' | 'accept-new' | 'off';

/** Where an entry stands: `FILE:LINE`. */
export type EntryPlace = string;

export type HostKeyVerdict =
  | { readonly kind: 'match' }
  /** No entry has a key of this type. `certificateAuthority`: one that we cannot use vouches for the host. */
  | { readonly kind: 'unknown'; readonly certificateAuthority?: EntryPlace }
  | { readonly kind: 'changed'; readonly at: EntryPlace; readonly oldKey: Buffer }
  | { readonly kind: 'revoked'; readonly at: EntryPlace };

/** What the files say about one host. */
export interface KnownHost {
  /** `ssh-ed25519` and its like, in the files' order, each once. */
  readonly keyTypes: readonly string[];
  verify(key: Uint8Array): HostKeyVerdict;
}

export interface KnownHostsFile {
  readonly path: string;
  readonly text: string;
}

interface Entry {
  readonly mark: 'cert-authority' | 'revoked' | undefined;
  readonly keyType: string;
  readonly key: Buffer;
  readonly at: EntryPlace;
}

interface HashedEntry extends Entry {
  readonly salt: Buffer;
  readonly hash: Buffer;
}

interface PatternEntry extends Entry {
  readonly patterns: readonly string[];
}

export class KnownHosts {
  readonly #paths: readonly string[];
  readonly #byName = new Map<string, Entry[]>();
  readonly #patterns: PatternEntry[] = [];
  /** A hash fits one name only: an entry moves to #byName when its name has been asked for. */
  #hashed: HashedEntry[] = [];
  readonly #asked = new Set<string>();
  #writing: Promise<void> = Promise.resolve();

  constructor(files: readonly KnownHostsFile[], paths: readonly string[] = files.map((file) => file.path)) {
    this.#paths = paths;
    for (const file of files) {
      file.text.split('\n').forEach((line, index) => {
        this.#addLine(line, `${file.path}:${index + 1}`);
      });
    }
  }

  /** Reads the files that are there. New keys go to the first path. */
  static async read(paths: readonly string[]): Promise<KnownHosts> {
    const files: KnownHostsFile[] = [];
    for (const path of paths) {
      const text = await readFile(path, 'utf8').catch(() => undefined);
      if (text !== undefined) files.push({ path, text });
    }
    return new KnownHosts(files, paths);
  }

  /** `host`: a name or an address, as it was asked for. A HostKeyAlias goes with port 22. */
  lookup(host: string, port: number): KnownHost {
    const names = port === 22 ? [nameOf(host, 22)] : [nameOf(host, port), nameOf(host, 22)];
    const usable = names
      .flatMap((name) => this.#entriesFor(name))
      .filter((entry) => entry.mark === undefined);
    return {
      keyTypes: [...new Set(usable.map((entry) => entry.keyType))],
      verify: (key) => {
        const [exact, withoutPort] = names.map((name) => judge(this.#entriesFor(name), Buffer.from(key)));
        // As OpenSSH does: a key known without the port is good for it, and a wrong one says nothing.
        const useful = withoutPort?.kind === 'match' || withoutPort?.kind === 'revoked';
        if (exact?.kind === 'unknown' && useful && withoutPort !== undefined) return withoutPort;
        return exact ?? { kind: 'unknown' };
      },
    };
  }

  /**
   * Adds a key to the first file (mode 0600 if it is new) and to what `lookup` knows.
   * Appends one after the other, each with one write and an fsync. Rejects with the system's error.
   */
  add(host: string, port: number, key: Uint8Array): Promise<void> {
    const bytes = Buffer.from(key);
    const name = nameOf(host, port);
    if (judge(this.#entriesFor(name), bytes).kind === 'match') return this.#writing;
    const path = this.#paths[0];
    if (path === undefined) return Promise.reject(new Error('there is no known_hosts file to add it to'));
    const line = `${name} ${keyTypeOf(bytes)} ${bytes.toString('base64')}`;
    this.#addLine(line, path);
    const written = this.#writing.then(() => appendLine(path, line));
    this.#writing = written.catch(() => {});
    return written;
  }

  #entriesFor(name: string): readonly Entry[] {
    if (!this.#asked.has(name)) {
      this.#asked.add(name);
      const matching = new Set(this.#hashed.filter((entry) => fits(entry, name)));
      this.#hashed = this.#hashed.filter((entry) => !matching.has(entry));
      for (const entry of matching) this.#addByName(name, entry);
    }
    const patterns = this.#patterns.filter((entry) => matchesHostList(entry.patterns, name));
    return [...(this.#byName.get(name) ?? []), ...patterns];
  }

  /** Lines that make no sense are passed over, as OpenSSH does. */
  #addLine(line: string, at: EntryPlace): void {
    const fields = line.trim().split(/[ \t]+/);
    const mark = fields[0]?.startsWith('@') ? fields.shift()?.slice(1) : undefined;
    if (mark !== undefined && mark !== 'revoked' && mark !== 'cert-authority') return;
    const [hosts, keyType, base64] = fields;
    if (hosts === undefined || hosts.startsWith('#') || keyType === undefined || base64 === undefined) return;
    const entry: Entry = { mark, keyType, key: Buffer.from(base64, 'base64'), at };
    const hashed = /^\|1\|([^|]+)\|([^|]+)$/.exec(hosts);
    if (hashed?.[1] !== undefined && hashed[2] !== undefined) {
      const salt = Buffer.from(hashed[1], 'base64');
      this.#hashed.push({ ...entry, salt, hash: Buffer.from(hashed[2], 'base64') });
      return;
    }
    const patterns = hosts.split(',');
    if (/[*?!]/.test(hosts)) this.#patterns.push({ ...entry, patterns });
    else for (const name of patterns) this.#addByName(name.toLowerCase(), entry);
  }

  #addByName(name: string, entry: Entry): void {
    const entries = this.#byName.get(name);
    if (entries === undefined) this.#byName.set(name, [entry]);
    else entries.push(entry);
  }
}

/** The type that the key itself names (RFC 4253, 6.6: its first string). */
export function keyTypeOf(key: Uint8Array): string {
  const bytes = Buffer.from(key);
  return bytes.length < 4 ? 'unknown' : bytes.toString('latin1', 4, 4 + bytes.readUInt32BE(0));
}

function judge(entries: readonly Entry[], key: Buffer): HostKeyVerdict {
  const revoked = entries.find((entry) => entry.mark === 'revoked' && entry.key.equals(key));
  if (revoked !== undefined) return { kind: 'revoked', at: revoked.at };
  const plain = entries.filter((entry) => entry.mark === undefined);
  if (plain.some((entry) => entry.key.equals(key))) return { kind: 'match' };
  const old = plain.find((entry) => entry.keyType === keyTypeOf(key));
  if (old !== undefined) return { kind: 'changed', at: old.at, oldKey: old.key };
  const authority = entries.find((entry) => entry.mark === 'cert-authority');
  return { kind: 'unknown', ...(authority && { certificateAuthority: authority.at }) };
}

function nameOf(host: string, port: number): string {
  const name = host.toLowerCase();
  return port === 22 ? name : `[${name}]:${port}`;
}

function fits(entry: HashedEntry, name: string): boolean {
  return createHmac('sha1', entry.salt).update(name).digest().equals(entry.hash);
}

/** A negated pattern that matches rules the whole line out. */
function matchesHostList(patterns: readonly string[], name: string): boolean {
  if (patterns.some((p) => p.startsWith('!') && matchesPattern(p.slice(1), name))) return false;
  return patterns.some((p) => !p.startsWith('!') && matchesPattern(p, name));
}

async function appendLine(path: string, line: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const file = await open(path, 'a+', 0o600);
  try {
    const { size } = await file.stat();
    const last = Buffer.alloc(1);
    if (size > 0) await file.read(last, 0, 1, size - 1);
    const separator = size > 0 && last[0] !== 0x0a ? '\n' : '';
    await file.appendFile(`${separator}${line}\n`);
    if ((await file.stat()).isFile()) await file.sync(); // /dev/null has nothing to sync
  } finally {
    await file.close();
  }
}
