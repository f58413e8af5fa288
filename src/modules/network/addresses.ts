// Addresses and prefixes in one spelling each, so that what people write and what the kernel prints compare equal.
import ipaddr from 'ipaddr.js';
import { ArgumentError } from '../module.ts';

/** In the words of ip and ipset. */
export type Family = 'inet' | 'inet6';

export interface Address {
  readonly family: Family;
  readonly text: string;
}

export interface Prefix extends Address {
  /** Length of the prefix; `text` has it only where it is not that of a single address. */
  readonly length: number;
  /** The address of the network, which is another one than that of the prefix where bits behind the length are set. */
  readonly network: string;
}

/** Keywords of a schema for an address of either family. */
export const ANY_ADDRESS = {
  type: 'string',
  anyOf: [{ format: 'ipv4' }, { format: 'ipv6' }],
  hint: 'write an address, such as 192.0.2.1 or 2001:db8::1',
} as const;

export const INTERFACE = { type: 'string', format: 'interface' } as const;

export function bitsOf(family: Family): number {
  return family === 'inet' ? 32 : 128;
}

/** Undefined for anything but a plain address: no zone, no IPv4 in other than four parts. */
export function addressOf(text: string): Address | undefined {
  if (ipaddr.IPv4.isValidFourPartDecimal(text)) return { family: 'inet', text };
  if (!ipaddr.IPv6.isValid(text) || text.includes('%')) return undefined;
  return { family: 'inet6', text: ipaddr.IPv6.parse(text).toString() };
}

/** A bare address is the prefix of itself alone. */
export function prefixOf(said: string): Prefix | undefined {
  const [base = '', length, ...more] = said.split('/');
  const address = addressOf(base);
  if (address === undefined || more.length > 0) return undefined;
  const bits = bitsOf(address.family);
  if (length === undefined) return { ...address, length: bits, network: address.text };
  if (!/^\d{1,3}$/.test(length) || Number(length) > bits) return undefined;
  const family = address.family === 'inet' ? ipaddr.IPv4 : ipaddr.IPv6;
  return {
    family: address.family,
    length: Number(length),
    network: family.networkAddressFromCIDR(`${base}/${Number(length)}`).toString(),
    text: Number(length) === bits ? address.text : `${address.text}/${Number(length)}`,
  };
}

/** A destination or a selector: a prefix, or a word for all addresses, which is `default` here. */
export interface Destination {
  /** Undefined: a word, which says nothing about the family. */
  readonly family: Family | undefined;
  readonly text: string;
}

/** Undefined: neither. Bits behind the prefix stay where they are set: what the kernel has may have them. */
export function destinationOf(said: string): Destination | undefined {
  if (/^(default|all|any)$/.test(said)) return { family: undefined, text: 'default' };
  const prefix = prefixOf(said);
  if (prefix === undefined) return undefined;
  const { family, length, text } = prefix;
  return { family, text: length === 0 ? 'default' : text };
}

/** An argument as a destination; bits behind the prefix are an ArgumentError. */
export function destinationArgument(argument: string, said: string): Destination {
  const destination = destinationOf(said);
  if (destination === undefined) {
    throw new ArgumentError(
      argument,
      `${JSON.stringify(said)} is neither an address nor a prefix`,
      'write default, 192.0.2.0/24 or 2001:db8::/64',
    );
  }
  const prefix = prefixOf(said);
  if (prefix !== undefined && prefix.text.split('/')[0] !== prefix.network) {
    const network = `${prefix.network}/${prefix.length}`;
    throw new ArgumentError(argument, `${said} has bits behind its prefix`, `the network is ${network}`);
  }
  return destination;
}

/** The one family that the arguments are of; where none tells, it is IPv4. Two are an ArgumentError. */
export function oneFamily(
  said: readonly { readonly argument: string; readonly family: Family | undefined }[],
): Family {
  const known = said.filter(({ family }) => family !== undefined);
  const [first] = known;
  const other = known.find(({ family }) => family !== first?.family);
  if (first !== undefined && other !== undefined) {
    throw new ArgumentError(
      other.argument,
      `${other.argument} is ${familyName(other.family)} and ${first.argument} is ${familyName(first.family)}`,
    );
  }
  return first?.family ?? 'inet';
}

export function familyName(family: Family | undefined): string {
  return family === 'inet6' ? 'IPv6' : 'IPv4';
}
