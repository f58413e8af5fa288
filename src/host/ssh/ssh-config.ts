// What OpenSSH's client configuration says about a host (ssh_config(5)), for the keywords we follow.
// Parsing is the ssh-config package's; which sections apply is decided here, because its own `compute` does not follow
// Include, runs `Match exec` and may call nslookup. `Match exec`, `canonical` and `final` never apply here.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import SSHConfig, { type Line, LineType, type Section } from 'ssh-config';
import { DiagnosticError } from '../../diagnostic.ts';
import { matchesPattern } from './host-pattern.ts';

/** Effective options of one host. Undefined = not said. Paths still hold `~` and %-tokens. */
export interface SshHostOptions {
  readonly hostName?: string;
  readonly port?: number;
  readonly user?: string;
  readonly identityFiles: readonly string[];
  readonly identitiesOnly?: boolean;
  /** As written: a comma list, or `none`. */
  readonly proxyJump?: string;
  readonly proxyCommand?: string;
  readonly hostKeyAlias?: string;
  readonly userKnownHostsFiles?: readonly string[];
  readonly strictHostKeyChecking?: string;
}

/** A configuration file, parsed, with what its Include lines name (by the text of their arguments). */
export interface SshConfigFile {
  readonly lines: readonly Line[];
  readonly includes: ReadonlyMap<string, readonly SshConfigFile[]>;
}

/** Where the reading starts: the user's file wins over the system's. */
export interface SshConfigReader {
  readonly homeDirectory: string;
  read(path: string): string | undefined;
  /** Paths that match a glob, sorted. */
  expand(pattern: string): readonly string[];
}

const MAX_INCLUDE_DEPTH = 16; // as OpenSSH's

/** The options for `alias`, the name as it would be given to ssh. The first value found wins, lists of keys add up. */
export function sshHostOptions(
  files: readonly SshConfigFile[],
  alias: string,
  localUser: string,
): SshHostOptions {
  const found = new Map<string, string[]>();
  for (const file of files) collect(file, { alias, localUser, found });
  return optionsFrom(found, alias);
}

/** Keywords we follow, in lower case. */
export const FOLLOWED: ReadonlySet<string> = new Set([
  'hostkeyalias',
  'hostname',
  'identitiesonly',
  'identityfile',
  'port',
  'proxycommand',
  'proxyjump',
  'stricthostkeychecking',
  'user',
  'userknownhostsfile',
]);

/** Values by keyword (lower case) as options. `alias` is what `%h` in HostName stands for. */
export function optionsFrom(found: ReadonlyMap<string, readonly string[]>, alias = '%h'): SshHostOptions {
  const one = (keyword: string): string | undefined => found.get(keyword)?.[0];
  const port = Number(one('port'));
  const only = one('identitiesonly');
  return {
    identityFiles: found.get('identityfile') ?? [],
    ...said('hostName', one('hostname')?.replaceAll('%h', alias).replaceAll('%%', '%')),
    ...(Number.isInteger(port) && port > 0 && { port }),
    ...said('user', one('user')),
    ...said('identitiesOnly', only === undefined ? undefined : /^(yes|true)$/i.test(only)),
    ...said('proxyJump', one('proxyjump')),
    ...said('proxyCommand', one('proxycommand')),
    ...said('hostKeyAlias', one('hostkeyalias')),
    ...said('userKnownHostsFiles', found.get('userknownhostsfile')),
    ...said('strictHostKeyChecking', one('stricthostkeychecking')?.toLowerCase()),
  };
}

/** The user's and the system's configuration; files that are not there are left out. */
export function readSshConfig(paths: readonly string[], reader: SshConfigReader): readonly SshConfigFile[] {
  return paths.flatMap((path) => parseFile(path, reader, 0));
}

/** Reads from this machine's disk. */
export function diskReader(homeDirectory: string): SshConfigReader {
  return {
    homeDirectory,
    read: (path) => {
      try {
        return readFileSync(path, 'utf8');
      } catch {
        return undefined;
      }
    },
    expand: expandOnDisk,
  };
}

