// The timer: when it goes back, and what cannot keep it from doing so.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import process from 'node:process';
import { afterEach, describe, expect, it } from 'vitest';
import { GUARD, GUARD_WORLDS, GuardedHost } from './support/guarded-host.ts';

const FILE = '/var/lib/f';
const ID = 'a1';

/** A host whose date(1) goes an hour forth and an hour back each time it is asked. */
const STEPPED = `cat >"$1/date" <<'END'
#!/bin/sh
hour=+3600
if [ -e /run/back ]; then rm /run/back; hour=-3600; else : >/run/back; fi
read -r up _ </proc/uptime
exec busybox date -u -d "@$((1800000000 + hour + \${up%.*}))" +%Y-%m-%dT%H:%M:%SZ
END
chmod 755 "$1/date"; mount --bind "$1/date" "$(readlink -f "$(command -v date)")"`;
const NO_SETSID = 'mount --bind /dev/null "$(readlink -f "$(command -v setsid)")"';

let host: GuardedHost;
afterEach(() => host.close());

/** In hundredths of a second since boot: when it should go back, and when it began to. */
async function firing(): Promise<{ readonly deadline: number; readonly began: number }> {
  const said = host.inside(`read -r deadline <${GUARD}/${ID}/deadline
    tries=0
    while [ -e ${GUARD}/${ID}/armed ] && [ $tries -lt 2000 ]; do tries=$((tries + 1)); sleep 0.005; done
    read -r now _ </proc/uptime
    echo "$deadline \${now%.*}\${now#*.}"
    while [ -e ${GUARD}/current ] && [ $tries -lt 3000 ]; do tries=$((tries + 1)); sleep 0.02; done`);
  const [deadline = Number.NaN, began = Number.NaN] = said.trim().split(' ').map(Number);
  return { deadline, began };
}

const stat = (pid: number) => {
  const words = readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/.*\) /, '').split(' ').map(Number);
  return { group: words[2], session: words[3] };
};

function timerPid(): number {
  return Number(host.inside(`cat ${GUARD}/${ID}/timer`).split(' ')[0]);
}

function log(text: string): void {
  console.info(`    ${text}`);
}

describe.each(GUARD_WORLDS)('in $title', { timeout: 60_000 }, (world) => {
  const arm = async (windowS: number, dress = ''): Promise<void> => {
    host = await GuardedHost.create({ ...world, dress: `${world.dress}\n${dress}` });
    host.inside(`echo old >${FILE}`);
    host.arm(ID, [`file ${FILE}`], windowS);
    host.inside(`rm -f ${GUARD}/${ID}/busy; echo new >${FILE}`);
  };
  const content = () => host.inside(`cat ${FILE}`).trim();

  /** A session that arms it, changes something, and stays: its leader's number. */
  const session = async (): Promise<number> => {
    host.inside(`echo old >${FILE}`);
    host.prepare(ID, 2);
    const [program = '', ...words] = [...host.host.inner.enter('all'), ...world.shell];
    const script = `sh ${GUARD}/${ID}/program arm ${GUARD}/${ID} 'file ${FILE}' ''; echo new >${FILE}; sleep 60`;
    const child = spawn(program, [...words, '-c', script], { detached: true });
    await once(child.stdout, 'data');
    return child.pid ?? 0;
  };

  it.each([1, 3, 6])('goes back after %d s, within a second, not before', async (windowS) => {
    await arm(windowS);
    const { deadline, began } = await firing();
    log(`${world.title}: ${windowS} s, ${(began - deadline) * 10} ms late`);
    expect(began).toBeGreaterThanOrEqual(deadline);
    expect(began - deadline).toBeLessThan(100);
    expect(content()).toBe('old');
  });

  // Nobody may set a namespace's clock. What can be shown: whatever date says, it fires when /proc/uptime says so.
  it('asks no clock that somebody can set', async () => {
    await arm(2, STEPPED);
    expect(host.inside('date')).not.toBe(host.inside('date'));
    const { deadline, began } = await firing();
    expect(began).toBeGreaterThanOrEqual(deadline);
    expect(began - deadline).toBeLessThan(100);
    expect(content()).toBe('old');
    const years = host.inside(`cut -c 1-4 ${GUARD}/journal`).trim().split('\n');
    expect(new Set(years)).toEqual(new Set(['2027']));
  });

  it.each(['SIGHUP', 'SIGTERM', 'SIGKILL'] as const)(
    'outlives a %s for the session that armed it',
    async (signal) => {
      host = await GuardedHost.create(world);
      const pid = await session();
      const own = stat(timerPid());
      expect(stat(pid)).toEqual({ group: pid, session: pid });
      expect([own.group, own.session]).not.toContain(pid);
      const [, ignored = ''] =
        /^SigIgn:\s*(\w+)/m.exec(readFileSync(`/proc/${timerPid()}/status`, 'utf8')) ?? [];
      expect(BigInt(`0x${ignored}`) & 1n).toBe(1n);

      process.kill(-pid, signal);
      const { deadline, began } = await firing();
      expect(began - deadline).toBeLessThan(100);
      expect(content()).toBe('old');
    },
  );

  it('without setsid it still goes back, from the group that it would end', async () => {
    host = await GuardedHost.create({ ...world, dress: `${world.dress}\n${NO_SETSID}` });
    const pid = await session();
    expect(stat(timerPid()).group).toBe(pid);
    await firing();
    expect(content()).toBe('old');
    expect(host.inside(`ls ${GUARD}/${ID}/undone`)).toBe(`${GUARD}/${ID}/undone\n`);
  });
});
