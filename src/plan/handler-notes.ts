// Notified handlers that a host remembers until they have run, so that a run which ends between a change and its handlers
// loses none. One small file each, in a folder that goes with the last of them. What is in the files, and the sh that
// writes, reads and removes them; who remembers what is apply/remembered-handlers.ts.
import { createHash } from 'node:crypto';
import { basename, join, normalize } from 'node:path';
import type { Become } from '../host/host.ts';
import type { ResolvedPlay } from '../resolve/resolved-play.ts';
import type { ResolvedTask } from '../resolve/resolved-task.ts';
import { quote } from '../shell.ts';

/** Root's notes; others have theirs in OWN_FOLDER of their home. */
export const STATE_FOLDER = '/var/lib/fairlead';
const OWN_FOLDER = '.fairlead_handlers';

/** A handler that is due, as it is kept on the host. */
export interface HandlerNote {
  /** The same for the same handler in each run; the file's name. */
  readonly key: string;
  /** As it was named to the run. */
  readonly playbook: string;
  /** In full: who finds it elsewhere knows less about it. */
  readonly path: string;
  readonly play: string;
  readonly handler: string;
}

/** Which of its playbook's plays it is. */
export interface NotedPlay {
  readonly playbook: string;
  readonly path: string;
  /** Of plays that share a name, each behind the first has its number. */
  readonly play: string;
}

/** `twins`: plays of its name before it in the playbook. */
export function notedPlay({ name, origin, folder }: ResolvedPlay, twins: number): NotedPlay {
  const { file } = origin.span();
  return {
    playbook: normalize(file),
    path: join(folder, basename(file)),
    play: twins === 0 ? name : `${name} (${twins + 1})`,
  };
}

/** What the handlers are remembered by, in the order of their definition. */
export function notesOf(
  handlers: readonly ResolvedTask[],
  play: NotedPlay,
): ReadonlyMap<ResolvedTask, HandlerNote> {
  const seen = new Map<string, number>();
  const notes = new Map<ResolvedTask, HandlerNote>();
  for (const handler of handlers) {
    const { role, writtenName, answersTo, module } = handler;
    const name = writtenName ?? [module.name, ...answersTo];
    const id = JSON.stringify([role?.role.name ?? null, name]);
    const twins = seen.get(id) ?? 0;
    seen.set(id, twins + 1);
    const identity = JSON.stringify([play.playbook, play.play, id, twins]);
    const key = createHash('sha256').update(identity).digest('hex').slice(0, 32);
    notes.set(handler, { ...play, key, handler: handlerTitle(handler) });
  }
  return notes;
}

/** For people: as it is written, for a template in it may say something else by now. */
export function handlerTitle({ writtenName, module, role }: ResolvedTask): string {
  const name = writtenName ?? module.name;
  return role === undefined ? name : `${role.role.name} : ${name}`;
}

/** Where a program's notes are. */
export interface NotesPlace {
  /** Root's folder, in which theirs is. */
  readonly stateFolder: string;
  readonly become: Become | undefined;
}

/** Root's file of a note; it need not be there. */
export function notePath(stateFolder: string, key: string): string {
  return `${stateFolder}/handlers/${key}`;
}

/** What goes with a change. */
export interface Noting {
  /** Before it: what is on the host already stays as it is. Gone again where it fails. */
  readonly remember: readonly HandlerNote[];
  /** Behind it, where it has gone well: keys. */
  readonly forget: readonly string[];
}

/**
 * The change with its notes. They are written before it: of a change that is cut off nobody would know later that it
 * was made. In one step, so that they need nobody any more once it has begun.
 */
export function noted(script: string, { remember, forget }: Noting, place: NotesPlace): string {
  if (remember.length + forget.length === 0) return script;
  return [
    ...where(place),
    'fairlead_new=',
    ...write(remember, 'fairlead_new="$fairlead_new $fairlead_note"'),
    'set +e',
    '(',
    'set -e',
    `eval ${quote(script)}`,
    ')',
    'fairlead_status=$?',
    'set -e',
    'if [ "$fairlead_status" = 0 ]; then',
    ...remove(forget, place),
    'else',
    'for fairlead_note in $fairlead_new; do rm -f "$fairlead_notes/$fairlead_note"; done',
    ...removeFolders(place),
    'fi',
    'exit "$fairlead_status"',
  ].join('\n');
}

