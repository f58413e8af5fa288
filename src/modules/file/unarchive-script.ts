// The sh of unarchive: what is there of an archive's members, whether an archive on the host is unpacked, and unpacking.
import { Buffer } from 'node:buffer';
import { emit, quote, words } from '../../shell.ts';
import type { ArchiveFormat } from './archive.ts';
import type { Member } from './archive-member.ts';

const STAT = "xargs -0 stat -c 'S:%f:%u:%g:%U:%G:%n'";

/** Read-only: lines of stat(1) and sha256sum(1) and the ends of links, names as `./NAME`, for what is there. */
export function membersScript(dest: string, members: readonly Member[]): string {
  const has = (kind: Member['kind']) => members.some((member) => member.kind === kind);
  return [
    `cd ${quote(dest)} 2>/dev/null || exit 0`,
    namesScript(members),
    `{ files; folders; links; } | tr '\\n' '\\0' | ${STAT} 2>/dev/null || :`,
    ...(has('file') ? ["files | tr '\\n' '\\0' | xargs -0 sha256sum 2>/dev/null || :"] : []),
    ...(has('link')
      ? [
          `links | while IFS= read -r name; do
  [ ! -L "$name" ] || printf 'L:%s\\n%s\\n' "$name" "$(readlink "$name")"
done`,
        ]
      : []),
  ].join('\n');
}

/** sh functions `files`, `folders` and `links`: the members' names, a line each. */
export function namesScript(members: readonly Member[]): string {
  const list = (name: string, kind: Member['kind']) => {
    const lines = members.filter((member) => member.kind === kind).map(({ path }) => `./${path}\n`);
    return `${name}() {\n${emit(Buffer.from(lines.join('')))}\n}`;
  };
  return [list('files', 'file'), list('folders', 'directory'), list('links', 'link')].join('\n');
}

export interface Unpacking {
  readonly dest: string;
  readonly options: readonly string[];
  /** What to compare does not count: it is set afterwards. */
  readonly modeIsSet: boolean;
}

const FLAGS: Readonly<Record<Exclude<ArchiveFormat, 'zip'>, string>> = {
  tar: '',
  gzip: '-z',
  bzip2: '-j',
  xz: '-J',
  zstd: '--zstd',
};

/**
 * sh functions that work on $archive: `unpack`; `listed`, the names as `./NAME`; `differing`, a line for each thing that
 * is not as in the archive, with a status of 3 and a reason where the host cannot tell. `format` undefined: the
 * host finds out by the first bytes.
 */
export function archiveFunctions(format: ArchiveFormat | undefined, unpacking: Unpacking): string {
  const { dest, options } = unpacking;
  const folder = quote(dest);
  const more = options.length === 0 ? '' : ` ${words(...options)}`;
  const ignored = ['Uid', 'Gid', 'Mod time', ...(unpacking.modeIsSet ? ['Mode'] : [])].join('|');
  return `${format === undefined ? SNIFF : `format=${format} flag=${format === 'zip' ? "''" : quote(FLAGS[format])}`}
needs() { command -v "$1" >/dev/null || { echo "$1 is not on this host" >&2; return 127; }; }
unpack() {
  if [ "$format" = zip ]; then
    needs unzip
    unzip -oq${more} "$archive" -d ${folder} </dev/null
  else
    tar -xp $flag -f "$archive" -C ${folder}${more}
  fi
}
differing() {
  if [ "$format" = zip ]; then
    echo 'what is in a zip archive cannot be compared on the host' >&2
    return 3
  fi
  case $(tar --version 2>&1) in
    *'GNU tar'*) ;;
    *) echo 'tar on this host cannot compare' >&2; return 3 ;;
  esac
  { tar -d $flag -f "$archive" -C ${folder}${more} 2>&1 || :; } | grep -Ev ': (${ignored}) differs$' || :
}
listed() {
  if [ "$format" = zip ]; then
    names=$(unzip -Z1 "$archive")
  else
    shown=''
    case $(tar --version 2>&1) in *'GNU tar'*) shown='--show-transformed-names --quoting-style=literal' ;; esac
    names=$(tar -t $flag $shown -f "$archive"${more})
  fi
  printf '%s\\n' "$names" | sed '/^$/d; s|^|./|'
}`;
}

const SNIFF = `flag='' format=tar
case $(od -An -N6 -tx1 <"$archive" | tr -d ' \\n') in
  1f8b*) flag=-z ;;
  425a68*) flag=-j ;;
  fd377a585a00) flag=-J ;;
  28b52ffd*) flag=--zstd ;;
  504b*) format=zip ;;
esac`;

/** Read-only, for an archive on the host: `D:` and what differs, or `cannot:` and why nobody can tell; lines of stat(1). */
export function hostArchiveScript(
  path: string,
  unpacking: Unpacking,
  look: { readonly compare: boolean; readonly attributes: boolean },
): string {
  return [
    `[ -f ${quote(path)} ] && [ -r ${quote(path)} ] || exit 0`,
    `archive=${quote(path)}`,
    archiveFunctions(undefined, unpacking),
    ...(look.compare
      ? [
          `if found=$(differing 2>&1); then
  [ -z "$found" ] || printf '%s\\n' "$found" | sed 's/^/D:/'
else
  printf 'cannot:%s\\n' "$found"
  exit 0
fi`,
        ]
      : ["echo 'D:.: not unpacked yet'"]),
    ...(look.attributes
      ? [
          `cd ${quote(unpacking.dest)} 2>/dev/null || exit 0`,
          `listed | tr '\\n' '\\0' | ${STAT} 2>/dev/null || :`,
        ]
      : []),
  ].join('\n');
}

export interface Handover {
  /** As chown(1) takes it. */
  readonly ownership: string | undefined;
  /** As chmod(1) takes it. */
  readonly chmod: string | undefined;
}

/** Owner and mode for everything that the command `names` lists, links themselves included; in the folder. */
export function handoverScript(
  dest: string,
  names: string,
  { ownership, chmod }: Handover,
): readonly string[] {
  if (ownership === undefined && chmod === undefined) return [];
  const plain = 'for name do [ -L "$name" ] || printf \'%s\\0\' "$name"; done';
  return [
    `cd ${quote(dest)}`,
    `names=$(${names})`,
    ...(ownership === undefined
      ? []
      : [`printf '%s\\n' "$names" | tr '\\n' '\\0' | xargs -0 chown -h ${quote(ownership)}`]),
    ...(chmod === undefined
      ? []
      : [
          `printf '%s\\n' "$names" | tr '\\n' '\\0' | xargs -0 sh -c ${quote(plain)} sh | xargs -0 chmod ${quote(chmod)}`,
        ]),
  ];
}
