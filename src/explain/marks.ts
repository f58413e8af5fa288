// Which mark a new connection has when the rules are asked: what mangle's chains give it before (PREROUTING of what is
// forwarded) or after the first lookup (OUTPUT of what the host sends, which is then routed once more).
import type { ChainPacket } from './chain-packet.ts';
import { walkChain } from './chain-walk.ts';
import type { Flow } from './flow.ts';
import { type Fraction, fractionText, NONE, ONE, plus, times } from './fraction.ts';
import type { HostState } from './host-answer.ts';
import { parseIptables } from './iptables-save.ts';
import type { Chains } from './netfilter.ts';
import { LOCAL_DEVICE, protocolNumber } from './packet.ts';
import { markText } from './rule-match.ts';

export interface Marks {
  readonly hook: 'PREROUTING' | 'OUTPUT';
  /** Each mark that a new connection may get, with its share. */
  readonly given: readonly { readonly mark: number; readonly share: Fraction }[];
  /** Our chains that were passed and give back a connection's mark. */
  readonly chains: readonly string[];
  readonly doubts: readonly string[];
}

export function marksOf(flow: Flow, state: HostState): Marks {
  const hook = state.iif === LOCAL_DEVICE ? 'OUTPUT' : 'PREROUTING';
  const tables = mangleTables(flow, state);
  let given: Marks['given'] = [{ mark: flow.mark, share: ONE }];
  const doubts: string[] = [];
  const packet = chainPacket(flow, state, { oif: undefined, from: flow.from?.bits });
  for (const chains of tables) {
    const next = new Map<number, Fraction>();
    for (const { mark, share } of given) {
      const walked = walkChain({ chains, base: hook }, { packet, mark });
      for (const { way } of walked.ends) {
        const part = times(way.share, share);
        next.set(way.mark, plus(next.get(way.mark) ?? NONE, part));
      }
      doubts.push(...walked.doubts.map(({ chain, rule }) => `mangle ${chain}: ${rule.text}`));
    }
    given = [...next].map(([mark, share]) => ({ mark, share }));
  }
  const chains = tables.flatMap(({ rules }) =>
    (rules.get(hook) ?? []).flatMap(({ target }) =>
      target.kind === 'jump' && target.chain.startsWith('fairlead-') && restores(rules, target.chain)
        ? [target.chain]
        : [],
    ),
  );
  return { hook, given, chains: [...new Set(chains)], doubts: [...new Set(doubts)] };
}

function restores(rules: Chains['rules'], chain: string): boolean {
  return (rules.get(chain) ?? []).some(({ target }) => target.kind === 'restore-mark');
}

/** The one mark that every new connection of the flow gets, or undefined where they differ. */
export function certainMark({ given }: Pick<Marks, 'given'>): number | undefined {
  return given.length === 1 ? given[0]?.mark : undefined;
}

export function marksText({ given, chains }: Marks, flow: Flow): string {
  const mark = certainMark({ given });
  if (mark === undefined) {
    const parts = given.map((each) => `${markText(each.mark)} (${fractionText(each.share)})`);
    return `mangle gives new connections different ones: ${parts.join(', ')}`;
  }
  const passed =
    chains.length === 0
      ? ''
      : ` (${chains.join(', ')} gives back the connection's mark, and a new one has none)`;
  if (mark === flow.mark)
    return `${markText(mark)}${mark === 0 ? `: a new connection${passed}` : ', as asked for'}`;
  return `${markText(mark)}, given by mangle`;
}

export function chainPacket(
  flow: Flow,
  state: HostState,
  chosen: { readonly oif: string | undefined; readonly from: bigint | undefined },
): ChainPacket {
  const isLocal = state.iif === LOCAL_DEVICE;
  return {
    family: flow.family,
    from: chosen.from,
    to: flow.to.bits,
    iif: isLocal ? undefined : state.iif,
    oif: chosen.oif,
    ipProtocol: protocolNumber(flow),
    sport: flow.sport,
    dport: flow.dport,
    isBigEndian: state.isBigEndian,
    isFromHost:
      isLocal ||
      state.addresses.some(({ prefix }) => chosen.from !== undefined && prefix.bits === chosen.from),
  };
}

function mangleTables({ family }: Flow, { netfilter }: HostState): readonly Chains[] {
  const texts = [netfilter.iptables, netfilter.legacy];
  return texts.flatMap((lines) => parseIptables(lines, { table: 'mangle', family }) ?? []);
}
