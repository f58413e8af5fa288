// Which links have which part in ecmp's balance: weights, links that are absent, dead or back, and what that moves.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { addIpv6, addThird, defaultRoute, ECMP_WORLDS, ecmp, ISP1, ISP2_6, ISP3 } from './support/ecmp.ts';
import { ISP2 } from './support/split-access.ts';
import { TestHost } from './support/test-host.ts';

const HOP1 = 'nexthop via 192.0.2.1 dev v0 weight 1';
const HOP2 = 'nexthop via 203.0.113.1 dev v1 weight 1';
const HOP3 = 'nexthop via 198.18.0.1 dev v2 weight 1';
const THREE = { split_access_links: [ISP1, ISP2, ISP3] };
/** A prober that has found nothing yet, and will not while the test runs. */
const PROBER = {
  ecmp_probe_targets: ['198.51.100.1', '2001:db8:ffff::1'],
  ecmp_probe_interval_s: 3600,
  ecmp_probe_down: 100,
  ecmp_probe_up: 100,
};

let host: TestHost;
beforeEach(async () => {
  const [world] = ECMP_WORLDS;
  if (world === undefined) throw new Error('no world');
  host = await TestHost.create(world);
});
afterEach(() => {
  host.script('stop'); // also the prober, which would outlive the test
  host.close();
});

function install(variables: Parameters<typeof ecmp>[0]): void {
  host.install(ecmp(variables));
}

function start(action = 'start') {
  const outcome = host.script(action);
  expect(outcome).toMatchObject({ status: 0 });
  return outcome;
}

/** What status says after its first line. */
function links(): readonly string[] {
  return host
    .script('status')
    .stdout.split('\n')
    .filter((line) => line.includes(': link '))
    .map((line) => line.replace('fairlead-ecmp: ', ''));
}

function foundDead(...lines: readonly string[]): void {
  const text = lines.map((line) => `dead ${line}\n`).join('');
  host.inside(`{ echo "boot $(cat /proc/sys/kernel/random/boot_id)"
    printf '%s' '${text}'; } >/run/fairlead-ecmp.health`);
}

describe('weights', () => {
  test.each([
    ['none', {}, `default proto 223 ${HOP1} ${HOP2} ${HOP3}`],
    [
      'some',
      { isp3: 4, isp1: 256 },
      `default proto 223 ${HOP1.replace('weight 1', 'weight 256')} ${HOP2} ${HOP3.replace('weight 1', 'weight 4')}`,
    ],
    ['a link without a part', { isp2: 0 }, `default proto 223 ${HOP1} ${HOP3}`],
    ['one link with a part', { isp1: 0, isp2: 0 }, 'default via 198.18.0.1 dev v2 proto 223'],
  ])('%s', async (_title, ecmp_weights, route) => {
    await addThird(host);
    install({ ...THREE, ecmp_weights });
    start();
    expect(defaultRoute(host)).toBe(route);
    expect(host.script('status')).toMatchObject({ status: 0 });
  });

  test('no link with a part is refused', () => {
    install({ ecmp_weights: { isp1: 0, isp2: 0 } });
    for (const action of ['check', 'start', 'status']) {
      expect(host.script(action)).toMatchObject({
        status: 6,
        stderr: 'fairlead-ecmp: no link has a part in the balance: WEIGHTS= isp1:0 isp2:0 \n',
      });
    }
    install({});
  });

  test('the order is that of the links, not that of the kernel or of names', async () => {
    await addThird(host);
    install({ split_access_links: [ISP3, ISP2, ISP1] });
    start();
    expect(defaultRoute(host)).toBe(`default proto 223 ${HOP3} ${HOP2} ${HOP1}`);
  });

  test('two networks by one gateway are one nexthop, with the weight of both', () => {
    const first = { ...ISP1, gateway6: 'fe80::1' };
    const second = { ...first, name: 'other', address: '192.0.2.20/24', address6: '2001:db8:3::10/64' };
    addIpv6(host);
    host.sh('ip address add 192.0.2.20/24 dev v0; ip address add 2001:db8:3::10/64 dev v0');
    install({ split_access_links: [first, ISP2_6, second], ecmp_weights: { isp1: 2, other: 3 } });
    start();
    expect(defaultRoute(host)).toBe(
      'default proto 223 nexthop via 192.0.2.1 dev v0 weight 5 nexthop via 203.0.113.1 dev v1 weight 1',
    );
    expect(defaultRoute(host, 901, 6)).toContain(
      'nexthop via fe80::1 dev v0 weight 5 nexthop via fe80::1 dev v1 weight 1',
    );
    expect(host.script('status')).toMatchObject({ status: 0 });
    install({ split_access_links: [first, second], ecmp_weights: { isp1: 200, other: 100 } });
    start();
    expect(defaultRoute(host)).toBe('default via 192.0.2.1 dev v0 proto 223');
    expect(host.script('status')).toMatchObject({ status: 0 });
    install({ split_access_links: [first, ISP2_6, second], ecmp_weights: { isp1: 200, other: 100 } });
    start();
    expect(defaultRoute(host)).toContain('via 192.0.2.1 dev v0 weight 256');
  });

  test('status tells them', () => {
    addIpv6(host);
    install({ split_access_links: [ISP1, ISP2_6], ecmp_weights: { isp1: 0, isp2: 7 } });
    start();
    expect(links()).toEqual([
      'link isp1 (-4): no part in the balance (weight 0)',
      'link isp1 (-6): no part in the balance (weight 0)',
      'link isp2 (-4): alive, weight 7',
      'link isp2 (-6): alive, weight 7',
    ]);
  });
});

