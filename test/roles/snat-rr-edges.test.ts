// snat-rr where addresses come and go, with other software about, and on hosts that lack something.
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { counts, createSnatHost, pool, SOURCES, STATE, serve, snatRr, traces } from './support/snat-rr.ts';
import { type TestHost, WORLDS, type World } from './support/test-host.ts';

const [DASH] = WORLDS;
const BUSYBOX = WORLDS.find(({ title }) => title.includes('BusyBox ash, awk and ip'));
if (DASH === undefined || BUSYBOX === undefined) throw new Error('a world is missing');
const dressed = (dress: string): World => ({ ...DASH, dress });

let host: TestHost;
const begin = async (world: World = DASH, variables = {}) => {
  host = await createSnatHost(world);
  host.install(snatRr(variables));
};
const last = (lines: string) => lines.trim().split('\n').at(-1);
afterEach(() => host.close());

describe('a source that the host does not have', () => {
  const told = 'fairlead-snat-rr: pool isp1: 192.0.2.12 is not on this host';
  beforeEach(async () => {
    await begin();
  });

  test('is named by check before anything is changed', () => {
    host.sh('ip address del 192.0.2.12/24 dev v0');
    const before = traces(host);
    expect(host.script('check')).toMatchObject({
      status: 1,
      stderr:
        'fairlead-snat-rr: pool isp1: 192.0.2.12 is not on this host: connections from it would go unanswered; snat_rr_manage_addresses: true adds it\n',
    });
    expect(traces(host)).toBe(before);
  });

  test('leaves the rotation, is told by status, and returns', async () => {
    const server = await serve(host.outer);
    host.script('start');
    const all = traces(host);
    host.sh('ip address del 192.0.2.12/24 dev v0');
    expect(host.script('status')).toMatchObject({ status: 4, stdout: expect.stringContaining(`${told}\n`) });
    expect(host.script('reload')).toMatchObject({
      status: 0,
      stderr: expect.stringContaining('pool isp1: 192.0.2.12 is left out'),
    });
    expect(counts(host, { count: 20 })).toEqual({ '192.0.2.11': 10, '192.0.2.13': 10 });
    const status = host.script('status');
    expect(status).toMatchObject({ status: 4, stdout: expect.stringContaining(told) });
    expect(last(status.stdout)).toBe('fairlead-snat-rr: pool isp1 (-4): 192.0.2.11 192.0.2.13');
    expect(host.script('reload')).toMatchObject({
      status: 0,
      stderr: expect.not.stringContaining('left out'),
    });
    host.sh(
      'ip address del 192.0.2.13/24 dev v0; ip address add 192.0.2.12/24 dev v0; ip address add 192.0.2.13/24 dev v0',
    );
    expect(host.script('reload')).toMatchObject({
      status: 0,
      stderr: expect.stringContaining('pool isp1: 192.0.2.12 takes its turns'),
    });
    expect(traces(host).replace(/^\d+: .*\n/gm, '')).toBe(all.replace(/^\d+: .*\n/gm, ''));
    expect(counts(host, { count: 30 })).toEqual({ '192.0.2.11': 10, '192.0.2.12': 10, '192.0.2.13': 10 });
    server.kill('SIGKILL');
  });

  test('its connections are forgotten, once', async () => {
    const server = await serve(host.outer);
    host.script('start');
    counts(host, { count: 6 });
    const entries = (address: string) =>
      host.sh(`conntrack -L -p tcp -q ${address} 2>/dev/null`).trim().split('\n').length;
    expect(entries('192.0.2.12')).toBe(2);
    host.sh('ip address del 192.0.2.12/24 dev v0');
    host.script('reload');
    expect(host.sh('conntrack -L -q 192.0.2.12 2>/dev/null')).toBe('');
    expect(entries('192.0.2.11')).toBe(2);
    server.kill('SIGKILL');
  });

  test('start waits for it, no longer than it may', () => {
    host.sh('ip address del 192.0.2.12/24 dev v0');
    host.install(snatRr({ snat_rr_wait_s: 1 }));
    const startMs = performance.now();
    expect(host.script('start')).toMatchObject({ status: 0, stderr: expect.stringContaining(told) });
    expect(performance.now() - startMs).toBeGreaterThan(1000);
  });

  test('a pool without any is a failure, and left as it is', async () => {
    const server = await serve(host.outer);
    for (const address of SOURCES) host.sh(`ip address del ${address}/24 dev v0`);
    expect(host.script('start')).toMatchObject({ status: 1 });
    expect(counts(host, { count: 3 })).toEqual({ '192.0.2.10': 3 });
    expect(host.script('status')).toMatchObject({ status: 4 });
    server.kill('SIGKILL');
  });
});

