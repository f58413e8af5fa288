// split-access where time, other software and bad luck come in: reboots, late addresses, locks, names, a full disk.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ISP1, ISP2, splitAccess } from './support/split-access.ts';
import { TestHost, WORLDS } from './support/test-host.ts';

const [DASH] = WORLDS.filter(({ title }) => title === 'dash');
const [NO_FLOCK] = WORLDS.filter(({ title }) => title.includes('without flock'));
if (DASH === undefined || NO_FLOCK === undefined) throw new Error('a world is missing');

let host: TestHost;
beforeEach(async () => {
  host = await TestHost.create(DASH);
  host.install(splitAccess());
});
afterEach(() => host.close());

describe('the reverse path filter', () => {
  test.each([
    ['strict on the device', 0, 1, '2'],
    ['strict on all', 1, 0, '2'],
    ['off', 0, 0, '0'],
    ['loose already', 0, 2, '2'],
    ['loose on all', 2, 1, '1'],
  ])('%s', (_title, all, device, after) => {
    host.set('all', 'rp_filter', all);
    host.set('v1', 'rp_filter', device);
    host.script('start');
    expect(host.setting('v1', 'rp_filter')).toBe(after);
    host.script('stop');
    expect(host.setting('v1', 'rp_filter')).toBe(String(device));
  });

  test('somebody made strict again is drift, and what was there at first is still what stop restores', () => {
    host.set('all', 'rp_filter', 1);
    host.script('start');
    host.set('v1', 'rp_filter', 1);
    expect(host.script('status')).toMatchObject({
      status: 4,
      stdout: 'fairlead-split-access: missing setting ipv4/conf/v1/rp_filter 2\n',
    });
    expect(host.script('reload')).toMatchObject({ status: 0 });
    host.script('stop');
    expect(host.setting('v1', 'rp_filter')).toBe('0');
  });

  test('a value that somebody else set since is not undone', () => {
    host.set('v1', 'rp_filter', 1);
    host.script('start');
    host.set('v1', 'rp_filter', 0);
    host.script('stop');
    expect(host.setting('v1', 'rp_filter')).toBe('0');
  });

  test('notes from before a reboot are not believed', () => {
    host.set('v1', 'rp_filter', 1);
    host.script('start');
    host.newBootId();
    host.sh('ip rule flush protocol 222; ip route flush table 801; ip route flush table 802');
    expect(host.script('stop')).toMatchObject({ status: 0 });
    expect(host.setting('v1', 'rp_filter')).toBe('2');
  });

  test('is left alone where the old value cannot be noted', () => {
    host.set('v1', 'rp_filter', 1);
    host.inside('mount -t tmpfs -o ro none /var/lib');
    expect(host.script('start')).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('cannot write /var/lib/fairlead/split-access/state'),
    });
    expect(host.setting('v1', 'rp_filter')).toBe('1');
    expect(host.routes(802)).toContain('default via 203.0.113.1 dev v1 proto 222 src 203.0.113.10');
  });
});

describe('waiting', () => {
  test('start waits for an IPv6 address that is still being checked for duplicates', () => {
    host.sh(`ip address del 2001:db8:1::10/64 dev v0
      echo 1 >/proc/sys/net/ipv6/conf/v0/accept_dad
      ip address add 2001:db8:1::10/64 dev v0`);
    expect(host.sh('ip -6 address show dev v0')).toContain('tentative');
    host.install(splitAccess({ split_access_wait_s: 10 }));
    expect(host.script('start')).toMatchObject({ status: 0 });
    expect(host.routes(801, 6)).toHaveLength(2);
  });

  test('start waits for a required link, even an unplugged one, no longer than it may', () => {
    host.outer.sh('ip link set p1 down');
    host.sh('ip address del 203.0.113.10/24 dev v1');
    host.install(splitAccess({ split_access_wait_s: 1 }));
    const startMs = performance.now();
    expect(host.script('start')).toMatchObject({ status: 1 });
    expect(performance.now() - startMs).toBeGreaterThan(1000);
  });

  test.each([
    ['start for an optional link that is unplugged', 'start', true],
    ['reload for a required link that is unplugged', 'reload', false],
  ])('there is none at %s', (_title, action, optional) => {
    host.outer.sh('ip link set p1 down');
    host.sh('ip address del 203.0.113.10/24 dev v1');
    host.install(
      splitAccess({ split_access_wait_s: 300, split_access_links: [ISP1, { ...ISP2, optional }] }),
    );
    expect(host.script(action)).toMatchObject({ status: optional ? 0 : 1 });
  });

  test('a host whose links are all optional and all missing has failed', () => {
    host.sh('ip address flush dev v0; ip address flush dev v1');
    host.install(
      splitAccess({
        split_access_links: [
          { ...ISP1, optional: true },
          { ...ISP2, optional: true },
        ],
      }),
    );
    expect(host.script('start')).toMatchObject({ status: 1 });
    expect(host.script('status')).toMatchObject({ status: 4 });
  });
});

