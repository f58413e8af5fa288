// The flow that is asked about: from the words of the command line, checked, to data. No host is involved.
import {
  type Address,
  addressText,
  contains,
  type Family,
  type Prefix,
  parseAddress,
  parsePrefix,
  widthOf,
} from './address.ts';

export type Protocol = 'tcp' | 'udp' | 'icmp';

export interface Flow {
  readonly family: Family;
  readonly to: Address;
  /** Where `--to` is a network: what a sample's destinations are taken from. `to` is one of it. */
  readonly toNetwork: Prefix | undefined;
  /** Undefined: a program of the host's that binds no address. */
  readonly from: Address | undefined;
  /** Undefined: found out by the host, where the source is not its own. */
  readonly iif: string | undefined;
  readonly protocol: Protocol;
  readonly sport: number | undefined;
  readonly dport: number | undefined;
  readonly mark: number;
  /** How many lookups to count; undefined: none. */
  readonly sample: number | undefined;
}

export interface FlowWords {
  readonly to?: string;
  readonly from?: string;
  readonly iif?: string;
  readonly proto?: string;
  readonly sport?: string;
  readonly dport?: string;
  readonly mark?: string;
  readonly sample?: string;
}

/** The words cannot be a flow. */
export class FlowError extends Error {
  readonly hint: string | undefined;

  constructor(message: string, hint?: string) {
    super(message);
    this.name = 'FlowError';
    this.hint = hint;
  }
}

export const MOST_SAMPLES = 100_000;

/** Documentation's own addresses (RFC 5737, RFC 3849), which on most hosts only a default route leads to. */
const ANYWHERE: Readonly<Record<Family, string>> = { 4: '198.51.100.1', 6: '2001:db8:ffff::1' };

/** Throws a FlowError. */
export function parseFlow(words: FlowWords): Flow {
  const sample =
    words.sample === undefined ? undefined : wholeNumber('--sample', words.sample, 1, MOST_SAMPLES);
  const from = words.from === undefined ? undefined : address('--from', words.from);
  const { to, toNetwork } = destination(words.to ?? ANYWHERE[from?.family ?? 4], sample);
  if (from !== undefined && from.family !== to.family) {
    throw new FlowError(`--from ${from.text} is IPv${from.family}, --to ${to.text} is IPv${to.family}`);
  }
  if (words.iif !== undefined && from === undefined) {
    throw new FlowError('--iif is for a flow that comes in from elsewhere', 'add --from ADDRESS');
  }
  if (words.iif !== undefined && !/^[^\s/]{1,15}$/.test(words.iif)) {
    throw new FlowError(`--iif "${words.iif}" is no name of a network interface`);
  }
  const protocol = protocolOf(words.proto);
  const [sport, dport] = [port('--sport', words.sport), port('--dport', words.dport)];
  if (protocol === 'icmp' && (sport ?? dport) !== undefined) throw new FlowError('icmp has no ports');
  if (sample !== undefined && sport !== undefined && toNetwork === undefined) {
    throw new FlowError('--sample tries different source ports, so --sport cannot be given with it');
  }
  const mark = words.mark === undefined ? 0 : markOf(words.mark);
  return { family: to.family, to, toNetwork, from, iif: words.iif, protocol, sport, dport, mark, sample };
}

function destination(text: string, sample: number | undefined): Pick<Flow, 'to' | 'toNetwork'> {
  if (!text.includes('/')) return { to: address('--to', text), toNetwork: undefined };
  const family: Family = text.includes(':') ? 6 : 4;
  const prefix = parsePrefix(text, family);
  if (prefix === undefined) throw badAddress('--to', text);
  if (sample === undefined) {
    throw new FlowError(
      `--to ${text} is a network`,
      'give one address, or --sample to spread over the network',
    );
  }
  const rest = BigInt(widthOf(family) - prefix.length);
  const network: Prefix = { ...prefix, bits: (prefix.bits >> rest) << rest };
  // The network's own address is nobody's; the one behind it may be.
  const first = network.bits + (rest > 1n ? 1n : 0n);
  const to = address('--to', addressText(family, first));
  return { to, toNetwork: network };
}

const NO_UNICAST = [
  { prefix: parsePrefix('224.0.0.0/4', 4), what: 'a multicast address' },
  { prefix: parsePrefix('ff00::/8', 6), what: 'a multicast address' },
  { prefix: parsePrefix('0.0.0.0', 4), what: 'no address of anybody' },
  { prefix: parsePrefix('::', 6), what: 'no address of anybody' },
];

function address(option: string, text: string): Address {
  const found = parseAddress(text);
  if (found === undefined) throw badAddress(option, text);
  for (const { prefix, what } of NO_UNICAST) {
    if (prefix !== undefined && prefix.family === found.family && contains(prefix, found.bits)) {
      throw new FlowError(`${option} ${text} is ${what}`);
    }
  }
  return found;
}

function badAddress(option: string, text: string): FlowError {
  const hint = /^[A-Za-z][\w.-]*$/.test(text) ? 'names are not looked up here: give the address' : undefined;
  return new FlowError(`${option} "${text}" is not an IP address`, hint);
}

function protocolOf(text: string | undefined): Protocol {
  if (text === undefined || text === 'tcp' || text === 'udp' || text === 'icmp') return text ?? 'tcp';
  throw new FlowError(`--proto "${text}" is none of tcp, udp, icmp`);
}

function port(option: string, text: string | undefined): number | undefined {
  return text === undefined ? undefined : wholeNumber(option, text, 1, 65_535);
}

function wholeNumber(option: string, text: string, least: number, most: number): number {
  const number = /^\d{1,7}$/.test(text) ? Number(text) : Number.NaN;
  if (number >= least && number <= most) return number;
  throw new FlowError(`${option} "${text}" is no whole number from ${least} to ${most}`);
}

function markOf(text: string): number {
  const number = /^(0x[0-9a-f]{1,8}|\d{1,10})$/i.test(text) ? Number(text) : Number.NaN;
  if (number <= 0xffff_ffff) return number;
  throw new FlowError(`--mark "${text}" is no mark`, 'give a number such as 0x100000');
}
