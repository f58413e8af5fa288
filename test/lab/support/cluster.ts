// Clients of a shared address: who of a cluster's nodes answered each, and whether somebody else did, too.
import { execPath } from 'node:process';
import { expect } from 'vitest';
import type { Lab } from '../../../src/lab/lab.ts';
import { HELLO_PORT } from '../../../src/lab/plan.ts';

export interface Call {
  /** Of the internet: 198.51.100.N. */
  readonly from: string;
  readonly port: number;
}

export interface Answers {
  /** For each call the name that the answering node said, or why there is none. */
  readonly names: readonly string[];
  /** Pairs of a node and a call that it answered with a SYN-ACK: as many as calls, where just one node answers each. */
  readonly synAcks: number;
}

export interface CallOrder {
  readonly vip: string;
  readonly calls: readonly Call[];
  readonly atOnce?: number;
  readonly timeoutMs?: number;
}

const CLIENT = `
const { calls, vip, port, timeoutMs, atOnce } = JSON.parse(process.argv[1]);
const call = ({ from, port: localPort }) => new Promise((resolve) => {
  const socket = require('node:net').connect({ host: vip, port, localAddress: from, localPort });
  const end = (said) => { clearTimeout(timer); socket.destroy(); resolve(said); };
  const timer = setTimeout(end, timeoutMs, 'nobody');
  let said = '';
  socket.on('data', (bytes) => { said += bytes; if (said.includes('\\n')) socket.end(); });
  socket.on('error', ({ code }) => end(code));
  socket.on('close', () => end(said.split('\\n')[0] || 'closed'));
});
let next = 0;
const names = [];
const worker = async () => { while (next < calls.length) { const at = next++; names[at] = await call(calls[at]); } };
Promise.all(Array.from({ length: atOnce }, worker)).then(() => console.log(JSON.stringify(names)));`;

let lastPort = 20_000;

/** From addresses all over the internet's network, each from a port that was not in use for a while. */
export function calls(count: number): readonly Call[] {
  return Array.from({ length: count }, (_, at) => {
    lastPort = lastPort >= 60_000 ? 20_000 : lastPort + 1;
    return { from: `198.51.100.${1 + ((at * 37) % 254)}`, port: lastPort };
  });
}

/** Who answered is looked at in the provider isp1, by hardware addresses. */
export async function callCluster(lab: Lab, order: CallOrder): Promise<Answers> {
  const watch = `table ip clients {
  set answered { type ether_addr . ipv4_addr . inet_service; size 65535; flags dynamic; }
  chain watch { type filter hook prerouting priority 0;
    ip saddr ${order.vip} tcp flags & (syn|ack) == (syn|ack) add @answered { ether saddr . ip daddr . tcp dport }
  }
}`;
  const inProvider = async (...argv: [string, ...string[]]) => {
    const { exitCode, stdout, stderr } = await lab.inProvider('isp1', argv);
    expect({ argv, exitCode, stderr }).toEqual({ argv, exitCode: 0, stderr: '' });
    return stdout;
  };
  await inProvider('nft', watch);
  const job = JSON.stringify({ timeoutMs: 5000, atOnce: 25, port: HELLO_PORT, ...order });
  const { exitCode, stdout, stderr } = await lab.inInternet([execPath, '-e', CLIENT, job]);
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
  const answered = await inProvider('nft', '-n', 'list', 'set', 'ip', 'clients', 'answered');
  await inProvider('nft', 'delete', 'table', 'ip', 'clients');
  return {
    names: JSON.parse(stdout) as string[],
    synAcks: answered.match(/(?:[0-9a-f]{2}:){5}[0-9a-f]{2}/g)?.length ?? 0,
  };
}

export function tally(names: readonly string[]): Readonly<Record<string, number>> {
  return Object.fromEntries(
    [...new Set(names)].sort().map((one) => [one, names.filter((x) => x === one).length]),
  );
}