describe.each([DASH, BUSYBOX])('the addresses themselves, $title', (world) => {
  const wanted = {
    ...pool(...SOURCES, '192.0.2.14', '2001:db8:1::14'),
    snat_rr_manage_addresses: true,
    snat_rr_wait_s: 8,
  };
  beforeEach(async () => {
    await begin(world, wanted);
  });

  test('are added, and only those taken away again', () => {
    const before = traces(host);
    expect(host.script('check')).toEqual({ status: 0, stdout: '', stderr: '' });
    expect(traces(host)).toBe(before);
    expect(host.script('start')).toMatchObject({ status: 0 });
    expect(host.sh('ip -o address show dev v0')).toMatch(/192\.0\.2\.14\/32[\s\S]*2001:db8:1::14\/128/);
    expect(host.script('status')).toMatchObject({ status: 0 });
    const once = traces(host);
    expect(host.script('start')).toEqual({ status: 0, stdout: '', stderr: '' });
    expect(traces(host)).toBe(once);
    host.sh('ip address del 192.0.2.14/32 dev v0');
    expect(host.script('status')).toMatchObject({
      status: 4,
      stdout: expect.stringContaining('missing address -4 v0 192.0.2.14'),
    });
    expect(host.script('reload')).toMatchObject({ status: 0 });
    expect(host.script('stop')).toMatchObject({ status: 0 });
    expect(traces(host)).toBe(before);
  });

  test('that somebody on the network has are refused', () => {
    host.outer.sh('ip address add 192.0.2.14/24 dev p0');
    const before = traces(host);
    expect(host.script('check')).toMatchObject({
      status: 1,
      stderr: expect.stringMatching(/192\.0\.2\.14 cannot be added to v0: [0-9a-f:]{17} has it/i),
    });
    expect(traces(host)).toBe(before);
    expect(host.script('start')).toMatchObject({
      status: 0,
      stderr: expect.stringMatching(/192\.0\.2\.14 is not added to v0: [0-9a-f:]{17} has it/i),
    });
    expect(host.sh('ip -o address show dev v0')).not.toContain('192.0.2.14');
    expect(host.script('status')).toMatchObject({ status: 4 });
  });

  test('an IPv6 one that somebody has goes again', () => {
    host.outer.sh('ip address add 2001:db8:1::14/64 dev p0 nodad');
    host.sh('echo 1 >/proc/sys/net/ipv6/conf/v0/accept_dad');
    expect(host.script('start')).toMatchObject({
      status: 0,
      stderr: expect.stringContaining(
        '2001:db8:1::14 is not added to v0: somebody else on the network has it',
      ),
    });
    expect(host.sh('ip -o address show dev v0')).not.toContain('2001:db8:1::14');
    expect(host.script('stop')).toMatchObject({ status: 0 });
  });

  test('no longer wanted, they go', () => {
    const before = traces(host);
    host.script('start');
    host.install(snatRr());
    expect(host.script('status')).toMatchObject({
      status: 4,
      stdout: expect.stringContaining('surplus address -4 v0 192.0.2.14'),
    });
    expect(host.script('reload')).toMatchObject({ status: 0 });
    expect(host.sh('ip -o address show dev v0')).not.toMatch(/\.14\/|::14\//);
    host.script('stop');
    expect(traces(host)).toBe(before);
  });
});

describe('keep_bound', () => {
  test.each([
    ['unsaid', {}, 6],
    ['said', { own_address: '192.0.2.10' }, 0],
  ])('an address that programs get by themselves, in the pool and %s', async (_title, more, status) => {
    const pools = [{ name: 'isp1', device: 'v0', sources: ['192.0.2.10', ...SOURCES], ...more }];
    await begin(DASH, { snat_rr_keep_bound: true, snat_rr_pools: pools });
    const checked = host.script('check');
    expect(checked.status).toBe(status);
    if (status === 6) expect(checked.stderr).toContain("make it the pool's own_address");
  });
});

describe('the backend', () => {
  const HIDE_NFT_KIND = 'mount --bind /dev/null /usr/sbin/xtables-nft-multi';
  const HIDE_LEGACY_KIND = 'mount --bind /dev/null /usr/sbin/xtables-legacy-multi';
  const MASQUERADE = '-t nat -A POSTROUTING -s 10.9.0.0/24 -j MASQUERADE';

  test.each([
    ['nothing holds rules', ':', ':', "iptables: this host's default (nf_tables), nobody holds rules"],
    [
      'the older kind holds rules',
      ':',
      `iptables-legacy ${MASQUERADE}`,
      "iptables-legacy: holds this host's rules, iptables (nf_tables) none",
    ],
    [
      'the newer kind holds rules',
      ':',
      `iptables-nft ${MASQUERADE}`,
      "iptables: holds this host's rules (nf_tables)",
    ],
    ['only the newer kind is there', HIDE_LEGACY_KIND, ':', 'iptables: the only one here (nf_tables)'],
    ['no iptables is there', `${HIDE_LEGACY_KIND}; ${HIDE_NFT_KIND}`, ':', 'nft: there is no iptables here'],
  ])('where %s', async (_title, dress, act, told) => {
    await begin(dressed(dress));
    host.sh(act);
    expect(host.script('check')).toMatchObject({ status: 0 });
    expect(host.script('start')).toMatchObject({ status: 0 });
    expect(host.script('status')).toMatchObject({
      status: 0,
      stdout: expect.stringContaining(`: backend ${told}\n`),
    });
    expect(host.script('stop')).toMatchObject({ status: 0 });
    expect(host.sh('iptables-nft-save; iptables-legacy-save; nft list ruleset')).not.toContain('fairlead');
  });

  test('once chosen stays, whoever comes with rules of the other kind', async () => {
    await begin();
    host.script('start');
    host.sh(`iptables-legacy ${MASQUERADE}`);
    expect(host.script('start')).toMatchObject({ status: 0, stderr: expect.not.stringContaining('put') });
    expect(host.script('status')).toMatchObject({ status: 0 });
  });

  test.each([
    ['iptables-legacy', 'nft'],
    ['nft', 'iptables-nft'],
    ['iptables-nft', 'iptables-legacy'],
    ['iptables', 'iptables-nft'],
  ])('changed from %s to %s leaves nothing of the first', async (first, second) => {
    await begin(DASH, { snat_rr_backend: first });
    host.sh('iptables-legacy -t nat -S');
    const before = traces(host);
    host.script('start');
    host.install(snatRr({ snat_rr_backend: second }));
    expect(host.script('status')).toMatchObject({
      status: 4,
      stdout: expect.stringContaining(`surplus rules of backend ${first}`),
    });
    expect(host.script('reload')).toMatchObject({ status: 0 });
    expect(host.script('status')).toMatchObject({ status: 0 });
    const holders = [
      'iptables-nft-save',
      'iptables-legacy-save',
      'nft list table ip fairlead-snat-rr',
    ].filter((command) => host.sh(`${command} 2>/dev/null || :`).includes('fairlead-snat-rr'));
    expect(holders).toHaveLength(1);
    expect(host.script('stop')).toMatchObject({ status: 0 });
    if (first !== 'iptables') expect(traces(host)).toBe(before);
  });

  test('what is missing is said before anything is changed', async () => {
    await begin(dressed('mount --bind /dev/null /usr/lib/x86_64-linux-gnu/xtables/libxt_statistic.so'));
    const before = traces(host);
    expect(host.script('check')).toMatchObject({
      status: 5,
      stderr: expect.stringMatching(/iptables does not take the rules: .* statistic and addrtype/),
    });
    expect(traces(host)).toBe(before);
    expect(host.script('start')).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('does not take the rules'),
    });
    expect(host.script('stop')).toMatchObject({ status: 0 });
  });

  test.each([
    ['nft', 'mount --bind /dev/null /usr/sbin/nft', 'needs the command nft (package nftables)'],
    ['iptables-legacy', HIDE_LEGACY_KIND, 'needs the command iptables-legacy (package iptables)'],
    [
      'auto',
      `${HIDE_LEGACY_KIND}; ${HIDE_NFT_KIND}; mount --bind /dev/null /usr/sbin/nft`,
      'needs the command iptables (package iptables) or nft',
    ],
  ])('%s that is not there', async (backend, dress, told) => {
    await begin(dressed(dress), { snat_rr_backend: backend });
    expect(host.script('check')).toMatchObject({ status: 5, stderr: expect.stringContaining(told) });
  });
});

