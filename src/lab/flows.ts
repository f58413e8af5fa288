// Flows out of a lab's hosts, and out of the clients behind them, to the services of the internet: under which
// address each arrived there, or why it did not. The program that makes them is client-scripts.ts; which provider
// their packets went by is flow-traffic.ts.
import { isIP, isIPv6, SocketAddress } from 'node:net';
import { execPath } from 'node:process';
import type { ClientPlace } from './client-place.ts';
import { FLOWS_SCRIPT } from './client-scripts.ts';
import { LabError } from './lab-error.ts';
import { type Captured, capture, join } from './namespaces.ts';
import { CALLER_PORT, type ProviderName } from './plan.ts';
import { flowsOnMachine } from './vm/machine-traffic.ts';

/** Where flows start: on a host, or on the client machine of that host's LAN. */
export type FlowSource = { readonly host: string } | { readonly lan: string };

export type Protocol = 'tcp' | 'udp';

export interface Endpoint {
  /** Bare, IPv4 or IPv6 as the kernel spells it. */
  readonly address: string;
  readonly port: number;
}

/** A flow as it looks between the providers and the internet: behind all address translation of a host. */
export interface Flow {
  readonly protocol: Protocol;
  readonly caller: Endpoint;
  readonly target: Endpoint;
}

export interface FlowOrder {
  /** Of the internet, bare, of either family: see `internetAddress`. Flow n goes to address n modulo their number. */
  readonly addresses: readonly string[];
  /** The caller service's when nothing is said. */
  readonly port?: number;
  /** Of flows, over all addresses. */
  readonly count: number;
  /** UDP is sent once and never again: more than 200 at once to one address may overflow the service's buffer. */
  readonly atOnce: number;
  readonly protocol: Protocol;
  /** Bound before the flow starts; undefined = the kernel chooses. All `addresses` are of its family then. */
  readonly localAddress?: string;
  /** One per flow. */
  readonly localPorts?: readonly number[];
  /** Per flow, from its start to the answer. */
  readonly timeoutMs: number;
}

/** `reason`: the error's code (ECONNREFUSED, EHOSTUNREACH …), `timeout`, or `closed` where no answer came before the end. */
export type FlowResult =
  | (Flow & { readonly kind: 'answered' })
  | { readonly kind: 'failed'; readonly target: Endpoint; readonly reason: string };

/** How many packets of a flow came from the hosts to each provider; those that saw none are not there. */
export type ProviderPackets = Readonly<Partial<Record<ProviderName, number>>>;

/** How many flows arrived under each address; those that failed count as `failed: REASON`. */
export function countCallers(results: readonly FlowResult[]): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const result of results) {
    const key = result.kind === 'answered' ? result.caller.address : `failed: ${result.reason}`;
    counts[key] = (counts[key] ?? 0) + 1;
  }
  return counts;
}

/** A LabError where the order makes no sense. */
export async function runFlows(from: ClientPlace, order: FlowOrder): Promise<readonly FlowResult[]> {
  const mistake = mistakeIn(order);
  if (mistake !== undefined) throw new LabError(`flows: ${mistake}`);
  const port = order.port ?? CALLER_PORT;
  const targets = order.addresses.map((address): Endpoint => ({ address: canonicalAddress(address), port }));
  const { exitCode, stdout, stderr } = await runClient(from, { ...order, port });
  if (exitCode !== 0) throw new LabError(`flows failed: ${stderr.trim()}`);
  return (JSON.parse(stdout) as readonly (Endpoint | string)[]).map((said, at): FlowResult => {
    const target = targets[at % targets.length] as Endpoint;
    return typeof said === 'string'
      ? { kind: 'failed', target, reason: said }
      : { kind: 'answered', protocol: order.protocol, caller: said, target };
  });
}

/** As the kernel's tools spell it. */
export function canonicalAddress(address: string): string {
  return new SocketAddress({ address, family: isIPv6(address) ? 'ipv6' : 'ipv4' }).address;
}

function runClient(from: ClientPlace, order: FlowOrder & { readonly port: number }): Promise<Captured> {
  if (from.kind === 'machine') return flowsOnMachine(from.machine, order);
  return capture(join(from.prefix, [execPath, '-e', FLOWS_SCRIPT, JSON.stringify(order)]));
}

function mistakeIn({ addresses, count, atOnce, localAddress, localPorts }: FlowOrder): string | undefined {
  if (addresses.length === 0) return 'no addresses';
  const bad = addresses.find((address) => isIP(address) === 0);
  if (bad !== undefined) return `"${bad}" is no address`;
  if (!(Number.isInteger(count) && count > 0 && atOnce > 0)) return '"count" and "atOnce" are from 1';
  if (localPorts !== undefined && localPorts.length !== count) {
    return `${localPorts.length} local ports for ${count} flows`;
  }
  const other = addresses.find((address) => isIP(address) !== isIP(localAddress ?? address));
  return other === undefined ? undefined : `from ${localAddress} nothing can go to ${other}`;
}