/** `*` and `?` in any part of the path; like a shell's, they pass over names with a leading dot. */
function expandOnDisk(pattern: string): readonly string[] {
  let paths = [isAbsolute(pattern) ? '/' : '.'];
  for (const part of pattern.split('/').filter((name) => name !== '')) {
    if (/[*?]/.test(part)) {
      paths = paths.flatMap((folder) =>
        namesIn(folder)
          .filter((name) => !name.startsWith('.') && matchesPattern(part, name))
          .map((name) => join(folder, name)),
      );
    } else paths = paths.map((folder) => join(folder, part)).filter((path) => existsSync(path));
  }
  return paths;
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder).sort();
  } catch {
    return [];
  }
}

function parseFile(path: string, reader: SshConfigReader, depth: number): SshConfigFile[] {
  const text = reader.read(path);
  if (text === undefined) return [];
  if (depth > MAX_INCLUDE_DEPTH) throw broken(path, 'Include is nested too deeply');
  const lines = parseText(path, text);
  const includes = new Map<string, SshConfigFile[]>();
  for (const line of [...lines, ...lines.flatMap((section) => ('config' in section ? section.config : []))]) {
    if (line.type !== LineType.DIRECTIVE || line.param.toLowerCase() !== 'include') continue;
    const named = values(line.value);
    const paths = named.flatMap((name) => reader.expand(includePath(name, reader.homeDirectory)));
    includes.set(
      named.join(' '),
      paths.flatMap((included) => parseFile(included, reader, depth + 1)),
    );
  }
  return [{ lines, includes }];
}

function parseText(path: string, text: string): readonly Line[] {
  try {
    return SSHConfig.parse(text);
  } catch (error) {
    throw broken(path, error instanceof Error ? error.message : String(error));
  }
}

function broken(path: string, why: string): DiagnosticError {
  const details = [`${path}: ${why}`];
  return new DiagnosticError([
    { code: 'file-unreadable', summary: 'ssh configuration cannot be read', details },
  ]);
}

function includePath(name: string, homeDirectory: string): string {
  if (name.startsWith('~/')) return join(homeDirectory, name.slice(2));
  return isAbsolute(name) ? name : join(homeDirectory, '.ssh', name);
}

interface Collecting {
  readonly alias: string;
  readonly localUser: string;
  /** By keyword in lower case. */
  readonly found: Map<string, string[]>;
}

function collect(file: SshConfigFile, collecting: Collecting): void {
  const visit = (lines: readonly Line[]): void => {
    for (const line of lines) {
      if (line.type !== LineType.DIRECTIVE) continue;
      const keyword = line.param.toLowerCase();
      if ('config' in line) {
        if (applies(line, collecting)) visit(line.config);
      } else if (keyword === 'include') {
        for (const included of file.includes.get(values(line.value).join(' ')) ?? [])
          collect(included, collecting);
      } else take(keyword, line.value, collecting.found);
    }
  };
  visit(file.lines);
}

function take(keyword: string, value: Section['value'], found: Map<string, string[]>): void {
  const earlier = found.get(keyword);
  if (earlier === undefined) {
    found.set(keyword, keyword === 'proxycommand' ? [values(value).join(' ')] : values(value));
  } else if (keyword === 'identityfile') earlier.push(...values(value));
}

function applies(section: Section, { alias, localUser, found }: Collecting): boolean {
  if (section.param.toLowerCase() === 'host') return matchesList(values(section.value), alias);
  const criteria = values(section.value);
  for (let at = 0; at < criteria.length; at++) {
    const keyword = criteria[at]?.toLowerCase() ?? '';
    if (keyword === 'all') continue;
    const subjects: Record<string, string> = {
      host: found.get('hostname')?.[0] ?? alias,
      originalhost: alias,
      user: found.get('user')?.[0] ?? localUser,
      localuser: localUser,
    };
    const subject = subjects[keyword];
    const patterns = criteria[++at];
    if (subject === undefined || patterns === undefined) return false;
    if (!matchesList(patterns.split(','), subject)) return false;
  }
  return true;
}

/** A negated pattern that matches decides; otherwise one that matches is enough. */
function matchesList(patterns: readonly string[], subject: string): boolean {
  if (patterns.some((p) => p.startsWith('!') && matchesPattern(p.slice(1), subject))) return false;
  return patterns.some((p) => !p.startsWith('!') && matchesPattern(p, subject));
}

function values(value: Section['value']): string[] {
  return typeof value === 'string' ? [value] : value.map(({ val }) => val);
}

function said<Key extends string, Value>(key: Key, value: Value | undefined): { [K in Key]?: Value } {
  return value === undefined ? {} : ({ [key]: value } as { [K in Key]?: Value });
}
