// What the prober makes of answers, with real packets: who is dead, when, and whom it never takes out.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  ISP1,
  ISP1_6,
  ISP2,
  ISP2_6,
  PROBER_WORLDS,
  ProbedHost,
  type Settings,
  TARGET,
  TARGET6,
} from './support/prober.ts';

const SILENT = `no answer from ${TARGET}`;
const worlds = PROBER_WORLDS.filter(
  ({ title }) => title === 'dash' || title.includes('BusyBox ash, awk and ip'),
);

describe.each(worlds)('$title', (world) => {
  let host: ProbedHost;

  beforeEach(async () => {
    host = await ProbedHost.create(world);
  });
  afterEach(() => host.close());

  /** Starts it, and waits until each of that many links has brought a probe. */
  async function start(settings: Settings = {}, links = 2): Promise<void> {
    const rules = ['-i p0 -p icmp', '-i p1 -p icmp'].slice(0, links);
    host.gate(rules);
    host.install(settings);
    expect(host.run('start')).toEqual({ status: 0, stdout: '', stderr: '' });
    await host.until(() => host.met().every((packets) => packets > 0), true);
  }

  test('dead after exactly PROBE_DOWN silent rounds, alive after exactly PROBE_UP answers', async () => {
    await start({ intervalS: 1.6 });
    host.gate([`-i p1 -d ${TARGET} -j DROP`]);
    await host.until(() => host.health, [`dead -4 isp2 ${SILENT}`]);
    expect(host.met()).toEqual([3]);
    await host.until(() => host.reloads, ['dead:-4 isp2,']);
    expect(host.told).toEqual([`isp2 (-4): ${SILENT}, taken out after 3 rounds`]);
    expect(host.run('status')).toMatchObject({ status: 0, stdout: `isp2 (-4): dead: ${SILENT}\n` });

    host.gate([`-i p1 -d ${TARGET}`]);
    await host.until(() => host.health, []);
    expect(host.met()).toEqual([2]);
    await host.until(() => host.reloads, ['dead:-4 isp2,', 'dead:']);
    expect(host.told.slice(1)).toEqual(['isp2 (-4): answers again, put back after 2 rounds']);
    expect(host.run('status')).toEqual({ status: 0, stdout: '', stderr: '' });

    host.gate([`-i p1 -d ${TARGET} -j DROP`]);
    await host.until(() => host.health, [`dead -4 isp2 ${SILENT}`]);
    expect(host.met()).toEqual([3]);
  });

  test('a single answer starts the count again, and so does a single silence', async () => {
    await start({ intervalS: 0.2 });
    host.gate(['-i p1 -m statistic --mode nth --every 3 --packet 2 -j ACCEPT', '-i p1 -j DROP']);
    await host.until(() => (host.met()[1] ?? 0) >= 7, true, 30);
    expect(host.health).toEqual([]);
    host.gate(['-i p1 -j DROP']);
    await host.until(() => host.reloads, ['dead:-4 isp2,']);
    host.gate(['-i p1 -m statistic --mode nth --every 2 --packet 0 -j ACCEPT', '-i p1 -j DROP']);
    await host.until(() => (host.met()[1] ?? 0) >= 4, true, 30);
    expect(host.reloads).toEqual(['dead:-4 isp2,']);
    host.gate([]);
    await host.until(() => host.reloads, ['dead:-4 isp2,', 'dead:']);
  });

  test('never all: the last ones stay in use, and once another answers the truth is told', async () => {
    await start({ intervalS: 0.2 });
    host.gate(['-i p0 -j DROP']);
    await host.until(() => host.reloads, ['dead:-4 isp1,']);
    host.gate(['-j DROP']);
    await host.until(() => host.health, [`dead -4 isp1 ${SILENT}`, `kept -4 isp2 ${SILENT}`]);
    await host.until(
      () => host.told.slice(1),
      [`isp2 (-4): ${SILENT} for 3 rounds, but stays in use: all others are dead`],
    );
    expect(host.run('status').stdout).toContain(`isp2 (-4): kept: ${SILENT}\n`);
    host.gate(['-i p1 -j DROP']);
    await host.until(() => host.reloads, ['dead:-4 isp1,', 'dead:-4 isp2,']);
    expect(host.health).toEqual([`dead -4 isp2 ${SILENT}`]);
    expect(host.told.slice(2)).toEqual([
      'isp1 (-4): answers again, put back after 2 rounds',
      `isp2 (-4): ${SILENT}, taken out now that another answers`,
    ]);
  });

  test('all at once: nobody is taken out, and nothing is reloaded when they return', async () => {
    host.gate(['-j DROP']);
    host.install({ intervalS: 0.2 });
    host.run('start');
    await host.until(() => host.health, [`kept -4 isp1 ${SILENT}`, `kept -4 isp2 ${SILENT}`]);
    host.gate([]);
    await host.until(() => host.health, []);
    await host.until(() => host.told.slice(-2), ['isp1 (-4): answers again', 'isp2 (-4): answers again']);
    expect(host.reloads).toEqual([]);
  });

  test.each(['ping', 'tcp'] as const)('%s: what would leave by another link is not sent', async (method) => {
    await host.serve(80, 'httpd', '-f', '-p', '80');
    host.gate(['-i p1 -s 203.0.113.10', '-i p0 -s 203.0.113.10']);
    host.install({ method });
    host.run('start');
    await host.until(() => (host.met()[0] ?? 0) > 0, true);
    host.host.sh('ip route replace default via 192.0.2.1 dev v0 table 802');
    host.gate(['-i p1 -s 203.0.113.10', '-i p0 -s 203.0.113.10']);
    await host.until(() => host.health, [`dead -4 isp2 no way by v1 to ${TARGET}`]);
    expect(host.met()).toEqual([0, 0]);
    host.host.sh('ip route replace default via 203.0.113.1 dev v1 table 802');
    await host.until(() => host.health, []);
  });

  test('an address that the host no longer has is dead', async () => {
    await start({ intervalS: 0.2 });
    host.host.sh('ip address del 203.0.113.10/24 dev v1');
    await host.until(() => host.health, [`dead -4 isp2 no way by v1 to ${TARGET}`]);
  });

  test('IPv6 is judged apart from IPv4, by the targets of its own', async () => {
    await start({ targets: `${TARGET} ${TARGET6}`, members: [ISP1, ISP2, ISP1_6, ISP2_6], intervalS: 0.2 });
    host.gate(['-i p1 -j DROP'], 6);
    await host.until(() => host.reloads, ['dead:-6 isp2,']);
    expect(host.health).toEqual([`dead -6 isp2 no answer from ${TARGET6}`]);
    expect(host.met(6)[0]).toBeGreaterThanOrEqual(3);
    host.gate([], 6);
    await host.until(() => host.reloads, ['dead:-6 isp2,', 'dead:']);
  });

  test('a family without targets is never dead, whatever the note says', async () => {
    host.gate(['-j DROP'], 6);
    await start({ members: [ISP1, ISP2, ISP1_6, ISP2_6], intervalS: 0.2 });
    host.gate(['-i p1 -j DROP']);
    await host.until(() => host.reloads, ['dead:-4 isp2,']);
    expect(host.health).toEqual([`dead -4 isp2 ${SILENT}`]);
    host.sh(
      'kill -KILL $(cut -d" " -f2 /run/fairlead-test.prober); echo dead -6 isp1 x y >>/run/fairlead-test.health',
    );
    expect(host.run('status').stdout).toBe(`isp2 (-4): dead: ${SILENT}\nmissing prober\n`);
  });

  test('of several targets as many must answer as PROBE_RELIABILITY says', async () => {
    host.host.outer.sh('ip address add 198.51.100.11 dev lo; ip address add 198.51.100.12 dev lo');
    await start({
      targets: `${TARGET} 198.51.100.11 198.51.100.12`,
      reliability: 2,
      intervalS: 0.2,
      down: 2,
    });
    host.gate(['-i p1 -d 198.51.100.11 -j DROP']);
    await host.until(() => (host.met()[0] ?? 0) >= 4, true);
    expect(host.health).toEqual([]);
    host.gate(['-i p1 -d 198.51.100.11 -j DROP', '-i p1 -d 198.51.100.12 -j DROP']);
    await host.until(() => host.health, ['dead -4 isp2 no answer from 198.51.100.11 198.51.100.12']);
  });

  test('rounds keep their interval, silent targets delay nobody', async () => {
    host.host.outer.sh('ip address add 198.51.100.11 dev lo; ip address add 198.51.100.12 dev lo');
    await start({ targets: `${TARGET} 198.51.100.11 198.51.100.12`, timeoutS: 2, down: 9 });
    const swift = await watch();
    host.gate(['-i p1 -j DROP']);
    const slow = await watch();
    console.log(`rounds of ${world.title}: answered ${swift}, silent for 2 s ${slow}`);
    for (const round of swift) expect(round).toBeGreaterThan(0.5);
    for (const round of swift) expect(round).toBeLessThan(1.5);
    for (const round of slow.slice(1)) expect(round).toBeGreaterThan(1.5);
    for (const round of slow.slice(1)) expect(round).toBeLessThan(2.5);
  });

  /** Seconds between probes of the first target by the first link. */
  async function watch(): Promise<readonly number[]> {
    const [program = '', ...words] = host.host.outer.enter('network');
    const what = ['-i', 'p0', '-l', '-n', '-tt', '-c', '4', `icmp[0] == 8 and dst ${TARGET}`];
    const tcpdump = spawn(program, [...words, 'tcpdump', ...what], { stdio: ['ignore', 'pipe', 'ignore'] });
    let seen = '';
    tcpdump.stdout.on('data', (data: Buffer) => {
      seen += data.toString();
    });
    await once(tcpdump, 'close');
    const times = [...seen.matchAll(/^\d+\.\d+/gm)].map(([time]) => Number(time));
    expect(times).toHaveLength(4);
    return times.slice(1).map((time, i) => Math.round((time - (times[i] ?? 0)) * 100) / 100);
  }

  test('the gateway is pinged by its device each round, and what comes of it does not matter', async () => {
    await start({ members: [`${ISP1} 192.0.2.1`, `${ISP2} 203.0.113.1`], intervalS: 0.2, down: 1 });
    host.gate(['-i p1 -d 203.0.113.1 -j DROP']);
    await host.until(() => (host.met()[0] ?? 0) >= 3, true);
    expect(host.health).toEqual([]);
  });

  test('a reload that fails is tried again, later and later, until it succeeds', async () => {
    await start({ intervalS: 0.2, down: 1, up: 1, reload: '[ "$(wc -l </run/reloads)" -ge 3 ]' });
    host.host.sh('ip address del 203.0.113.10/24 dev v1');
    const dead = 'dead:-4 isp2,';
    await host.until(() => host.reloads, [dead, dead, dead]);
    expect(host.told.slice(1)).toEqual([
      'reload failed, to be tried again in 1 rounds',
      'reload failed, to be tried again in 2 rounds',
    ]);
    host.gate(['-i p0 -p icmp']);
    await host.until(() => (host.met()[0] ?? 0) >= 8, true);
    expect(host.reloads).toHaveLength(3);
  });
});
