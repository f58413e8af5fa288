// A guarded change of one host: what is sent there to begin, prolong, confirm and undo it, as sh fragments.
// templates/guard/transaction.sh is the other side, with a picture of the states.
import { randomBytes } from 'node:crypto';
import type { Step } from '../host/host.ts';
import type { Resource } from '../modules/module.ts';
import { quote, words } from '../shell.ts';
import { guardProgram } from './program.ts';

export const NOT_ROOT = 78;

/** proc(5): the second number of the line is the one that counts, and to read it takes no process. */
const NEEDS_ROOT = `while read -r guard_key guard_id guard_uid guard_rest; do
  [ "$guard_key" != Uid: ] || break
done 2>/dev/null </proc/self/status || guard_uid=$(id -u)
[ "$guard_uid" = 0 ] || { echo 'the guard needs root' >&2; exit ${NOT_ROOT}; }`;

/** Where it all lies on the host, for root alone. */
export const GUARD_FOLDER = '/var/lib/fairlead/guard';

/** 128 random bits: who knows them may confirm. */
export type TransactionId = string & { readonly brand: 'TransactionId' };

export interface Transaction {
  readonly id: TransactionId;
  /** `user@machine`. */
  readonly owner: string;
  readonly playbook: string;
  readonly play: string;
  /** ISO 8601, by the controller's clock. */
  readonly started: string;
  /** Seconds between the last change and the rollback. */
  readonly windowS: number;
}

export function newTransactionId(): TransactionId {
  return randomBytes(16).toString('hex') as TransactionId;
}

/** Goes in front of a transaction's first changes, in the same program: keeps what is there and starts the timer. */
export function armScript(
  transaction: Transaction,
  touched: readonly Resource[],
  probes: readonly string[] = [],
): string {
  const folder = folderOf(transaction.id);
  const about = aboutText(transaction);
  return [
    'umask 077',
    NEEDS_ROOT,
    `trap '[ "$?" = 0 ] || rm -rf ${folder}' EXIT`,
    `mkdir -p ${folder}/before/files`,
    `{ printf %s ${quote(about)} >${folder}/about && printf %s ${quotedProgram()} >${folder}/program; } 2>/dev/null ||
  { echo 'No space left in ${GUARD_FOLDER}' >&2; exit 1; }`,
    here(folder, 'arm', folder, wants(touched), probes.join('\n')),
  ].join('\n');
}

/** Goes in front of its later changes. */
export function moreScript(id: TransactionId, touched: readonly Resource[]): string {
  return `${NEEDS_ROOT}\n${known(id)}\n${here(folderOf(id), 'more', folderOf(id), wants(touched))}`;
}

/** Over a new connection. Twice does no harm. */
export function confirmScript(id: TransactionId): string {
  return `${known(id)}\n${here(folderOf(id), 'confirm', folderOf(id))}`;
}

/** Ends what is still being changed there, by another session than the one that asks. */
export function undoScript(id: TransactionId, reason: string): string {
  return command(id, 'undo', oneLine(reason));
}

/** Goes behind the changes: nobody is at it any more. */
export function idleScript(id: TransactionId): string {
  const busy = `${folderOf(id)}/busy`;
  return `[ ! -e ${busy} ] || : >${busy}`;
}

/**
 * Goes behind what arms it, in the same program: everything as it was after generation `to`, unless another one than
 * `newest` has come meanwhile. Prints `reverted` at the end, before that `failed …` and `differs …`.
 */
export function revertScript({ to, newest }: { readonly to: number; readonly newest: number }): string {
  return `guard_folder=${GUARD_FOLDER}/$(sed -n 's/^id=//p' ${GUARD_FOLDER}/current)
sh "$guard_folder/program" revert "$guard_folder" ${words(String(to), String(newest))}
rm -f "$guard_folder/busy"`;
}

/** How it ended, or where it stands. */
export function endScript(id: TransactionId): string {
  return command(id, 'end');
}

/**
 * Read-only and without a process of its own where no transaction is pending and none was undone: what the next run
 * has to know. Prints nothing for who may not look.
 */
export const LOOK_SCRIPT = `guard=${GUARD_FOLDER}
if [ -r "$guard/current" ]; then
  id=$(sed -n 's/^id=//p' "$guard/current")
  sh "$guard/$id/program" current
elif [ -r "$guard/news" ]; then
  cat "$guard/news"
fi`;

/** The id of its step in a program. */
export const GUARD_STEP = 'guard';

/** Nothing behind it runs where it fails. */
export function step(script: string): Step {
  return { id: GUARD_STEP, script, onFailure: 'stop' };
}

function command(id: TransactionId, name: string, ...more: readonly string[]): string {
  const folder = folderOf(id);
  return `${known(id)}\nsh ${folder}/program ${words(name, folder, ...more)}`;
}

function known(id: TransactionId): string {
  return `[ -e ${folderOf(id)}/program ] || { echo state=unknown; exit 76; }`;
}

/** By the step's own shell, which starts no other one: the command is its end, unless the program is cut short. */
function here(folder: string, ...command: readonly string[]): string {
  return `set -- ${words(...command)}\n. ${folder}/program\necho 'the program is not whole' >&2\nexit 1`;
}

let quoted: string | undefined;

/** The same for all hosts. */
function quotedProgram(): string {
  quoted ??= quote(guardProgram());
  return quoted;
}

function folderOf(id: TransactionId): string {
  return `${GUARD_FOLDER}/${id}`;
}

function aboutText({ id, owner, playbook, play, started, windowS }: Transaction): string {
  const lines = { id, owner, playbook, play, started, window: windowS };
  return Object.entries(lines)
    .map(([key, value]) => `${key}=${oneLine(String(value))}\n`)
    .join('');
}

/** Files and services among what is about to be touched; of the network's state everything is kept anyway. */
function wants(touched: readonly Resource[]): string {
  const kept = touched.flatMap((resource) => {
    const [, kind, name] = /^(file|service):(.+)$/s.exec(resource) ?? [];
    return kind === undefined || name === undefined || name.includes('\n') ? [] : [`${kind} ${name}`];
  });
  return [...new Set(kept)].join('\n');
}

function oneLine(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}]+/gu, ' ');
}
