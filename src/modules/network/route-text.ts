// A route as ip prints it and takes it: read, compared, written. Numbers in place of names throughout.
import { addressOf, destinationOf, type Family } from './addresses.ts';
import { type HostIp, numberOf } from './ip-command.ts';

/** The types that kernel and ip share with routes of people; local, broadcast and so on are the kernel's own. */
export const ROUTE_TYPES = ['unicast', 'blackhole', 'unreachable', 'prohibit', 'throw'] as const;
export type RouteType = (typeof ROUTE_TYPES)[number];

export interface Hop {
  /** Undefined: the destination is on the link. */
  readonly via: string | undefined;
  readonly dev: string | undefined;
  /** Of one hop alone it says nothing. */
  readonly weight: number;
  readonly onlink: boolean;
}

export interface Route {
  readonly family: Family;
  readonly type: string;
  /** `default`, or the prefix as the kernel prints it. */
  readonly dest: string;
  readonly tos: number;
  /** IPv6: 1024 where none is asked for. */
  readonly metric: number;
  readonly table: number;
  /** Undefined: not said, or this ip does not print it. */
  readonly proto: number | undefined;
  readonly scope: number | undefined;
  readonly src: string | undefined;
  /** None for types other than unicast; also none where this ip does not print them (BusyBox). */
  readonly hops: readonly Hop[];
}

export function defaultMetric(family: Family): number {
  return family === 'inet' ? 0 : 1024;
}

/** What ip takes where no scope is said (iproute2, ip/iproute.c). */
export function defaultScope(route: Pick<Route, 'family' | 'type' | 'hops'>): number {
  const [only, ...more] = route.hops;
  const isLink =
    route.family === 'inet' &&
    route.type === 'unicast' &&
    more.length === 0 &&
    only !== undefined &&
    only.via === undefined;
  return isLink ? LINK : 0;
}

const LINK = 253;
const TYPES = [...ROUTE_TYPES, 'local', 'broadcast', 'multicast', 'anycast', 'nat'];
const FLAGS = ['dead', 'linkdown', 'pervasive', 'offload', 'rt_offload', 'offload_failed', 'trap', 'rt_trap'];

/**
 * A line of `ip -o route show`. Undefined where it is not a route for a destination alone: IPv6 knows routes
 * `from` a source, too. `table` is where the line does not say one.
 */
export function readRoute(
  line: string,
  said: { readonly family: Family; readonly host: HostIp; readonly table: number },
): Route | undefined {
  const { family, host } = said;
  const words = line.replaceAll('\\', ' ').trim().split(/\s+/);
  const type = TYPES.includes(words[0] ?? '') ? (words.shift() ?? '') : 'unicast';
  const dest = destinationOf(words.shift() ?? '')?.text;
  if (dest === undefined) return undefined;
  let { table } = said;
  let tos = 0;
  let metric: number | undefined;
  let proto: number | undefined;
  let scope: number | undefined;
  let src: string | undefined;
  const hops: Hop[] = [];
  let hop: Hop | undefined;
  const onHop = (more: Partial<Hop>) => {
    hop = { ...(hop ?? { via: undefined, dev: undefined, weight: 1, onlink: false }), ...more };
  };
  const endHop = () => {
    if (hop !== undefined && (hop.via !== undefined || hop.dev !== undefined)) hops.push(hop);
    hop = undefined;
  };
  for (let word = words.shift(); word !== undefined; word = words.shift()) {
    if (FLAGS.includes(word)) continue;
    if (word === 'nexthop') endHop();
    else if (word === 'onlink') onHop({ onlink: true });
    else {
      let value = words.shift() ?? '';
      if (word === 'via' && (value === 'inet6' || value === 'inet')) value = words.shift() ?? '';
      if (word === 'from') return undefined;
      if (word === 'via') onHop({ via: addressOf(value)?.text ?? value });
      else if (word === 'dev') onHop({ dev: value });
      else if (word === 'weight') onHop({ weight: Number(value) });
      else if (word === 'table') table = numberOf(host.tables, value) ?? -1;
      else if (word === 'tos' || word === 'dsfield') tos = numberOf(host.dsfields, value) ?? -1;
      // BusyBox prints it with a sign.
      else if (word === 'metric') metric = Number(value) >>> 0;
      else if (word === 'proto') proto = numberOf(host.protocols, value);
      else if (word === 'scope') scope = numberOf(host.scopes, value);
      else if (word === 'src') src = addressOf(value)?.text ?? value;
      // mtu, expires and the like cannot be said here, and are not compared.
    }
  }
  endHop();
  const unicast = type === 'unicast';
  return {
    ...{ family, type, dest, tos, table, proto, src },
    metric: metric ?? 0,
    scope: scope ?? 0,
    // The kernel prints `dev lo` with types of IPv6 that lead nowhere.
    hops: unicast ? hops : [],
  };
}