/** Notes that nobody knew of when the change was made, and those that are done with. */
export function notingScript({ remember, forget }: Noting, place: NotesPlace): string {
  return [...where(place), ...write(remember, ':'), ...remove(forget, place)].join('\n');
}

/** Read-only, and no process of its own where nothing is remembered. */
export function lookScript(stateFolder: string): string {
  return `for fairlead_note in ${quote(stateFolder)}/handlers/* "\${HOME:-/nonexistent}"/${OWN_FOLDER}/*; do
if [ -f "$fairlead_note" ] && [ -r "$fairlead_note" ]; then
case $fairlead_note in
${quote(stateFolder)}/*) ;;
*) [ "$(id -u)" != 0 ] || continue ;;
esac
printf 'key=%s\\n' "\${fairlead_note##*/}"
cat "$fairlead_note"
fi
done`;
}

/** What lookScript printed. What somebody else may have written there is skipped. */
export function parseNotes(printed: string): readonly HandlerNote[] {
  const notes: Record<string, string>[] = [];
  for (const line of printed.split('\n')) {
    const [, name, value] = /^(key|playbook|path|play|handler)=(.*)$/.exec(line) ?? [];
    if (name === 'key') notes.push({});
    const note = notes.at(-1);
    if (note !== undefined && name !== undefined && value !== undefined) note[name] = value;
  }
  return notes.flatMap(({ key = '', playbook = '', path = '', play = '', handler = '' }) =>
    /^[0-9a-f]{32}$/.test(key) ? [{ key, playbook, path, play, handler }] : [],
  );
}

/** Sets the folder and umask. Whoever becomes somebody is told who that is; a login user may be root. */
function where({ stateFolder, become }: NotesPlace): readonly string[] {
  const ofRoot = `fairlead_notes=${quote(stateFolder)}/handlers`;
  const own = `fairlead_notes=\${HOME:+$HOME/${OWN_FOLDER}}`;
  if (become?.user === 'root') return [ofRoot];
  return [become === undefined ? `if [ "$(id -u)" = 0 ]; then ${ofRoot}; else ${own}; fi` : own];
}

/** Where there is no room for a note the change is made all the same. Another run may remove the folder meanwhile. */
function write(notes: readonly HandlerNote[], behind: string): readonly string[] {
  if (notes.length === 0) return [];
  const texts = notes.flatMap(({ key, ...about }) => [
    `fairlead_note=${key}`,
    `[ -e "$fairlead_notes/$fairlead_note" ] || fairlead_write ${quote(noteText(about))} || :`,
  ]);
  return [
    'fairlead_write() {',
    '[ -n "$fairlead_notes" ] || return 0',
    '{ [ -d "$fairlead_notes" ] || mkdir -p "$fairlead_notes"; } 2>/dev/null || return 0',
    'if { printf %s "$1" >"$fairlead_notes/$fairlead_note"; } 2>/dev/null; then',
    behind,
    'else rm -f "$fairlead_notes/$fairlead_note"; fi',
    '}',
    'umask 077',
    ...texts,
    'umask 022',
  ];
}

function remove(keys: readonly string[], place: NotesPlace): readonly string[] {
  if (keys.length === 0) return [':'];
  return [`rm -f ${keys.map((key) => `"$fairlead_notes/${key}"`).join(' ')}`, ...removeFolders(place)];
}

/** Those that are empty, and ours. */
function removeFolders({ stateFolder, become }: NotesPlace): readonly string[] {
  const ofRoot = `[ "$fairlead_notes" != ${quote(stateFolder)}/handlers ] || rmdir ${quote(stateFolder)} 2>/dev/null || :`;
  const mayBeRoot = become === undefined || become.user === 'root';
  return ['rmdir "$fairlead_notes" 2>/dev/null || :', ...(mayBeRoot ? [ofRoot] : [])];
}

function noteText(about: Omit<HandlerNote, 'key'>): string {
  return Object.entries(about)
    .map(([name, value]) => `${name}=${value.replace(/[\p{Cc}\p{Cf}\u2028\u2029]+/gu, ' ')}\n`)
    .join('');
}
