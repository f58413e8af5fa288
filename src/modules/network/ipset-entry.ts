// Entries of ipsets in one spelling each, which is the one that ipset prints; and a set as `ipset list` prints it.
import { type Family, prefixOf } from './addresses.ts';

/** The types with what their entries are made of; those of the kernel that are left out do not say it in their name. */
export const SET_TYPES = [
  'bitmap:ip',
  'bitmap:ip,mac',
  'bitmap:port',
  'hash:ip',
  'hash:ip,mac',
  'hash:ip,mark',
  'hash:ip,port',
  'hash:ip,port,ip',
  'hash:ip,port,net',
  'hash:mac',
  'hash:net',
  'hash:net,iface',
  'hash:net,net',
  'hash:net,port',
  'hash:net,port,net',
  'list:set',
] as const;

/** What may be said of an entry besides itself; undefined is not said. */
export interface Entry {
  /** As ipset prints it. */
  readonly element: string;
  /** Seconds; what is left of them in a set that is read. 0: for ever. */
  readonly timeout: number | undefined;
  readonly comment: string | undefined;
  readonly nomatch: boolean;
  /** Other words, as ipset prints them: `skbmark 0x10`. */
  readonly others: string;
}

/** Why an element is not taken; the message is for people. */
export class ElementError extends Error {}

/**
 * The element as ipset prints it. What stands for several at once, and names of services, are an ElementError: ipset
 * takes them apart, and what it makes of them is not known before.
 */
export function canonicalElement(type: string, family: Family, said: string): string {
  const kinds = (type.split(':')[1] ?? '').split(',');
  const parts = said.split(',');
  if (parts.length !== kinds.length) {
    const needed = kinds.join(',');
    throw new ElementError(`${said} is no entry of a set of type ${type}, which has ${needed}`);
  }
  return kinds.map((kind, index) => canonicalPart(type, kind, family, parts[index] ?? '')).join(',');
}

function canonicalPart(type: string, kind: string, family: Family, said: string): string {
  const wrong = (what: string) => new ElementError(`${said} is no ${what}`);
  switch (kind) {
    case 'ip':
    case 'net': {
      const prefix = prefixOf(said);
      const what = `${family === 'inet' ? 'IPv4' : 'IPv6'} address${kind === 'net' ? ' or prefix' : ''}`;
      if (prefix === undefined) throw wrong(`${what}, and ranges and names are not taken`);
      if (prefix.family !== family) throw wrong(what);
      if (!prefix.text.includes('/')) return prefix.text;
      if (kind === 'ip') throw wrong(`single ${what}; prefixes are for sets of type hash:net`);
      return `${prefix.network}/${prefix.length}`;
    }
    case 'port':
      return canonicalPort(type, said);
    case 'mac':
      if (!/^([0-9a-fA-F]{2}:){5}[0-9a-fA-F]{2}$/.test(said)) throw wrong('MAC address');
      return said.toUpperCase();
    case 'mark': {
      const mark = /^(0[xX][0-9a-fA-F]{1,8}|\d{1,10})$/.test(said) ? Number(said) : Number.NaN;
      if (!(mark <= 0xffffffff)) throw wrong('mark');
      return `0x${mark.toString(16).padStart(8, '0')}`;
    }
    case 'iface':
      if (!/^(physdev:)?[^\s/:,]{1,15}$/.test(said)) throw wrong('interface');
      return said;
    default:
      if (!/^[^\s,]{1,31}$/.test(said)) throw wrong('name of a set');
      return said;
  }
}

function canonicalPort(type: string, said: string): string {
  const [port = '', protocol, ...more] = said.split(':').toReversed();
  if (!/^\d{1,5}$/.test(port) || Number(port) > 65535 || more.length > 0) {
    throw new ElementError(
      `${said} is no port: write a number, such as ${type === 'bitmap:port' ? '80' : 'tcp:80'}`,
    );
  }
  if (type === 'bitmap:port') {
    if (protocol !== undefined) throw new ElementError(`${said}: a bitmap:port has ports without protocol`);
    return String(Number(port));
  }
  const name = (protocol ?? 'tcp').toLowerCase();
  if (!/^(tcp|udp|sctp|udplite)$/.test(name)) {
    throw new ElementError(`${said}: the protocol is to be tcp, udp, sctp or udplite`);
  }
  return `${name}:${Number(port)}`;
}

/** A set as it is. */
export interface FoundSet {
  readonly type: string;
  readonly family: Family | undefined;
  /** Words of its header with their values; flags have the empty text. */
  readonly options: ReadonlyMap<string, string>;
  /** By how many rules and other sets it is used. */
  readonly references: number;
  readonly entries: readonly Entry[];
}

const FLAGS = ['counters', 'comment', 'skbinfo', 'forceadd'];

/** Of `ipset list NAME`; undefined where that is something else. */
export function readSet(text: string): FoundSet | undefined {
  const [head = '', members = ''] = text.split(/^Members:\n/m);
  const field = (name: string) => new RegExp(`^${name}: (.*)$`, 'm').exec(head)?.[1] ?? '';
  const type = field('Type');
  if (type === '') return undefined;
  const options = new Map<string, string>();
  const words = field('Header').split(' ');
  for (let word = words.shift(); word !== undefined; word = words.shift()) {
    if (word !== '') options.set(word, FLAGS.includes(word) ? '' : (words.shift() ?? ''));
  }
  const family = options.get('family');
  const known = family === 'inet' || family === 'inet6' ? family : undefined;
  return {
    type,
    family: known,
    options,
    references: Number(field('References')),
    entries: members
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => readEntry(type, known ?? 'inet', line)),
  };
}

/** `10.0.0.1 timeout 9 packets 0 bytes 0 comment "hello world"`. Counters are left out. */
function readEntry(type: string, family: Family, line: string): Entry {
  const comment = / comment "([^"]*)"/.exec(line);
  const [element = '', ...words] = line.replace(comment?.[0] ?? '', '').split(' ');
  let timeout: number | undefined;
  let nomatch = false;
  const others: string[] = [];
  for (let word = words.shift(); word !== undefined; word = words.shift()) {
    if (word === 'nomatch') nomatch = true;
    else if (word === 'timeout') timeout = Number(words.shift());
    else if (word === 'packets' || word === 'bytes') words.shift();
    else if (word !== '') others.push(word);
  }
  return {
    element: printed(type, family, element),
    timeout,
    comment: comment?.[1],
    nomatch,
    others: others.join(' '),
  };
}

function printed(type: string, family: Family, element: string): string {
  try {
    return canonicalElement(type, family, element);
  } catch {
    // Of a form that cannot be said here.
    return element;
  }
}

/** The words after `add NAME`, for `ipset restore`. */
export function entryWords(entry: Entry): string {
  return [
    entry.element,
    ...(entry.timeout === undefined ? [] : [`timeout ${entry.timeout}`]),
    ...(entry.nomatch ? ['nomatch'] : []),
    ...(entry.others === '' ? [] : [entry.others]),
    ...(entry.comment === undefined ? [] : [`comment "${entry.comment}"`]),
  ].join(' ');
}
