// Connections that are held open while something happens to a host: whether each broke, how long it stood still,
// and by which provider its packets went. The program itself is in client-scripts.ts.
import { spawn } from 'node:child_process';
import { execPath } from 'node:process';
import type { ClientPlace } from './client-place.ts';
import { HOLD_SCRIPT } from './client-scripts.ts';
import { type FlowMeter, packetsOf } from './flow-traffic.ts';
import {
  canonicalAddress,
  type Endpoint,
  type Flow,
  type FlowSource,
  type ProviderPackets,
} from './flows.ts';
import { LabError } from './lab-error.ts';
import { type Argv, join } from './namespaces.ts';
import { ECHO_PORT, HELLO_PORT, type ProviderName } from './plan.ts';
import type { MachineSockets } from './vm/agent-client.ts';
import { holdOnMachine } from './vm/machine-traffic.ts';

export interface HeldReport {
  /** Lines that were sent and came back. */
  readonly exchanged: number;
  /** Between two answers, or since the last one where it broke. */
  readonly longestGapMs: number;
  /** Why it broke; null = it was open until it was stopped, and every line came back. */
  readonly broken: string | null;
}

export interface HeldConnection {
  /** Ends the exchange, waits for the answers that are still out, and tells how it went. */
  stop(): Promise<HeldReport>;
}

/** From a host or its LAN to the internet, or from the internet to a host. */
export type HoldSource = FlowSource | 'internet';

export interface HoldOrder {
  /** Bare, IPv4 or IPv6. */
  readonly address: string;
  /** The internet's echo service; from the internet, the hosts' hello service, when nothing is said. */
  readonly port?: number;
  readonly count: number;
  /** Bound before the connection starts. */
  readonly localAddress?: string;
  /** Between two lines; 20 when nothing is said. */
  readonly intervalMs?: number;
  /** How long the first and the last answer may take; 3000 when nothing is said. */
  readonly patienceMs?: number;
}

/** `caller` and `target` are what the internet saw. */
export interface HeldFlowReport extends HeldReport, Flow {
  /** The first line that the other side said: from the hello service the name of its machine, `edge-1-client` in a LAN. */
  readonly greeting: string;
  /** What came from the hosts, acknowledgements and packets with a wrong source included. */
  readonly packets: ProviderPackets;
  /** Those of `packets`, in the plan's order: one, where the flow never changed its link. */
  readonly providers: readonly ProviderName[];
}

export interface HeldConnections {
  /** Ends the exchange, waits for the answers that are still out, and tells how it went: one report each, in order. */
  stop(): Promise<readonly HeldFlowReport[]>;
}

/** Resolves when all are open; a LabError where one does not open. */
export async function holdConnections(
  place: ClientPlace,
  from: HoldSource,
  order: HoldOrder,
  meter: FlowMeter,
): Promise<HeldConnections> {
  const before = await meter.read();
  const held = await holdOpen(place, { ...order, port: portOf(from, order) });
  return {
    stop: async () => {
      const reports = await held.stop();
      const reading = await meter.read();
      return reports.map(({ exchanged, longestGapMs, broken, ...ends }) => {
        const flow = flowOf(from, order, ends);
        const packets = packetsOf(flow, reading, before);
        const providers = reading.map(({ provider }) => provider).filter((name) => name in packets);
        return { ...flow, greeting: ends.greeting, exchanged, longestGapMs, broken, packets, providers };
      });
    },
  };
}

/** The same for one connection from the internet to a host's hello service, nothing counted. */
export async function holdConnection(prefix: Argv, address: string): Promise<HeldConnection> {
  const held = await holdOpen({ kind: 'namespace', prefix }, { address, port: HELLO_PORT, count: 1 });
  return {
    stop: async () => {
      const [report] = await held.stop();
      if (report === undefined) throw new LabError('internal: no report of a held connection');
      const { exchanged, longestGapMs, broken } = report;
      return { exchanged, longestGapMs, broken };
    },
  };
}

interface Ends {
  /** The first line that the other side said. */
  readonly greeting: string;
  readonly local?: Endpoint;
}

interface OpenConnections {
  stop(): Promise<readonly (HeldReport & Ends)[]>;
}

type HoldJob = HoldOrder & { readonly port: number };

function holdOpen(place: ClientPlace, order: HoldJob): Promise<OpenConnections> {
  if (place.kind === 'namespace') {
    return holdInNamespace(place.prefix, { intervalMs: 20, patienceMs: 3000, ...order });
  }
  // Each exchange costs an emulated machine some milliseconds.
  return holdHere(place.machine, { intervalMs: 100, patienceMs: 10_000, ...order });
}

async function holdHere(
  machine: MachineSockets,
  job: HoldJob & { readonly intervalMs: number; readonly patienceMs: number },
): Promise<OpenConnections> {
  const held = await holdOnMachine(machine, job);
  if (held.printed.startsWith('open\n')) return { stop: async () => reportsIn(await held.stop()) };
  throw notOpen(job, reportsIn(held.printed));
}

function reportsIn(printed: string): readonly (HeldReport & Ends)[] {
  const last = printed.trimEnd().split('\n').at(-1) ?? '';
  if (!last.startsWith('[')) throw new LabError(`the held connections' program died: "${last}"`);
  return JSON.parse(last) as readonly (HeldReport & Ends)[];
}

function notOpen({ address }: HoldOrder, reports: readonly HeldReport[]): LabError {
  const broken = reports.find((report) => typeof report.broken === 'string')?.broken ?? 'ended';
  return new LabError(`no connection to ${address}: ${broken}`);
}

async function holdInNamespace(prefix: Argv, job: HoldJob): Promise<OpenConnections> {
  const [program, ...words] = join(prefix, [execPath, '-e', HOLD_SCRIPT, JSON.stringify(job)]);
  const child = spawn(program, words, { stdio: ['pipe', 'pipe', 'inherit'] });
  let printed = '';
  const ended = new Promise<void>((resolve) => child.on('close', () => resolve()));
  const reports = async (): Promise<readonly (HeldReport & Ends)[]> => {
    await ended;
    return reportsIn(printed);
  };
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.stdin.on('error', () => {}); // it ended first; the report says why
    child.stdout.on('data', (bytes: Buffer) => {
      printed += bytes.toString('utf8');
      if (!printed.startsWith('open\n')) return;
      resolve({
        stop: () => {
          child.stdin.end();
          return reports();
        },
      });
    });
    // Without an "open" before it, this rejection is what the caller sees.
    reports().then((all) => reject(notOpen(job, all)), reject);
  });
}

/** The flow as the internet saw it: the echo service says who calls; in the internet itself it is the local end. */
function flowOf(from: HoldSource, order: HoldOrder, ends: Ends): Flow {
  const target: Endpoint = { address: canonicalAddress(order.address), port: portOf(from, order) };
  if (from === 'internet') return { protocol: 'tcp', caller: ends.local ?? NOBODY, target };
  const [, address, port] = /^(\S+) (\d+)$/.exec(ends.greeting) ?? [];
  const caller = address === undefined ? NOBODY : { address, port: Number(port) };
  return { protocol: 'tcp', caller, target };
}

const NOBODY: Endpoint = { address: '', port: 0 };

function portOf(from: HoldSource, order: HoldOrder): number {
  return order.port ?? (from === 'internet' ? HELLO_PORT : ECHO_PORT);
}
