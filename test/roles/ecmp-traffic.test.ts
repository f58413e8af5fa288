// Connections through a host whose default route changes its mind every 4 ms, as kernels 3.6 to 4.3 do for each packet:
// without marks most of them die, with them none. And a client's connections that stay on one link.
//
//   server 198.51.100.1 ── outside ─┬─ p0 ══ v0 ─┐            (each provider drops what has the other's
//                                   └─ p1 ══ v1 ─┴─ host ── w0 10.9.0.1 ══ 10.9.0.2 client      addresses)
import { type ChildProcess, type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ECMP_WORLDS, ecmp } from './support/ecmp.ts';
import type { Namespace } from './support/namespace.ts';
import type { Variables } from './support/render-role.ts';
import { splitAccess } from './support/split-access.ts';
import { TestHost, type World } from './support/test-host.ts';

const FLOWS = 20;
const OUTSIDE = '198.51.100.1';

/** Tells who called, then echoes. */
const SERVER = `require('node:net').createServer((socket) => {
  socket.on('error', () => {}).write(socket.remoteAddress + '\\n');
  socket.pipe(socket);
}).listen({ port: 80, host: '::' }, () => console.log('listening'))`;

/** Connections 3 ms after each other, with so many round trips each, all within 6 s: who the server saw, for each that made it. */
const CLIENT = `const { count, trips, addresses, localAddress } = JSON.parse(process.argv[1]);
setTimeout(() => process.exit(), 6000);
let open = count;
for (let i = 0; i < count; i++) setTimeout(() => {
  const socket = require('node:net').connect({ port: 80, host: addresses[i % addresses.length], localAddress });
  let peer, left = trips;
  socket.on('error', () => {}).on('data', (data) => {
    peer ??= data.toString().trim();
    if (left-- > 0) return socket.write('x');
    socket.destroy();
    console.log(peer.replace('::ffff:', ''));
    if (--open === 0) process.exit();
  });
}, 3 * i)`;

/** Today's kernel, and one that marks are for, which cannot put table main first. */
const WORLDS_OF_MARKS = ECMP_WORLDS.filter(({ title }) => title === 'dash' || title === 'kernel 3.10');

let host: TestHost;
let lan: Namespace;
let running: ChildProcess[];

/** The host and its client, split-access at work. */
async function prepare(world: World): Promise<void> {
  host = await TestHost.create(world);
  running = [];
  lan = await host.addNeighbour('w0');
  host.sh('ip address add 10.9.0.1/24 dev w0; echo 1 >/proc/sys/net/ipv4/ip_forward');
  lan.sh('ip link set lo up; ip address add 10.9.0.2/24 dev eth0; ip route add default via 10.9.0.1');
  host.outer.sh(`ip address add 198.51.100.1/32 dev lo
    ip address add 192.0.2.1/24 dev p0
    ip address add 203.0.113.1/24 dev p1
    for device in all p0 p1; do echo 1 >/proc/sys/net/ipv4/conf/$device/rp_filter; done`);
  host.install(splitAccess());
  expect(host.script('start')).toMatchObject({ status: 0 });
}
afterEach(() => {
  for (const process of running) process.kill('SIGKILL');
  host.close();
});

