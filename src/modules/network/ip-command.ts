// The ip of a host: which one it is, and the names that it prints in place of numbers. What ip_address, ip_route and
// ip_rule share; what they ask for and how they read it is theirs.
import { quote } from '../../shell.ts';
import type { Inspected } from '../module.ts';
import type { Family } from './addresses.ts';

/** BusyBox has an ip of its own, which knows less and prints less. */
export type IpKind = 'iproute2' | 'busybox';

type Names = ReadonlyMap<string, number>;

export interface HostIp {
  readonly kind: IpKind;
  readonly tables: Names;
  readonly protocols: Names;
  readonly scopes: Names;
  /** Of the TOS byte. */
  readonly dsfields: Names;
  /** Of protocols above IP, as `tcp`. */
  readonly transports: Names;
}

// By its path, because a BusyBox shell prefers its own applet.
const FIND_IP = `for ip in /usr/sbin/ip /sbin/ip /usr/bin/ip /bin/ip ip; do
  if command -v "$ip" >/dev/null 2>&1; then break; fi
done
if ! command -v "$ip" >/dev/null 2>&1; then
  echo 'there is no ip on this host' >&2
  exit 5
fi`;

/**
 * Begins an inspection: sets `$ip` and `$kind`, prints the sections `ip KIND` and `names`. Each section of an inspection
 * begins with a line `== NAME`.
 */
export const INSPECT_IP = `set +eu
${FIND_IP}
case $("$ip" -V 2>/dev/null) in
  *iproute2*) kind=iproute2 ;;
  *) kind=busybox ;;
esac
echo "== ip $kind"
set --
for file in /usr/lib/iproute2/rt_* /usr/share/iproute2/rt_* /etc/iproute2/rt_* /etc/iproute2/rt_*.d/*.conf /etc/protocols; do
  case $file in
    *rt_tables* | *rt_protos* | *rt_scopes* | *rt_dsfield* | /etc/protocols) if [ -f "$file" ]; then set -- "$@" "$file"; fi ;;
  esac
done
echo '== names'
if [ "$#" -gt 0 ]; then
  awk 'FILENAME == "/etc/protocols" { if ($2 ~ /^[0-9]+$/) print FILENAME, $2, $1; next }
    $1 ~ /^(0[xX][0-9a-fA-F]+|[0-9]+)$/ { print FILENAME, $1, $2 }' "$@"
fi`;

/** For an inspection: a section `no device NAME` for each of these that is not there. Forks nothing. */
export function lookForDevices(devices: readonly string[]): string {
  if (devices.length === 0) return ':';
  return `set -- ${devices.map(quote).join(' ')}
for wanted in "$@"; do
  found=
  while read -r device _; do
    # A large counter may follow the colon without a blank.
    if [ "\${device%%:*}" = "$wanted" ]; then found=1; fi
  done </proc/net/dev
  if [ -z "$found" ]; then echo "== no device $wanted"; fi
done`;
}

/** Begins a change: sets `$ip`; `drop WORDS` runs ip, and what is gone already is no failure. */
export const CHANGE_BY_IP = `${FIND_IP}
drop() {
  if said=$("$ip" "$@" 2>&1); then return 0; fi
  case $said in
    *'No such process'* | *'No such file or directory'* | *'Cannot assign requested address'* | *'ddress not found'*) return 0 ;;
  esac
  printf '%s\\n' "$said" >&2
  return 1
}`;

/** `-4` or `-6`. */
export function familyFlag(family: Family): '-4' | '-6' {
  return family === 'inet' ? '-4' : '-6';
}

/** The sections of what an inspection printed, by the words behind `== `. */
export function sectionsOf(stdout: string): ReadonlyMap<string, readonly string[]> {
  const sections = new Map<string, string[]>();
  let lines: string[] = [];
  for (const line of stdout.split('\n')) {
    const name = /^== (.+)$/.exec(line)?.[1];
    if (name !== undefined) {
      lines = [];
      sections.set(name, lines);
    } else if (line.trim() !== '') lines.push(line);
  }
  return sections;
}

export interface IpInspection {
  readonly host: HostIp;
  readonly sections: ReadonlyMap<string, readonly string[]>;
  readonly missingDevices: readonly string[];
}

