// What the tests of clusterip share: the script of one node of three, made from variables for the test host's first link.
import { renderRole, type Variables } from './render-role.ts';
import type { TestHost } from './test-host.ts';

export const VIP = '192.0.2.100';
export const VIP6 = '2001:db8:1::100';
export const MAC = '03:00:c0:00:02:64';
export const NODES = ['host-1', 'host-2', 'host-3'];
export const MECHANISMS = ['cluster', 'nft'] as const;
export const STATE = '/var/lib/fairlead/clusterip';

/** Without a word about it: the first of three nodes, by the mechanism cluster. */
export function clusterip(variables: Variables = {}): string {
  return renderRole('clusterip', 'clusterip.sh', {
    cluster_mechanism: 'cluster',
    groups: { nodes: NODES },
    clusterip_nodes: 'nodes',
    clusterip_vip: VIP,
    clusterip_device: 'v0',
    clusterip_wait_s: 0,
    ...variables,
  });
}

/** What the script may have changed. */
export function traces(host: TestHost): string {
  return (
    host.snapshot() +
    host.sh(`ip -o address; ip maddr show dev v0; nft -s list ruleset 2>/dev/null
    arptables-nft-save | sed '/^#/d'; cat /proc/sys/net/netfilter/nf_conntrack_tcp_loose 2>/dev/null`)
  );
}

/** The words of `report`. */
export function reportOf(host: TestHost): readonly string[] {
  const { stdout } = host.script('report');
  return stdout
    .trim()
    .split(/;? /)
    .map((word) => word.replace(/;$/, ''));
}
