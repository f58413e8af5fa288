// Names of hosts as inventories write them: `web-1`, `db:2222`, `[2001:db8::1]:22`, `www[01:50:2].example.com`.
// The grammar is Ansible's (parsing/utils/addresses.py), with its loose ends, because host patterns hang on them.

const WORD = '[\\p{L}\\p{N}_]';
const NUMERIC_RANGE = '\\[[0-9]+:[0-9]+(?::[0-9]+)?\\]';
const HEXADECIMAL_RANGE = '\\[[0-9a-f]+:[0-9a-f]+(?::[0-9]+)?\\]';
const ALPHANUMERIC_RANGE = '\\[(?:[a-z]:[a-z]|[0-9]+:[0-9]+)(?::[0-9]+)?\\]';
const LABEL = `(?:${WORD}|${ALPHANUMERIC_RANGE})(?:${WORD}|-|${ALPHANUMERIC_RANGE})*(?<![_-])`;
const HOST_NAME = new RegExp(`^${LABEL}(?:\\.${LABEL})*$`, 'iu');
const V4_PART = `(?:[01]?[0-9]{1,2}|2[0-4][0-9]|25[0-5]|${NUMERIC_RANGE})`;
const IPV4 = new RegExp(`^(?:${V4_PART}\\.){3}${V4_PART}$`, 'i');
const IPV6 = looseIpv6();
const PORT_BEHIND_BRACKETS = /^\[(.+)\]:([0-9]+)$/;
const PORT = /^((?:[^:[\]]|\[[^\]]*\])*):([0-9]+)$/;

/** Host and port of an address, ranges left in place; undefined where it is neither an address nor a host name. */
export function parseAddress(text: string): { readonly host: string; readonly port?: number } | undefined {
  let host = text;
  let port: number | undefined;
  for (const pattern of [PORT_BEHIND_BRACKETS, PORT]) {
    const match = pattern.exec(host);
    if (!match) continue;
    host = match[1] ?? '';
    port = Number(match[2]);
  }
  if (host === '' || !(IPV4.test(host) || IPV6.test(host) || HOST_NAME.test(host))) return undefined;
  return { host, ...(port !== undefined && { port }) };
}

/** Whether a name is an IPv4 or IPv6 address: its short name is then the whole. */
export function isAddress(name: string): boolean {
  return IPV4.test(name) || IPV6.test(name);
}

export type HostNames =
  | { readonly kind: 'names'; readonly names: readonly string[]; readonly port?: number }
  | { readonly kind: 'error'; readonly reason: string };

/** The hosts that one entry of an inventory names: its port split off, its ranges written out. */
export function expandHostNames(text: string): HostNames {
  if (text === '') return { kind: 'error', reason: 'a host name cannot be empty' };
  const address = parseAddress(text) ?? { host: text };
  const names: string[] = [];
  const reason = expandRange(address.host, names);
  if (reason !== undefined) return { kind: 'error', reason };
  // A port of 0 is none, as in Ansible.
  return { kind: 'names', names, ...(address.port && { port: address.port }) };
}

const MAX_HOSTS = 1_000_000;
const LETTERS = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ';

/** Adds the names of `text` to `names`, its first range written out, then the next; or says why not. */
function expandRange(text: string, names: string[]): string | undefined {
  const open = text.indexOf('[');
  if (open < 0) {
    names.push(text);
    return names.length > MAX_HOSTS ? `a range cannot name more than ${MAX_HOSTS} hosts` : undefined;
  }
  const close = text.indexOf(']');
  if (close >= 0 && close < open) return `"${text}" has a "]" in front of its range`;
  if (close < 0) return `"${text}" opens a range with "[" that no "]" closes`;
  const range = text.slice(open, close + 1);
  const values = rangeValues(range);
  if (typeof values === 'string') return values;
  for (const value of values) {
    const reason = expandRange(text.slice(0, open) + value + text.slice(close + 1), names);
    if (reason !== undefined) return reason;
  }
  return undefined;
}

/** The values of `[first:last]` or `[first:last:step]`, or what is wrong with it. */
function rangeValues(range: string): Iterable<string> | string {
  const bounds = range.slice(1, -1).split(':');
  const [first = '', last = '', stepText = '1'] = bounds;
  if (bounds.length !== 2 && bounds.length !== 3)
    return `${range} is no range: write [first:last] or [first:last:step]`;
  if (last === '') return `${range} does not say where it ends`;
  const step = Number(stepText);
  if (!Number.isInteger(step) || step < 1) return `the step of ${range} is not a whole number above 0`;
  const padded = first.length > 1 && first.startsWith('0');
  if (padded && first.length !== last.length)
    return `${range} starts with zeros, so both ends need the same length`;
  if (isLetter(first) && isLetter(last)) return letterValues(range, first, last, step);
  if (!/^\d*$/.test(first) || !/^\d+$/.test(last))
    return `the ends of ${range} are neither numbers nor single letters`;
  if (Number(first) > Number(last)) return `${range} ends before it begins`;
  return numberValues(Number(first), Number(last), step, padded ? first.length : 0);
}

function isLetter(text: string): boolean {
  return text.length === 1 && LETTERS.includes(text);
}

function letterValues(range: string, first: string, last: string, step: number): string[] | string {
  const letters = [...LETTERS.slice(LETTERS.indexOf(first), LETTERS.indexOf(last) + 1)];
  if (letters.length === 0) return `${range} ends before it begins`;
  return letters.filter((_, index) => index % step === 0);
}

function* numberValues(first: number, last: number, step: number, width: number): Iterable<string> {
  for (let value = first; value <= last; value += step) yield String(value).padStart(width, '0');
}

/**
 * Ansible's expression for IPv6 leaves its alternatives ungrouped, so that only the last one has to reach the end of
 * the text: `2001:db8::1:web` passes. Kept, because `a:b` in a host pattern is split only where this fails.
 */
function looseIpv6(): RegExp {
  const part = `(?:[0-9a-f]{1,4}|${HEXADECIMAL_RANGE})`;
  const mixed = `(?:${part}\\.){3}${part}`;
  const alternatives = [
    `(?:${part}:){7}${part}`,
    `(?:${part}:){1,6}:`,
    ...[6, 5, 4, 3, 2, 1].map((most, index) => `(?:${part}:){${index + 1}}(?::${part}){1,${most}}`),
    `:(?::${part}){1,6}`,
    `${part}?::`,
    `(?:0:){6}${mixed}`,
    `::(?:ffff:)?${mixed}`,
    `(?:0:){5}ffff:${mixed}$`,
  ];
  return new RegExp(`^(?:${alternatives.join('|')})`, 'i');
}