/** Whether a route with these properties could replace this one: ip's own idea of `replace`. */
export function sameSlot(one: Route, other: Route): boolean {
  return (
    one.table === other.table &&
    one.dest === other.dest &&
    one.tos === other.tos &&
    one.metric === other.metric
  );
}

/**
 * Whether the found route is the wanted one already. Unsaid and so not compared: proto, and a device that the gateway
 * tells. An unsaid src is none.
 */
export function isWanted(wanted: Route, found: Route): boolean {
  return (
    sameSlot(wanted, found) &&
    wanted.type === found.type &&
    wanted.src === found.src &&
    (wanted.proto === undefined || found.proto === undefined || wanted.proto === found.proto) &&
    (wanted.type !== 'unicast' || (wanted.scope ?? defaultScope(wanted)) === found.scope) &&
    sameHops(wanted, found)
  );
}

function sameHops(wanted: Route, found: Route): boolean {
  if (wanted.hops.length !== found.hops.length) return false;
  const single = wanted.hops.length === 1;
  // IPv6 keeps no order among them.
  const inOrder = (hops: readonly Hop[]) =>
    wanted.family === 'inet6' ? hops.toSorted((a, b) => (hopKey(a) < hopKey(b) ? -1 : 1)) : hops;
  const theirs = inOrder(found.hops);
  return inOrder(wanted.hops).every((hop, index) => {
    const other = theirs[index];
    return (
      other !== undefined &&
      hop.via === other.via &&
      (hop.dev === undefined || hop.dev === other.dev) &&
      hop.onlink === other.onlink &&
      (single || hop.weight === other.weight)
    );
  });
}

function hopKey(hop: Hop): string {
  return `${hop.via} ${hop.weight} ${hop.dev}`;
}

/**
 * The words after `ip route replace` (quotes are not needed: names of devices are the only words of people), or
 * after `del`, where `purpose` says so: then without what ip does not look for.
 */
export function routeWords(route: Route, purpose: 'replace' | 'del'): readonly string[] {
  const { family, hops } = route;
  const [only, ...more] = hops;
  const single = only !== undefined && more.length === 0;
  const deleting = purpose === 'del';
  return [
    ...(route.type === 'unicast' ? [] : [route.type]),
    route.dest,
    ...(route.tos === 0 ? [] : ['tos', `0x${route.tos.toString(16)}`]),
    ...(single ? hopWords(family, only) : []),
    ...(route.src === undefined ? [] : ['src', route.src]),
    'table',
    String(route.table),
    ...(route.metric === 0 || (!deleting && route.metric === defaultMetric(family))
      ? []
      : ['metric', String(route.metric)]),
    ...(route.proto === undefined ? [] : ['proto', String(route.proto)]),
    ...(deleting || route.scope === undefined ? [] : ['scope', String(route.scope)]),
    ...(!deleting && single && only.onlink ? ['onlink'] : []),
    // Without any of them the kernel deletes all of an IPv6 route.
    ...(single || (deleting && family === 'inet6')
      ? []
      : hops.flatMap((hop) => [
          'nexthop',
          ...hopWords(family, hop),
          'weight',
          String(hop.weight),
          ...(hop.onlink && !deleting ? ['onlink'] : []),
        ])),
  ];
}

function hopWords(family: Family, { via, dev }: Hop): readonly string[] {
  const other = via !== undefined && addressOf(via)?.family !== family;
  return [
    ...(via === undefined ? [] : ['via', ...(other ? [family === 'inet' ? 'inet6' : 'inet'] : []), via]),
    ...(dev === undefined ? [] : ['dev', dev]),
  ];
}
