// The hash of CLUSTERIP, computed again, against a kernel that has it: the bucket that it writes into the mark of each
// connection, for random addresses, ports and seeds, by each hashmode.
import { afterAll, beforeAll, expect, it } from 'vitest';
import { addressText, parseAddress } from '../../src/explain/address.ts';
import { bucketOf } from '../../src/explain/cluster/hash.ts';
import { verdictOf } from '../../src/explain/delivery.ts';
import { explain } from '../../src/explain/explain.ts';
import { type FlowWords, parseFlow } from '../../src/explain/flow.ts';
import { NONE } from '../../src/explain/fraction.ts';
import { parseHostState } from '../../src/explain/host-answer.ts';
import { hostProgram } from '../../src/explain/host-program.ts';
import { createLab } from '../../src/lab/create-lab.ts';
import type { Lab } from '../../src/lab/lab.ts';
import { figure, RoleLab } from '../lab/support/role-lab.ts';

const HASHES = [
  { vip: '192.0.2.101', mode: 'sourceip', buckets: 16 },
  { vip: '192.0.2.102', mode: 'sourceip-sourceport', buckets: 7 },
  { vip: '192.0.2.103', mode: 'sourceip-sourceport-destport', buckets: 3 },
] as const;
const PACKETS = 150;
const UDP = 17;

let lab: Lab;
let role: RoleLab;

beforeAll(async () => {
  lab = await createLab({
    name: 'test-clusterip-hash',
    systems: ['sysv'],
    hostCount: 1,
    owner: 'this-process',
  });
  role = new RoleLab(lab);
});
afterAll(() => lab?.down());

const SENDER = `
const { packets } = JSON.parse(process.argv[1]);
const pause = () => new Promise((resolve) => setTimeout(resolve, 4));
const send = ({ from, sport, to, dport }) => new Promise((resolve, reject) => {
  const socket = require('node:dgram').createSocket('udp4');
  socket.on('error', reject).bind({ address: from, port: sport }, () =>
    socket.send('x', dport, to, (error) => { socket.close(); error ? reject(error) : resolve(); }));
});
(async () => { for (const packet of packets) { await send(packet); await pause(); } console.log('sent'); })();`;

interface Packet {
  readonly from: string;
  readonly to: string;
  readonly sport: number;
  readonly dport: number;
}

const below = (most: number): number => Math.floor(Math.random() * most);

it(`is right about ${PACKETS * HASHES.length} of ${PACKETS * HASHES.length} packets`, async () => {
  const seeded = HASHES.map((hash) => ({ ...hash, seed: below(2 ** 32) }));
  const rules = seeded.map(({ vip, mode, buckets, seed }, at) => {
    const nodes = Array.from(
      { length: buckets - 1 },
      (_, node) => `echo +${node + 2} >/proc/net/ipt_CLUSTERIP/${vip}`,
    );
    return `ip address add ${vip}/32 dev isp1
iptables-legacy -A INPUT -d ${vip} -i isp1 -j CLUSTERIP --new --hashmode ${mode} --clustermac 01:00:5e:00:01:2${at} --total-nodes ${buckets} --local-node 1 --hash-init ${seed}
${nodes.join('\n')}`;
  });
  await role.onHost('edge-1', rules.join('\n'));
  const packets = seeded.flatMap(({ vip }) =>
    Array.from(
      { length: PACKETS },
      (): Packet => ({
        from: `198.51.100.${1 + below(254)}`,
        to: vip,
        sport: 10_000 + below(50_000),
        dport: 1 + below(65_000),
      }),
    ),
  );
  // The router asks for each address once; what waits for the answer it may drop.
  for (const { vip } of seeded) await lab.inInternet(['ping', '-c', '3', '-W', '5', vip]);
  const { stdout, stderr } = await lab.inInternet([
    process.execPath,
    '-e',
    SENDER,
    JSON.stringify({ packets }),
  ]);
  expect({ stdout, stderr }).toEqual({ stdout: 'sent\n', stderr: '' });
  const marks = marksOf(
    await role.onHost('edge-1', 'cat /proc/net/nf_conntrack 2>/dev/null || conntrack -L 2>/dev/null'),
  );
  const compared = packets.flatMap((packet) => {
    const hash = seeded.find(({ vip }) => vip === packet.to);
    const mark = marks.get(keyOf(packet));
    if (hash === undefined || mark === undefined) return [];
    const bits = parseAddress(packet.from)?.bits ?? 0n;
    const foretold = bucketOf(
      { kind: 'clusterip', ...hash },
      { ...packet, family: 4, from: bits, to: 0n, ipProtocol: UDP },
    );
    return [
      {
        hash,
        from: addressText(4, bits),
        sport: packet.sport,
        dport: packet.dport,
        mark,
        foretold: (foretold ?? -1) + 1,
      },
    ];
  });
  expect(compared.filter(({ mark, foretold }) => mark !== foretold).slice(0, 5)).toEqual([]);
  expect(compared.length).toBe(packets.length);
  figure(
    `CLUSTERIP: ${compared.length} of ${packets.length} packets in the bucket foretold, by three hashmodes`,
  );
});

