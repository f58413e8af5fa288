// Addresses and prefixes as numbers, for the walk: parsing, containment, printing. IPv4 and IPv6 alike.
import ipaddr from 'ipaddr.js';

export type Family = 4 | 6;

export interface Address {
  readonly family: Family;
  readonly bits: bigint;
  /** As the kernel prints it. */
  readonly text: string;
}

export interface Prefix {
  readonly family: Family;
  readonly bits: bigint;
  readonly length: number;
}

/** Undefined for anything but a plain address: no zone, no IPv4 in parts other than four. */
export function parseAddress(text: string): Address | undefined {
  const family = familyOf(text);
  if (family === undefined) return undefined;
  const bytes = ipaddr.parse(text).toByteArray();
  const bits = bytes.reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
  return { family, bits, text: addressText(family, bits) };
}

/** `192.0.2.0/24`, a bare address, or one of the words `all`, `default` and `any`. */
export function parsePrefix(text: string, family: Family): Prefix | undefined {
  if (text === 'all' || text === 'default' || text === 'any') return { family, bits: 0n, length: 0 };
  const [base = '', length, ...more] = text.split('/');
  const address = parseAddress(base);
  if (address === undefined || address.family !== family || more.length > 0) return undefined;
  if (length === undefined) return { family, bits: address.bits, length: widthOf(family) };
  if (!/^\d{1,3}$/.test(length) || Number(length) > widthOf(family)) return undefined;
  return { family, bits: address.bits, length: Number(length) };
}

export function contains(prefix: Prefix, bits: bigint): boolean {
  const rest = BigInt(widthOf(prefix.family) - prefix.length);
  return prefix.bits >> rest === bits >> rest;
}

/** Bits of an address of the family. */
export function widthOf(family: Family): number {
  return family === 4 ? 32 : 128;
}

export function addressText(family: Family, bits: bigint): string {
  const count = widthOf(family) / 8;
  const bytes = Array.from({ length: count }, (_, at) =>
    Number((bits >> BigInt(8 * (count - 1 - at))) & 255n),
  );
  return ipaddr.fromByteArray(bytes).toString();
}

/** `default` for the prefix that takes everything. */
export function prefixText({ family, bits, length }: Prefix): string {
  if (length === 0) return 'default';
  return `${addressText(family, bits)}${length === widthOf(family) ? '' : `/${length}`}`;
}

function familyOf(text: string): Family | undefined {
  if (ipaddr.IPv4.isValidFourPartDecimal(text)) return 4;
  return ipaddr.IPv6.isValid(text) && !text.includes('%') ? 6 : undefined;
}