describe('links that are not there', () => {
  test('an optional one is left out, and taken in where it belongs when it comes', async () => {
    install({ split_access_links: [ISP1, { ...ISP3, optional: true }, ISP2] });
    expect(start().stderr).toContain(
      'link isp3 (optional): 198.18.0.10 is not on v2; it takes its part as soon as it is\n',
    );
    expect(defaultRoute(host)).toBe(`default proto 223 ${HOP1} ${HOP2}`);
    expect(host.script('status').status).toBe(0);
    expect(links()[2]).toBe('link isp3 (-4): absent: 198.18.0.10 is not on v2 (optional)');
    await addThird(host);
    expect(host.script('status')).toMatchObject({ status: 4 });
    start('reload');
    expect(defaultRoute(host)).toBe(`default proto 223 ${HOP1} ${HOP3} ${HOP2}`);
    expect(host.script('status').status).toBe(0);
  });

  test('a required one is a failure, and the others carry on', () => {
    host.sh('ip address del 203.0.113.10/24 dev v1');
    install({});
    expect(host.script('start')).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('link isp2 (required): 203.0.113.10 is not on v1'),
    });
    expect(defaultRoute(host)).toBe('default via 192.0.2.1 dev v0 proto 223');
    expect(host.script('status').status).toBe(4);
    expect(links()).toContain('link isp2 (-4): absent: 203.0.113.10 is not on v1 (required)');
  });

  test('one that is down has no part, and a bounce of all of them is put right', () => {
    install({});
    start();
    host.sh('ip link set v0 down');
    expect(host.script('reload').status).toBe(1);
    expect(defaultRoute(host)).toBe('default via 203.0.113.1 dev v1 proto 223');
    host.sh('ip link set v1 down');
    expect(host.script('reload').status).toBe(1);
    expect(defaultRoute(host)).toBe('');
    host.sh('ip link set v0 up; ip link set v1 up');
    start('reload');
    expect(defaultRoute(host)).toBe(`default proto 223 ${HOP1} ${HOP2}`);
  });

  test('start waits for them', async () => {
    host.sh('ip address del 203.0.113.10/24 dev v1');
    install({ ecmp_wait_s: 30 });
    const started = host.scriptMeanwhile('start');
    while (!host.inside('ls /run').includes('fairlead-ecmp.lock')) await new Promise(setImmediate);
    host.sh('ip address add 203.0.113.10/24 dev v1');
    expect(await started).toBe(0);
    expect(defaultRoute(host)).toBe(`default proto 223 ${HOP1} ${HOP2}`);
  });
});

