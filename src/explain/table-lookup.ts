// One table asked for one packet: longest prefix, then metric, passing by what cannot be used (fib_table_lookup in
// net/ipv4/fib_trie.c, fib6_table_lookup in net/ipv6/route.c).
import { contains } from './address.ts';
import type { IpRoute, Nexthop } from './ip-route.ts';
import type { Packet } from './packet.ts';

export type Lookup =
  | {
      readonly kind: 'found';
      readonly route: IpRoute;
      /** Of the route, without the dead ones; empty where ip does not say. */
      readonly nexthops: readonly Nexthop[];
      /** What the kernel may take in its place where a gateway does not answer ARP or ND. */
      readonly alternatives: readonly IpRoute[];
    }
  /** A route that refuses. */
  | { readonly kind: 'refused'; readonly route: IpRoute; readonly alternatives: readonly IpRoute[] }
  | { readonly kind: 'throw'; readonly route: IpRoute }
  /** `dead`: routes that would have matched if their devices worked. */
  | { readonly kind: 'missed'; readonly dead: readonly IpRoute[] };

/** `ignoresLinkDown` tells of a device whether routes over it are passed by without carrier. */
export function lookUp(
  table: readonly IpRoute[],
  packet: Packet,
  ignoresLinkDown: (device: string) => boolean,
): Lookup {
  const matching = table.filter((route) => matches(route, packet)).toSorted(byPreference);
  const dead: IpRoute[] = [];
  for (const route of matching) {
    if (route.type === 'throw') return { kind: 'throw', route };
    const alternatives = matching.filter((other) => other !== route && isAlternative(other, route, packet));
    if (refuses(route)) return { kind: 'refused', route, alternatives };
    const nexthops = route.nexthops.filter(
      ({ isDead, isLinkDown, device }) => !isDead && !(isLinkDown && ignoresLinkDown(device ?? '')),
    );
    if (nexthops.length === 0 && route.nexthops.length > 0) {
      dead.push(route);
      continue;
    }
    return { kind: 'found', route, nexthops, alternatives };
  }
  return { kind: 'missed', dead };
}

function matches(route: IpRoute, packet: Packet): boolean {
  if (route.tos !== 0 || !contains(route.destination, packet.to)) return false;
  if (route.from === undefined || route.from.length === 0) return true;
  return packet.from !== undefined && contains(route.from, packet.from);
}

function byPreference(a: IpRoute, b: IpRoute): number {
  return (
    b.destination.length - a.destination.length ||
    (b.from?.length ?? 0) - (a.from?.length ?? 0) ||
    a.metric - b.metric
  );
}

export function refuses({ type }: IpRoute): boolean {
  return type === 'unreachable' || type === 'blackhole' || type === 'prohibit';
}

/** IPv4 goes on to another default route where a gateway is dead, IPv6 to any route of the same prefix. */
function isAlternative(other: IpRoute, route: IpRoute, { family }: Packet): boolean {
  if (other.destination.length !== route.destination.length) return false;
  if (family === 6) return other.type === 'unicast' || refuses(other);
  return route.destination.length === 0 && other.type === 'unicast' && route.type === 'unicast';
}
