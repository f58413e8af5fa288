// The buckets of one node: what it is given, takes and releases, what it remembers over boots, and how its checks let it
// leave and return.
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { clusterip, MECHANISMS, NODES, STATE } from './support/clusterip.ts';
import type { Variables } from './support/render-role.ts';
import { TestHost, WORLDS } from './support/test-host.ts';

const worlds = WORLDS.filter(({ title }) => title === 'dash' || title === 'BusyBox ash and awk');
const [dash] = worlds;
if (dash === undefined) throw new Error('no world');

let host: TestHost;
const does = (...words: readonly string[]) =>
  expect(host.script(...words), words.join(' ')).toMatchObject({ status: 0 });
const buckets = () => host.script('buckets').stdout.trim();
const applied = (variables = {}) => {
  host.install(clusterip(variables));
  does('start');
  does('settle');
};

afterEach(() => host.close());

describe.each(worlds)('$title', (world) => {
  beforeEach(async () => {
    host = await TestHost.create(world);
  });

  test('taking and releasing twice is once; what there is not is refused', () => {
    applied();
    does('take', '3');
    does('take', '3', '1');
    expect(buckets()).toBe('1 3');
    expect(host.script('take', '3')).toEqual({ status: 0, stdout: '', stderr: '' });
    does('release', '1');
    expect(host.script('release', '1')).toEqual({ status: 0, stdout: '', stderr: '' });
    expect(buckets()).toBe('3');
    does('take', 'all');
    expect(buckets()).toBe('1 2 3');
    does('release', 'all');
    expect(buckets()).toBe('');
    for (const wrong of ['4', '0', 'x', '1;2', ''])
      expect(host.script('take', wrong)).toMatchObject({ status: 2 });
    expect(host.script('take')).toMatchObject({ status: 2 });
    expect(buckets()).toBe('');
  });

  test('a drained node takes nothing and remembers what it had', () => {
    applied();
    does('take', '2');
    does('drain');
    expect(buckets()).toBe('');
    expect(host.script('take', '3')).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('this node is drained'),
    });
    expect(host.script('well')).toMatchObject({ status: 1 });
    expect(
      host.script('report').stdout,
    ).toBe(`mechanism:cluster; total:3; seed:0; hashmode:sourceip; mac:03:00:c0:00:02:64;
remembers:1; remembers:2; configured:1; away:drained;
`);
    does('reload');
    expect(buckets()).toBe('');
    does('return');
    expect(buckets()).toBe('1 2');
    expect(host.script('well')).toEqual({ status: 0, stdout: '', stderr: '' });
  });

  test.each([
    ['own', '1'],
    ['none', ''],
    ['kept', '1 3'],
  ])('after a boot it owns what clusterip_boot: %s says', (boot, expected) => {
    applied({ clusterip_boot: boot });
    does('take', '3');
    expect(buckets()).toBe('1 3');
    reboot();
    does('start');
    expect(buckets()).toBe(expected);
    does('reload');
    expect(buckets()).toBe(expected);
  });
});

/** The kernel forgets, files stay. */
function reboot(): void {
  host.inside(`cp -r ${STATE} /run/kept`);
  does('stop');
  host.inside(`rm -r ${STATE}; cp -r /run/kept ${STATE}; rm -r /run/kept`);
  host.newBootId();
}

