// Files written so that nobody ever sees half of one: the sh that template, copy, lineinfile and boot_script share.
// What is to be written, and whether, is decided elsewhere (managed-file.ts).
//
//   temp file in the same folder ─► owner, mode ─► content ─► validate ─► backup ─► sync ─► rename
//        └── whatever fails: temp file removed, old file as it was, the reason on stderr
import { Buffer } from 'node:buffer';
import { posix } from 'node:path';
import { emit, quote } from '../../shell.ts';
import { type ChangeProgram, INLINE_LIMIT_BYTES } from '../module.ts';
import { modeText } from './file-mode.ts';
import { type FileState, sha256Of } from './file-probe.ts';

export interface FileWrite {
  /** Absolute; not a folder, and in a folder that is there. */
  readonly path: string;
  readonly bytes: Uint8Array;
  readonly mode: number;
  /** As chown(1) takes it, `root:adm`. Undefined: whoever runs the program. */
  readonly ownership?: string;
  /** Words of a command that has to succeed first; `%s` in them stands for the path of the temp file. */
  readonly validate?: readonly string[];
  /** Where a copy of the old file goes, see `backupPath`. */
  readonly backupPath?: string;
  /** A symbolic link at `path` gives way to the file, or stays while the file it leads to is replaced. */
  readonly links: 'replace' | 'follow';
}

/**
 * sh that writes the files one after the other; the first that fails ends it with a status other than 0.
 * It sets an EXIT trap, leaves the umask at 022 (a session's own) and relies on `set -e`: give it a subshell of its own, and do not put it into a condition.
 * Forks per file: chmod, sync, mv; chown, validation and backup where asked for; cat from 16 KiB on.
 */
export function writeFiles(writes: readonly FileWrite[]): ChangeProgram {
  if (writes.length === 0) return { script: '' };
  const uploads = writes.filter(isLarge).map((write) => ({ path: uploadPath(write), bytes: write.bytes }));
  return {
    script: [WRITE_FUNCTIONS, ...writes.map(writeScript)].join('\n'),
    ...(uploads.length > 0 && { uploads }),
  };
}

/**
 * Ansible's NAME.PID.DATE~ made stable: in place of the process its content's hash, and the date it was last
 * changed (UTC). The same old file has the same backup, however often a run is repeated.
 */
export function backupPath(path: string, old: Extract<FileState, { readonly kind: 'file' }>): string {
  const date = new Date(old.mtimeSeconds * 1000).toISOString().slice(0, 19).replace('T', '@');
  return `${path}.${(old.sha256 ?? '').slice(0, 12)}.${date}~`;
}

/** Longer text goes through cat: builtins of some shells are slow, or external and limited, beyond it. */
const PRINTF_LIMIT_BYTES = 16 * 1024;

// The content is written by way of descriptor 9, open since the file was made, so that a mode such as 0444
// can be there before the content is. A builtin printf says little when the disk is full; asking cat to
// write on tells the reason.
/**
 * sh functions for one file at a time: `begin PATH MODE OWNERSHIP UPLOADED` makes $temp and opens it as descriptor 9,
 * `keep BACKUP` copies the old file, `finish` puts the new one in its place; $doing says what failed, if it does.
 * What holds for the script of writeFiles holds for one with these too.
 */
export const WRITE_FUNCTIONS = `temp='' partial='' path='' doing=''
tidy() {
  status=$?
  if [ "$status" -ne 0 ] && [ -n "$path" ]; then
    if [ "$doing" = 'its content cannot be written' ]; then
      dd if=/dev/zero bs=65536 count=1 2>/dev/null | cat >&9 || :
    fi
    printf '%s is as it was: %s\\n' "$path" "$doing" >&2
  fi
  if [ -n "$temp" ]; then rm -f "$temp" "$partial"; fi
}
trap tidy EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM
begin() {
  path=$1
  folder=\${path%/*}
  doing="its folder \${folder:-/} does not exist"
  [ -d "$folder/" ] || exit 1
  if [ -z "$4" ]; then
    doing="no file can be made in \${folder:-/}"
    number=0
    while [ -e "$folder/.fairlead.$$.$number" ] || [ -L "$folder/.fairlead.$$.$number" ]; do
      number=$((number + 1))
    done
    set -C
    umask 077
    exec 9>"$folder/.fairlead.$$.$number"
    temp=$folder/.fairlead.$$.$number
    umask 022
    set +C
  else
    temp=$4
  fi
  doing='its owner and mode cannot be set'
  [ -z "$3" ] || chown "$3" "$temp"
  chmod "$2" "$temp"
  doing='its content cannot be written'
}
keep() {
  if [ -e "$1" ] || [ ! -f "$path" ]; then return 0; fi
  doing='its backup cannot be written'
  partial=$1
  cp -p "$path" "$1"
  partial=''
}
finish() {
  doing='it cannot be replaced'
  sync -d "$temp" 2>/dev/null || sync
  mv -f "$temp" "$path"
  temp='' path=''
}`;

function writeScript(write: FileWrite): string {
  const large = isLarge(write);
  return [
    `set -- ${quote(write.path)}`,
    ...(write.links === 'follow' ? ['[ ! -L "$1" ] || set -- "$(readlink -f "$1")"'] : []),
    `begin "$1" ${modeText(write.mode)} ${quote(write.ownership ?? '')} ${large ? quote(uploadPath(write)) : "''"}`,
    ...(large ? [] : [`${contentScript(write.bytes)}`, 'exec 9>&-']),
    ...(write.validate === undefined ? [] : validateScript(write.validate)),
    ...(write.backupPath === undefined ? [] : [`keep ${quote(write.backupPath)}`]),
    'finish',
  ].join('\n');
}

function contentScript(bytes: Uint8Array): string {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const text = buffer.toString('utf8');
  const short = buffer.length > 0 && buffer.length <= PRINTF_LIMIT_BYTES;
  if (short && !buffer.includes(0) && Buffer.from(text, 'utf8').equals(buffer)) {
    return text.endsWith('\n')
      ? `printf '%s\\n' ${quote(text.slice(0, -1))} >&9`
      : `printf %s ${quote(text)} >&9`;
  }
  return `{ ${emit(bytes)}\n} >&9`;
}

function validateScript(command: readonly string[]): readonly string[] {
  const line = command.map((word) => word.split('%s').map(quotePart).join('"$temp"')).join(' ');
  return [`doing=${quote(`its validation failed: ${command.join(' ')}`)}`, `${line} >&2`];
}

/** A part of a word: nothing stands for nothing, unlike a whole word. */
function quotePart(part: string): string {
  return part === '' ? '' : quote(part);
}

function isLarge(write: FileWrite): boolean {
  return write.bytes.length > INLINE_LIMIT_BYTES;
}

function uploadPath(write: FileWrite): string {
  const name = sha256Of(Buffer.concat([Buffer.from(`${write.path}\0`), write.bytes])).slice(0, 16);
  return posix.join(posix.dirname(write.path), `.fairlead-upload.${name}`);
}
