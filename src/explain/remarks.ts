// What somebody who reads the walk has to know besides: where the kernel's behaviour differs by version or setting,
// and what could not be looked at. One sentence each.
import type { Explanation, LookupExplanation } from './explanation.ts';
import type { HostState } from './host-answer.ts';
import { doorTables, natTables } from './nft-table.ts';
import { nexthopsOf } from './walk.ts';

type Explained = Omit<Explanation, 'remarks'>;

export function remarksOf(explained: Explained, state: HostState): readonly string[] {
  return [
    ...sourceRemarks(explained, state),
    ...hashRemarks(explained, state),
    ...linkRemarks(explained, state),
    ...lookupRemarks(explained.lookups),
    ...netfilterRemarks(explained, state),
    ...clusterRemarks(explained, state),
    ...toolRemarks(explained, state),
  ];
}

/** The kernel chooses the source by a first lookup and looks again with it. */
function sourceRemarks({ lookups, kernel, flow }: Explained, _state: HostState): readonly string[] {
  const [first, second] = lookups;
  if (flow.from !== undefined || second === undefined || first?.purpose !== 'source') return [];
  const { outcome } = second.walk;
  const isPinned = outcome.kind === 'route' && outcome.rule.from !== undefined;
  const hasChoice = nexthopsOf(first.walk.outcome).length > 1;
  const way = (each: LookupExplanation): string =>
    each.answer?.kind === 'route' ? `${each.answer.via} ${each.answer.device}` : '';
  const remarks = [
    `a program that binds no address gets ${second.from} by the first lookup; the second one is made with it`,
  ];
  if (way(first) !== way(second)) remarks.push(`the two lookups lead different ways: the second one counts`);
  if (!isPinned && hasChoice && isBefore(kernel, 6, 16)) {
    remarks.push(
      `no rule "from ${second.from}" pins the source to its link: before kernel 6.16 the two lookups may disagree, and a provider drops what leaves by the wrong link (the role split-access makes such rules)`,
    );
  }
  return remarks;
}

const POLICIES: Readonly<Record<number, string>> = {
  0: 'by addresses alone: one source and destination always go one way',
  1: 'by addresses, protocol and ports: each connection for itself',
  2: 'by the inner addresses of tunnels, else by addresses alone',
  3: 'by the fields of fib_multipath_hash_fields',
};

function hashRemarks({ lookups, flow, kind }: Explained, { settings }: HostState): readonly string[] {
  if (!lookups.some(({ walk }) => nexthopsOf(walk.outcome).length > 1)) return [];
  const name = `ipv${flow.family}/fib_multipath_hash_policy`;
  const policy = settings.get(name);
  const remarks = [
    policy === undefined
      ? 'the kernel has no choice of hash policy: nexthops are chosen by addresses, or by packet before 4.4'
      : `the nexthop is chosen ${POLICIES[policy] ?? 'in a way that is not known here'} (fib_multipath_hash_policy ${policy})`,
  ];
  if (flow.sport === undefined && policy === 1 && flow.protocol !== 'icmp') {
    remarks.push(
      "the kernel's word is for source port 0: give --sport for one connection, --sample for the split",
    );
  }
  const doubt = policy === undefined ? undefined : doubtOf(kind === 'forwarded', flow.family, policy);
  if (doubt !== undefined) remarks.push(`this one flow may go by another nexthop: ${doubt}`);
  if (flow.family === 4 && settings.get('ipv4/fib_multipath_use_neigh') === 1) {
    remarks.push('nexthops whose gateway does not answer ARP are passed by (fib_multipath_use_neigh)');
  }
  return remarks;
}

/** Where `ip route get` does not hash what the packet's own lookup hashes (measured on 6.18). */
function doubtOf(isForwarded: boolean, family: 4 | 6, policy: number): string | undefined {
  if (isForwarded && policy === 1) return 'the kernel prefers a hash that the receiving card has made of it';
  if (isForwarded && family === 6 && policy === 0) return 'its flow label is hashed too, and not known here';
  if (policy === 3 && isForwarded === (family === 6))
    return '"ip route get" mixes the fields otherwise than the kernel does for it';
  return undefined;
}

