// What well-known recipes for these set-ups get wrong today, and that the roles do not: each mistake is shown to be
// one on this kernel, beside what the role writes in its place.
import { readFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { run } from './support/namespace.ts';
import { renderRole, type Variables } from './support/render-role.ts';
import { ISP1, ISP2, splitAccess } from './support/split-access.ts';
import { TestHost, WORLDS } from './support/test-host.ts';

const SOURCES = ['192.0.2.10', '192.0.2.12', '192.0.2.13'];
const LINKS = { split_access_links: [ISP1, ISP2] };
const SPLIT_ACCESS_DEFAULTS: Variables = {
  split_access_table_base: 801,
  split_access_priority_base: 10_000,
  split_access_mark_mask: '0xff00000',
  split_access_iptables: 'iptables',
};

const ecmp = (variables: Variables = {}) =>
  renderRole('ecmp', 'ecmp.sh', { ...SPLIT_ACCESS_DEFAULTS, ...LINKS, ecmp_wait_s: 0, ...variables });
const snatRr = (variables: Variables = {}) =>
  renderRole('snat-rr', 'snat-rr.sh', {
    snat_rr_pools: [{ name: 'isp1', device: 'v0', sources: SOURCES }],
    snat_rr_wait_s: 0,
    ...variables,
  });

let host: TestHost;

beforeEach(async () => {
  const [dash] = WORLDS;
  if (dash === undefined) throw new Error('there is a world');
  host = await TestHost.create(dash);
  host.sh('ip address add 192.0.2.12/32 dev v0; ip address add 192.0.2.13/32 dev v0');
});
afterEach(() => host.close());

const started = (script: string) => {
  host.install(script);
  expect(host.script('start')).toMatchObject({ status: 0 });
};
const attempt = (line: string) => run([...host.inner.enter('network'), 'sh', '-c', line]);

describe('source addresses in turn', () => {
  const rule = (words: string) =>
    attempt(`iptables -t nat -A POSTROUTING -o v0 -m statistic --mode nth --every 3 ${words}`);

  test('--every without --packet is no longer taken; the role always writes --packet 0', () => {
    expect(rule('-j SNAT --to-source 192.0.2.11').status).not.toBe(0);
    started(snatRr());
    const rules = host.sh('iptables-save -t nat').match(/-m statistic.*/g) ?? [];
    expect(rules.length).toBeGreaterThan(0);
    expect(rules.filter((each) => !each.includes(' --packet 0 '))).toEqual([]);
  });

  test('--to is no word of SNAT, nor are several --to-source; the role has a rule for each', () => {
    const several = '--packet 0 -j SNAT --to-source 192.0.2.12 --to-source 192.0.2.13';
    expect(rule(several).stderr).toContain('can only be used once');
    started(snatRr());
    const rules = host.sh('iptables-save -t nat');
    for (const address of SOURCES) expect(rules).toContain(`-j SNAT --to-source ${address}\n`);
  });

  test('every 3 with packet 0, 1, 2 is uneven; the role counts down: 3, 2, and the rest', () => {
    started(snatRr());
    const chain = host.sh('iptables-save -t nat').match(/-A fairlead-snat-rr\S*tcp\S* .*SNAT.*/g) ?? [];
    expect(chain.map((each) => /--every (\d+)/.exec(each)?.[1])).toEqual(['3', '2', undefined]);
  });
});

describe('split access', () => {
  test('a table with a default route alone loses the neighbours; the role keeps them', () => {
    host.sh(
      'ip route add default via 203.0.113.1 dev v1 table 500; ip rule add from 203.0.113.10 lookup 500',
    );
    const way = () => host.sh('ip route get 192.0.2.55 from 203.0.113.10');
    expect(way()).toContain('via 203.0.113.1');
    host.sh('ip rule del from 203.0.113.10 lookup 500; ip route flush table 500');
    started(splitAccess());
    expect(way()).not.toContain('via');
  });

  test('the route cache is gone since kernel 3.6: nothing flushes it', () => {
    expect(splitAccess()).not.toContain('flush cache');
  });
});

describe('a default route over several links', () => {
  test("main's default route, by which one is logged in, stays", () => {
    const before = host.sh('ip route show default');
    started(splitAccess());
    started(ecmp());
    expect(host.sh('ip route show default')).toBe(before);
  });

  test('marks are never written without a mask: other bits are other people’s', () => {
    host.sh(`iptables -t mangle -A PREROUTING -j MARK --set-mark 0x1
      iptables -t mangle -A POSTROUTING -j CONNMARK --save-mark`);
    started(splitAccess({ split_access_track: true }));
    started(ecmp({ ecmp_variant: 'marks' }));
    const ours = host.sh('iptables-save -t mangle').match(/-A fairlead.*/g) ?? [];
    const setting = ours.filter((each) => / --(?:set|restore|save|x?mark|nfmask)/.test(each));
    expect(setting.length).toBeGreaterThan(5);
    expect(setting.filter((each) => !/0xff00000/i.test(each))).toEqual([]);
  });

  test('from kernel 4.4 on it still takes from rules: ecmp never comes without split-access', () => {
    const meta = readFileSync(new URL('../../roles/ecmp/meta/main.yml', import.meta.url), 'utf8');
    expect(meta).toMatch(/dependencies:.*split-access/s);
  });
});
