// What `ip route show table all` prints, to data: one route per line, the nexthops of a multipath route on lines of
// their own. BusyBox leaves those out, and then nobody knows them here either.
import { type Family, type Prefix, parsePrefix, prefixText } from './address.ts';
import { MAIN_TABLE, type Names, protocolOf, routeTypeOf, tableOf } from './names.ts';

export interface Nexthop {
  readonly via: string | undefined;
  readonly device: string | undefined;
  readonly weight: number;
  /** Taken out by the kernel: its device is down, or has no carrier and that counts. */
  readonly isDead: boolean;
  readonly isLinkDown: boolean;
}

export interface IpRoute {
  readonly table: number;
  /** unicast, local, broadcast, anycast, multicast, blackhole, unreachable, prohibit, throw. */
  readonly type: string;
  readonly destination: Prefix;
  /** IPv6: only for these sources. */
  readonly from: Prefix | undefined;
  readonly tos: number;
  readonly metric: number;
  readonly protocol: number | undefined;
  readonly source: string | undefined;
  /** Empty: nobody says (BusyBox of a multipath route; what refuses). */
  readonly nexthops: readonly Nexthop[];
}

/** In the order of the lines. What makes no sense is left out. */
export function parseRoutes(lines: readonly string[], family: Family, names: Names): readonly IpRoute[] {
  const routes: IpRoute[] = [];
  // With -o, lines that belong together are joined by backslashes.
  for (const line of lines.flatMap((each) => each.split('\\'))) {
    const words = line.split(/\s+/).filter((word) => word !== '');
    if (words[0] === 'nexthop') {
      const last = routes.pop();
      if (last !== undefined)
        routes.push({ ...last, nexthops: [...last.nexthops, nexthopOf(optionsOf(words.slice(1)))] });
      continue;
    }
    const route = routeOf(words, family, names);
    if (route !== undefined) routes.push(route);
  }
  return routes;
}

/** `default via 192.0.2.1 dev isp1 metric 100`, for people. */
export function routeText(route: IpRoute): string {
  const { type, destination, nexthops, metric } = route;
  const words = [...(type === 'unicast' ? [] : [type]), prefixText(destination)];
  const [first] = nexthops;
  if (nexthops.length > 1) words.push(`over ${nexthops.length} nexthops`);
  else if (first !== undefined && type !== 'local') words.push(nexthopText(first));
  if (metric !== 0) words.push(`metric ${metric}`);
  return words.join(' ');
}

/** `via 192.0.2.1 dev isp1`. */
export function nexthopText({ via, device }: Pick<Nexthop, 'via' | 'device'>): string {
  return [...(via === undefined ? [] : ['via', via]), ...(device === undefined ? [] : ['dev', device])].join(
    ' ',
  );
}

export interface Options {
  readonly values: ReadonlyMap<string, string>;
  readonly flags: ReadonlySet<string>;
}

const WITH_VALUE = new Set(
  `via dev table proto scope src metric weight nhid tos dsfield mtu advmss window rtt rttvar hoplimit initcwnd
   initrwnd realm realms expires error pref from iif uid mark cwnd ssthresh reordering rto_min features quickack
   congctl users age encap fastopen_no_cookie`.split(/\s+/),
);

/** Words of a route or of an answer of `ip route get`. */
export function optionsOf(words: readonly string[]): Options {
  const values = new Map<string, string>();
  const flags = new Set<string>();
  for (let at = 0; at < words.length; at += 1) {
    const word = words[at] ?? '';
    if (!WITH_VALUE.has(word)) {
      flags.add(word);
      continue;
    }
    at += 1;
    if (word === 'via' && /^inet6?$/.test(words[at] ?? '')) at += 1;
    if (!values.has(word)) values.set(word, words[at] ?? '');
  }
  return { values, flags };
}

function routeOf(words: readonly string[], family: Family, names: Names): IpRoute | undefined {
  const type = words.length > 1 ? routeTypeOf(words[0] ?? '') : undefined;
  const [to = '', ...rest] = type === undefined ? words : words.slice(1);
  const destination = parsePrefix(to, family);
  if (destination === undefined) return undefined;
  const options = optionsOf(rest);
  const { values } = options;
  const table = tableOf(values.get('table') ?? String(MAIN_TABLE), names);
  if (table === undefined) return undefined;
  const isSingle = values.has('via') || values.has('dev');
  const from = values.get('from');
  return {
    table,
    type: type ?? 'unicast',
    destination,
    from: from === undefined ? undefined : parsePrefix(from, family),
    tos: Number(values.get('tos') ?? 0),
    metric: Number(values.get('metric') ?? 0) >>> 0, // BusyBox prints large ones as negative numbers
    protocol: protocolOf(values.get('proto') ?? '', names),
    source: values.get('src'),
    nexthops: isSingle ? [nexthopOf(options)] : [],
  };
}

function nexthopOf({ values, flags }: Options): Nexthop {
  return {
    via: values.get('via'),
    device: values.get('dev'),
    weight: Number(values.get('weight') ?? 1),
    isDead: flags.has('dead'),
    isLinkDown: flags.has('linkdown'),
  };
}