describe('a link without routes', () => {
  const lost = 'ip link set v1 down; ip link set v1 up';
  const way = () => host.sh('ip route get 198.51.100.1 from 203.0.113.10 2>&1 || :');

  test('leaks to main, or is unreachable, as told', () => {
    host.script('start');
    host.sh(lost);
    expect(way()).toContain('via 192.0.2.1 dev v0');
    host.install(splitAccess({ split_access_on_empty: 'unreachable' }));
    host.script('reload');
    host.sh(lost);
    expect(way()).not.toContain('via');
  });
});

describe('names', () => {
  test('of tables and protocols may stand where numbers did', () => {
    const tables = join(host.folder, 'rt_tables');
    const protocols = join(host.folder, 'rt_protos');
    const before = host.snapshot();
    writeFileSync(tables, '801 one\n802\ttwo\n254 main\n');
    writeFileSync(protocols, '222 fairlead # ours\n');
    host.inside(`mount --bind ${tables} /etc/iproute2/rt_tables`);
    host.inside(`mount --bind ${protocols} /etc/iproute2/rt_protos`);
    expect(host.script('start')).toMatchObject({ status: 0 });
    expect(host.inside('ip rule')).toContain('lookup one proto fairlead');
    expect(host.script('status')).toMatchObject({ status: 0 });
    expect(host.script('start')).toEqual({ status: 0, stdout: '', stderr: '' });
    expect(host.script('stop')).toMatchObject({ status: 0 });
    expect(host.snapshot()).toBe(before);
  });
});

describe('the lock', () => {
  test.each([
    ['with flock', DASH],
    ['without flock', NO_FLOCK],
  ])('of a run that was killed is no obstacle: %s', async (_title, world) => {
    const other = await TestHost.create(world);
    try {
      other.install(splitAccess());
      other.inside(
        'mkdir /run/fairlead-split-access.lock.d; echo 4194305 >/run/fairlead-split-access.lock.d/pid',
      );
      expect(other.script('start')).toMatchObject({ status: 0 });
    } finally {
      other.close();
    }
  });
});

describe('the command line', () => {
  test.each([[[]], [['begin']], [['start', 'now']]])('%j is answered with the usage', (words) => {
    expect(host.script(...words)).toEqual({
      status: 2,
      stdout: '',
      stderr: expect.stringMatching(/^usage: \S+ start\|stop\|restart\|reload\|status\|check\n$/),
    });
  });

  test('restart starts what was stopped, and what was not', () => {
    expect(host.script('restart')).toMatchObject({ status: 0 });
    const once = host.snapshot();
    expect(host.script('restart')).toMatchObject({ status: 0 });
    expect(host.snapshot()).toBe(once);
  });

  test('without ip it says what is missing', () => {
    host.inside('mount --bind /dev/null "$(readlink -f /usr/sbin/ip)"');
    expect(host.script('start')).toMatchObject({
      status: 5,
      stderr: 'fairlead-split-access: needs the command ip (package iproute2)\n',
    });
  });
});

describe('numbers', () => {
  test.each([
    ['a table outside of the band', [{ ...ISP1, table: 900 }], 'link isp1: table 900 is not in 801..899'],
    [
      'a priority outside of the band',
      [{ ...ISP1, priority: 10000 }],
      'priority 10000 is not in 10100..10999',
    ],
    ['a table given twice', [ISP1, { ...ISP2, table: 801 }], 'link isp2: table 801 belongs to another link'],
    [
      'a priority given twice',
      [{ ...ISP1, priority: 10102 }, ISP2],
      'priority 10102 belongs to another link',
    ],
  ])('%s is refused before anything is changed', (_title, links, told) => {
    host.install(splitAccess({ split_access_links: links }));
    const before = host.snapshot();
    for (const action of ['check', 'start', 'status']) {
      expect(host.script(action)).toMatchObject({ status: 6, stderr: expect.stringContaining(told) });
    }
    expect(host.snapshot()).toBe(before);
  });
});

test('reload adds what is new before it takes away what is old, and touches nothing else', () => {
  host.script('start');
  host.install(
    splitAccess({ split_access_links: [{ ...ISP1, priority: 10200, gateway: '192.0.2.2' }, ISP2] }),
  );
  expect(host.script('reload')).toEqual({
    status: 0,
    stdout: '',
    stderr: [
      'ip -4 route replace default via 192.0.2.2 dev v0 src 192.0.2.10 table 801 proto 222',
      'ip -4 rule add priority 10200 from 192.0.2.10 lookup 801 protocol 222',
      'ip -6 rule add priority 10200 from 2001:db8:1::10 lookup 801 protocol 222',
      'ip -6 rule del priority 10101 from 2001:db8:1::10 lookup 801 protocol 222',
      'ip -4 rule del priority 10101 from 192.0.2.10 lookup 801 protocol 222',
    ]
      .map((line) => `fairlead-split-access: ${line}\n`)
      .join(''),
  });
});
