// Chains as data, whoever wrote them: iptables-save.ts and nft-table.ts make them, chain-walk.ts goes through them.
import type { Prefix } from './address.ts';
import type { ClusterHash } from './cluster/hash.ts';
import type { Range } from './ip-rule.ts';

/** What a rule asks of a packet. `not` turns it around. */
export type Condition = { readonly not: boolean } & (
  | { readonly kind: 'in' | 'out'; readonly devices: readonly string[] }
  | { readonly kind: 'source' | 'destination'; readonly prefixes: readonly Prefix[] }
  | { readonly kind: 'protocol'; readonly numbers: readonly number[] }
  | { readonly kind: 'sport' | 'dport'; readonly ranges: readonly Range[] }
  | { readonly kind: 'mark' | 'ctmark'; readonly value: number; readonly mask: number }
  /** Of TCP's flags those of the mask are exactly these. */
  | { readonly kind: 'tcp-flags'; readonly mask: readonly string[]; readonly set: readonly string[] }
  | { readonly kind: 'ctstate'; readonly states: readonly string[] }
  | { readonly kind: 'ctdir'; readonly direction: 'original' | 'reply' }
  | { readonly kind: 'source-type'; readonly types: readonly string[] }
  /** The first of every so many packets that come this far, from the given one on. */
  | { readonly kind: 'nth'; readonly every: number }
  | { readonly kind: 'random'; readonly probability: number }
  /** One of these buckets of a hash of the client. */
  | { readonly kind: 'hash'; readonly hash: ClusterHash; readonly buckets: readonly number[] }
  /** Not known here. */
  | { readonly kind: 'unknown'; readonly text: string }
);

export type Target =
  | { readonly kind: 'jump' | 'goto'; readonly chain: string }
  | { readonly kind: 'return' | 'accept' | 'drop' | 'continue' | 'masquerade' }
  /** Several slots may have the same address; an address as `--to-source` has it: may be a range. */
  | { readonly kind: 'snat'; readonly slots: readonly string[]; readonly by: 'turns' | ClusterHash }
  | { readonly kind: 'dnat'; readonly text: string }
  | { readonly kind: 'set-mark' | 'set-ctmark'; readonly value: number; readonly mask: number }
  | { readonly kind: 'save-mark' | 'restore-mark'; readonly nfmask: number; readonly ctmask: number }
  | { readonly kind: 'unknown'; readonly text: string };

export interface ChainRule {
  readonly text: string;
  readonly conditions: readonly Condition[];
  readonly target: Target;
}

export interface Chains {
  /** Who wrote them: `iptables nat`, `nft fairlead-snat-rr`. */
  readonly title: string;
  readonly rules: ReadonlyMap<string, readonly ChainRule[]>;
  /** Base chains whose policy drops what comes to their end. */
  readonly drops: ReadonlySet<string>;
}

export const ALL_BITS = 0xffff_ffff;
