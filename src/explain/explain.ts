// Puts it together: what a host said of itself, walked for the flow, beside the kernel's own word. Plain data, the same
// for text and JSON.
//
//   rules ─► route ─► (source) ─► mangle ─► route once more ─► NAT ─► out
import { addressText, parseAddress } from './address.ts';
import { agreementOf } from './agreement.ts';
import type { BaseChain } from './chain-walk.ts';
import { deliveryOf } from './delivery.ts';
import type { Explanation, LookupExplanation } from './explanation.ts';
import type { Flow } from './flow.ts';
import type { HostState, KernelWord } from './host-answer.ts';
import type { Question } from './host-program.ts';
import { parseIptables } from './iptables-save.ts';
import { servicesFor } from './ipvs.ts';
import type { KernelAnswer } from './kernel-answer.ts';
import { certainMark, chainPacket, marksOf, marksText } from './marks.ts';
import { ownerOf } from './names.ts';
import { basesOf, parseNftTables } from './nft-table.ts';
import { LOCAL_DEVICE, packetOf } from './packet.ts';
import { remarksOf } from './remarks.ts';
import { sampleOf } from './sample.ts';
import { cameText, outcomeText } from './sentences.ts';
import { type Translation, translate } from './translation.ts';
import { type Outcome, type Walk, walk } from './walk.ts';

/** What the host has to be asked once more, because mangle marks the flow; undefined where nothing. */
export function followUp(flow: Flow, state: HostState): Question | undefined {
  const mark = certainMark(marksOf(flow, state));
  if (state.iif === undefined || mark === undefined || mark === flow.mark) return undefined;
  const from = flow.from ?? sourceOf(state.word.first);
  const iif = state.iif === LOCAL_DEVICE ? undefined : state.iif;
  return { what: 'answers', flow: { ...flow, mark, from, iif } };
}

/** `again`: the answer to the follow-up, where there was one. */
export function explain(host: string, flow: Flow, state: HostState, again?: KernelWord): Explanation {
  const marks = marksOf(flow, state);
  const mark = again === undefined ? flow.mark : (certainMark(marks) ?? flow.mark);
  const lookups = lookupsOf(flow, state, { mark, again });
  const last = lookups.at(-1);
  const way = wayOf(last);
  const word = again ?? state.word;
  const sampled = again === undefined ? lookups[0] : last;
  const outcome: Outcome = sampled?.walk.outcome ?? { kind: 'nothing' };
  const explained = {
    host,
    kernel: state.release,
    kind: state.iif === LOCAL_DEVICE ? ('local' as const) : ('forwarded' as const),
    iif: state.iif,
    flow,
    marks,
    marksText: marksText(marks, flow),
    lookups,
    way,
    translation: translationOf(flow, state, way, mark),
    delivery: isForHost(state, last) ? deliveryOf(flow, state, flow.mark) : undefined,
    services: servicesFor(flow, { lines: state.netfilter.ipvs, mark }),
    sample: sampleOf(flow, state, word, outcome),
  };
  return { ...explained, remarks: remarksOf(explained, state) };
}

/** False: a walk of ours and the kernel differ. */
export function agrees({ lookups }: Explanation): boolean {
  return lookups.every(({ agreement }) => agreement.kind !== 'differ');
}

/** Somebody else sends it, and it goes no further. */
function isForHost({ iif }: HostState, last: LookupExplanation | undefined): boolean {
  if (iif === undefined || iif === LOCAL_DEVICE || last === undefined) return false;
  const { outcome } = last.walk;
  return outcome.kind === 'route' && outcome.found.route.type === 'local';
}

interface MarkedWord {
  readonly mark: number;
  readonly again: KernelWord | undefined;
}

