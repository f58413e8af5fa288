// What a wave asks about files, and what it is told: one shared fragment for all probes of a wave,
// because every stat or sha256sum spawned on the host costs about a millisecond.
// Regular files cost two forks together: one stat, one sha256sum. Each link or content asked for costs an od more.
import { Buffer } from 'node:buffer';
import { createHash } from 'node:crypto';
import { quote, words } from '../../shell.ts';

export interface FileProbe {
  /** Absolute. */
  readonly path: string;
  /** `link`: look at a symbolic link itself; `target`: at what it points to. */
  readonly follow: 'link' | 'target';
  /** `none`: no hash; `hash`: SHA-256 of a regular file; `content`: the bytes too, up to 256 KiB. */
  readonly depth: 'none' | 'hash' | 'content';
}

export interface Attributes {
  /** Permission bits as a number, 0o644. */
  readonly mode: number;
  readonly owner: string;
  readonly group: string;
  readonly uid: number;
  readonly gid: number;
}

export type FileState =
  | { readonly kind: 'absent' }
  | ({
      readonly kind: 'file';
      readonly sizeBytes: number;
      readonly mtimeSeconds: number;
      readonly sha256?: string;
      readonly content?: Uint8Array;
    } & Attributes)
  | ({ readonly kind: 'directory' } & Attributes)
  | ({ readonly kind: 'link'; readonly target: string } & Attributes)
  | ({ readonly kind: 'other'; readonly type: 'fifo' | 'socket' | 'block' | 'character' } & Attributes)
  /** There, but it (or its folder) may not be read by this user. */
  | { readonly kind: 'unreadable'; readonly message: string };

/** Larger files have no content in their state. */
export const CONTENT_LIMIT_BYTES = 256 * 1024;

/**
 * Read-only sh that answers the probes on stdout for `parseProbes`; its status is 0 whatever it finds.
 * Any file name will do. No probes, no script: the empty string.
 *
 * Most names are printed as they are, in lines of `stat -c` and `sha256sum`. A name those lines could not hold
 * (newline, backslash) is looked at alone and answered under its label.
 */
export function probeScript(probes: readonly FileProbe[]): string {
  if (probes.length === 0) return '';
  const paths = (wanted: (probe: FileProbe) => boolean) => [
    ...new Set(probes.filter(wanted).map(({ path }) => path)),
  ];
  const targets = paths(({ follow }) => follow === 'target');
  const links = paths(({ follow }) => follow === 'link');
  return [
    PRELUDE,
    ...viewScript('-L', 'T', targets),
    ...viewScript('', 'L', links),
    ...links.map(linkScript),
    ...hashScript(paths(({ depth }) => depth !== 'none')),
    ...paths(({ depth }) => depth === 'content').map(contentScript),
  ].join('\n');
}

/**
 * The states of the probed paths. `output` may be that of a script for more probes than these: to give each task
 * of a wave its own answers, parse once per task. A path probed twice here, as link and as target, is
 * answered by the later probe.
 */
export function parseProbes(
  probes: readonly FileProbe[],
  output: { readonly stdout: string },
): ReadonlyMap<string, FileState> {
  const answers = readAnswers(output.stdout);
  return new Map(probes.map((probe) => [probe.path, stateOf(probe, answers)]));
}

const PRELUDE = `LC_ALL=C
export LC_ALL
closed() {
  if [ -e "$1" ] || [ -L "$1" ]; then return 0; fi
  folder=\${1%/*}
  until [ -z "$folder" ] || [ -d "$folder" ]; do folder=\${folder%/*}; done
  [ -z "$folder" ] || [ -x "$folder" ] || printf 'C:%s\\n' "$2"
}
lacking() { [ "$2" -ne 127 ] || printf 'lacking:%s\\n' "$1"; }`;

/** Raw mode in hex, uid, gid, size, mtime, owner, group; both GNU and BusyBox know them. A name follows. */
const STAT_FORMAT = '%f:%u:%g:%s:%Y:%U:%G:';

/** The name as it stands in the output: itself, or percent-encoded where it would break a line. */
function label(path: string): string {
  return path.replace(/[\n\r\\%]/g, encodeURIComponent);
}

function isPlain(path: string): boolean {
  return label(path) === path;
}

function viewScript(option: '-L' | '', tag: 'T' | 'L', paths: readonly string[]): readonly string[] {
  const plain = paths.filter(isPlain);
  const stat = `stat ${option === '' ? '' : `${option} `}-c`;
  return [
    ...(plain.length === 0
      ? []
      : [
          `set -- ${words(...plain)}`,
          'for path do closed "$path" "$path"; done',
          `${stat} '${tag}:${STAT_FORMAT}%n' "$@" 2>/dev/null || lacking stat "$?"`,
        ]),
    ...paths
      .filter((path) => !isPlain(path))
      .flatMap((path) => [
        `closed ${words(path, label(path))}`,
        `${stat} ${quote(`${tag}:${STAT_FORMAT}${label(path).replaceAll('%', '%%')}`)} ${quote(path)} 2>/dev/null || :`,
      ]),
  ];
}

function hashScript(paths: readonly string[]): readonly string[] {
  const plain = paths.filter(isPlain);
  return [
    ...(plain.length === 0
      ? []
      : [
          `set -- ${words(...plain)}`,
          'count=$#',
          'while [ "$count" -gt 0 ]; do',
          '  if [ -f "$1" ] && [ -r "$1" ]; then set -- "$@" "$1"; fi',
          '  shift',
          '  count=$((count - 1))',
          'done',
          '[ "$#" -eq 0 ] || sha256sum "$@" 2>/dev/null || lacking sha256sum "$?"',
        ]),
    ...paths
      .filter((path) => !isPlain(path))
      .map((path) =>
        whenReadable(path, `printf 'H:%s:%s\\n' "$(sha256sum <${quote(path)})" ${quote(label(path))}`),
      ),
  ];
}

