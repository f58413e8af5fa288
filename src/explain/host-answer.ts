// What hostProgram printed, to data. Forgiving: what a host says is data, and what it does not say is not known.
import { type Family, type Prefix, parsePrefix } from './address.ts';
import type { SectionName } from './host-program.ts';
import { type IpRoute, parseRoutes } from './ip-route.ts';
import { type IpRule, parseRules } from './ip-rule.ts';
import { type KernelAnswer, parseKernelAnswer } from './kernel-answer.ts';
import { type Names, parseNames } from './names.ts';
import { LOCAL_DEVICE } from './packet.ts';

export interface HostAddress {
  readonly device: string;
  /** The address with its prefix length. */
  readonly prefix: Prefix;
  readonly isPrimary: boolean;
}

export interface KernelWord {
  /** For the flow as it was asked for. */
  readonly first: KernelAnswer | undefined;
  /** Where no source was given: for the source that the first answer chose. */
  readonly second: KernelAnswer | undefined;
  /** This ip could not ask with protocol and ports. */
  readonly isWithoutPorts: boolean;
  /** Lookups by nexthop. */
  readonly sample: readonly Counted[];
}

export interface Counted {
  readonly via: string | undefined;
  readonly device: string | undefined;
  readonly count: number;
}

export interface HostState {
  readonly release: string;
  readonly hasIp: boolean;
  readonly isRoot: boolean;
  /** The high byte of a word comes first in memory; false where nobody says. */
  readonly isBigEndian: boolean;
  /** Old iproute2 or BusyBox: it does not tell all of a rule or route. */
  readonly isTerse: boolean;
  /** `lo`: the host itself sends it. Undefined: the source is not its own, and it knows no way to it. */
  readonly iif: string | undefined;
  readonly names: Names;
  /** By path below /proc/sys/net. */
  readonly settings: ReadonlyMap<string, number>;
  readonly rules: readonly IpRule[];
  readonly routes: readonly IpRoute[];
  readonly addresses: readonly HostAddress[];
  readonly word: KernelWord;
  /** What the programs printed, for those who read it. */
  readonly netfilter: {
    readonly iptables: readonly string[];
    readonly legacy: readonly string[];
    readonly nftChains: readonly string[];
    readonly nft: readonly string[];
    /** By address: the nodes of a CLUSTERIP that this host is. */
    readonly clusterNodes: ReadonlyMap<string, readonly number[]>;
    readonly ipvs: readonly string[];
  };
}

type Sections = (name: SectionName) => readonly string[];

export function parseHostState(stdout: string, family: Family): HostState {
  const sections = sectionsOf(stdout);
  const names = parseNames(sections('names'));
  const head = new Map(sections('host').map((line): [string, string] => splitOnce(line)));
  const isTerse = (head.get('numeric') ?? '') === '';
  const iif = head.get('iif') ?? '';
  return {
    release: head.get('release') ?? '',
    hasIp: !sections('host').includes('without ip'),
    isRoot: head.get('user') === '0',
    isBigEndian: head.get('byteorder') === 'big',
    isTerse,
    iif: iif === '?' ? undefined : iif || LOCAL_DEVICE,
    names,
    settings: new Map(sections('settings').flatMap((line) => settingOf(line))),
    rules: parseRules(sections('rules'), family, names),
    routes: parseRoutes(sections('routes'), family, names),
    addresses: sections('addresses').flatMap((line) => addressOf(line, family) ?? []),
    word: kernelWordOf(sections, names, isTerse),
    netfilter: {
      iptables: sections('iptables'),
      legacy: sections('iptables legacy'),
      nftChains: sections('nft chains'),
      nft: sections('nft'),
      clusterNodes: new Map(sections('cluster nodes').map((line) => nodesOf(line))),
      ipvs: sections('ipvs'),
    },
  };
}

/** Of a program that only asked the kernel once more. */
export function parseKernelWord(stdout: string, { names, isTerse }: HostState): KernelWord {
  return kernelWordOf(sectionsOf(stdout), names, isTerse);
}

const WITHOUT_PORTS = '(without ports)';

function kernelWordOf(sections: Sections, names: Names, isTerse: boolean): KernelWord {
  const answer = (name: 'first' | 'second') => {
    const lines = sections(name).filter((line) => line !== WITHOUT_PORTS);
    return parseKernelAnswer(lines, names, { tellsTables: !isTerse });
  };
  return {
    first: answer('first'),
    second: answer('second'),
    isWithoutPorts: sections('first').includes(WITHOUT_PORTS),
    sample: sections('sample').flatMap((line) => countedOf(line) ?? []),
  };
}

function countedOf(line: string): Counted | undefined {
  const [, count, device, via] = /^(\d+) (\S+) (\S+)$/.exec(line) ?? [];
  if (count === undefined) return undefined;
  return { count: Number(count), device: said(device), via: said(via) };
}

function said(word: string | undefined): string | undefined {
  return word === '-' ? undefined : word;
}

/** The first section of a name counts. */
function sectionsOf(stdout: string): Sections {
  const found = new Map<string, string[]>();
  let current: string[] = [];
  for (const line of stdout.split('\n')) {
    const name = /^== ([a-z ]+)$/.exec(line)?.[1];
    if (name !== undefined && !found.has(name)) {
      current = [];
      found.set(name, current);
    } else if (line.trim() !== '') current.push(line);
  }
  return (name) => found.get(name) ?? [];
}

/** `3: v0    inet 192.0.2.10/24 brd 192.0.2.255 scope global secondary v0\  valid_lft …` */
function addressOf(line: string, family: Family): HostAddress | undefined {
  const [, device, text = '', rest = ''] = /^\d+:\s+(\S+)\s+inet6? (\S+)(.*)$/.exec(line) ?? [];
  const prefix = parsePrefix(text, family);
  if (device === undefined || prefix === undefined) return undefined;
  const isUsable =
    !/ scope (?:host|link|25[34]) /.test(rest) && !/ (?:tentative|deprecated|dadfailed) /.test(rest);
  return { device, prefix, isPrimary: isUsable && !/ secondary /.test(rest) };
}

/** `192.0.2.100 1,2` */
function nodesOf(line: string): [string, readonly number[]] {
  const [address, nodes] = splitOnce(line);
  return [address, nodes.split(',').filter(Boolean).map(Number)];
}

/** `ipv4/ip_forward:1` */
function settingOf(line: string): readonly [string, number][] {
  const [, path, value] = /^([^:]+):(\d+)$/.exec(line) ?? [];
  return path === undefined ? [] : [[path, Number(value)]];
}

function splitOnce(line: string): [string, string] {
  const at = line.indexOf(' ');
  return at === -1 ? [line, ''] : [line.slice(0, at), line.slice(at + 1)];
}
