// How flows are kept together: the variant that fits the kernel, found on the host, and what the kernel is told.
import { afterEach, describe, expect, test } from 'vitest';
import { addIpv6, ecmp, ISP1, ISP2_6, onKernel, snapshot } from './support/ecmp.ts';
import type { Variables } from './support/render-role.ts';
import { TestHost } from './support/test-host.ts';

const BOTH = { split_access_links: [ISP1, ISP2_6] };

let host: TestHost;
afterEach(() => host.close());

async function onHost(release: string, variables: Variables = {}): Promise<void> {
  host = await TestHost.create(onKernel(release));
  addIpv6(host);
  host.install(ecmp({ ...BOTH, ...variables }));
}

const policies = () =>
  [4, 6].map((family) => host.sh(`cat /proc/sys/net/ipv${family}/fib_multipath_hash_policy`).trim());

describe('auto', () => {
  test.each([
    ['6.18.44-fc', 'hash: kernel 6.18.44 hashes each flow (4.12 or newer)', '1', false],
    ['4.12.0', 'hash: kernel 4.12.0 hashes each flow (4.12 or newer)', '1', false],
    ['4.11.12-300.fc26', 'l3: kernel 4.11.12 hashes source and destination only (4.4 to 4.11)', '0', false],
    ['4.4.0-210-generic', 'l3: kernel 4.4.0 hashes source and destination only (4.4 to 4.11)', '0', false],
    [
      '4.3.0',
      'marks: kernel 4.3.0 picks a link for each packet (3.6 to 4.3), marks keep connections together',
      '0',
      true,
    ],
    [
      '3.10.0-1160.el7.x86_64',
      'marks: kernel 3.10.0 picks a link for each packet (3.6 to 4.3), marks keep connections together',
      '0',
      true,
    ],
    ['3.5.0', 'cache: kernel 3.5.0 keeps what it picked in its route cache (3.5 or older)', '0', false],
    [
      '2.6.32-754.el6.x86_64',
      'cache: kernel 2.6.32 keeps what it picked in its route cache (3.5 or older)',
      '0',
      false,
    ],
  ])('%s: %s', async (release, told, policy, tracks) => {
    await onHost(release);
    const before = snapshot(host);
    const started = host.script('start');
    expect(started).toMatchObject({ status: 0 });
    expect(started.stderr).toContain(`fairlead-ecmp: variant ${told}\n`);
    expect(host.script('status')).toMatchObject({
      status: 0,
      stdout: expect.stringMatching(/^fairlead-ecmp: applied\n/),
    });
    expect(host.script('status').stdout.split('\n')[1]).toBe(`fairlead-ecmp: variant ${told}`);
    expect(policies()).toEqual([policy, policy]);
    expect(host.sh('iptables-save; ip6tables-save').includes('fairlead-ecmp-in')).toBe(tracks);
    expect(host.script('reload').stderr).toBe('');
    expect(host.script('stop')).toMatchObject({ status: 0 });
    expect(snapshot(host)).toBe(before);
  });

  test('a kernel upgrade is followed by the same script', async () => {
    await onHost('4.1.0');
    host.script('start');
    expect(host.sh('iptables-save')).toContain('fairlead-ecmp-in');
    host.script('stop'); // the kernel is empty after a reboot
    host.inside(`echo 5.10.0 >${host.folder}/osrelease`);
    host.newBootId();
    expect(host.script('start').stderr).toContain('variant hash: kernel 5.10.0 hashes each flow');
    expect(host.sh('iptables-save')).not.toContain('fairlead-ecmp-in');
    expect(policies()).toEqual(['1', '1']);
    expect(host.script('status').stdout).toContain('variant hash');
  });
});