function linkScript(path: string): string {
  const header = `printf 'link:%s\\n' ${quote(label(path))}`;
  return `[ ! -L ${quote(path)} ] || { ${header}; readlink ${quote(path)} | od -An -v -tx1; }`;
}

function contentScript(path: string): string {
  const header = `printf 'content:%s\\n' ${quote(label(path))}`;
  const dump = `od -An -v -tx1 -N ${CONTENT_LIMIT_BYTES} <${quote(path)} || lacking od "$?"`;
  return whenReadable(path, `{ ${header}; ${dump}; }`);
}

function whenReadable(path: string, command: string): string {
  return `[ ! -f ${quote(path)} ] || [ ! -r ${quote(path)} ] || ${command}`;
}

interface Answers {
  /** Lines of stat without their tag and name, by tag and label: `T:/etc/x`. */
  readonly stat: ReadonlyMap<string, string>;
  readonly hash: ReadonlyMap<string, string>;
  /** Hexadecimal, by `link:` or `content:` and label. */
  readonly dump: ReadonlyMap<string, string>;
  readonly closed: ReadonlySet<string>;
  /** Tools that the host has not got. */
  readonly lacking: ReadonlySet<string>;
}

function readAnswers(stdout: string): Answers {
  const stat = new Map<string, string>();
  const hash = new Map<string, string>();
  const dump = new Map<string, string>();
  const closed = new Set<string>();
  const lacking = new Set<string>();
  let dumping: { readonly key: string; readonly lines: string[] } | undefined;
  for (const line of stdout.split('\n')) {
    if (dumping !== undefined) {
      if (/^[ 0-9a-f]*$/.test(line)) {
        dumping.lines.push(line.replaceAll(' ', ''));
        continue;
      }
      dump.set(dumping.key, dumping.lines.join(''));
      dumping = undefined;
    }
    const statLine = /^([TL]):((?:[^:]*:){7})(.*)$/.exec(line);
    const hashLine = /^([0-9a-f]{64}) [ *](\/.*)$/.exec(line) ?? /^H:([0-9a-f]{64}) [ *]-:(.*)$/.exec(line);
    if (statLine) stat.set(`${statLine[1]}:${statLine[3]}`, statLine[2] ?? '');
    else if (hashLine) hash.set(hashLine[2] ?? '', hashLine[1] ?? '');
    else if (line.startsWith('C:')) closed.add(line.slice(2));
    else if (line.startsWith('lacking:')) lacking.add(line.slice(8));
    else if (/^(link|content):/.test(line)) dumping = { key: line, lines: [] };
  }
  if (dumping !== undefined) dump.set(dumping.key, dumping.lines.join(''));
  return { stat, hash, dump, closed, lacking };
}

function stateOf(probe: FileProbe, answers: Answers): FileState {
  const name = label(probe.path);
  if (answers.lacking.has('stat')) return unreadable('stat is not on this host');
  if (answers.closed.has(name)) return unreadable('Permission denied');
  const fields = answers.stat.get(`${probe.follow === 'target' ? 'T' : 'L'}:${name}`);
  if (fields === undefined) return { kind: 'absent' };
  const [rawMode = '', uid, gid, size, mtime, owner = '', group = ''] = fields.split(':');
  const bits = Number.parseInt(rawMode, 16);
  const attributes = { mode: bits & 0o7777, owner, group, uid: Number(uid), gid: Number(gid) };
  switch (bits & 0o170000) {
    case 0o100000:
      return fileState(probe, answers, {
        kind: 'file',
        sizeBytes: Number(size),
        mtimeSeconds: Number(mtime),
        ...attributes,
      });
    case 0o040000:
      return { kind: 'directory', ...attributes };
    case 0o120000: {
      const target = Buffer.from(answers.dump.get(`link:${name}`) ?? '', 'hex').toString('utf8');
      return { kind: 'link', target: target.replace(/\n$/, ''), ...attributes };
    }
    case 0o010000:
      return { kind: 'other', type: 'fifo', ...attributes };
    case 0o140000:
      return { kind: 'other', type: 'socket', ...attributes };
    case 0o060000:
      return { kind: 'other', type: 'block', ...attributes };
    default:
      return { kind: 'other', type: 'character', ...attributes };
  }
}

function fileState(
  probe: FileProbe,
  answers: Answers,
  state: Extract<FileState, { readonly kind: 'file' }>,
): FileState {
  const name = label(probe.path);
  if (probe.depth === 'none') return state;
  const dump = probe.depth === 'content' ? answers.dump.get(`content:${name}`) : undefined;
  const content = dump === undefined ? undefined : Buffer.from(dump, 'hex');
  // A file that grew or shrank meanwhile, and one beyond the limit, has no content that could be trusted.
  const whole = content !== undefined && content.length === state.sizeBytes ? content : undefined;
  if (probe.depth === 'content' && answers.lacking.has('od')) return unreadable('od is not on this host');
  const sha256 = whole === undefined ? answers.hash.get(name) : sha256Of(whole);
  if (sha256 === undefined) {
    return unreadable(
      answers.lacking.has('sha256sum') ? 'sha256sum is not on this host' : 'Permission denied',
    );
  }
  return { ...state, sha256, ...(whole !== undefined && { content: whole }) };
}

function unreadable(message: string): FileState {
  return { kind: 'unreadable', message };
}

/** The hash of these bytes in the notation of sha256sum. */
export function sha256Of(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
