// The text of a known_hosts file, sshd(8): keys of hosts, whose names may be hashed. Pure: no ssh-keygen is needed on the
// host. Lines with a marker (@cert-authority, @revoked) and those of other hosts stay as they are.
import { Buffer } from 'node:buffer';
import { createHash, createHmac } from 'node:crypto';

export interface HostKey {
  /** As they stand in front of the key: names with commas between, or a hash. */
  readonly hosts: string;
  readonly type: string;
  readonly blob: string;
}

export interface KnownEdit {
  readonly text: string;
  /** For people: `1 key added`; undefined: nothing changed. */
  readonly done: string | undefined;
}

/** `host[,address] ssh-ed25519 AAAA…`, or without the host. Undefined: it is none. */
export function parseHostKey(
  line: string,
): ({ readonly hosts: string | undefined } & Omit<HostKey, 'hosts'>) | undefined {
  const words = line.trim().split(/\s+/);
  const hasHosts = !isType(words[0]);
  const [type = '', blob = ''] = hasHosts ? words.slice(1) : words;
  if (!isType(type) || !/^[A-Za-z0-9+/]{16,}={0,3}$/.test(blob)) return undefined;
  return { hosts: hasHosts ? words[0] : undefined, type, blob };
}

/** Whether the names in front of a key, plain or hashed, are those of this host. */
export function isNamed(hosts: string, name: string): boolean {
  return hosts.split(',').some((each) => {
    const [, salt, hash] = /^\|1\|([^|]+)\|([^|]+)$/.exec(each) ?? [];
    if (salt === undefined) return each.toLowerCase() === name;
    return hashOf(name, Buffer.from(salt, 'base64')) === hash;
  });
}

/**
 * `|1|SALT|HASH`. The salt comes from what is in the line, so that the same wish has the same line; what a salt is
 * for, one table for all files, it prevents all the same.
 */
export function hashedName(name: string, blob: string): string {
  const salt = createHash('sha1').update(`${name} ${blob}`).digest();
  return `|1|${salt.toString('base64')}|${hashOf(name, salt)}`;
}

/** The host has these keys, hashed or not as they are here; one it has had of the same type gives way. */
export function withHostKeys(text: string, name: string, keys: readonly HostKey[]): KnownEdit {
  let lines = linesOf(text);
  let added = 0;
  let changed = 0;
  for (const key of keys) {
    const own = lines
      .map((line) => keyOf(line, name))
      .map((each) => (each?.type === key.type ? each : undefined));
    if (own.some((each) => each?.blob === key.blob && isHashed(each) === isHashed(key))) continue;
    const line = `${key.hosts} ${key.type} ${key.blob}`;
    const at = own.findIndex((each) => each !== undefined);
    lines = at < 0 ? [...lines, line] : lines.with(at, line);
    if (at < 0) added++;
    else changed++;
  }
  return edited(text, lines, { added, changed, removed: 0 });
}

/** Without the lines that name the host. */
export function withoutHost(text: string, name: string): KnownEdit {
  const lines = linesOf(text);
  const kept = lines.filter((line) => keyOf(line, name) === undefined);
  return edited(text, kept, { added: 0, changed: 0, removed: lines.length - kept.length });
}

/** The host's key in that line. */
function keyOf(line: string, name: string): HostKey | undefined {
  if (/^\s*(?:[#@]|$)/.test(line)) return undefined;
  const [hosts = '', type = '', blob = ''] = line.trim().split(/\s+/);
  return isNamed(hosts, name) ? { hosts, type, blob } : undefined;
}

function isHashed({ hosts }: HostKey): boolean {
  return hosts.startsWith('|');
}

function isType(word: string | undefined): boolean {
  return /^(?:ssh-|ecdsa-sha2-|sk-)[\w@.-]+$/.test(word ?? '');
}

function hashOf(name: string, salt: Uint8Array): string {
  return createHmac('sha1', salt).update(name).digest('base64');
}

function linesOf(text: string): readonly string[] {
  return text === '' ? [] : text.replace(/\n$/, '').split('\n');
}

function edited(
  text: string,
  lines: readonly string[],
  count: Readonly<Record<'added' | 'changed' | 'removed', number>>,
): KnownEdit {
  const done = Object.entries(count)
    .filter(([, number]) => number > 0)
    .map(([what, number]) => `${number} ${number === 1 ? 'key' : 'keys'} ${what}`);
  if (done.length === 0) return { text, done: undefined };
  return { text: lines.map((line) => `${line}\n`).join(''), done: done.join(', ') };
}
