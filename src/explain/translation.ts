// The source address after NAT: the first rule of nat POSTROUTING that catches the flow, ours or anybody's, and the
// addresses that it gives, with the share of new connections that gets each.
import { addressText, contains } from './address.ts';
import type { ChainPacket } from './chain-packet.ts';
import { type BaseChain, type ChainWalk, type End, walkChain } from './chain-walk.ts';
import { bucketOf } from './cluster/hash.ts';
import { type Fraction, NONE, plus, share, times } from './fraction.ts';
import type { HostAddress } from './host-answer.ts';

export interface SourceShare {
  /** An address, a range, or undefined: it stays what it is. */
  readonly source: string | undefined;
  readonly share: Fraction;
  /** The chains that decided so, `POSTROUTING` alone where nobody did. */
  readonly chain: string;
  readonly rule: string | undefined;
  readonly how:
    | 'unchanged'
    | 'excluded'
    | 'fixed'
    | 'by-turns'
    | 'by-chance'
    | 'by-hash'
    | 'masquerade'
    | 'dropped';
}

export interface Translation {
  /** Who does it: `nat`, `nft fairlead-snat-rr`; undefined where nobody changes anything. */
  readonly by: string | undefined;
  readonly shares: readonly SourceShare[];
  /** Rules that could not be judged. */
  readonly doubts: readonly string[];
}

export interface TranslationOptions {
  readonly tables: readonly BaseChain[];
  readonly packet: ChainPacket;
  readonly mark: number;
  readonly addresses: readonly HostAddress[];
  /** The nexthop, which decides between several addresses of a device. */
  readonly via: bigint | undefined;
}

/** The first table that does anything with it counts. */
export function translate(options: TranslationOptions): Translation {
  const { tables, packet, mark } = options;
  const doubts: string[] = [];
  let untouched: Translation = { by: undefined, shares: [], doubts: [] };
  for (const table of tables) {
    const { title } = table.chains;
    const walked = walkChain(table, { packet, mark });
    doubts.push(...walked.doubts.map(({ chain, rule }) => `${title} ${chain}: ${rule.text}`));
    const found = { by: title, shares: sharesOf(walked, options), doubts };
    if (found.shares.some(({ how }) => how !== 'unchanged' && how !== 'excluded')) return found;
    if (found.shares.some(({ how }) => how === 'excluded')) untouched = found;
  }
  return { ...untouched, doubts };
}

/** The address that MASQUERADE takes: of the device, in the gateway's network if there is one (inet_select_addr). */
export function masqueradeAddress(
  addresses: readonly HostAddress[],
  device: string | undefined,
  via: bigint | undefined,
): string | undefined {
  const own = addresses.filter((each) => each.device === device && each.isPrimary);
  const near = own.find(({ prefix }) => via !== undefined && contains(prefix, via));
  const chosen = near ?? own[0];
  return chosen && addressText(chosen.prefix.family, chosen.prefix.bits);
}

function sharesOf({ ends }: ChainWalk, options: TranslationOptions): readonly SourceShare[] {
  const found = new Map<string, SourceShare>();
  for (const each of ends.flatMap((end) => sourcesOf(end, options))) {
    const key = JSON.stringify([each.source, each.how]);
    const same = found.get(key);
    found.set(key, same === undefined ? each : { ...same, share: plus(same.share, each.share) });
  }
  return [...found.values()];
}

function sourcesOf({ way, by, drawn }: End, options: TranslationOptions): readonly SourceShare[] {
  if (by === undefined) {
    return [{ source: undefined, share: way.share, chain: 'POSTROUTING', rule: undefined, how: 'unchanged' }];
  }
  const base = { share: way.share, chain: by.chain, rule: by.rule.text };
  const { target } = by.rule;
  switch (target.kind) {
    case 'snat': {
      const hash = target.by === 'turns' ? undefined : target.by;
      const bucket = hash && bucketOf(hash, options.packet);
      const sure = bucket === undefined ? undefined : target.slots[bucket];
      if (sure !== undefined) return [{ ...base, source: sure, how: 'by-hash' }];
      const slots = new Map<string, Fraction>();
      const slot = share(1, target.slots.length);
      for (const address of target.slots) slots.set(address, plus(slots.get(address) ?? NONE, slot));
      const several = hash === undefined ? 'by-turns' : 'by-hash';
      const turns = target.slots.length > 1 ? several : 'fixed';
      return [...slots].map(([source, part]) => {
        const how = source.includes('-') ? 'by-hash' : drawn === 'no' ? turns : drawn;
        return { ...base, source, share: times(way.share, part), how };
      });
    }
    case 'masquerade': {
      const { addresses, packet, via } = options;
      return [{ ...base, source: masqueradeAddress(addresses, packet.oif, via), how: 'masquerade' }];
    }
    case 'drop':
      return [{ ...base, source: undefined, how: 'dropped' }];
    default:
      return [{ ...base, source: undefined, how: 'excluded' }];
  }
}