describe('links that the prober calls dead', () => {
  beforeEach(() => {
    addIpv6(host);
    install({ ...PROBER, split_access_links: [ISP1, ISP2_6] });
    start();
  });

  test('leave the balance, and nothing else of them goes', () => {
    const rules = host.rules();
    foundDead('-4 isp2 no answer from 198.51.100.1');
    expect(host.script('status')).toMatchObject({ status: 4 });
    start('reload');
    expect(defaultRoute(host)).toBe('default via 192.0.2.1 dev v0 proto 223');
    expect(defaultRoute(host, 901, 6)).toContain('nexthop via fe80::1');
    expect(host.rules()).toEqual(rules);
    expect(host.script('status').status).toBe(0);
    expect(links()).toEqual([
      'link isp1 (-4): alive',
      'link isp1 (-6): alive',
      'link isp2 (-4): dead (prober: no answer from 198.51.100.1)',
      'link isp2 (-6): alive',
    ]);
    foundDead();
    start('reload');
    expect(defaultRoute(host)).toBe(`default proto 223 ${HOP1} ${HOP2}`);
  });

  test('stay where all are', () => {
    foundDead('-4 isp1 no answer', '-4 isp2 no answer');
    start('reload');
    expect(defaultRoute(host)).toBe(`default proto 223 ${HOP1} ${HOP2}`);
    expect(links()[0]).toBe('link isp1 (-4): dead, used because all are (prober: no answer)');
  });

  test('are better than none, where the living ones have lost their addresses', () => {
    foundDead('-4 isp2 no answer');
    start('reload');
    host.sh('ip address del 192.0.2.10/24 dev v0');
    expect(host.script('reload').status).toBe(1); // isp1 is required
    expect(defaultRoute(host)).toBe('default via 203.0.113.1 dev v1 proto 223');
    expect(host.script('status').stdout).not.toMatch(/missing|changed|surplus/);
  });

  test('have their connections forgotten once, those of the others stay', () => {
    install({ ...PROBER, ecmp_track: true });
    start('reload');
    const entry = (port: number, address: string, mark: string) =>
      host.sh(`conntrack -I -p udp -s 10.9.0.2 -d 198.51.100.9 -r 198.51.100.9 -q ${address} -t 600 -m ${mark} \
        --orig-port-src ${port} --orig-port-dst 53 --reply-port-src 53 --reply-port-dst ${port} 2>/dev/null`);
    const ports = () =>
      [
        ...host
          .sh('conntrack -L -p udp --orig-port-dst 53 2>/dev/null')
          .matchAll(/src=10\.9\.0\.2 \S+ sport=(\d+)/g),
      ]
        .map(([, port]) => Number(port))
        .sort();
    entry(1, '203.0.113.10', '0');
    entry(2, '203.0.113.99', '0x200000');
    entry(3, '192.0.2.10', '0x100000');
    entry(4, '192.0.2.10', '0x00f00');
    foundDead('-4 isp2 no answer');
    expect(start('reload').stderr).toContain('link isp2 (-4): forgot the connections of 203.0.113.10');
    expect(ports()).toEqual([3, 4]);
    entry(5, '203.0.113.10', '0x200000');
    expect(start('reload').stderr).toBe('');
    // Nor where the route changes for another reason.
    install({ ...PROBER, ecmp_track: true, split_access_links: [{ ...ISP1, gateway: '192.0.2.2' }, ISP2_6] });
    expect(start('reload').stderr).toContain('route replace default via 192.0.2.2');
    expect(ports()).toEqual([3, 4, 5]);
    foundDead();
    start('reload');
    expect(ports()).toEqual([3, 4, 5]);
  });

  test('a prober that somebody killed is drift, and started again', () => {
    host.inside('kill -9 "$(cut -d" " -f2 /run/fairlead-ecmp.prober)"');
    expect(host.script('status')).toMatchObject({
      status: 4,
      stdout: expect.stringMatching(/^fairlead-ecmp: missing prober\n/),
    });
    start('reload');
    expect(host.script('status')).toMatchObject({ status: 0 });
    start('stop');
    expect(host.inside('ls /run')).not.toMatch(/prober|health/);
  });

  test('neighbours are asked about together with a prober only', () => {
    const setting = () => host.sh('cat /proc/sys/net/ipv4/fib_multipath_use_neigh').trim();
    expect(setting()).toBe('1');
    install({});
    start('reload');
    expect(setting()).toBe('0');
    install({ ...PROBER, ecmp_use_neighbours: false });
    start('reload');
    expect(setting()).toBe('0');
  });
});

