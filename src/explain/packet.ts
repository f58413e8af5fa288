// What the kernel knows of a flow when it looks for a route.
import type { Family } from './address.ts';
import type { Flow } from './flow.ts';

/** What the host itself sends comes in by `lo`. */
export const LOCAL_DEVICE = 'lo';

export interface Packet {
  readonly family: Family;
  readonly to: bigint;
  /** Undefined: not chosen yet. */
  readonly from: bigint | undefined;
  readonly iif: string;
  readonly mark: number;
  readonly ipProtocol: number;
  readonly sport: number;
  readonly dport: number;
  readonly uid: number;
}

/** The number of a protocol in a family's headers. */
export function protocolNumber({ protocol, family }: Pick<Flow, 'protocol' | 'family'>): number {
  if (protocol === 'icmp') return family === 4 ? 1 : 58;
  return protocol === 'tcp' ? 6 : 17;
}

/** The user of what nobody's program sends. */
export const NOBODY = 0xffff_ffff;

/** Asked as root, so `uidrange` rules are judged for user 0; the kernel asks for none where IPv6 is forwarded. */
export function packetOf(flow: Flow, iif: string, from = flow.from?.bits, mark = flow.mark): Packet {
  return {
    family: flow.family,
    to: flow.to.bits,
    from,
    iif,
    mark,
    ipProtocol: protocolNumber(flow),
    sport: flow.sport ?? 0,
    dport: flow.dport ?? 0,
    uid: flow.family === 6 && iif !== LOCAL_DEVICE ? NOBODY : 0,
  };
}
