// A kernel that is asked in which bucket a packet falls: a namespace whose rules send each bucket of each hash to a port of
// its own, and one program in it that sends from any address and sees where it arrives.
//
//   198.51.x.y:sport ─► 192.0.2.100:20000+hash ── nat OUTPUT: the hash ──► :9000+bucket
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { addressText } from '../../../src/explain/address.ts';
import type { ClusterHash, HashedPacket } from '../../../src/explain/cluster/hash.ts';
import { Namespace } from './namespace.ts';

export const MOST_BUCKETS = 16;
const FIRST_PORT = 20_000;
const FIRST_BUCKET_PORT = 9000;

export class HashingKernel {
  readonly #namespace: Namespace;

  private constructor(namespace: Namespace) {
    this.#namespace = namespace;
  }

  static async create(): Promise<HashingKernel> {
    const namespace = await Namespace.create(':', '');
    namespace.sh(`ip link set lo up
      ip address add 192.0.2.100/32 dev lo; ip address add 2001:db8:1::100/128 dev lo nodad
      echo 1 >/proc/sys/net/ipv6/ip_nonlocal_bind
      ip route add local 198.51.0.0/16 dev lo; ip -6 route add local 2000::/3 dev lo
      nft -f - <<'END'
${buckets('ip')}
${buckets('ip6')}
END`);
    return new HashingKernel(namespace);
  }

  /** The address of the sender's that the last bits of a number make. */
  static sender(family: 4 | 6, number: bigint): bigint {
    return family === 4 ? 0xc633_0000n + (number & 0xffffn) : (1n << 125n) + (number & ((1n << 125n) - 1n));
  }

  static receiver(family: 4 | 6): bigint {
    return family === 4 ? 0xc000_0264n : 0x2001_0db8_0001_0000_0000_0000_0000_0100n;
  }

  static port(hash: number): number {
    return FIRST_PORT + hash;
  }

  /** Puts the hashes into rules, in place of those before. */
  use(family: 4 | 6, hashes: readonly ClusterHash[]): void {
    const [program, table] = family === 4 ? ['iptables', 'ip'] : ['ip6tables', 'ip6'];
    const iptables: string[] = [];
    const nft: string[] = [];
    for (const [at, hash] of hashes.entries()) {
      if (hash.kind === 'nft-jhash') nft.push(`add rule ${table} test out ${nftRule(hash, at, table)}`);
      else iptables.push(...clusterRules(hash, at));
    }
    this.#namespace.sh(`nft -f - <<'END'
flush chain ${table} test out
${nft.join('\n')}
END
${program}-restore <<'END'
*nat
:OUTPUT ACCEPT [0:0]
${iptables.join('\n')}
COMMIT
END`);
  }

  /** The bucket of each packet; undefined where it did not arrive. */
  async buckets(packets: readonly HashedPacket[]): Promise<readonly (number | undefined)[]> {
    const order = packets.map(({ family, from = 0n, to, sport, dport }) => ({
      type: `udp${family}`,
      from: addressText(family, from),
      to: addressText(family, to),
      sport,
      dport,
    }));
    const [program = '', ...words] = this.#namespace.enter('network');
    const child = spawn(program, [...words, process.execPath, '-e', PROGRAM], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    child.stdin.end(JSON.stringify(order));
    const [said] = await Promise.all([text(child.stdout), once(child, 'close')]);
    return (JSON.parse(said) as (number | null)[]).map((port) =>
      port === null ? undefined : port - FIRST_BUCKET_PORT,
    );
  }

  close(): void {
    this.#namespace.close();
  }
}

function buckets(table: string): string {
  const chains = Array.from(
    { length: MOST_BUCKETS },
    (_, bucket) => `chain b${bucket} { meta l4proto udp dnat to :${FIRST_BUCKET_PORT + bucket}; }`,
  );
  return `table ${table} test { chain out { type nat hook output priority -101; }; ${chains.join('; ')}; }`;
}

function nftRule(hash: Extract<ClusterHash, { kind: 'nft-jhash' }>, at: number, table: string): string {
  const fields = hash.fields.map((field) => `${field.endsWith('addr') ? table : 'udp'} ${field}`);
  const verdicts = Array.from({ length: hash.buckets }, (_, bucket) => `${bucket} : goto b${bucket}`);
  const seed = hash.seed === undefined ? '' : ` seed ${hash.seed}`;
  return `udp dport ${FIRST_PORT + at} jhash ${fields.join(' . ')} mod ${hash.buckets}${seed} vmap { ${verdicts.join(', ')} }`;
}

function clusterRules({ buckets: total, seed }: ClusterHash, at: number): readonly string[] {
  return Array.from(
    { length: total },
    (_, bucket) =>
      `-A OUTPUT -p udp --dport ${FIRST_PORT + at} -m cluster --cluster-total-nodes ${total} --cluster-local-node ${bucket + 1} --cluster-hash-seed ${seed} -j DNAT --to-destination :${FIRST_BUCKET_PORT + bucket}`,
  );
}

// One at a time from each socket; it ends when all have arrived, or nothing has for a second.
const PROGRAM = `
const dgram = require('node:dgram');
const order = JSON.parse(require('node:fs').readFileSync(0, 'utf8'));
const arrived = order.map(() => null);
let left = order.length;
const end = () => { console.log(JSON.stringify(arrived)); process.exit(0); };
let timer = setTimeout(end, 5000);
const listening = ['udp4', 'udp6'].flatMap((type) => Array.from({ length: ${MOST_BUCKETS} }, (_, bucket) =>
  new Promise((resolve, reject) => {
    const port = ${FIRST_BUCKET_PORT} + bucket;
    const socket = dgram.createSocket({ type, ipv6Only: type === 'udp6', recvBufferSize: 4194304 });
    socket.on('error', reject).on('message', (message) => {
      arrived[Number(message)] = port;
      clearTimeout(timer);
      if (--left === 0) end();
      timer = setTimeout(end, 1000);
    }).bind({ port, address: type === 'udp4' ? '0.0.0.0' : '::' }, resolve);
  })));
const send = ({ type, from, to, sport, dport }, at) => new Promise((resolve, reject) => {
  const socket = dgram.createSocket(type);
  socket.on('error', reject).bind({ address: from, port: sport }, () =>
    socket.send(String(at), dport, to, (error) => { socket.close(); error ? reject(error) : resolve(); }));
});
Promise.all(listening).then(async () => {
  for (let at = 0; at < order.length; at += 50) {
    await Promise.all(order.slice(at, at + 50).map((each, index) => send(each, at + index)));
  }
});`;
