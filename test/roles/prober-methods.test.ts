// How the prober asks: ping, tcp and http, with whichever of their tools the host has.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
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

const worlds = PROBER_WORLDS.filter(
  ({ title }) => title === 'dash' || title.includes('BusyBox ash, awk and ip'),
);
const BOTH: Settings = {
  targets: `${TARGET} ${TARGET6}`,
  members: [ISP1, ISP2, ISP1_6, ISP2_6],
  port: 8080,
  intervalS: 0.2,
  down: 2,
};

describe.each(worlds)('$title', (world) => {
  let host: ProbedHost;

  beforeEach(async () => {
    host = await ProbedHost.create(world);
  });
  afterEach(() => host.close());

  /** As if the host did not have it. */
  const hide = (tool: string) => host.sh(`mount --bind /dev/null "$(readlink -f /usr/bin/${tool})"`);

  async function serve(): Promise<void> {
    host.host.outer.sh(
      `mkdir -p ${host.host.folder}/www/sub; echo hello >${host.host.folder}/www/index.html`,
    );
    await host.serve(8080, 'httpd', '-f', '-p', '[::]:8080', '-h', `${host.host.folder}/www`);
  }

  test.each([
    ['ping', 'ping', []],
    ['tcp by nc', 'tcp', []],
    ['http by curl', 'http', []],
    ['http by wget', 'http', ['curl']],
  ] as const)('%s: each link by its own packets, IPv4 and IPv6', async (_title, method, hidden) => {
    hidden.forEach(hide);
    await serve();
    host.install({ ...BOTH, method });
    for (const family of [4, 6] as const) host.gate(['-i p0', '-i p1'], family);
    expect(host.run('check')).toEqual({ status: 0, stdout: '', stderr: '' });
    expect(host.run('start')).toEqual({ status: 0, stdout: '', stderr: '' });
    await host.until(() => Math.min(...host.met(4), ...host.met(6)) >= 10, true);
    expect(host.health).toEqual([]);
    const own = [
      `-i p1 -s 203.0.113.10 -d ${TARGET} -j DROP`,
      `-i p0 ! -s 192.0.2.10 -j DROP`,
      `-i p0 -s 192.0.2.10`,
    ];
    host.gate(own);
    await host.until(() => host.health, [`dead -4 isp2 no answer from ${TARGET}`]);
    host.gate([`-i p0 -s 2001:db8:1::10 -d ${TARGET6} -j DROP`], 6);
    await host.until(
      () => host.health,
      [`dead -4 isp2 no answer from ${TARGET}`, `dead -6 isp1 no answer from ${TARGET6}`],
    );
    expect(host.met()[1]).toBe(0);
    expect(host.met()[2]).toBeGreaterThan(0);
    host.gate([]);
    host.gate([], 6);
    await host.until(() => host.health, []);
  });

  test('tcp: a closed port is no answer', async () => {
    host.install({ ...BOTH, method: 'tcp' });
    host.run('start');
    await host.until(() => host.health.length, 4);
    await serve();
    await host.until(() => host.health, []);
  });

  test.each([['curl', []] as const, ['wget', ['curl']] as const])(
    'http by %s: 2xx is an answer; an error, a redirection and an endless page are none',
    async (_tool, hidden) => {
      hidden.forEach(hide);
      await serve();
      const endless = join(host.host.folder, 'endless');
      writeFileSync(
        endless,
        '#!/bin/sh\nprintf "HTTP/1.0 200 OK\\r\\n\\r\\n"\nwhile echo more; do sleep 0.2; done\n',
        { mode: 0o755 },
      );
      await host.serve(8081, 'nc', '-ll', '-p', '8081', '-e', endless);
      const settings: Settings = { method: 'http', port: 8080, intervalS: 0.2, down: 2, up: 1 };
      const lost = [`kept -4 isp1 no answer from ${TARGET}`, `kept -4 isp2 no answer from ${TARGET}`];
      for (const [port, path, health] of [
        [8080, '/missing', lost],
        [8080, 'index.html', []],
        [8080, '/sub', lost],
        [8080, '/', []],
        [8081, '/', lost],
      ] as const) {
        host.install({ ...settings, port, path });
        expect(host.run('start')).toMatchObject({ status: 0 });
        await host.until(() => host.health, health);
      }
    },
  );

  test.each([
    ['tcp', ['nc'], 'needs a command nc with -s and -z (package netcat-openbsd)'],
    ['http', ['curl', 'wget'], 'needs the command curl, or GNU wget and timeout'],
  ] as const)('%s: a host without its tool is told which', (method, hidden, text) => {
    hidden.forEach(hide);
    host.install({ method });
    expect(host.run('check')).toEqual({ status: 5, stdout: '', stderr: `fairlead-test: ${text}\n` });
    host.install({ method, targets: '' });
    expect(host.run('check')).toEqual({ status: 0, stdout: '', stderr: '' });
  });
});

test('ping: a host without it is told', async () => {
  const [world] = worlds;
  if (world === undefined) throw new Error('no world');
  const host = await ProbedHost.create(world);
  host.sh('mount --bind /dev/null /usr/bin/ping');
  host.install();
  const text = 'needs the command ping (package iputils-ping)';
  expect(host.run('check')).toEqual({ status: 5, stdout: '', stderr: `fairlead-test: ${text}\n` });
  host.close();
});
