// Who has which address in a lab. Pure; the same number of hosts always gives the same plan.
//
//   controller ── mgmt ──┬─ edge-1 ─ isp1 ─┐
//                        │        └─ isp2 ─┼─ provider isp1 ─┬─ internet
//                        └─ edge-2 …       └─ provider isp2 ─┘
//
// The networks are the documentation's own (RFC 5737, RFC 3849); more hosts than fit get wider private ones.
import { LabError } from './lab-error.ts';

export type ProviderName = 'isp1' | 'isp2';

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

export interface LabHost {
  readonly name: string;
  /** From 1. */
  readonly index: number;
  /** Without a prefix length; where sshd is reached from the controller. */
  readonly managementAddress: string;
  readonly links: readonly LabLink[];
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
/** In the internet: says the caller's address and hangs up. */
export const CALLER_PORT = 7778;

const MOST_HOSTS_OF_A_24 = 200;
const FIRST_NUMBER = 10;

/** The plan for that many hosts; a LabError where there are none or too many. */
export function planLab(hostCount: number): LabPlan {
  if (!Number.isInteger(hostCount) || hostCount < 1 || hostCount > MOST_HOSTS) {
    throw new LabError(`a lab has 1 to ${MOST_HOSTS} hosts`);
  }
  const networks = [network('isp1', 1, hostCount), network('isp2', 2, hostCount)];
  const hosts = Array.from({ length: hostCount }, (_, at): LabHost => {
    const number = FIRST_NUMBER + at + 1;
    return {
      name: `edge-${at + 1}`,
      index: at + 1,
      managementAddress: `10.77.${number >> 8}.${number & 255}`,
      links: networks.map((n) => n.link(number)),
    };
  });
  return { hosts, providers: networks.map((n) => n.provider) };
}

/** An address without its prefix length. */
export function bareAddress(address: string): string {
  return address.replace(/\/.*/, '');
}

interface Network {
  readonly provider: ProviderPlan;
  link(number: number): LabLink;
}

function network(name: ProviderName, number: 1 | 2, hostCount: number): Network {
  const wide = hostCount > MOST_HOSTS_OF_A_24;
  const narrowBase = number === 1 ? '192.0.2' : '203.0.113';
  const base = wide ? `10.${number}` : narrowBase;
  const length = wide ? 16 : 24;
  const address = (host: number) => (wide ? `${base}.${host >> 8}.${host & 255}` : `${base}.${host}`);
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
