// Many lookups counted by nexthop, against what the weights promise.
import type { Flow } from './flow.ts';
import type { HostState, KernelWord } from './host-answer.ts';
import { type ChiSquare, chiSquare } from './statistics.ts';
import { nexthopsOf, type Outcome } from './walk.ts';

export interface SampleLink {
  readonly via: string | undefined;
  readonly device: string | undefined;
  readonly observed: number;
  /** 0 for a nexthop that was not expected. */
  readonly weight: number;
  readonly expected: number;
}

export interface Sample {
  readonly asked: number;
  readonly answered: number;
  readonly links: readonly SampleLink[];
  /** Undefined where there is nothing to judge: one nexthop, or a hash of what is the same in all lookups. */
  readonly chiSquare: ChiSquare | undefined;
  /** `addresses-alone`: the kernel's hash does not look at ports, so all of one pair go one way. */
  readonly verdict: ChiSquare['verdict'] | 'one-nexthop' | 'addresses-alone' | 'no-answer';
}

export function sampleOf(
  flow: Flow,
  state: HostState,
  word: KernelWord,
  outcome: Outcome,
): Sample | undefined {
  if (flow.sample === undefined) return undefined;
  const counted = [...word.sample];
  const answered = counted.reduce((sum, { count }) => sum + count, 0);
  const promised = nexthopsOf(outcome);
  const weights = promised.reduce((sum, { weight }) => sum + weight, 0);
  const links: SampleLink[] = promised.map(({ via, device, weight }) => {
    const at = counted.findIndex((each) => each.via === via && each.device === device);
    const observed = at === -1 ? 0 : (counted.splice(at, 1)[0]?.count ?? 0);
    return { via, device, observed, weight, expected: (answered * weight) / weights };
  });
  const strays = counted.map(({ via, device, count }) => ({
    via,
    device,
    observed: count,
    weight: 0,
    expected: 0,
  }));
  const all = [...links, ...strays];
  const judged = { asked: flow.sample, answered, links: all };
  if (answered === 0) return { ...judged, chiSquare: undefined, verdict: 'no-answer' };
  if (promised.length < 2) return { ...judged, chiSquare: undefined, verdict: 'one-nexthop' };
  if (flow.toNetwork === undefined && !hashesPorts(flow, state, word)) {
    return { ...judged, chiSquare: undefined, verdict: 'addresses-alone' };
  }
  const test = chiSquare(all);
  return { ...judged, chiSquare: test, verdict: test?.verdict ?? 'one-nexthop' };
}

/** FIB_MULTIPATH_HASH_FIELD_SRC_PORT, of fib_multipath_hash_fields. */
const SOURCE_PORT_FIELD = 0x10;

/** Whether another source port may mean another nexthop. */
export function hashesPorts({ family, protocol }: Flow, { settings }: HostState, word: KernelWord): boolean {
  if (word.isWithoutPorts || protocol === 'icmp') return false;
  const policy = settings.get(`ipv${family}/fib_multipath_hash_policy`) ?? 0;
  const fields = settings.get(`ipv${family}/fib_multipath_hash_fields`) ?? 0;
  return policy === 1 || (policy === 3 && (fields & SOURCE_PORT_FIELD) !== 0);
}
