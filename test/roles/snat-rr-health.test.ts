// snat-rr with a prober: a source that does not reach its target leaves the rotation and returns; never all of a pool.
import type { ChildProcess } from 'node:child_process';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import {
  BACKENDS,
  counts,
  createSnatHost,
  OUTSIDE,
  pool,
  SOURCES,
  serve,
  snatRr,
  traces,
} from './support/snat-rr.ts';
import { type TestHost, WORLDS } from './support/test-host.ts';

vi.setConfig({ testTimeout: 90_000, hookTimeout: 60_000 });

const [DASH] = WORLDS;
if (DASH === undefined) throw new Error('no world');
const PROBED = {
  snat_rr_probe_targets: ['198.51.100.9'],
  snat_rr_probe_interval_s: 1,
  snat_rr_probe_timeout_s: 1,
  snat_rr_probe_down: 2,
  snat_rr_probe_up: 2,
};

let host: TestHost;
let server: ChildProcess;
beforeEach(async () => {
  host = await createSnatHost(DASH);
  host.outer.sh('ip address add 198.51.100.9/32 dev lo');
  server = await serve(host.outer);
});
afterEach(() => {
  host.script('stop');
  server.kill('SIGKILL');
  host.close();
});

const silence = (address: string) => host.outer.sh(`iptables -I INPUT -s ${address} -d 198.51.100.9 -j DROP`);
/** Who takes turns, once the kernel agrees: status also tells what the prober has found and reload has yet to do. */
const rotation = () => {
  const { status, stdout } = host.script('status');
  return status === 0 ? /pool isp1 \(-4\): (.*)/.exec(stdout)?.[1] : undefined;
};
const until = (wanted: string) =>
  vi.waitUntil(() => rotation() === wanted, { timeout: 30_000, interval: 200 });

test.each(BACKENDS)(
  'by %s: leaves, is told, its connections are forgotten, and it returns',
  async (backend) => {
    host.install(snatRr({ ...PROBED, snat_rr_backend: backend }));
    // A rule of somebody else that would make every probe come from one address.
    host.sh('iptables -t nat -A POSTROUTING -o v0 -j MASQUERADE');
    expect(host.script('check')).toMatchObject({ status: 0 });
    expect(host.script('start')).toMatchObject({ status: 0 });
    expect(counts(host, { count: 30 })).toEqual({ '192.0.2.11': 10, '192.0.2.12': 10, '192.0.2.13': 10 });
    silence('192.0.2.12');
    await until('192.0.2.11 192.0.2.13');
    const status = host.script('status');
    expect(status).toMatchObject({
      status: 0,
      stdout: expect.stringMatching(/192\.0\.2\.12 is left out: .*198\.51\.100\.9/),
    });
    expect(host.sh('conntrack -L -p tcp -q 192.0.2.12 2>/dev/null')).toBe('');
    expect(counts(host, { count: 30 })).toEqual({ '192.0.2.11': 15, '192.0.2.13': 15 });
    host.outer.sh('iptables -F INPUT');
    await until(SOURCES.join(' '));
    expect(counts(host, { count: 30 })).toEqual({ '192.0.2.11': 10, '192.0.2.12': 10, '192.0.2.13': 10 });
  },
);

test('all of a pool are never left out: the last ones go on, though another pool is fine', async () => {
  host.sh('ip route add 198.51.100.2 via 203.0.113.1');
  host.install(
    snatRr({
      ...PROBED,
      snat_rr_probe_targets: ['198.51.100.9', '203.0.113.1'],
      snat_rr_pools: [
        { name: 'isp1', device: 'v0', sources: SOURCES.slice(0, 2) },
        { name: 'isp2', device: 'v1', sources: ['203.0.113.10'] },
      ],
    }),
  );
  expect(host.script('start')).toMatchObject({ status: 0 });
  silence('192.0.2.11');
  await until('192.0.2.12');
  silence('192.0.2.12');
  await vi.waitUntil(() => host.script('status').stdout.includes('192.0.2.12 is left out'), {
    timeout: 30_000,
  });
  expect(rotation()).toBe('192.0.2.12');
  expect(counts(host, { count: 4, to: OUTSIDE })).toEqual({ '192.0.2.12': 4 });
});

test('stop ends the prober and leaves no trace', () => {
  const before = traces(host);
  host.install(snatRr({ ...PROBED, ...pool(...SOURCES), snat_rr_backend: 'nft' }));
  expect(host.script('start')).toMatchObject({ status: 0 });
  expect(host.inside('ls /run')).toContain('fairlead-snat-rr.prober');
  expect(host.script('stop')).toMatchObject({ status: 0 });
  expect(host.inside('ls /run')).not.toMatch(/prober|health/);
  expect(traces(host)).toBe(before);
});