function lookupsOf(flow: Flow, state: HostState, { mark, again }: MarkedWord): readonly LookupExplanation[] {
  const { iif, word } = state;
  if (iif === undefined) return [];
  const isLocal = iif === LOCAL_DEVICE;
  const look = (
    purpose: LookupExplanation['purpose'],
    asked: { readonly from: bigint | undefined; readonly mark: number },
    answer: KernelAnswer | undefined,
  ) =>
    lookupOf(
      purpose,
      walk(tablesOf(flow, state), packetOf(flow, iif, asked.from, asked.mark)),
      answer,
      state,
    );
  const given = flow.from?.bits;
  if (!isLocal) return [look('route', { from: given, mark }, (again ?? word).first)];
  const first = look(
    flow.from === undefined ? 'source' : 'route',
    { from: given, mark: flow.mark },
    word.first,
  );
  const chosen = given ?? bitsOf(sourceOf(word.first));
  if (chosen === undefined) return [first];
  const second = given === undefined ? [look('again', { from: chosen, mark: flow.mark }, word.second)] : [];
  const third = again === undefined ? [] : [look('again', { from: chosen, mark }, again.first)];
  return [first, ...second, ...third];
}

function lookupOf(
  purpose: LookupExplanation['purpose'],
  found: Walk,
  answer: KernelAnswer | undefined,
  { names, settings }: HostState,
): LookupExplanation {
  const filters = ['all', found.packet.iif].map(
    (device) => settings.get(`ipv4/conf/${device}/rp_filter`) ?? 0,
  );
  const reversePathFilter = found.packet.family === 4 ? Math.max(...filters) : 0;
  return {
    purpose,
    from: found.packet.from === undefined ? undefined : addressText(found.packet.family, found.packet.from),
    mark: found.packet.mark,
    steps: found.steps.map(({ rule, came }) => ({
      priority: rule.priority,
      rule: rule.text,
      owner: ownerOf(rule.protocol === 2 ? undefined : rule.protocol, names),
      came: came.kind,
      says: cameText(came),
    })),
    outcome: outcomeText(found.outcome, names),
    kernel: answer?.text,
    agreement: agreementOf(found, answer, { reversePathFilter }),
    walk: found,
    answer,
  };
}

function wayOf(last: LookupExplanation | undefined): Explanation['way'] {
  const nothing = { via: undefined, device: undefined, table: undefined, source: undefined };
  if (last === undefined || last.walk.outcome.kind !== 'route') return nothing;
  const { outcome } = last.walk;
  const { answer } = last;
  const source = last.from;
  if (answer?.kind === 'route') {
    return { via: answer.via, device: answer.device, table: outcome.table, source: source ?? answer.source };
  }
  const [only, ...more] = outcome.found.nexthops;
  const hop = more.length === 0 ? only : undefined;
  return {
    via: hop?.via,
    device: hop?.device,
    table: outcome.table,
    source: source ?? outcome.found.route.source,
  };
}

function translationOf(flow: Flow, state: HostState, way: Explanation['way'], mark: number): Translation {
  if (way.device === undefined || way.device === LOCAL_DEVICE)
    return { by: undefined, shares: [], doubts: [] };
  const from = way.source === undefined ? undefined : parseAddress(way.source)?.bits;
  const iptables = [state.netfilter.iptables, state.netfilter.legacy].flatMap(
    (lines): readonly BaseChain[] => {
      const chains = parseIptables(lines, { table: 'nat', family: flow.family });
      return chains === undefined ? [] : [{ chains, base: 'POSTROUTING' }];
    },
  );
  const nft = parseNftTables(state.netfilter.nft, flow.family).flatMap((chains) =>
    basesOf(chains, { hook: 'postrouting', type: 'nat' }),
  );
  return translate({
    // Ours come just before those of iptables (priority 99).
    tables: [...nft, ...iptables],
    packet: chainPacket(flow, state, { oif: way.device, from }),
    mark,
    addresses: state.addresses,
    via: way.via === undefined ? undefined : parseAddress(way.via)?.bits,
  });
}

function tablesOf({ family }: Flow, { rules, routes, settings }: HostState) {
  const setting = (device: string): number =>
    settings.get(`ipv${family}/conf/${device}/ignore_routes_with_linkdown`) ?? 0;
  return {
    rules,
    routes,
    ignoresLinkDown: (device: string) => setting('all') === 1 || setting(device) === 1,
  };
}

function sourceOf(answer: KernelAnswer | undefined) {
  return answer?.kind === 'route' && answer.source !== undefined ? parseAddress(answer.source) : undefined;
}

function bitsOf(address: ReturnType<typeof sourceOf>): bigint | undefined {
  return address?.bits;
}
