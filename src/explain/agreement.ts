// Our walk against the kernel's own answer. Where they differ, one of them has been misread: that is said loudly.
import { type Nexthop, nexthopText } from './ip-route.ts';
import type { KernelAnswer } from './kernel-answer.ts';
import { LOCAL_DEVICE } from './packet.ts';
import { refuses } from './table-lookup.ts';
import type { Outcome, Walk } from './walk.ts';

export type Agreement =
  | { readonly kind: 'agree'; readonly remark?: string }
  /** There is a route, and the kernel drops what comes in by that device all the same. */
  | { readonly kind: 'dropped'; readonly why: string }
  /** The kernel could not be asked. */
  | { readonly kind: 'silent' }
  | { readonly kind: 'differ'; readonly why: string };

const RIVALS = 'among routes of one prefix it goes by whose gateway answers';

/** `reversePathFilter`: of the device that it comes in by, as it counts. */
export function agreementOf(
  found: Walk,
  answer: KernelAnswer | undefined,
  { reversePathFilter }: { readonly reversePathFilter: number } = { reversePathFilter: 0 },
): Agreement {
  const { outcome, packet } = found;
  if (answer === undefined) return { kind: 'silent' };
  if (answer.kind === 'refused') {
    if (answer.error === 'other') return { kind: 'silent' };
    if (outcome.kind !== 'route') return { kind: 'agree' };
    if (outcome.found.alternatives.some(refuses)) {
      return { kind: 'agree', remark: `the kernel takes the route that refuses: ${RIVALS}` };
    }
    const why =
      packet.iif === LOCAL_DEVICE ? undefined : dropReason(answer.error, packet.iif, reversePathFilter);
    if (why !== undefined) return { kind: 'dropped', why };
    return differ(found, `the kernel refuses it (${answer.text})`);
  }
  if (
    outcome.kind === 'refused' &&
    outcome.alternatives.some((other) => other.nexthops.some(goesBy(answer)))
  ) {
    return { kind: 'agree', remark: `the kernel takes ${wayText(answer)} all the same: ${RIVALS}` };
  }
  if (outcome.kind !== 'route') return differ(found, `the kernel sends it ${wayText(answer)}`);
  if (answer.isRedirected) {
    return { kind: 'agree', remark: `a router has redirected the host: it goes ${wayText(answer)}` };
  }
  return compareRoutes(found, outcome, answer);
}

type RouteOutcome = Extract<Outcome, { kind: 'route' }>;
type RouteAnswer = Extract<KernelAnswer, { kind: 'route' }>;

function compareRoutes(walked: Walk, { found, table }: RouteOutcome, answer: RouteAnswer): Agreement {
  const { route, nexthops, alternatives } = found;
  const says = `the kernel sends it ${wayText(answer)}`;
  if (route.type !== answer.type) return differ(walked, says);
  if (route.type === 'local') return { kind: 'agree' };
  if (answer.table !== undefined && answer.table !== table) return differ(walked, says);
  if (nexthops.length === 0 || nexthops.some(goesBy(answer))) return { kind: 'agree' };
  if (alternatives.some((other) => other.nexthops.some(goesBy(answer)))) {
    return {
      kind: 'agree',
      remark: `the kernel takes the next route, ${wayText(answer)}: ${RIVALS}`,
    };
  }
  return differ(walked, says);
}

type Way = Pick<Nexthop, 'via' | 'device'>;

function goesBy(answer: Way): (each: Way) => boolean {
  return ({ via, device }) => via === answer.via && device === answer.device;
}

function differ({ isUncertain }: Walk, says: string): Agreement {
  const excuse = isUncertain ? ', and a rule that could not be judged may be why' : '';
  return { kind: 'differ', why: `${says}${excuse}` };
}

/** Kernel 6.18 calls what the reverse path filter drops invalid; older ones have an error of its own for it (EXDEV). */
function dropReason(error: string, device: string, reversePathFilter: number): string | undefined {
  if (error === 'wrong-device' || (error === 'invalid' && reversePathFilter > 0)) {
    return `the reverse path filter (rp_filter) drops what comes in by ${device} from there`;
  }
  if (error === 'invalid') return `the kernel takes nothing from that source by ${device}`;
  if (error === 'host-unreachable') return `the host does not forward what comes in by ${device}`;
  return undefined;
}

function wayText(answer: RouteAnswer): string {
  const way = answer.type === 'unicast' ? nexthopText(answer) : `to itself (${answer.type})`;
  return answer.table === undefined ? way : `${way}, by table ${answer.table}`;
}