function node(where: Namespace, program: string, ...words: readonly string[]) {
  const [command = '', ...first] = where.enter('network');
  const child = spawn(command, [...first, process.execPath, '-e', program, ...words], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  running.push(child);
  return child;
}

async function serve(where: Namespace): Promise<void> {
  await once(node(where, SERVER).stdout, 'data');
}

interface Flows {
  readonly to: readonly string[];
  readonly count?: number;
  readonly trips?: number;
  readonly localAddress?: string;
}

/** Who the server saw, for each flow that was not lost. */
async function flows(from: Namespace, { to, ...options }: Flows): Promise<readonly string[]> {
  const order = { count: FLOWS, trips: 1000, addresses: to, ...options };
  const client: ChildProcessByStdio<null, Readable, null> = node(from, CLIENT, JSON.stringify(order));
  let said = '';
  client.stdout.on('data', (data: Buffer) => {
    said += data.toString();
  });
  await once(client, 'close');
  return said.split('\n').filter((line) => line !== '');
}

/** The default route by one link, then the other, for ever. */
function flap(): void {
  const [command = '', ...first] = host.inner.enter('network');
  const batch = spawn(command, [...first, 'ip', '-b', '-'], { stdio: ['pipe', 'ignore', 'inherit'] });
  running.push(batch);
  let turn = 0;
  const timer = setInterval(() => {
    const hop = turn++ % 2 === 0 ? 'via 192.0.2.1 dev v0' : 'via 203.0.113.1 dev v1';
    batch.stdin.write(`route replace default ${hop} proto 223 table 901\n`);
  }, 4);
  batch.once('close', () => clearInterval(timer));
  batch.stdin.on('error', () => clearInterval(timer));
}

function apply(variables: Variables): void {
  host.install(ecmp(variables));
  expect(host.script('start')).toMatchObject({ status: 0 });
}

const WITH_MARKS = { ecmp_variant: 'marks' };

describe('while the default route flaps', () => {
  test.each([
    ['forwarded flows', false],
    ['flows to forwarded ports', true],
  ])('without marks most %s die', async (_title, inward) => {
    const [world] = WORLDS_OF_MARKS;
    if (world === undefined) throw new Error('no world');
    await prepare(world);
    expect((await survivors({ ecmp_track: false }, inward)).length).toBeLessThanOrEqual(FLOWS / 2);
  });

  describe.each(WORLDS_OF_MARKS)('with marks: $title', (world) => {
    beforeEach(() => prepare(world));

    test('no forwarded flow dies, on neither link', async () => {
      const alive = await survivors(WITH_MARKS, false);
      expect(alive).toHaveLength(FLOWS);
      expect(new Set(alive)).toEqual(new Set(['192.0.2.10', '203.0.113.10']));
    });

    test('no flow to a forwarded port dies', async () => {
      expect(await survivors(WITH_MARKS, true)).toHaveLength(FLOWS);
    });

    test('local flows keep their link by their address, and are marked as the others are', async () => {
      apply(WITH_MARKS);
      await serve(host.outer);
      flap();
      expect(await flows(host.inner, { to: [OUTSIDE] })).toHaveLength(FLOWS);
      const marks = [
        ...host.sh('conntrack -L -p tcp 2>/dev/null').matchAll(/src=(\S+) dst=198\S+ .* mark=(\d+)/g),
      ];
      expect(marks.length).toBe(FLOWS);
      for (const [, source, mark] of marks)
        expect(mark).toBe(String(source === '192.0.2.10' ? 0x100000 : 0x200000));
    });
  });
});

/** From the client behind the host to the outside, or inward to its port that the host forwards from both links. */
async function survivors(variables: Variables, inward: boolean): Promise<readonly string[]> {
  if (inward) host.sh('iptables -t nat -A PREROUTING -p tcp --dport 80 -j DNAT --to-destination 10.9.0.2');
  apply({ ...variables, ecmp_nat: inward ? 'none' : 'masquerade' });
  await serve(inward ? lan : host.outer);
  flap();
  return inward
    ? flows(host.outer, { to: ['192.0.2.10', '203.0.113.10'], localAddress: OUTSIDE })
    : flows(lan, { to: [OUTSIDE] });
}

describe.each(ECMP_WORLDS.slice(0, 1))('the connections of one client to one server: $title', (world) => {
  beforeEach(() => prepare(world));

  test('are spread over the links by themselves', async () => {
    apply({ ecmp_nat: 'masquerade' });
    await serve(host.outer);
    expect(new Set(await flows(lan, { to: [OUTSIDE], trips: 1 }))).toEqual(
      new Set(['192.0.2.10', '203.0.113.10']),
    );
  });

  test('take the link of the first one with affinity, another server may get another link', async () => {
    apply({ ecmp_nat: 'masquerade', ecmp_affinity: 'client' });
    host.outer.sh('for i in 2 3 4 5 6 7 8 9; do ip address add 198.51.100.$i/32 dev lo; done');
    await serve(host.outer);
    const seen = new Set<string>();
    for (let server = 1; server < 10; server++) {
      const address = `198.51.100.${server}`;
      await flows(lan, { to: [address], count: 1, trips: 1 });
      const peers = new Set(await flows(lan, { to: [address], trips: 1 }));
      expect(peers.size).toBe(1);
      for (const peer of peers) seen.add(peer);
    }
    expect(seen.size).toBe(2);
    expect(host.sh('ipset list fairlead-ecmp-1; ipset list fairlead-ecmp-2')).toMatch(
      /10\.9\.0\.2,tcp:80,198\.51\.100\.1 /,
    );
  });
});