function linkRemarks({ lookups, flow }: Explained, { settings }: HostState): readonly string[] {
  const down = lookups.flatMap(({ walk }) => nexthopsOf(walk.outcome)).filter(({ isLinkDown }) => isLinkDown);
  return [...new Set(down.map(({ device }) => device ?? ''))].map((device) => {
    const value = settings.get(`ipv${flow.family}/conf/${device}/ignore_routes_with_linkdown`) ?? 0;
    return `${device} has no carrier, and is used all the same (ignore_routes_with_linkdown ${value})`;
  });
}

function lookupRemarks(lookups: readonly LookupExplanation[]): readonly string[] {
  return lookups.flatMap(({ agreement }) => {
    if (agreement.kind === 'dropped') return [agreement.why];
    return agreement.kind === 'agree' && agreement.remark !== undefined ? [agreement.remark] : [];
  });
}

/** Ours, and those that iptables-save has told of. */
const KNOWN_TABLE = /^(?:inet|ip6?) fairlead-|^ip6? (?:raw|mangle|nat|filter|security)$/;

/** Why the bucket is not known, or is everybody's. */
function clusterRemarks({ delivery, flow }: Explained, { isBigEndian }: HostState): readonly string[] {
  return (delivery?.clusters ?? []).flatMap(({ hash, bucket }) => {
    if (hash.kind === 'xt-cluster' && flow.family === 6) {
      return ['of an IPv6 address -m cluster hashes the first 32 bits alone: whole providers share a bucket'];
    }
    if (bucket !== undefined) return [];
    if (isBigEndian)
      return ['buckets are not computed for big-endian machines: the hash is of words in memory'];
    if (hash.kind === 'nft-jhash' && hash.seed === undefined)
      return ['the hash has a seed that the kernel has drawn and does not tell: give the rule one'];
    return ['the bucket depends on ports: give --sport and --dport'];
  });
}

function netfilterRemarks(
  { marks, translation, delivery, flow }: Explained,
  { netfilter, isRoot }: HostState,
): readonly string[] {
  if (!isRoot) return ['not asked as root: rules of iptables and nft were not looked at (-b becomes root)'];
  const own = flow.family === 4 ? 'ip' : 'ip6';
  const others = (tables: readonly string[]): readonly string[] =>
    tables.filter((name) => new RegExp(`^(?:${own}|inet) `).test(name) && !KNOWN_TABLE.test(name));
  const foreign = others(natTables(netfilter.nftChains));
  const doors = delivery === undefined ? [] : others(doorTables(netfilter.nftChains));
  return [
    ...foreign.map((name) => `nft table "${name}" changes sources too, and was not looked at`),
    ...doors.map((name) => `nft table "${name}" may drop what comes in, and was not looked at`),
    ...doubtRemarks([...marks.doubts, ...translation.doubts, ...(delivery?.doubts ?? [])]),
  ];
}

const MOST_DOUBTS = 10;

function doubtRemarks(doubts: readonly string[]): readonly string[] {
  const all = [...new Set(doubts)];
  const more = all.length - MOST_DOUBTS;
  return [
    ...all.slice(0, MOST_DOUBTS).map((rule) => `not judged, taken for no match: ${rule}`),
    ...(more > 0 ? [`not judged, taken for no match: ${more} more rules`] : []),
  ];
}

function toolRemarks({ flow, kernel }: Explained, { isTerse, word }: HostState): readonly string[] {
  const remarks: string[] = [];
  if (isTerse) remarks.push("the host's ip is old or BusyBox's: it may leave out parts of rules and routes");
  if (word.isWithoutPorts)
    remarks.push("the host's ip cannot ask with protocol and ports: the kernel's word is without them");
  else if (isBefore(kernel, 4, 18) && (flow.sport ?? flow.dport) !== undefined) {
    remarks.push("before kernel 4.18 ports are not asked for: the kernel's word is without them");
  }
  return remarks;
}

/** False where the release says nothing. */
export function isBefore(release: string, major: number, minor: number): boolean {
  const [, first, second] = /^(\d+)\.(\d+)/.exec(release) ?? [];
  if (first === undefined) return false;
  return Number(first) < major || (Number(first) === major && Number(second) < minor);
}
