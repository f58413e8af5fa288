// Whether a rule is for a packet, and if not, which of its selectors says so (fib_rule_match in net/core/fib_rules.c,
// fib4_rule_match, fib6_rule_match).
import { addressText, contains, prefixText } from './address.ts';
import type { IpRule, Range } from './ip-rule.ts';
import { ipProtocolText } from './names.ts';
import { LOCAL_DEVICE, NOBODY, type Packet } from './packet.ts';

export type Match =
  | { readonly kind: 'yes' }
  /** `why` is a sentence about the packet. */
  | { readonly kind: 'no'; readonly why: string }
  /** It asks for something that is not known here. */
  | { readonly kind: 'unknown'; readonly why: string };

export function matchRule(rule: IpRule, packet: Packet): Match {
  const reasons = mismatches(rule, packet);
  const [first] = reasons;
  if (rule.unknown.length > 0 && first === undefined) {
    return { kind: 'unknown', why: `"${rule.unknown.join('", "')}" cannot be judged from here` };
  }
  if (!rule.isInverted) return first === undefined ? { kind: 'yes' } : { kind: 'no', why: first };
  if (first !== undefined) return { kind: 'yes' };
  return { kind: 'no', why: 'it is for all others (not)' };
}

function mismatches(rule: IpRule, packet: Packet): readonly string[] {
  const { from, to, fwmark, iif, oif, tos, ipProtocol, sport, dport, uid } = rule;
  const { family } = packet;
  const reasons: string[] = [];
  // A packet of IPv4 without a source has 0.0.0.0; of IPv6 it matches no prefix.
  const source = packet.from ?? (family === 4 ? 0n : undefined);
  if (from !== undefined && (source === undefined || !contains(from, source))) {
    reasons.push(
      packet.from === undefined
        ? 'no source address is chosen yet'
        : `the source is ${addressText(family, packet.from)}`,
    );
  }
  if (to !== undefined && !contains(to, packet.to)) reasons.push(`it is not for ${prefixText(to)}`);
  if (fwmark !== undefined && ((fwmark.value ^ packet.mark) & fwmark.mask) !== 0) {
    reasons.push(`the mark is ${markText(packet.mark)}`);
  }
  if (iif !== undefined && (iif !== packet.iif || rule.isDetached)) {
    reasons.push(packet.iif === LOCAL_DEVICE ? 'the host itself sends it' : `it comes in by ${packet.iif}`);
  }
  if (oif !== undefined) reasons.push('it is bound to no device');
  if (tos !== undefined && tos !== 0) reasons.push('its TOS is 0');
  if (ipProtocol !== undefined && ipProtocol !== packet.ipProtocol) {
    reasons.push(`it is ${ipProtocolText(packet.ipProtocol)}`);
  }
  if (sport !== undefined && !inRange(sport, packet.sport)) reasons.push(portReason('source', packet.sport));
  if (dport !== undefined && !inRange(dport, packet.dport))
    reasons.push(portReason('destination', packet.dport));
  if (uid !== undefined && !inRange(uid, packet.uid))
    reasons.push(packet.uid === NOBODY ? 'no user sends it' : `it is asked for user ${packet.uid}`);
  return reasons;
}

export function markText(mark: number): string {
  return mark === 0 ? '0' : `0x${mark.toString(16)}`;
}

function portReason(which: 'source' | 'destination', port: number): string {
  return port === 0 ? `no ${which} port was given` : `the ${which} port is ${port}`;
}

function inRange({ first, last }: Range, number: number): boolean {
  return number >= first && number <= last;
}
