// The target CLUSTERIP of iptables (net/ipv4/netfilter/ipt_CLUSTERIP.c, clusterip_hashfn(), up to kernel 6.2). The address is
// hashed as a number, but the ports as they lie in memory. The bucket is the hash's place among all hashes; only very old
// kernels took its remainder.
import { jhash, scaled } from './jhash.ts';
import { portWord } from './packet-words.ts';

export type ClusteripMode = 'sourceip' | 'sourceip-sourceport' | 'sourceip-sourceport-destport';

export interface ClusteripHash {
  readonly kind: 'clusterip';
  readonly mode: ClusteripMode;
  readonly seed: number;
  readonly buckets: number;
}

export interface ClusteripPacket {
  readonly from: bigint;
  readonly ipProtocol: number;
  readonly sport: number | undefined;
  readonly dport: number | undefined;
}

/** From 0 on: node 1 has bucket 0. Undefined where the hash takes a port that is not known. */
export function clusteripBucket(hash: ClusteripHash, packet: ClusteripPacket): number | undefined {
  const ports = portsOf(hash.mode, packet);
  if (ports.includes(undefined)) return undefined;
  const words = [Number(packet.from), ...ports.map((port = 0) => portWord(port))];
  return scaled(jhash(words, hash.seed), hash.buckets);
}

/** Protocols that have ports where proto_ports_offset() looks: TCP, UDP, DCCP, ESP, SCTP, UDP-Lite. */
const WITH_PORTS = [6, 17, 33, 50, 132, 136];

function portsOf(
  mode: ClusteripMode,
  { ipProtocol, sport, dport }: ClusteripPacket,
): readonly (number | undefined)[] {
  const taken = { sourceip: 0, 'sourceip-sourceport': 1, 'sourceip-sourceport-destport': 2 }[mode];
  const ports = WITH_PORTS.includes(ipProtocol) ? [sport, dport] : [0, 0];
  return ports.slice(0, taken);
}
