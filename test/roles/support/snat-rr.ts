// What the tests of snat-rr share: the script made from variables for the test host's first link, a service outside
// that tells callers their address, and callers.
//
//   outside 198.51.100.1 ── p0 .1 ══ v0 .10, .11, .12, .13 ── host ── w0 10.9.0.1 ══ 10.9.0.2 … client
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { type Namespace, run } from './namespace.ts';
import { renderRole, type Variables } from './render-role.ts';
import { TestHost, type World } from './test-host.ts';

export const SOURCES = ['192.0.2.11', '192.0.2.12', '192.0.2.13'];
export const SOURCES6 = ['2001:db8:1::11', '2001:db8:1::12', '2001:db8:1::13'];
export const BACKENDS = ['iptables-nft', 'iptables-legacy', 'nft'] as const;
export const OUTSIDE = '198.51.100.1';
export const OUTSIDE6 = '2001:db8:1::1';
export const STATE = '/var/lib/fairlead/snat-rr/state';

/** Without a word about it: one pool on v0 with the three IPv4 sources, and no waiting. */
export function snatRr(variables: Variables = {}): string {
  return renderRole('snat-rr', 'snat-rr.sh', { ...pool(...SOURCES), snat_rr_wait_s: 0, ...variables });
}

/** The variable for one pool on v0. */
export function pool(...sources: readonly unknown[]): Variables {
  return { snat_rr_pools: [{ name: 'isp1', device: 'v0', sources }] };
}

/** A test host that has the sources, and an outside that answers. */
export async function createSnatHost(world: World): Promise<TestHost> {
  const host = await TestHost.create(world);
  for (const address of SOURCES) host.sh(`ip address add ${address}/24 dev v0`);
  for (const address of SOURCES6) host.sh(`ip address add ${address}/64 dev v0 nodad`);
  host.outer.sh(`ip address add ${OUTSIDE}/32 dev lo
    ip address add 192.0.2.1/24 dev p0; ip address add 2001:db8:1::1/64 dev p0 nodad
    ip address add 203.0.113.1/24 dev p1`);
  return host;
}

/** What the script may have changed. */
export function traces(host: TestHost): string {
  return host.snapshot() + host.sh('ip -o address; nft -s list ruleset 2>/dev/null');
}

// TCP: the caller's address as a line at once, and again for each byte. UDP: the same for each datagram.
const SERVER = `
const tell = ({ remoteAddress, address }) => (remoteAddress ?? address).replace('::ffff:', '') + '\\n';
const udp = require('node:dgram').createSocket('udp6', (_, caller) => udp.send(tell(caller), caller.port, caller.address));
require('node:net').createServer((socket) => {
  const line = tell(socket);
  socket.on('error', () => {}).on('data', () => socket.write(line)).write(line);
}).listen({ port: 80, host: '::', backlog: 500 }, () => udp.bind(53, '::', () => console.log('ready')));`;

/** Listens outside, on TCP port 80 and UDP port 53. It ends with the test's process. */
export async function serve(outside: Namespace): Promise<ChildProcessWithoutNullStreams> {
  const server = spawnIn(outside, SERVER);
  await once(server.stdout, 'data');
  return server;
}

export interface Calls {
  readonly count?: number;
  readonly to?: string;
  /** What each caller does, in order, until all have done it \`count\` times. */
  readonly pattern?: readonly ('tcp' | 'udp')[];
  readonly parallel?: number;
  /** The addresses to bind to, in turn. */
  readonly from?: readonly string[];
}

const CLIENT = `
let { count, to, pattern, parallel, from, port } = JSON.parse(process.argv[1]);
const heard = pattern.map(() => []);
let begun = 0;
const tcp = (localAddress) => new Promise((done) => {
  const socket = require('node:net').connect({ host: to, port: 80, localAddress, timeout: 1000 });
  socket.on('timeout', () => socket.destroy(new Error('timeout')));
  socket.on('error', ({ message }) => done(message));
  socket.on('data', (data) => { socket.resetAndDestroy(); done(String(data).trim()); });
});
const udp = (address) => new Promise((done) => {
  const socket = require('node:dgram').createSocket(to.includes(':') ? 'udp6' : 'udp4');
  const timer = setTimeout(() => { socket.close(); done('timeout'); }, 1000);
  socket.on('message', (data) => { clearTimeout(timer); socket.close(); done(String(data).trim()); });
  socket.bind({ address, port: port++ }, () => socket.send('?', 53, to));
});
const caller = async () => {
  while (begun < count) {
    const own = from[begun++ % from.length];
    for (const [i, protocol] of pattern.entries()) heard[i].push(await (protocol === 'tcp' ? tcp : udp)(own));
  }
};
Promise.all(Array.from({ length: parallel }, caller)).then(() => console.log(JSON.stringify(heard)));`;

// A port that is used again within 30 seconds is the same "connection" to the kernel: for UDP each gets its own.
let nextPort = 10_000;

/** The addresses that the service saw (or what went wrong), a list for each part of the pattern. */
export function call(namespace: Namespace, calls: Calls = {}): readonly (readonly string[])[] {
  const wanted = {
    count: 1,
    to: OUTSIDE,
    pattern: ['tcp'],
    parallel: 1,
    from: [undefined],
    port: nextPort,
    ...calls,
  };
  nextPort += wanted.count;
  const { stdout, stderr } = run([
    ...namespace.enter('network'),
    process.execPath,
    '-e',
    CLIENT,
    JSON.stringify(wanted),
  ]);
  if (stdout === '') throw new Error(stderr);
  return JSON.parse(stdout) as string[][];
}

/** How often each was seen over TCP, in their order. */
export function counts(host: TestHost | Namespace, calls: Calls = {}): Readonly<Record<string, number>> {
  return tally(call('inner' in host ? host.inner : host, calls)[0] ?? []);
}

export function tally(heard: readonly string[]): Readonly<Record<string, number>> {
  return Object.fromEntries(
    [...new Set(heard)].sort().map((one) => [one, heard.filter((x) => x === one).length]),
  );
}

/** A connection that stays open: each question is answered with the address that it is seen by. */
export class Conversation {
  readonly #process: ChildProcessWithoutNullStreams;

  constructor(host: TestHost) {
    this.#process = spawnIn(
      host.inner,
      `const socket = require('node:net').connect(80, '${OUTSIDE}');
      socket.on('data', (data) => process.stdout.write(data)).on('error', ({ message }) => console.log(message));
      process.stdin.on('data', (data) => socket.write(data));`,
    );
  }

  async heard(): Promise<string> {
    const [data] = (await once(this.#process.stdout, 'data')) as [Buffer];
    return data.toString().trim();
  }

  async ask(): Promise<string> {
    this.#process.stdin.write('?');
    return await this.heard();
  }

  close(): void {
    this.#process.kill('SIGKILL');
  }
}

/** A client behind the host, with the addresses 10.9.0.2 and up, and a host that forwards. */
export async function addClient(host: TestHost, addresses = 1): Promise<Namespace> {
  const client = await host.addNeighbour('w0');
  host.sh('ip address add 10.9.0.1/24 dev w0; echo 1 >/proc/sys/net/ipv4/ip_forward');
  for (let i = 0; i < addresses; i++) client.sh(`ip address add 10.9.0.${2 + i}/24 dev eth0`);
  client.sh('ip route add default via 10.9.0.1');
  return client;
}

function spawnIn(namespace: Namespace, program: string): ChildProcessWithoutNullStreams {
  const [command = '', ...words] = [...namespace.enter('network'), process.execPath, '-e', program];
  const child = spawn(command, words);
  return child;
}