/** What INSPECT_IP and what followed it printed, or the reason why that is not to be had. */
export function readInspection({ output }: Inspected): IpInspection | string {
  if (output.exitCode !== 0) return output.stderr.trim() || `the inspection exited ${output.exitCode}`;
  const sections = sectionsOf(output.stdout);
  const starting = (start: string) =>
    [...sections.keys()].filter((name) => name.startsWith(start)).map((name) => name.slice(start.length));
  const kind = sections.has('ip busybox') ? 'busybox' : 'iproute2';
  return {
    host: { kind, ...namesOf(sections.get('names') ?? []) },
    sections,
    missingDevices: starting('no device '),
  };
}

// iproute2 knows these without a file (lib/rt_names.c).
const TABLES = { unspec: 0, default: 253, main: 254, local: 255 };
const PROTOCOLS = {
  ...{ unspec: 0, none: 0, redirect: 1, kernel: 2, boot: 3, static: 4, gated: 8, ra: 9, mrt: 10, zebra: 11 },
  ...{ bird: 12, dnrouted: 13, xorp: 14, ntk: 15, dhcp: 16, keepalived: 18, babel: 42, ovn: 84, openr: 99 },
  ...{ bgp: 186, isis: 187, ospf: 188, rip: 189, eigrp: 192 },
};
const SCOPES = { global: 0, universe: 0, site: 200, link: 253, host: 254, nowhere: 255 };
const TRANSPORTS = {
  ...{ icmp: 1, igmp: 2, tcp: 6, udp: 17, dccp: 33, gre: 47, esp: 50, ah: 51, 'ipv6-icmp': 58, icmpv6: 58 },
  ...{ ospf: 89, pim: 103, vrrp: 112, sctp: 132, udplite: 136 },
};

function namesOf(lines: readonly string[]): Omit<HostIp, 'kind'> {
  const tables = new Map<string, number>(Object.entries(TABLES));
  const protocols = new Map<string, number>(Object.entries(PROTOCOLS));
  const scopes = new Map<string, number>(Object.entries(SCOPES));
  const dsfields = new Map<string, number>([['default', 0]]);
  const transports = new Map<string, number>(Object.entries(TRANSPORTS));
  for (const line of lines) {
    const [file = '', number = '', name = ''] = line.split(' ');
    if (name === '') continue;
    if (file === '/etc/protocols') transports.set(name, Number(number));
    else if (file.includes('rt_tables')) tables.set(name, Number(number));
    else if (file.includes('rt_protos')) protocols.set(name, Number(number));
    else if (file.includes('rt_scopes')) scopes.set(name, Number(number));
    else if (file.includes('rt_dsfield')) dsfields.set(name, Number(number));
  }
  return { tables, protocols, scopes, dsfields, transports };
}

/** A number as it stands, also 0x…, or what the name stands for; undefined: no such name. */
export function numberOf(names: Names, said: string | number): number | undefined {
  if (typeof said === 'number') return said;
  if (/^(0[xX][0-9a-fA-F]+|\d+)$/.test(said)) return Number(said);
  return names.get(said);
}

/** Likewise for an argument: where there is no such name on the host, the words of a failure. */
export function numberOrFailure(
  names: Names,
  said: string | number,
  what: { readonly name: string; readonly file: string },
): number | NameFailure {
  const number = numberOf(names, said);
  if (number !== undefined) return number;
  return {
    kind: 'failed',
    message: `the host knows no ${what.name} ${said}`,
    hint: `write its number, or name it in ${what.file} first`,
  };
}

export interface NameFailure {
  readonly kind: 'failed';
  readonly message: string;
  readonly hint: string;
}

export const TABLE_NAME = { name: 'table', file: '/etc/iproute2/rt_tables' };
export const PROTO_NAME = { name: 'proto', file: '/etc/iproute2/rt_protos' };
export const SCOPE_NAME = { name: 'scope', file: '/etc/iproute2/rt_scopes' };

/** A failure for what the ip of BusyBox cannot do. */
export function beyondBusybox(what: string): NameFailure {
  return {
    kind: 'failed',
    message: `the ip of this host is BusyBox's, and that cannot do ${what}`,
    hint: 'install the package iproute2 on the host',
  };
}

/** Table numbers beyond this one are refused by the ip of BusyBox. */
export const BUSYBOX_LAST_TABLE = 1023;