describe('what moves', () => {
  const sample = () =>
    host
      .sh(
        `seq 20000 20999 | sed 's/.*/route get 198.51.100.1 ipproto tcp sport & dport 80/' | ip -b - | grep -o 'dev v[0-9]'`,
      )
      .trim()
      .split('\n');
  const moved = (before: readonly string[], after: readonly string[]) =>
    before.filter((device, at) => device !== after[at]).length;

  test.each([
    ['a third link', { split_access_links: [ISP1, ISP2] }, THREE, 500],
    ['no third link any longer', THREE, { split_access_links: [ISP1, ISP2] }, 500],
    ['the first link gone', THREE, { split_access_links: [ISP2, ISP3] }, 500],
    ['another weight', {}, { ecmp_weights: { isp1: 3 } }, 250],
    ['another order', {}, { split_access_links: [ISP2, ISP1] }, 1000],
  ])('%s: check and status say how much, and it is so', async (_title, one, other, count) => {
    await addThird(host);
    install(one);
    start();
    const before = sample();
    install(other);
    expect(host.script('check')).toEqual({
      status: 0,
      stdout: `note: moves ${count} of 1000 flows (IPv4)\n`,
      stderr: '',
    });
    expect(host.script('status').stdout).toContain(`fairlead-ecmp: would move ${count} of 1000 flows (-4)\n`);
    expect(sample()).toEqual(before);
    start('reload');
    expect(Math.abs(moved(before, sample()) - count)).toBeLessThanOrEqual(60);
    expect(host.script('check').stdout).toBe('');
  });

  test('nothing, where nothing changes: a route that is right is never written', async () => {
    // (The kernel says nothing of an IPv4 route that is replaced by its like; of an IPv6 one it does.)
    addIpv6(host);
    install({ ecmp_track: true, ecmp_place: 'main', split_access_links: [ISP1, ISP2_6] });
    start();
    const monitor = await watchRoutes(host);
    for (let i = 0; i < 10; i++) start(i % 2 === 0 ? 'reload' : 'start');
    host.sh('ip route add 198.51.100.77 via 192.0.2.1'); // it does see what happens
    await vi.waitFor(() => expect(monitor.text()).toContain('198.51.100.77'), { timeout: 5000 });
    expect(monitor.text()).not.toContain('default');
    host.sh('ip route flush table 901');
    start('reload');
    await vi.waitFor(() => expect(monitor.text()).toMatch(/^default table 901 proto 223/m), {
      timeout: 5000,
    });
    monitor.process.kill();
  });
});

test('no ping is lost while reload writes the route anew, again and again', async () => {
  host.outer.sh(`ip address add 192.0.2.1/24 dev p0; ip address add 203.0.113.1/24 dev p1
    ip address add 198.51.100.1/32 dev lo`);
  const scripts = [ecmp({}), ecmp({ ecmp_weights: { isp1: 2 }, ecmp_track: true })];
  host.install(scripts[0] ?? '');
  start();
  const [program = '', ...words] = host.inner.enter('network');
  const ping = spawn(program, [...words, 'ping', '-q', '-i', '0.001', '-c', '3000', '198.51.100.1']);
  let said = '';
  ping.stdout.on('data', (data: Buffer) => {
    said += data.toString();
  });
  const over = once(ping, 'close').then(() => true);
  let reloads = 0;
  while (!(await Promise.race([over, new Promise<boolean>((resolve) => setImmediate(resolve, false))]))) {
    host.install(scripts[++reloads % 2] ?? '');
    expect(start('reload').stderr).toContain('route replace default');
  }
  expect(said).toContain('3000 packets transmitted, 3000 received, 0% packet loss');
  expect(reloads).toBeGreaterThan(15);
});

async function watchRoutes(of: TestHost): Promise<{ text(): string; process: ChildProcess }> {
  const [program = '', ...words] = of.inner.enter('network');
  const process = spawn(program, [...words, 'stdbuf', '-oL', 'ip', 'monitor', 'route']);
  let said = '';
  process.stdout.on('data', (data: Buffer) => {
    said += data.toString();
  });
  await vi.waitFor(
    () => {
      of.sh('ip route add 198.51.100.66 via 192.0.2.1; ip route del 198.51.100.66');
      expect(said).toContain('198.51.100.66');
    },
    { timeout: 5000 },
  );
  return { text: () => said, process };
}
