// A new connection's first packet, as rules see it, and one of the ways that it may take through them.
import type { Family } from './address.ts';
import type { Fraction } from './fraction.ts';

/** What can be asked of the packet; unknown in, unknown out. */
export interface ChainPacket {
  readonly family: Family;
  readonly from: bigint | undefined;
  readonly to: bigint;
  readonly iif: string | undefined;
  readonly oif: string | undefined;
  readonly ipProtocol: number;
  readonly sport: number | undefined;
  readonly dport: number | undefined;
  /** Whether the source is one of the host's own. */
  readonly isFromHost: boolean;
  readonly isBigEndian?: boolean;
}

/** One of the ways through, so far. */
export interface Way {
  readonly mark: number;
  readonly ctmark: number;
  readonly share: Fraction;
}
