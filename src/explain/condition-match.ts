// Whether a condition of a rule holds for a new connection's first packet. What is drawn by lot is for chain-walk.ts.
import { contains } from './address.ts';
import type { ChainPacket, Way } from './chain-packet.ts';
import type { Condition } from './netfilter.ts';

export type PlainCondition = Exclude<Condition, { readonly kind: 'nth' | 'random' | 'hash' }>;

export function holds(condition: PlainCondition, packet: ChainPacket, way: Way): 'yes' | 'no' | 'unknown' {
  const answer = asked(condition, packet, way);
  if (answer === undefined) return 'unknown';
  return answer !== condition.not ? 'yes' : 'no';
}

/** Undefined: nobody can say. */
function asked(condition: PlainCondition, packet: ChainPacket, way: Way): boolean | undefined {
  switch (condition.kind) {
    case 'in':
      return packet.iif !== undefined && isOneOf(packet.iif, condition.devices);
    case 'out':
      return packet.oif !== undefined && isOneOf(packet.oif, condition.devices);
    case 'source':
      if (packet.from === undefined) return undefined;
      return condition.prefixes.some((prefix) => contains(prefix, packet.from ?? 0n));
    case 'destination':
      return condition.prefixes.some((prefix) => contains(prefix, packet.to));
    case 'protocol':
      return condition.numbers.includes(packet.ipProtocol);
    case 'sport':
    case 'dport': {
      const port = packet[condition.kind];
      return port === undefined
        ? undefined
        : condition.ranges.some(({ first, last }) => port >= first && port <= last);
    }
    case 'mark':
      return (way.mark & condition.mask) >>> 0 === condition.value;
    case 'ctmark':
      return (way.ctmark & condition.mask) >>> 0 === condition.value;
    case 'tcp-flags':
      // It is the first packet: SYN alone.
      return condition.mask.includes('SYN')
        ? condition.set.length === 1 && condition.set[0] === 'SYN'
        : condition.set.length === 0;
    case 'ctstate':
      return condition.states.includes('NEW');
    case 'ctdir':
      return condition.direction === 'original';
    case 'source-type':
      return packet.isFromHost
        ? condition.types.includes('LOCAL')
        : condition.types.includes('LOCAL')
          ? false
          : undefined;
    case 'unknown':
      return undefined;
  }
}

/** `eth+` and `eth*` stand for all that begin so. */
function isOneOf(device: string, names: readonly string[]): boolean {
  return names.some((name) => (/[+*]$/.test(name) ? device.startsWith(name.slice(0, -1)) : device === name));
}
