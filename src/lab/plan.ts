// Who has which address in a lab. Pure; the same shape always gives the same plan.
//
//                client ─ lan ─┐
//   controller ── mgmt ──┬─ edge-1 ─ isp1 ─┐
//                        │        └─ isp2 ─┼─ provider isp1 ─┬─ internet
//                        └─ edge-2 …       └─ provider isp2 ─┘
//
// The providers' networks are for documentation and tests (RFC 5737, RFC 3849, RFC 2544); more hosts than fit get
// wider private ones.
import { LabError } from './lab-error.ts';
import type { LabSystem } from './vm/systems.ts';

export type ProviderName = 'isp1' | 'isp2' | 'isp3';

export type ProviderCount = 2 | 3;

/** One uplink of a host, in the words of the split-access role's variables. */
export interface LabLink {
  readonly name: ProviderName;
  readonly device: string;
  /** With the prefix length. */
  readonly address: string;
  readonly gateway: string;
  readonly address6: string;
  readonly gateway6: string;
}

/** The network behind a host, and the one machine there. */
export interface LabLan {
  readonly device: string;
  /** The host's own, with the prefix length: 10.88.11.1/24 and fd88:11::1/64 on edge-1. */
  readonly address: string;
  readonly address6: string;
  /** The client's, without. */
  readonly client: string;
  readonly client6: string;
}

export interface LabHost {
  readonly name: string;
  /** From 1. */
  readonly index: number;
  readonly system: LabSystem;
  /** Without a prefix length; where sshd is reached from the controller. */
  readonly managementAddress: string;
  readonly links: readonly LabLink[];
  /** Undefined in a lab without LANs. */
  readonly lan: LabLan | undefined;
}

export interface ProviderPlan {
  readonly name: ProviderName;
  /** The customers' networks: any other source is spoofed. */
  readonly network: string;
  readonly network6: string;
  /** The provider's own addresses there, with prefix length. */
  readonly address: string;
  readonly address6: string;
  /** The two ends of its line to the internet: the provider's first. */
  readonly transit: readonly [string, string];
  readonly transit6: readonly [string, string];
}

/** What a lab is asked to be. */
export interface LabShape {
  readonly hostCount: number;
  /** And so of uplinks per host. */
  readonly providers: ProviderCount;
  /** Whether there is a network with a client behind each host. */
  readonly lan: boolean;
  /** Host after host, and from the start again when they are used up; namespaces when nothing is said. */
  readonly systems?: readonly LabSystem[];
}

export interface LabPlan {
  readonly hosts: readonly LabHost[];
  readonly providers: readonly ProviderPlan[];
}

/** A bridge takes 1,024 ports. */
export const MOST_HOSTS = 1000;
export const CONTROLLER_ADDRESS = '10.77.0.1';
export const MANAGEMENT_PREFIX_LENGTH = 16;
/** All of these networks are the internet's own addresses; `INTERNET_ADDRESS` is the one it calls from. */
export const INTERNET_NETWORK = '198.51.100.0/24';
export const INTERNET_NETWORK6 = '2001:db8:ffff::/64';
export const INTERNET_ADDRESS = '198.51.100.10';
export const INTERNET_ADDRESS6 = '2001:db8:ffff::10';
/** On each host: says its name, then echoes what it is sent. */
export const HELLO_PORT = 7777;
/** In the internet, TCP and UDP: says the caller's address, then its port, a line each, and hangs up. */
export const CALLER_PORT = 7778;
/** In the internet, TCP: says the caller's address and port on one line, then echoes what it is sent. */
export const ECHO_PORT = 7779;
/** These of the internet's addresses answer UDP too; TCP is answered on all of its networks. */
export const MOST_INTERNET_ADDRESSES = 254;

/** The internet's address of that number, from 1 to 254: 198.51.100.7, 2001:db8:ffff::7. */
export function internetAddress(number: number, family: 'IPv4' | 'IPv6'): string {
  return family === 'IPv4' ? `198.51.100.${number}` : `2001:db8:ffff::${number}`;
}

const MOST_HOSTS_OF_A_24 = 200;
const FIRST_NUMBER = 10;
const PROVIDERS = [
  { name: 'isp1', number: 1, base: '192.0.2' },
  { name: 'isp2', number: 2, base: '203.0.113' },
  { name: 'isp3', number: 3, base: '198.18.3' },
] as const;

/** The plan of that shape; a LabError where it cannot be. */
export function planLab({ hostCount, providers, lan, systems = [] }: LabShape): LabPlan {
  if (!Number.isInteger(hostCount) || hostCount < 1 || hostCount > MOST_HOSTS) {
    throw new LabError(`a lab has 1 to ${MOST_HOSTS} hosts`);
  }
  if (providers !== 2 && providers !== 3) throw new LabError('a lab has 2 or 3 providers');
  const networks = PROVIDERS.slice(0, providers).map((provider) => network(provider, hostCount));
  const hosts = Array.from({ length: hostCount }, (_, at): LabHost => {
    const number = FIRST_NUMBER + at + 1;
    return {
      name: `edge-${at + 1}`,
      index: at + 1,
      system: systems[at % systems.length] ?? 'namespace',
      managementAddress: `10.77.${number >> 8}.${number & 255}`,
      links: networks.map((n) => n.link(number)),
      lan: lan ? lanBehind(number) : undefined,
    };
  });
  return { hosts, providers: networks.map((n) => n.provider) };
}

/** An address without its prefix length. */
export function bareAddress(address: string): string {
  return address.replace(/\/.*/, '');
}

/** A host's network devices, in the order of their cables. */
export function hostDevices(host: LabHost): readonly string[] {
  const lan = host.lan === undefined ? [] : [host.lan.device];
  return ['mgmt', ...host.links.map((link) => link.device), ...lan];
}

interface Network {
  readonly provider: ProviderPlan;
  link(number: number): LabLink;
}

function network({ name, number, base }: (typeof PROVIDERS)[number], hostCount: number): Network {
  const wide = hostCount > MOST_HOSTS_OF_A_24;
  const length = wide ? 16 : 24;
  const address = (host: number) => (wide ? `10.${number}.${host >> 8}.${host & 255}` : `${base}.${host}`);
  const base6 = `2001:db8:${number}::`;
  return {
    provider: {
      name,
      network: `${address(0)}/${length}`,
      network6: `${base6}/64`,
      address: `${address(1)}/${length}`,
      address6: `${base6}1/64`,
      transit: [`100.64.${number}.1`, `100.64.${number}.2`],
      transit6: [`2001:db8:fff${number}::1`, `2001:db8:fff${number}::2`],
    },
    link: (host) => ({
      name,
      device: name,
      address: `${address(host)}/${length}`,
      gateway: address(1),
      address6: `${base6}${host}/64`,
      gateway6: `${base6}1`,
    }),
  };
}

/** 10.88.11.0/24 and so on; from the 256th number on, 10.89.0.0/24. */
function lanBehind(number: number): LabLan {
  const base = `10.${88 + (number >> 8)}.${number & 255}`;
  const base6 = `fd88:${number}::`;
  return {
    device: 'lan',
    address: `${base}.1/24`,
    address6: `${base6}1/64`,
    client: `${base}.2`,
    client6: `${base6}2`,
  };
}
