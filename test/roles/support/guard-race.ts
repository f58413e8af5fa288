// Rounds of one transaction each, in which several ask the guard's program for its end at nearly the same moment. Many go
// on side by side, each on a host of its own.
import { spawn } from 'node:child_process';
import { GUARD, type GuardedHost } from './guarded-host.ts';

const FILE = '/var/lib/raced';

/** Sets `now`: hundredths of a second since boot. */
const LOOK = 'read -r now _ </proc/uptime; now=${now%.*}${now#*.}';

export interface Rival {
  /** Milliseconds from the deadline, below zero before it; from the change where the window is too long to wait for. */
  readonly atMs: number;
  /** A command line; `$dir` is the transaction's folder, `program WORDS` its own program, from a session of its own. */
  readonly does: string;
}

export interface Round {
  readonly windowS: number;
  readonly from: 'change' | 'deadline';
  readonly rivals: readonly Rival[];
  /** What it keeps of the kernel's state: rounds are short with little of it. */
  readonly keeps: 'rules' | 'all';
}

export interface RoundEnd {
  /** What each rival was told. */
  readonly told: readonly { readonly status: number; readonly said: string }[];
  /** Which of `armed confirmed undoing undone` are there: one, by rights. */
  readonly stages: string;
  readonly content: string;
  readonly rules: string;
  /** Of this transaction, without its beginning. */
  readonly journal: readonly string[];
  readonly report: string;
  /** How many processes of the program are still there. */
  readonly left: string;
}

/** What is kept and what is changed are a file and a rule. */
export async function playRound(host: GuardedHost, id: string, round: Round): Promise<RoundEnd> {
  const said = await inside(host, script(id, round));
  const value = (key: string) => new RegExp(`^${key}=(.*)$`, 'm').exec(said)?.[1] ?? `nothing: ${said}`;
  return {
    told: round.rivals.map((_, at) => ({ status: Number(value(`status${at}`)), said: value(`said${at}`) })),
    stages: value('stages'),
    content: value('content'),
    rules: value('rules'),
    journal: value('journal').split(';').filter(Boolean),
    report: value('report'),
    left: value('left'),
  };
}

function script(id: string, { windowS, from, rivals, keeps }: Round): string {
  const dir = `${GUARD}/${id}`;
  const starts = rivals.map(
    ({ atMs, does }, at) => `(
  ${LOOK}
  wait=$((start * 10 + ${Math.round(atMs)} - now * 10))
  [ "$wait" -le 0 ] || sleep "$(printf '%d.%03d' $((wait / 1000)) $((wait % 1000)))"
  said=$(${does}) && status=0 || status=$?
  echo "status${at}=$status"
  echo "said${at}=$(echo "$said" | head -n 1)"
) >${dir}.${at} 2>&1 &`,
  );
  return `set -u
dir=${dir}
program() { setsid -w sh "$dir/program" "$@"; }
echo old >${FILE}
ip rule del priority 99 2>/dev/null
mkdir -p ${dir}
${keeps === 'all' ? 'cat "$0"' : 'sed "s/^KINDS=.*/KINDS=rules/" "$0"'} >"$dir/program"
printf '%s\\n' id=${id} owner=ann@desk playbook=site.yml play=edge started=now window=${windowS} >${dir}/about
program arm ${dir} 'file ${FILE}' '' >/dev/null || exit
echo new >${FILE}
ip rule add priority 99 from 198.51.100.7 lookup 77
rm -f ${dir}/busy
${from === 'deadline' ? `read -r start <${dir}/deadline` : `${LOOK}; start=$now`}
${starts.join('\n')}
wait
tries=0
while [ -e ${GUARD}/current ] && [ $tries -lt 300 ]; do tries=$((tries + 1)); sleep 0.05; done
running() { grep -ls "$dir/[p]rogram" /proc/[0-9]*/cmdline | wc -l; }
while [ "$(running)" -gt 0 ] && [ $tries -lt 400 ]; do tries=$((tries + 1)); sleep 0.02; done
cat ${rivals.map((_, at) => `${dir}.${at}`).join(' ')}
echo "stages=$(cd ${dir} && ls -d armed confirmed undoing undone 2>/dev/null | tr '\\n' ' ')$(ls ${GUARD}/current 2>/dev/null)"
echo "content=$(cat ${FILE})"
echo "rules=$(ip rule show priority 99 | wc -l)"
echo "journal=$(sed -n 's/^[^ ]* ${id} //p' ${GUARD}/journal | grep -v '^armed' | tr '\\n' ';')"
echo "report=$(cat ${dir}/report 2>/dev/null | tr '\\n' ';')"
echo "left=$(running)"`;
}

function inside(host: GuardedHost, text: string): Promise<string> {
  const [program = '', ...words] = [...host.host.inner.enter('all'), 'sh', '-c', text, host.program];
  const child = spawn('setsid', ['-w', program, ...words]);
  let said = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (data: Buffer) => {
      said += data.toString();
    });
  return new Promise((resolve) => child.on('close', () => resolve(said)));
}