describe('a MASQUERADE of somebody else', () => {
  test.each(['before', 'after'])('that is there %s ours does not win', async (when) => {
    await begin();
    const server = await serve(host.outer);
    const masquerade = 'iptables -t nat -I POSTROUTING -o v0 -j MASQUERADE';
    if (when === 'before') host.sh(masquerade);
    host.script('start');
    if (when === 'after') {
      host.sh(masquerade);
      expect(counts(host, { count: 3 })).toEqual({ '192.0.2.10': 3 });
      expect(host.script('status')).toMatchObject({
        status: 4,
        stdout: expect.stringContaining('behind -o v0 -j MASQUERADE'),
      });
      host.script('reload');
    }
    expect(counts(host, { count: 30 })).toEqual({ '192.0.2.11': 10, '192.0.2.12': 10, '192.0.2.13': 10 });
    server.kill('SIGKILL');
  });

  test('by nft ours wins wherever it is put', async () => {
    await begin(DASH, { snat_rr_backend: 'nft' });
    const server = await serve(host.outer);
    host.script('start');
    host.sh('iptables -t nat -I POSTROUTING -o v0 -j MASQUERADE');
    expect(counts(host, { count: 30 })).toEqual({ '192.0.2.11': 10, '192.0.2.12': 10, '192.0.2.13': 10 });
    server.kill('SIGKILL');
  });
});

