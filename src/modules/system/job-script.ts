// Jobs: scripts that run on a host by themselves, whatever becomes of the connection. What starts one, asks for it and
// clears it away, as sh. Of a job that is there, its folder tells everything; only its user can read it.
//
//   ~/.fairlead_async/ID   started: PID BOOT_ID TIME   stdout   stderr   result: STATUS STARTED ENDED intime|late
//
//   session ──setsid──► supervisor ──setsid──► the script, a process group of its own
//                           └──────setsid──► timer: when the time is up, ends that group
import { Buffer } from 'node:buffer';
import { emit, quote } from '../../shell.ts';

/** Digits and little else, so that a path made from one stays where it should be. */
export const JOB_ID = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

export interface Job {
  readonly id: string;
  /** After which it is ended. */
  readonly limitSeconds: number;
}

const FOLDER = '"${HOME:-}/.fairlead_async"';
/** Folders of jobs that ended longer ago than this are cleared away by the next one. */
const KEPT_DAYS = 7;

/** Sets `job`. */
function jobFolder(id: string): string {
  return `job=${FOLDER}/${quote(id)}`;
}

/** The script runs with the environment, folder and umask that it is started with. Prints the job's folder. */
export function startJob({ id, limitSeconds }: Job, script: string): string {
  // The shell has read all of a file in braces before it runs, so that the file can go.
  const work = `{\nrm -f -- "$0"\nset -eu\neval ${quote(script)}\nexit\n}\n`;
  return `if [ -z "\${HOME:-}" ] || [ ! -d "$HOME" ]; then
  echo 'a job keeps its result in the home folder, and the user has none' >&2
  exit 73
fi
if ! command -v setsid >/dev/null 2>&1; then
  echo 'a job needs setsid, which this host has not got' >&2
  exit 69
fi
${jobFolder(id)}
(
umask 077
mkdir -p ${FOLDER}
chmod 700 ${FOLDER}
find ${FOLDER} -name result -mtime +${KEPT_DAYS} 2>/dev/null | while IFS= read -r old; do rm -rf -- "\${old%/result}"; done
mkdir -- "$job"
{ ${emit(Buffer.from(work))}
} >"$job/work"
{ ${emit(Buffer.from(SUPERVISOR))}
} >"$job/run"
)
ready=$(setsid sh "$job/run" "$job" ${limitSeconds} </dev/null 2>/dev/null &)
if [ "$ready" != ready ]; then
  echo 'the job could not be started' >&2
  exit 70
fi
printf '%s\\n' "$job"`;
}

/**
 * It says that it is ready once it stands on its own feet, and closes its stdout, which whoever starts it waits for.
 * The timer uses true, for a shell ends where the redirection of its own ":" fails: when the folder was cleared away.
 * SIGHUP is for the supervisor to ignore: what the script starts may want it.
 */
const SUPERVISOR = `{
job=$1
limit=$2
rm -f -- "$0"
boot=
read -r boot </proc/sys/kernel/random/boot_id || :
started=$(date +%s)
echo "$$ \${boot:-unknown} $started" >"$job/started.new"
mv -- "$job/started.new" "$job/started"
echo ready
exec >/dev/null 2>&1
setsid sh "$job/work" </dev/null >"$job/stdout" 2>"$job/stderr" &
work=$!
setsid sh -c '
sleep "$1"
true >"$2/late"
kill -TERM "-$3"
for nap in 0.2 0.8 1; do
  kill -0 "-$3" 2>/dev/null || exit 0
  sleep "$nap" 2>/dev/null || sleep 1
done
kill -KILL "-$3"
' timer "$limit" "$job" "$work" </dev/null >/dev/null 2>&1 &
timer=$!
trap '' HUP
status=0
wait "$work" || status=$?
end=intime
if [ -e "$job/late" ]; then
  end=late
  wait "$timer" || :
else
  kill -KILL "-$timer" 2>/dev/null || kill -KILL "$timer" 2>/dev/null || :
fi
echo "$status $started $(date +%s) $end" >"$job/result.new"
mv -- "$job/result.new" "$job/result"
exit 0
}
`;

/** Read-only; prints what readJobState understands. */
export function jobStateScript(id: string): string {
  return `${jobFolder(id)}
tell() {
  if [ ! -r "$job/result" ]; then return 1; fi
  read -r result <"$job/result"
  echo "finished $result"
}
echo "$job"
tell || if [ -r "$job/started" ]; then
  read -r pid boot _ <"$job/started"
  now=
  read -r now </proc/sys/kernel/random/boot_id || :
  if [ "$boot" = "\${now:-unknown}" ] && kill -0 "$pid" 2>/dev/null; then
    echo running
  else
    tell || echo gone
  fi
elif [ -d "$job" ]; then
  echo running
else
  echo absent
fi`;
}

/** Read-only: what the job printed, with its status, once it has finished. */
export function jobOutputScript(id: string): string {
  return `${jobFolder(id)}
if [ -r "$job/result" ]; then
  read -r status _ <"$job/result"
  cat -- "$job/stdout"
  cat -- "$job/stderr" >&2
  exit "$status"
fi`;
}

export function clearJobScript(id: string): string {
  return `${jobFolder(id)}
rm -rf -- "$job"`;
}

export type JobState =
  | { readonly kind: 'running' | 'absent' | 'gone'; readonly folder: string }
  | {
      readonly kind: 'finished';
      readonly folder: string;
      /** Seconds since 1970, on the host's clock. */
      readonly started: number;
      readonly ended: number;
      /** Its time was up. */
      readonly isLate: boolean;
    };

/** Undefined: that is no answer. */
export function readJobState(stdout: string): JobState | undefined {
  const [, folder, answer = ''] = /^(.*)\n(.*)\n$/.exec(stdout) ?? [];
  if (folder === undefined) return undefined;
  if (answer === 'running' || answer === 'absent' || answer === 'gone') return { kind: answer, folder };
  const [, started, ended, end] = /^finished \d+ (\d+) (\d+) (intime|late)$/.exec(answer) ?? [];
  if (end === undefined) return undefined;
  return { kind: 'finished', folder, started: Number(started), ended: Number(ended), isLate: end === 'late' };
}
