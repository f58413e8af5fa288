// Virtual services and their real servers as `ipvsadm -S -n` prints them: read, and written for ipvsadm again.
import { addressOf, type Family } from './addresses.ts';

export type Forwarding = 'gatewaying' | 'masquerading' | 'ipip';

export interface ServiceOptions {
  readonly scheduler: string;
  /** Seconds; 0: not persistent. */
  readonly persistent: number;
  /** Of a persistent service; empty: each client for itself. */
  readonly netmask: string;
  readonly schedFlags: readonly string[];
  readonly ops: boolean;
  /** Words that cannot be said here, `--pe sip`; they stay as they are. */
  readonly others: string;
}

export interface RealServer {
  /** With its port, IPv6 in brackets. */
  readonly server: string;
  readonly forwarding: Forwarding;
  readonly weight: number;
  /** Words that cannot be said here, `--tun-type gue`; they stay as they are. */
  readonly others: string;
}

export interface Service {
  /** As in a command: `-t 192.0.2.1:80`, `-f 7 -6`. */
  readonly service: string;
  readonly options: ServiceOptions;
  readonly servers: readonly RealServer[];
}

const FORWARDING: Readonly<Record<string, Forwarding>> = {
  '-g': 'gatewaying',
  '-m': 'masquerading',
  '-i': 'ipip',
};
const LETTERS: Readonly<Record<Forwarding, string>> = { gatewaying: '-g', masquerading: '-m', ipip: '-i' };

/** `192.0.2.1:80` or `[2001:db8::1]:80` in one spelling; undefined where it is neither. The port may be left out. */
export function endpointOf(
  text: string,
): { readonly family: Family; readonly address: string; readonly port: number | undefined } | undefined {
  const match = /^(?:\[([^\]]+)\]|([^:[\]]+))(?::(\d{1,5}))?$/.exec(text);
  const address = addressOf(match?.[1] ?? match?.[2] ?? text);
  if (address === undefined || (match === null && address.family === 'inet')) return undefined;
  if ((match?.[1] !== undefined) !== (address.family === 'inet6') && match !== null) return undefined;
  const port = match?.[3] === undefined ? undefined : Number(match[3]);
  if (port !== undefined && port > 65535) return undefined;
  return { family: address.family, address: address.text, port };
}

export function endpointText(family: Family, address: string, port: number): string {
  return family === 'inet6' ? `[${address}]:${port}` : `${address}:${port}`;
}

/** All services of `ipvsadm -S -n`, by their words in a command. */
export function readServices(text: string): ReadonlyMap<string, Service> {
  const services = new Map<string, Service>();
  for (const line of text.split('\n')) {
    const words = line.trim().split(/\s+/);
    const command = words.shift();
    if (command !== '-A' && command !== '-a') continue;
    const service = takeService(words);
    if (command === '-A') services.set(service, { service, options: readOptions(words), servers: [] });
    else {
      const known = services.get(service);
      const server = readServer(words);
      if (known !== undefined) services.set(service, { ...known, servers: [...known.servers, server] });
    }
  }
  return services;
}

function takeService(words: string[]): string {
  const letter = words.shift() ?? '';
  const what = words.shift() ?? '';
  if (letter !== '-f') return `${letter} ${canonical(what)}`;
  if (words[0] === '-6') words.shift();
  else return `-f ${what}`;
  return `-f ${what} -6`;
}

function canonical(text: string): string {
  const endpoint = endpointOf(text);
  return endpoint === undefined ? text : endpointText(endpoint.family, endpoint.address, endpoint.port ?? 0);
}

function readOptions(words: string[]): ServiceOptions {
  let scheduler = 'wlc';
  let persistent = 0;
  let netmask = '';
  let schedFlags: readonly string[] = [];
  let ops = false;
  const others: string[] = [];
  for (let word = words.shift(); word !== undefined; word = words.shift()) {
    if (word === '-s') scheduler = words.shift() ?? '';
    else if (word === '-p') persistent = Number(words.shift());
    else if (word === '-M') netmask = words.shift() ?? '';
    else if (word === '-b') schedFlags = (words.shift() ?? '').split(',').toSorted();
    else if (word === '-o') ops = true;
    else others.push(word);
  }
  return { scheduler, persistent, netmask, schedFlags, ops, others: others.join(' ') };
}

function readServer(words: string[]): RealServer {
  let server = '';
  let forwarding: Forwarding = 'gatewaying';
  let weight = 1;
  const others: string[] = [];
  for (let word = words.shift(); word !== undefined; word = words.shift()) {
    const way = FORWARDING[word];
    if (way !== undefined) forwarding = way;
    else if (word === '-r') server = canonical(words.shift() ?? '');
    else if (word === '-w') weight = Number(words.shift());
    else others.push(word);
  }
  return { server, forwarding, weight, others: others.join(' ') };
}

/** The words after `-A SERVICE` and `-E SERVICE`. */
export function optionWords(options: ServiceOptions): string {
  return [
    `-s ${options.scheduler}`,
    ...(options.persistent === 0 ? [] : [`-p ${options.persistent}`]),
    ...(options.persistent === 0 || options.netmask === '' ? [] : [`-M ${options.netmask}`]),
    ...(options.others === '' ? [] : [options.others]),
    ...(options.ops ? ['-o'] : []),
    ...(options.schedFlags.length === 0 ? [] : [`-b ${options.schedFlags.join(',')}`]),
  ].join(' ');
}

/** The words after `-a SERVICE -r SERVER` and `-e SERVICE -r SERVER`. */
export function serverWords({ forwarding, weight, others }: RealServer): string {
  const tunnel = forwarding === 'ipip' && others !== '' ? ` ${others}` : '';
  return `${LETTERS[forwarding]} -w ${weight}${tunnel}`;
}