describe('shares', () => {
  beforeEach(async () => {
    host = await TestHost.create(dash);
  });

  /** What each node is given. */
  const shares = (variables: Variables) =>
    NODES.map((name) => {
      host.install(clusterip(variables).replace(/^SELF=.*$/m, `SELF=${name}`));
      return host
        .script('report')
        .stdout.split(/[ ;\n]+/)
        .filter((word) => word.startsWith('configured:'))
        .map((word) => Number(word.slice('configured:'.length)));
    });

  test('are given in turn, by owners, and of a node that is away to the others', () => {
    expect(shares({})).toEqual([[1], [2], [3]]);
    expect(shares({ clusterip_buckets: 6 })).toEqual([
      [1, 4],
      [2, 5],
      [3, 6],
    ]);
    expect(shares({ clusterip_owners: ['host-3', 'host-3', 'host-1'] })).toEqual([[3], [], [1, 2]]);
    expect(shares({ clusterip_buckets: 6, clusterip_away: ['host-2'] }).map((each) => each.length)).toEqual([
      3, 0, 3,
    ]);
  });

  test('that change are let go of at once, and taken once the others have let go', () => {
    applied();
    host.install(clusterip({ clusterip_owners: ['host-2', 'host-1', 'host-1'] }));
    does('reload');
    expect(buckets()).toBe('');
    expect(host.script('report').stdout).toContain('pending:2; pending:3;');
    expect(host.script('settle', '3')).toMatchObject({ status: 0 });
    expect(buckets()).toBe('2'); // 3 is somebody else's still
    expect(host.script('settle', '3')).toEqual({ status: 0, stdout: '', stderr: '' });
    expect(host.script('settle')).toMatchObject({
      status: 0,
      stdout: 'fairlead-clusterip: settles with 2 3\n',
    });
  });
});

describe.each(MECHANISMS)('the self-check, %s', (mechanism) => {
  beforeEach(async () => {
    host = await TestHost.create(dash);
    host.inside('echo fine >/run/health');
  });

  const CHECK = {
    cluster_mechanism: mechanism,
    clusterip_check_command: 'grep -q fine /run/health',
    clusterip_check_interval_s: 1,
    clusterip_check_down: 2,
    clusterip_check_up: 2,
  };
  const until = async (holds: () => boolean, what: string) => {
    const deadline = performance.now() + 30_000;
    while (!holds()) {
      expect(performance.now(), what).toBeLessThan(deadline);
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  };

  test('lets the node leave while the command fails, and return with what it had', async () => {
    applied(CHECK);
    does('take', '2');
    expect(host.script('status')).toMatchObject({ status: 0 });
    host.inside('echo bad >/run/health');
    await until(() => buckets() === '', 'it leaves');
    expect(host.script('status').stdout).toContain('away, ill the command failed: grep -q fine /run/health');
    expect(host.script('well')).toMatchObject({ status: 1 });
    host.inside('echo fine >/run/health');
    await until(() => buckets() === '1 2', 'it returns');
    does('stop');
    expect(host.inside('ls /run')).toBe('fairlead-clusterip.lock\nhealth\n');
  });

  test('does not answer after a boot until it has proved well', async () => {
    applied(CHECK);
    reboot();
    host.inside('echo bad >/run/health');
    does('start');
    expect(buckets()).toBe('');
    expect(host.script('status').stdout).toContain('not checked yet since the boot');
    host.inside('echo fine >/run/health');
    await until(() => buckets() === '1', 'it answers');
  });
});

describe('what is checked', () => {
  beforeEach(async () => {
    host = await TestHost.create(dash);
  });

  /** What one round finds. */
  const finds = (variables: Variables) => {
    const script = clusterip(variables).replace(/^watch\) .*$/m, 'watch) examine; echo "$complaint" ;;');
    host.install(script.replaceAll('VIP=192.0.2.100', 'VIP=127.0.0.1'));
    return host.script('watch').stdout.split('\n')[0];
  };

  test('load, disks, ports', async () => {
    expect(finds({ clusterip_check_load: 100_000 })).toBe('');
    expect(finds({ clusterip_check_load: 0.0001 })).toMatch(/^load \d/);
    expect(finds({ clusterip_check_disks: [{ path: '/run', free_mb: 1 }] })).toBe('');
    expect(finds({ clusterip_check_disks: [{ path: '/run', free_mb: 1_000_000_000 }] })).toMatch(
      /^\/run has \d+ MiB free$/,
    );
    expect(finds({ clusterip_check_disks: [{ path: '/gone', free_mb: 1 }] })).toBe('/gone has no MiB free');
    expect(finds({ clusterip_check_ports: [8080] })).toBe('port 8080 takes no connection');
    await host.inner.serve(8080, 'hello');
    expect(finds({ clusterip_check_ports: [8080] })).toBe('');
    expect(finds({ clusterip_check_command: 'sleep 9', clusterip_check_timeout_s: 1 })).toBe(
      'the command failed: sleep 9',
    );
  });
});
