// The script of snat-rr against a real kernel, in several worlds and by each backend: what it sets up, repairs,
// refuses and leaves.
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  BACKENDS,
  createSnatHost,
  pool,
  SOURCES,
  SOURCES6,
  STATE,
  snatRr,
  traces,
} from './support/snat-rr.ts';
import { type TestHost, WORLDS } from './support/test-host.ts';

const BOTH = pool(...SOURCES, ...SOURCES6);
const worlds = WORLDS.filter(({ title }) => title !== 'kernel 3.10');

describe.each(worlds.flatMap((world) => BACKENDS.map((backend) => ({ world, backend, title: world.title }))))(
  '$title, $backend',
  ({ world, backend }) => {
    let host: TestHost;

    beforeEach(async () => {
      host = await createSnatHost(world);
      // The older iptables leaves the tables that it has once looked at.
      if (backend === 'iptables-legacy') host.sh('iptables-legacy -t nat -S; ip6tables-legacy -t nat -S');
      install();
    });
    afterEach(() => host.close());

    const install = (variables = {}) =>
      host.install(snatRr({ ...BOTH, snat_rr_backend: backend, ...variables }));
    const applied = () => expect(host.script('start')).toMatchObject({ status: 0 });
    const fine = {
      status: 0,
      stdout: [
        'applied',
        `backend ${backend}: as told`,
        `pool isp1 (-4): ${SOURCES.join(' ')}`,
        `pool isp1 (-6): ${SOURCES6.join(' ')}`,
      ]
        .map((line) => `fairlead-snat-rr: ${line}\n`)
        .join(''),
      stderr: '',
    };

    test('start twice is once, status knows, stop leaves no trace', () => {
      const before = traces(host);
      expect(host.script('check')).toEqual({ status: 0, stdout: '', stderr: '' });
      expect(host.script('status')).toEqual({
        status: 3,
        stdout: 'fairlead-snat-rr: not applied\n',
        stderr: '',
      });
      expect(traces(host)).toBe(before);
      applied();
      const once = traces(host);
      expect(once).not.toBe(before);
      expect(host.script('start')).toEqual({ status: 0, stdout: '', stderr: '' });
      expect(host.script('check')).toEqual({ status: 0, stdout: '', stderr: '' });
      expect(traces(host)).toBe(once);
      expect(host.script('status')).toEqual(fine);
      expect(host.script('stop')).toMatchObject({ status: 0 });
      expect(traces(host)).toBe(before);
      expect(host.inside(`ls ${STATE} 2>&1 || :`)).toContain('No such file');
      expect(host.script('stop')).toEqual({ status: 0, stdout: '', stderr: '' });
      expect(host.script('status')).toMatchObject({ status: 3 });
    });

    test('stop knows its own also where the state file is lost', () => {
      for (const tables of ['iptables-nft', 'ip6tables-nft'])
        host.sh(`${tables} -t nat -A POSTROUTING -o v1 -j MASQUERADE`);
      const before = traces(host);
      applied();
      host.inside(`rm ${STATE}`);
      expect(host.script('status')).toEqual(fine);
      expect(host.script('stop')).toMatchObject({ status: 0 });
      expect(traces(host)).toBe(before);
    });

    test('of two pools the one that did not change keeps its counters', () => {
      const pools = (second: readonly string[]) => ({
        snat_rr_pools: [
          { name: 'isp1', device: 'v0', sources: SOURCES },
          { name: 'isp2', device: 'v1', sources: second },
        ],
      });
      install(pools(['203.0.113.10']));
      applied();
      const ours = () =>
        host.sh(
          backend === 'nft'
            ? 'nft list chain ip fairlead-snat-rr pool-1'
            : `${backend} -t nat -nvxL fairlead-snat-rr-1-icmp`,
        );
      host.sh('ping -c 1 -W 1 192.0.2.1');
      const counted = ours();
      expect(counted).toMatch(/ 1 +(SNAT|84)|packets 1 bytes 84/);
      host.sh('ip address add 203.0.113.11/24 dev v1');
      install(pools(['203.0.113.10', '203.0.113.11']));
      expect(host.script('reload')).toMatchObject({ status: 0 });
      if (backend !== 'nft') expect(ours()).toBe(counted);
      expect(host.script('status')).toMatchObject({ status: 0 });
    });

    test('three at once do what one does', async () => {
      applied();
      const once = traces(host).replaceAll(/# Warning.*\n/g, '');
      host.script('stop');
      expect(await Promise.all([1, 2, 3].map(() => host.scriptMeanwhile('start')))).toEqual([0, 0, 0]);
      expect(traces(host)).toBe(once);
    });

    test('after a reboot, which nothing in the kernel outlives, start does it again', () => {
      const before = traces(host);
      applied();
      const once = traces(host);
      host.inside(`cp ${STATE} /run/kept`);
      host.script('stop');
      expect(traces(host)).toBe(before);
      host.inside(`mkdir -p /var/lib/fairlead/snat-rr; cp /run/kept ${STATE}`);
      host.newBootId();
      expect(host.script('status')).toMatchObject({ status: 3 });
      applied();
      expect(traces(host)).toBe(once);
    });
  },
);

describe.each(['iptables-nft', 'iptables-legacy'])('damage to the chains of %s', (backend) => {
  let host: TestHost;
  const [world] = worlds;
  if (world === undefined) throw new Error('no world');

  beforeEach(async () => {
    host = await createSnatHost(world);
    host.sh(`${backend} -t nat -A POSTROUTING -s 10.9.0.0/24 -j MASQUERADE`);
    host.install(snatRr({ ...BOTH, snat_rr_backend: backend }));
    expect(host.script('start')).toMatchObject({ status: 0 });
  });
  afterEach(() => host.close());

  test.each([
    [
      'a deleted jump',
      '$i -t nat -D POSTROUTING -j fairlead-snat-rr',
      'missing jump -4 nat POSTROUTING -j fairlead-snat-rr',
    ],
    ['a chain emptied', '$i -t nat -F fairlead-snat-rr-1-tcp', 'missing chain -4 nat fairlead-snat-rr-1-tcp'],
    ['all rules flushed', '$i -t nat -F', 'missing jump -4 nat POSTROUTING -j fairlead-snat-rr'],
    [
      'an IPv6 rule gone',
      'ip6${i#ip} -t nat -D fairlead-snat-rr-1-udp 1',
      'missing chain -6 nat fairlead-snat-rr-1-udp',
    ],
    ['a rule more', '$i -t nat -A fairlead-snat-rr-1 -j ACCEPT', 'missing chain -4 nat fairlead-snat-rr-1'],
    [
      'a jump more',
      '$i -t nat -A POSTROUTING -j fairlead-snat-rr',
      'changed jump -4 nat POSTROUTING -j fairlead-snat-rr | there 2 times',
    ],
    [
      "another tool's MASQUERADE put before ours",
      '$i -t nat -I POSTROUTING -o v0 -j MASQUERADE; $i -t nat -D POSTROUTING -s 10.9.0.0/24 -j MASQUERADE',
      'changed jump -4 nat POSTROUTING -j fairlead-snat-rr | behind -o v0 -j MASQUERADE',
    ],
    [
      "another tool's restore without --noflush",
      'printf "*nat\\n-A POSTROUTING -s 10.9.0.0/24 -j MASQUERADE\\nCOMMIT\\n" | $i-restore',
      'missing chain -4 nat fairlead-snat-rr',
    ],
    [
      'nft flush ruleset',
      'nft flush ruleset; [ $i != iptables-legacy ] || { $i -t nat -F; $i -t nat -X; }',
      'missing chain -4 nat fairlead-snat-rr',
    ],
  ])('is told and repaired: %s', (_title, act, told) => {
    const before = nat();
    host.sh(`i=${backend}; ${act}`);
    const status = host.script('status');
    expect(status).toMatchObject({
      status: 4,
      stdout: expect.stringContaining(`fairlead-snat-rr: ${told}\n`),
    });
    expect(status.stdout).not.toContain('applied');
    expect(host.script('reload')).toMatchObject({ status: 0 });
    expect(host.script('status')).toMatchObject({ status: 0 });
    expect(nat()).toBe(before);
    expect(host.script('reload')).toEqual({ status: 0, stdout: '', stderr: '' });
  });

  /** Our rules, and the order of the hook's. */
  const nat = () =>
    host
      .sh(`${backend}-save -t nat; ip6${backend.slice(2)}-save -t nat`)
      .split('\n')
      .filter((line) => line.startsWith('-A') && !line.includes('MASQUERADE'))
      .join('\n');
});

describe('damage to the table of nft', () => {
  let host: TestHost;
  const [world] = worlds;
  if (world === undefined) throw new Error('no world');

  beforeEach(async () => {
    host = await createSnatHost(world);
    host.install(snatRr({ ...BOTH, snat_rr_backend: 'nft' }));
    expect(host.script('start')).toMatchObject({ status: 0 });
  });
  afterEach(() => host.close());

  test.each([
    ['nft flush ruleset', 'nft flush ruleset', 'missing table -4 fairlead-snat-rr'],
    ['a table deleted', 'nft delete table ip6 fairlead-snat-rr', 'missing table -6 fairlead-snat-rr'],
    ['a chain emptied', 'nft flush chain ip fairlead-snat-rr pool-1', 'changed table -4 fairlead-snat-rr'],
    ['a rule more', 'nft add rule ip fairlead-snat-rr pool-1 accept', 'changed table -4 fairlead-snat-rr'],
    ['a chain more', 'nft add chain ip fairlead-snat-rr more', 'changed table -4 fairlead-snat-rr'],
  ])('is told and repaired: %s', (_title, act, told) => {
    const before = host.sh('nft -s list ruleset');
    host.sh(act);
    const status = host.script('status');
    expect(status).toMatchObject({
      status: 4,
      stdout: expect.stringContaining(`fairlead-snat-rr: ${told}\n`),
    });
    expect(host.script('reload')).toMatchObject({ status: 0 });
    expect(host.sh('nft -s list ruleset').split('\n').sort()).toEqual(before.split('\n').sort());
    expect(host.script('reload')).toEqual({ status: 0, stdout: '', stderr: '' });
  });

  test("other people's tables are neither looked at nor touched", () => {
    const others = 'table inet others { chain out { type filter hook output priority 0; counter; }; }';
    host.sh(`nft '${others}'; nft 'table ip nat { chain mine { }; }'`);
    const before = host.sh('nft -s list table inet others; nft -s list table ip nat');
    expect(host.script('reload')).toEqual({ status: 0, stdout: '', stderr: '' });
    expect(host.script('stop')).toMatchObject({ status: 0 });
    expect(host.sh('nft -s list ruleset')).toBe(before);
  });
});
