// What may come between the guard's program and its work: a disk that fills up, a reboot that nobody undid, a deadline that
// passes while more is about to be changed, somebody who dies in the last step.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterEach, describe, expect, it } from 'vitest';
import { armScript, newTransactionId } from '../../src/guard/transaction.ts';
import { GUARD, GUARD_WORLDS, GuardedHost } from './support/guarded-host.ts';
import { run } from './support/namespace.ts';

const FILE = '/var/lib/f';
const TOUCHED = [`file ${FILE}`];

const SLOW = '/var/lib/slow';
/** cp(1) that takes its time with one file: until the transaction has gone back. */
const SLOW_COPY = `cp /usr/bin/cp "$1/cp.real"
cat >"$1/cp" <<END
#!/bin/sh
case "\\$*" in *${SLOW}*) tries=0; until [ -e ${GUARD}/a1/undone ] || [ \\$tries = 200 ]; do tries=\\$((tries + 1)); sleep 0.05; done ;; esac
exec $1/cp.real "\\$@"
END
chmod 755 "$1/cp"; mount --bind "$1/cp" /usr/bin/cp`;

let host: GuardedHost;
afterEach(() => host.close());

describe.each(GUARD_WORLDS)('in $title', { timeout: 60_000 }, (world) => {
  const make = async (): Promise<void> => {
    host = await GuardedHost.create(world);
    host.inside(`echo old >${FILE}`);
  };
  const change = (id: string, windowS = 60): void => {
    host.arm(id, TOUCHED, windowS);
    host.inside(
      `rm -f ${GUARD}/${id}/busy; echo new >${FILE}; ip rule add priority 99 from 198.51.100.7 lookup 77`,
    );
  };
  /** Waits until nothing is pending, ten seconds at most. */
  const ended = () =>
    host.inside(
      `tries=0; while [ -e ${GUARD}/current ] && [ $tries -lt 200 ]; do tries=$((tries + 1)); sleep 0.05; done`,
    );
  const state = () => host.inside(`cat ${FILE}; ip rule show priority 99`).trim();

  it('goes back whole where the change has filled the disk', async () => {
    await make();
    host.inside('mkdir /var/lib/fairlead; mount -t tmpfs -o size=1m none /var/lib/fairlead');
    change('a1', 1);
    host.inside('dd if=/dev/zero of=/var/lib/fairlead/ballast bs=1k 2>/dev/null || :');
    ended();
    expect(state()).toBe('old');
    expect(host.inside(`cd ${GUARD}/a1; ls undone report; cat report`)).toBe('report\nundone\n');
    expect(host.inside(`cat ${GUARD}/news`)).toMatch(/^state=undone\n[\s\S]*reason=its time was up/);
  });

  it('is not confirmed after a reboot that nothing has undone: the kernel has forgotten the half of it', async () => {
    await make();
    change('a1');
    host.killTimer('a1');
    host.inside('ip rule del priority 99');
    host.host.newBootId();
    expect(host.tell('a1', 'confirm')).toMatchObject({
      status: 76,
      stdout: expect.stringMatching(/^state=undone\n[\s\S]*reason=the host rebooted/),
    });
    expect(state()).toBe('old');
  });

  it('of somebody who died once all was back, the next run finishes the rest', async () => {
    await make();
    change('a1', 1);
    ended();
    host.inside(`ln ${GUARD}/a1/about ${GUARD}/current; rm ${GUARD}/news; sed -i '/rolled back/d' ${GUARD}/journal
      echo 1 >${GUARD}/a1/deadline`);
    host.prepare('a2', 60);
    const repaired = host.tell('a2', 'arm', TOUCHED.join('\n'), '');
    expect(repaired).toMatchObject({ status: 79, stdout: expect.stringMatching(/^state=undone\nid=a1\n/) });
    expect(host.inside(`cat ${GUARD}/journal`)).toMatch(/ a1 rolled back \(its time was up/);
    expect(host.inside(`cat ${GUARD}/news`)).toMatch(/^state=undone\nid=a1\n/);
    host.prepare('a3', 60);
    expect(host.tell('a3', 'arm', TOUCHED.join('\n'), '')).toMatchObject({ status: 0, stdout: 'armed\n' });
  });

  it('whose controller is gone before it hears that it is armed goes back in time, and takes the next change', async () => {
    await make();
    const id = newTransactionId();
    const about = { id, owner: 'ann@desk', playbook: 'site.yml', play: 'edge', started: 'now', windowS: 1 };
    const script = `set -eu\n${armScript(about, [`file:${FILE}`])}`;
    const argv = [
      ...host.host.inner.enter('all'),
      ...world.shell,
      '-c',
      'exec "$@" >&- 2>&-',
      'sh',
      ...world.shell,
    ];
    expect(run(['setsid', '-w', ...argv, '-c', script]).status).not.toBe(0);
    host.inside(`echo new >${FILE}`);
    ended();
    expect(state()).toBe('old');
    expect(host.inside(`ls ${GUARD}/${id}/undone; ls ${GUARD}/current 2>&1 || :`)).toMatch(
      /undone\n.*No such file/,
    );
    host.arm('a2', TOUCHED);
  });

  it.each(['usual "$@"', 'go_back() {', 'main "$@"'])(
    'is not armed with a program that ends before %s, and leaves nothing',
    async (line) => {
      await make();
      const id = newTransactionId();
      const about = {
        id,
        owner: 'ann@desk',
        playbook: 'site.yml',
        play: 'edge',
        started: 'now',
        windowS: 60,
      };
      // What comes to lie there is cut: what was sent is whole.
      const cut = `sed '/^${line}/,$d' ${GUARD}/${id}/program >/var/lib/cut; cat /var/lib/cut >${GUARD}/${id}/program`;
      const script = `set -eu\n${armScript(about, [`file:${FILE}`]).replace('\nset -- arm', `\n${cut}\nset -- arm`)}`;
      const argv = [...host.host.inner.enter('all'), ...world.shell];
      expect(run(['setsid', '-w', ...argv, '-c', script])).toMatchObject({
        status: 1,
        stdout: '',
        stderr: expect.stringMatching(/not whole/),
      });
      expect(host.inside(`ls -d ${GUARD}/current ${GUARD}/${id} 2>/dev/null || :`)).toBe('');
    },
  );

  it('of which nothing is left but that it is under way keeps nobody out', async () => {
    await make();
    change('a1');
    host.killTimer('a1');
    host.inside(`rm -rf ${GUARD}/a1`);
    host.arm('a2', TOUCHED);
  });

  it('of who is about to change more while the deadline passes nothing comes any more', async () => {
    host = await GuardedHost.create({ ...world, dress: `${world.dress}\n${SLOW_COPY}` });
    host.inside(`echo old >${FILE}; echo old >${SLOW}`);
    change('a1', 2);
    // What is kept first takes until all has gone back.
    const script = `sh ${GUARD}/a1/program more ${GUARD}/a1 'file ${SLOW}' || exit 76; echo more >${FILE}`;
    const [program = '', ...words] = [...host.host.inner.enter('all'), ...world.shell, '-c', script];
    const session = spawn(program, words, { detached: true, stdio: 'ignore' });
    const [status, signal] = await once(session, 'close');
    ended();
    expect([status, signal]).toEqual([null, 'SIGKILL']);
    expect(state()).toBe('old');
  });
});
