// The prober as a process: how it is started, told apart from others, replaced and ended, and what it costs.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ISP1, ISP2, PROBER_WORLDS, ProbedHost, type Settings, TARGET } from './support/prober.ts';

const DEAD = `dead -4 isp2 no answer from ${TARGET}`;
const FINE = { status: 0, stdout: '', stderr: '' };

describe.each(PROBER_WORLDS)('$title', (world) => {
  let host: ProbedHost;

  beforeEach(async () => {
    host = await ProbedHost.create(world);
  });
  afterEach(() => host.close());

  function start(settings: Settings = {}): void {
    host.install(settings);
    expect(host.run('start')).toEqual(FINE);
  }

  /** Until so many more probes have come in by the first link; what else the gate is to do meanwhile. */
  async function rounds(count: number, ...gate: readonly string[]): Promise<void> {
    host.gate(['-i p0 -p icmp', ...gate]);
    await host.until(() => (host.met()[0] ?? 0) >= count, true);
  }

  test('leaves its caller: own session, no descriptor, folder or lock of it, deaf to SIGHUP', async () => {
    host.install();
    const caller = `cd /tmp; exec 3</etc/passwd 8</etc/passwd; JOURNAL_STREAM=1:2 ${world.shell.join(' ')} ${host.script} start`;
    host.sh(caller);
    const loop = host.loop;
    await host.until(() => host.loops.length, 1);
    const stat = host.sh(`cat /proc/${loop}/stat`).replace(/.*\) /, '').split(' ');
    expect(stat.slice(2, 5)).toEqual([String(loop), String(loop), '0']);
    const open = () => host.sh(`cd /proc/${loop}/fd; for fd in [0-9]; do echo "$fd $(readlink $fd)"; done`);
    await host.until(open, '0 /dev/null\n1 /dev/null\n2 /dev/null\n');
    expect(host.sh(`readlink /proc/${loop}/cwd`)).toBe('/\n');
    const shell = world.title === 'dash' ? 'dash' : 'busybox';
    host.host.sh(`cmp /proc/$(pgrep -f '^/bin/sh ${host.script} probe' | head -n 1)/exe /usr/bin/${shell}`);
    expect(host.run('start')).toEqual(FINE);
    host.sh(`kill -HUP ${loop}; kill -HUP -${loop}`);
    await rounds(2);
    expect(host.loop).toBe(loop);
    expect(host.run('status')).toEqual(FINE);
  });

  test('stop ends it and all that it has started, and forgets what it found', async () => {
    start({ timeoutS: 20, down: 1 });
    host.gate(['-i p1 -j DROP']);
    await host.until(() => host.processes.some((line) => line.includes('ping')), true);
    host.sh(`echo "boot $(cat /proc/sys/kernel/random/boot_id)" >/run/fairlead-test.health`);
    expect(host.run('stop')).toEqual(FINE);
    expect(host.processes).toEqual([]);
    expect(host.sh('ls /run').replace('fairlead-test.lock\n', '')).toBe('mount\nsyslogd.pid\n');
    expect(host.run('status')).toMatchObject({ status: 4, stdout: 'missing prober\n' });
    expect(host.run('stop')).toEqual(FINE);
  });

  test('the note of the health is replaced as a whole: who has it open reads the old one to its end', async () => {
    start({ down: 1, up: 1, intervalS: 0.1 });
    host.host.sh('ip route replace default via 192.0.2.1 dev v0 table 802');
    await host.until(() => host.reloads, ['dead:-4 isp2,']);
    const old = host.read('fairlead-test.health');
    host.sh('ln /run/fairlead-test.health /run/open');
    host.host.sh('ip route replace default via 203.0.113.1 dev v1 table 802');
    await host.until(() => host.reloads, ['dead:-4 isp2,', 'dead:']);
    expect(host.health).toEqual([]);
    expect(host.read('open')).toBe(old);
  });

  test('another text of the script brings another loop, which knows who is dead', async () => {
    start({ down: 1 });
    const first = host.loop;
    host.gate(['-i p1 -j DROP']);
    await host.until(() => host.reloads, ['dead:-4 isp2,']);
    host.install({ down: 2 });
    expect(host.run('status')).toMatchObject({
      status: 4,
      stdout: expect.stringContaining('missing prober'),
    });
    expect(host.run('start')).toEqual(FINE);
    expect(host.loop).not.toBe(first);
    await host.until(() => host.loops.length, 1);
    await rounds(3, '-i p1 -j DROP');
    expect(host.health).toEqual([DEAD]);
    expect(host.reloads).toEqual(['dead:-4 isp2,']);
    expect(host.run('start')).toEqual(FINE);
    host.install({ targets: '' });
    expect(host.run('status')).toMatchObject({ status: 4, stdout: 'surplus prober\n' });
    expect(host.run('start')).toEqual(FINE);
    expect(host.processes).toEqual([]);
    expect(host.health).toEqual([]);
    expect(host.run('status')).toEqual(FINE);
  });

  test('a loop whose reload replaces it lets that reload finish', async () => {
    start({ down: 1 });
    const first = host.loop;
    host.install({ down: 1, reload: 'touch /run/finished' });
    host.gate(['-i p1 -j DROP']);
    await host.until(() => host.sh('ls /run').includes('finished'), true);
    expect(host.loop).not.toBe(first);
    await host.until(() => host.loops.length, 1);
    await rounds(2, '-i p1 -j DROP');
    expect(host.reloads).toEqual(['dead:-4 isp2,']);
    expect(host.run('status')).toMatchObject({ status: 0 });
  });

  test('what was found but not yet applied when the loop was replaced is applied', async () => {
    start({ down: 1 });
    host.sh(`boot=$(cat /proc/sys/kernel/random/boot_id); kill -KILL ${host.loop}
      printf 'boot %s\\n${DEAD}\\n' "$boot" >/dev/found`);
    host.gate(['-i p1 -j DROP']);
    // Between what start reads and the loop that it starts: the loop that was there has found something.
    host.install({ down: 1 });
    host.sh(`sed 's/^launch_prober() {/&\\n  cp \\/dev\\/found \\/run\\/fairlead-test.health/' ${host.script} >/dev/other
      ${world.shell.join(' ')} /dev/other start`);
    await host.until(() => host.reloads, ['dead:-4 isp2,']);
    await rounds(2, '-i p1 -j DROP');
    expect(host.reloads).toEqual(['dead:-4 isp2,']);
  });

  test('a killed loop is missing, and start brings it back', async () => {
    start({ down: 1 });
    host.gate(['-i p1 -j DROP']);
    await host.until(() => host.reloads, ['dead:-4 isp2,']);
    const loop = host.loop;
    host.sh(`kill -KILL ${loop}`);
    await host.until(() => host.sh(`[ -e /proc/${loop} ] || echo gone`), 'gone\n');
    expect(host.run('status')).toMatchObject({
      status: 4,
      stdout: expect.stringContaining('missing prober'),
    });
    expect(host.run('start')).toEqual(FINE);
    await host.until(() => host.loops.length, 1);
    expect(host.run('status')).toMatchObject({ status: 0 });
    expect(host.health).toEqual([DEAD]);
  });

  test('another process that has got its number is not mistaken for it', async () => {
    start();
    const loop = host.loop;
    host.sh(`kill -KILL ${loop}`);
    await host.until(() => host.sh(`[ -e /proc/${loop} ] || echo gone`), 'gone\n');
    await host.until(() => host.processes, []);
    host.sh(`echo ${loop - 1} >/proc/sys/kernel/ns_last_pid; exec sleep 1000 >/dev/null 2>&1 &`);
    expect(host.sh(`cat /proc/${loop}/cmdline`)).toContain('sleep');
    expect(host.run('status')).toMatchObject({ status: 4, stdout: 'missing prober\n' });
    expect(host.run('stop')).toEqual(FINE);
    expect(host.processes).toEqual(['sleep 1000']);
    expect(host.run('start')).toEqual(FINE);
    expect(host.processes).toContain('sleep 1000');
    await host.until(() => host.loops.length, 1);
  });

  test('several starts at once leave one loop', async () => {
    host.install();
    expect(await Promise.all([1, 2, 3].map(() => host.meanwhile('start')))).toEqual([0, 0, 0]);
    await host.until(() => host.loops.length, 1);
    expect(host.run('status')).toEqual(FINE);
  });

  test('a loop that is no longer noted leaves', async () => {
    start({ intervalS: 0.2 });
    host.sh('rm /run/fairlead-test.prober');
    await host.until(() => host.processes, []);
    expect(host.told).toEqual([]);
  });

  test('nothing is believed that was noted before a reboot', async () => {
    start({ down: 1 });
    host.gate(['-i p1 -j DROP']);
    await host.until(() => host.reloads, ['dead:-4 isp2,']);
    const file = join(host.host.folder, 'boot_id');
    writeFileSync(file, `${crypto.randomUUID()}\n`);
    host.sh(`mount --bind ${file} /proc/sys/kernel/random/boot_id`);
    expect(host.run('status')).toMatchObject({ status: 4, stdout: 'missing prober\n' });
  });

  test('a /run that cannot be written is said once, and nobody is taken out until it can be', async () => {
    host.install({ down: 1 });
    expect(host.run('start')).toEqual(FINE);
    host.sh('mount -o remount,bind,ro /run');
    host.gate(['-i p1 -j DROP']);
    const said = 'cannot write /run/fairlead-test.health: nothing is taken out or put back';
    await host.until(() => host.told.slice(-1), [said]);
    await host.until(() => (host.met()[0] ?? 0) >= 3, true);
    expect(host.told.filter((line) => line === said)).toHaveLength(1);
    expect(host.reloads).toEqual([]);
    host.sh('mount -o remount,bind,rw /run');
    await host.until(() => host.reloads, ['dead:-4 isp2,']);
  });

  test('a note of itself that cannot be written is a failure, and leaves no loop', () => {
    host.install();
    host.sh('mkdir /run/fairlead-test.prober.new');
    expect(host.run('start')).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('the prober did not start'),
    });
    expect(host.processes).toEqual([]);
  });

  test('a round of two members and one target costs five processes, and the loop next to nothing', async () => {
    start({ intervalS: 0.5, members: [ISP1, ISP2] });
    const forks = () => Number(host.sh('cat /proc/sys/kernel/ns_last_pid'));
    const used = () => {
      const stat = host.sh(`cat /proc/${host.loop}/stat`).replace(/.*\) /, '').split(' ');
      return Number(stat[11]) + Number(stat[12]);
    };
    const ticks = used();
    await rounds(1);
    const before = forks();
    await host.until(() => host.met()[0] ?? 0, 21, 20);
    const after = forks();
    const count = 20;
    const worn = used() - ticks;
    host.run('stop');
    const own = -(forks() - forks());
    const each = (after - before - own) / count;
    console.log(
      `${world.title}: ${each.toFixed(1)} processes per round, ${worn * 10} ms of CPU in ${count} rounds`,
    );
    expect(each).toBeCloseTo(5, 0);
    expect(worn).toBeLessThan(count * 2);
  });
});
