// What a host says of the files below some folders: the sh that lists them in one walk, and the list read back.
import { quote, words } from '../../shell.ts';
import type { Attributes } from './file-probe.ts';
import type { FileKind } from './stat-fields.ts';

export interface Walk {
  readonly folders: readonly string[];
  /** Levels; undefined: all of them. */
  readonly depth: number | undefined;
  readonly links: 'stay' | 'follow';
  /** Only these are told of; all are counted. Links that are followed are told of whatever they are. */
  readonly type: 'any' | 'directory' | 'file' | 'link';
  readonly hidden: 'tell' | 'leave-out';
  /** POSIX extended regular expression that some line of a file matches. */
  readonly contains: string | undefined;
  readonly checksum: boolean;
}

export interface ListedFile extends Attributes {
  readonly path: string;
  readonly type: FileKind;
  readonly sizeBytes: number;
  readonly inode: number;
  readonly links: number;
  readonly device: number;
  /** Seconds since 1970. */
  readonly times: { readonly access: number; readonly modification: number; readonly change: number };
  readonly sha256: string | undefined;
}

export interface Listing {
  readonly files: readonly ListedFile[];
  /** How many things were looked at. */
  readonly examined: number;
  /** By the clock of the host, in seconds since 1970. */
  readonly now: number;
  /** Folders that are none. */
  readonly skipped: readonly string[];
}

const STAT_FORMAT = '%f:%u:%g:%s:%h:%i:%d:%X:%Y:%Z:%U:%G:%n';

// Every record ends with two slashes, which no path has in it, so that a name may hold a line break.
/** Read-only sh; its status is that of find(1), not 0 where it could not see everything. */
export function listScript(walk: Walk): string {
  const tests = [
    ...(walk.type === 'any' || walk.links === 'follow' ? [] : [`-type ${TYPES[walk.type]}`]),
    ...(walk.hidden === 'tell' ? [] : ["! -name '.*'"]),
    ...(walk.contains === undefined ? [] : [`-type f -exec grep -q -E -e ${quote(walk.contains)} {} ';'`]),
    `-exec stat -c '${STAT_FORMAT}//' {} +`,
    ...(walk.checksum ? [`-type f -exec sh -c ${quote(HASH)} sh {} +`] : []),
  ];
  const option = walk.links === 'follow' ? '-L' : '-H';
  const depth = walk.depth === undefined ? '' : ` -maxdepth ${walk.depth}`;
  return `printf 'now:%s//\\n' "$(date +%s)"
set -- ${words(...walk.folders)}
for folder do
  shift
  if [ -d "$folder" ]; then set -- "$@" "$folder"; else printf 'skipped:%s//\\n' "$folder"; fi
done
[ "$#" -eq 0 ] || find ${option} "$@" -mindepth 1${depth} -exec sh -c 'echo "examined:$#//"' sh {} + ${tests.join(' ')}`;
}

const TYPES = { directory: 'd', file: 'f', link: 'l' } as const;

const HASH = `for path do
  hash=$(sha256sum <"$path") && printf 'hash:%s:%s//\\n' "\${hash%% *}" "$path"
done`;

export function readListing(stdout: string): Listing {
  const files: Omit<ListedFile, 'sha256'>[] = [];
  const hashes = new Map<string, string>();
  const skipped: string[] = [];
  let examined = 0;
  let now = 0;
  for (const record of stdout.split('//\n')) {
    const [, key, value = ''] = /^(now|examined|skipped|hash):([\s\S]*)$/.exec(record) ?? [];
    if (key === undefined) {
      const file = listedFile(record);
      if (file !== undefined) files.push(file);
    } else if (key === 'now') now = Number(value);
    else if (key === 'examined') examined += Number(value);
    else if (key === 'skipped') skipped.push(value);
    else hashes.set(value.slice(65), value.slice(0, 64));
  }
  return {
    files: files.map((file) => ({ ...file, sha256: hashes.get(file.path) })),
    examined,
    now,
    skipped,
  };
}

const FILE_TYPES: Readonly<Record<number, FileKind>> = {
  1: 'fifo',
  2: 'character',
  4: 'directory',
  6: 'block',
  8: 'file',
  10: 'link',
  12: 'socket',
};

function listedFile(record: string): Omit<ListedFile, 'sha256'> | undefined {
  const parts = /^([0-9a-f]+):((?:\d+:){9})([^:]*):([^:]*):(\/[\s\S]*)$/.exec(record);
  if (parts === null) return undefined;
  const [, rawMode = '', numbers = '', owner = '', group = '', path = ''] = parts;
  const bits = Number.parseInt(rawMode, 16);
  const [uid = 0, gid = 0, sizeBytes = 0, links = 0, inode = 0, device = 0, ...times] = numbers
    .split(':')
    .map(Number);
  const [access = 0, modification = 0, change = 0] = times;
  return {
    path,
    type: FILE_TYPES[bits >> 12] ?? 'file',
    mode: bits & 0o7777,
    owner,
    group,
    uid,
    gid,
    sizeBytes,
    links,
    inode,
    device,
    times: { access, modification, change },
  };
}