test('a source that is in two pools is refused', async () => {
  const pools = [
    { name: 'a', device: 'v0', sources: SOURCES },
    { name: 'b', device: 'v1', sources: ['192.0.2.12'] },
  ];
  await begin(DASH, { snat_rr_pools: pools });
  for (const action of ['check', 'start', 'status'])
    expect(host.script(action)).toMatchObject({
      status: 6,
      stderr: expect.stringContaining('192.0.2.12 is among the sources twice'),
    });
});

test.each([
  ['none', [100, 99, 98], 'its weights make 297 slots, 256 at most'],
  ['client', [20, 19], 'its weights make 39 slots, of which snat_rr_affinity: client has 32'],
])('weights that make too many turns are refused, affinity %s', async (affinity, weights, told) => {
  const sources = weights.map((weight, i) => ({ address: SOURCES[i] ?? '', weight }));
  await begin(DASH, { ...pool(...sources), snat_rr_affinity: affinity });
  expect(host.script('check')).toMatchObject({ status: 6, stderr: expect.stringContaining(told) });
});

test('the state file cannot be written: that is said', async () => {
  await begin();
  host.inside('mount -t tmpfs -o ro none /var/lib');
  expect(host.script('start')).toMatchObject({
    status: 1,
    stderr: expect.stringContaining(`cannot write ${STATE}`),
  });
});