describe('forced', () => {
  test.each([
    ['4.9.0', 'marks', true],
    ['6.1.0', 'marks', true],
    ['6.1.0', 'l3', false],
    ['6.1.0', 'hash', false],
    ['3.2.0', 'cache', false],
    ['3.2.0', 'marks', true],
  ])('kernel %s takes %s', async (release, variant, tracks) => {
    await onHost(release, { ecmp_variant: variant });
    expect(host.script('start')).toMatchObject({
      status: 0,
      stderr: expect.stringContaining(`variant ${variant}: forced by ecmp_variant\n`),
    });
    expect(host.script('status').stdout).toContain(`variant ${variant}: forced by ecmp_variant\n`);
    expect(host.sh('iptables-save').includes('fairlead-ecmp-in')).toBe(tracks);
    expect(policies()).toEqual(variant === 'hash' ? ['1', '1'] : ['0', '0']);
  });

  test.each([
    [
      '4.9.0',
      { ecmp_variant: 'hash' },
      'VARIANT=hash is not for kernel 4.9.0, which hashes source and destination only',
    ],
    [
      '3.10.0',
      { ecmp_variant: 'l3' },
      'VARIANT=l3 is not for kernel 3.10.0, which picks a link for each packet',
    ],
    ['6.1.0', { ecmp_variant: 'cache' }, 'VARIANT=cache is not for kernel 6.1.0, which hashes each flow'],
    ['5.1.0', { ecmp_hash: 'inner' }, 'HASH=inner needs kernel 5.2, and this is 5.1.0'],
    ['5.13.9', { ecmp_hash: 'custom' }, 'HASH=custom needs kernel 5.14, and this is 5.13.9'],
    ['4.9.0', { ecmp_hash: 'custom' }, 'HASH=custom needs kernel 5.14, and this is 4.9.0'],
    ['6.1.0', { ecmp_affinity: 'client', ecmp_track: false }, 'AFFINITY_S=1200 needs TRACK=true'],
  ])('kernel %s refuses %j before anything is changed', async (release, variables, told) => {
    await onHost(release, variables);
    const before = snapshot(host);
    for (const action of ['check', 'start', 'status']) {
      expect(host.script(action)).toMatchObject({ status: 6, stderr: expect.stringContaining(told) });
    }
    expect(snapshot(host)).toBe(before);
  });
});

describe('the hash', () => {
  test.each([
    ['l4', [], '1', '7'],
    ['l3', [], '0', '7'],
    ['inner', [], '2', '7'],
    ['custom', ['src', 'dst', 'sport'], '3', String(0x01 | 0x02 | 0x10)],
    ['custom', ['dport', 'proto', 'flowlabel'], '3', String(0x20 | 0x04 | 0x08)],
    [
      'custom',
      ['inner_src', 'inner_dst', 'inner_proto', 'inner_flowlabel', 'inner_sport', 'inner_dport'],
      '3',
      String(0xfc0),
    ],
  ])('%s %j', async (ecmp_hash, fields, policy, mask) => {
    await onHost('6.1.0', { ecmp_hash, ...(fields.length > 0 && { ecmp_hash_fields: fields }) });
    const before = snapshot(host);
    expect(host.script('start')).toMatchObject({ status: 0 });
    expect(policies()).toEqual([policy, policy]);
    for (const family of [4, 6]) {
      expect(host.sh(`cat /proc/sys/net/ipv${family}/fib_multipath_hash_fields`).trim()).toBe(mask);
    }
    expect(host.script('status')).toMatchObject({ status: 0 });
    expect(host.script('stop')).toMatchObject({ status: 0 });
    expect(snapshot(host)).toBe(before);
  });

  test('of a family without links is left alone', async () => {
    await onHost('6.1.0', { split_access_links: [{ ...ISP1, address6: null, gateway6: null }] });
    host.script('start');
    expect(policies()).toEqual(['1', '0']);
  });

  test('sets ignore_routes_with_linkdown, or leaves it', async () => {
    const linkdown = () =>
      [4, 6].map((family) =>
        host.sh(`cat /proc/sys/net/ipv${family}/conf/v1/ignore_routes_with_linkdown`).trim(),
      );
    await onHost('6.1.0');
    host.script('start');
    expect(linkdown()).toEqual(['1', '1']);
    host.install(ecmp({ ...BOTH, ecmp_ignore_linkdown: false }));
    host.script('reload');
    expect(linkdown()).toEqual(['0', '0']);
  });
});

test('on kernels without suppress_prefixlength, what main knows is left to main', async () => {
  await onHost('3.10.0');
  host.sh('ip route add 10.7.0.0/16 via 192.0.2.7; ip route add blackhole 10.8.0.0/16');
  expect(host.script('start')).toMatchObject({ status: 0 });
  expect(host.routes(901)).toEqual([
    'default proto 223',
    'nexthop via 192.0.2.1 dev v0 weight 1',
    'nexthop via 203.0.113.1 dev v1 weight 1',
    'throw 10.7.0.0/16 proto 223',
    'throw 10.8.0.0/16 proto 223',
    '192.0.2.0/24 dev v0 proto 223 scope link src 192.0.2.10',
    '203.0.113.0/24 dev v1 proto 223 scope link src 203.0.113.10',
  ]);
  expect(host.sh('ip route get 10.7.1.1')).toContain('via 192.0.2.7');
  host.sh('ip route del 10.7.0.0/16');
  expect(host.script('status')).toMatchObject({
    status: 4,
    stdout: expect.stringContaining('surplus route -4 throw 10.7.0.0/16 table 901'),
  });
  host.script('reload');
  expect(host.script('status')).toMatchObject({ status: 0 });
});