function explained(stdout: string, words: FlowWords) {
  const flow = parseFlow(words);
  return explain('edge-1', flow, parseHostState(stdout, flow.family));
}

async function ask(words: FlowWords) {
  const script = hostProgram({ what: 'everything', flow: parseFlow(words) });
  return explained(await role.onHost('edge-1', script), words);
}

it('explain tells the bucket and what this host has of them, as /proc says', async () => {
  const vip = HASHES[2].vip;
  await role.onHost('edge-1', `echo -2 >/proc/net/ipt_CLUSTERIP/${vip}`);
  const words = { to: vip, from: '198.51.100.7', sport: '2001', dport: '80' };
  const { delivery, iif } = await ask(words);
  expect(iif).toBe('isp1');
  expect(delivery?.clusters).toEqual([
    {
      hash: expect.objectContaining({ kind: 'clusterip', mode: HASHES[2].mode }),
      bucket: expect.any(Number),
      own: [1, 3],
    },
  ]);
  expect(verdictOf(delivery?.share ?? NONE)).toBe(delivery?.clusters[0]?.bucket === 2 ? 'no' : 'yes');
});

it('explain tells the service of IPVS that takes it', async () => {
  await role.onHost(
    'edge-1',
    `ip address add 192.0.2.104/32 dev isp1; modprobe ip_vs
ipvsadm -A -t 192.0.2.104:80 -s wrr -p 300; ipvsadm -a -t 192.0.2.104:80 -r 192.0.2.50:80 -g -w 3
ipvsadm -a -t 192.0.2.104:80 -r 192.0.2.51:80 -i -w 0`,
  );
  const { services } = await ask({ to: '192.0.2.104', from: '198.51.100.7', dport: '80' });
  expect(services).toEqual([
    {
      name: 'tcp 192.0.2.104:80',
      scheduler: 'wrr',
      persistentS: 300,
      servers: [
        { name: '192.0.2.50:80', weight: 3, forwarding: 'gatewaying' },
        { name: '192.0.2.51:80', weight: 0, forwarding: 'ipip' },
      ],
    },
  ]);
});

function keyOf({ from, to, sport, dport }: Packet): string {
  return `src=${from} dst=${to} sport=${sport} dport=${dport}`;
}

/** By the direction of who began. */
function marksOf(table: string): ReadonlyMap<string, number> {
  return new Map(
    table.split('\n').flatMap((line) => {
      const [, key, mark] = /^.*?(src=\S+ dst=\S+ sport=\d+ dport=\d+) .*mark=(\d+)/.exec(line) ?? [];
      return key === undefined ? [] : [[key, Number(mark)] as const];
    }),
  );
}
