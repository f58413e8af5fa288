// What the tests of ecmp share: variables for the test host's links, the script made from them, kernels to play.
import { renderRole, type Variables } from './render-role.ts';
import { ISP1, ISP2 } from './split-access.ts';
import { type TestHost, WORLDS, type World } from './test-host.ts';

export { ISP1 };

/** The second link with IPv6 as well: see `addIpv6`. */
export const ISP2_6 = { ...ISP2, address6: '2001:db8:2::10/64', gateway6: 'fe80::1' };

/** A third link: see `addThird`. */
export const ISP3 = { name: 'isp3', device: 'v2', address: '198.18.0.10/24', gateway: '198.18.0.1' };

/** Of split-access, whose defaults a host has beside its own. */
const SPLIT_ACCESS = {
  split_access_table_base: 801,
  split_access_priority_base: 10000,
  split_access_mark_mask: '0xff00000',
  split_access_iptables: 'iptables',
};

/** Without a word about it: both links, and no waiting. */
export function ecmp(variables: Variables = {}): string {
  return renderRole('ecmp', 'ecmp.sh', {
    ...SPLIT_ACCESS,
    split_access_links: [ISP1, ISP2],
    ecmp_wait_s: 0,
    ...variables,
  });
}

export function addIpv6(host: TestHost): void {
  host.sh('ip address add 2001:db8:2::10/64 dev v1');
}

export async function addThird(host: TestHost): Promise<void> {
  await host.addNeighbour('v2');
  host.sh('ip address add 198.18.0.10/24 dev v2');
}

/** What stop has to put back: all that any role touches, and ecmp's own. */
export function snapshot(host: TestHost): string {
  return `${host.snapshot()}${host.sh(`ipset list -n | sort
    grep -r . /proc/sys/net/ipv6/conf /proc/sys/net/ipv4/fib_* /proc/sys/net/ipv6/fib_* 2>/dev/null | sort`)}`;
}

/** The default route of a table in one line; empty: none. */
export function defaultRoute(host: TestHost, table: number | string = 901, family: 4 | 6 = 4): string {
  const text = host.sh(`ip -o -${family} route show table ${table} default 2>/dev/null || :`);
  return text.replaceAll(/[\\\s]+/g, ' ').trim();
}

/** A host that says it runs this kernel. */
export function onKernel(release: string): World {
  const [dash] = WORLDS;
  if (dash === undefined) throw new Error('no world');
  return {
    ...dash,
    title: `kernel ${release}`,
    dress: `echo ${release} >"$1/osrelease"; mount --bind "$1/osrelease" /proc/sys/kernel/osrelease`,
    rulesAreTagged: false,
  };
}

/** Worlds with an ip that knows several nexthops. */
export const ECMP_WORLDS: readonly World[] = WORLDS.filter(({ title }) => !title.includes(' ip,'));
