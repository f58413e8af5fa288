// What is asked of a host before anything else: one read-only sh program and the shape of its answer.
// Forks are counted (about a millisecond each): files are read by builtins, iproute2 answers everything
// about one family in one batch. facts-parse.ts turns the output into Facts.
import { DETECT_INIT, type InitSystem } from '../../init-system.ts';

/** Programs whose place is looked for; `-` of a program's name is `_` in the fact's name. */
export const TOOLS = [
  'ip',
  'iptables',
  'ip6tables',
  'iptables_legacy',
  'iptables_nft',
  'nft',
  'ipset',
  'ipvsadm',
  'arptables',
  'conntrack',
  'keepalived',
  'arping',
  'sudo',
  'su',
  'doas',
  'base64',
  'flock',
  'logger',
  'systemctl',
  'update_rc_d',
  'chkconfig',
  'rc_update',
  'python3',
  'busybox',
  'curl',
  'wget',
  'modprobe',
  'sysctl',
] as const;

export type Tool = (typeof TOOLS)[number];

export interface AddressFact {
  readonly address: string;
  readonly prefix: number;
  readonly family: 'ipv4' | 'ipv6';
  /** global, site, link, host, or the number. */
  readonly scope: string;
}

export interface InterfaceFact {
  readonly mac: string | null;
  readonly mtu: number | null;
  /** Set up by the administrator. */
  readonly up: boolean;
  /** The other end is there (LOWER_UP). */
  readonly carrier: boolean;
  readonly addresses: readonly AddressFact[];
}

export interface NextHopFact {
  readonly gateway: string | null;
  readonly device: string | null;
  readonly weight: number;
}

export interface RouteFact {
  readonly family: 'ipv4' | 'ipv6';
  readonly table: number;
  /** unicast, local, broadcast, anycast, multicast, blackhole, unreachable, prohibit, throw, or the number. */
  readonly type: string;
  /** `default` or a prefix. */
  readonly destination: string;
  readonly gateway: string | null;
  readonly device: string | null;
  readonly source: string | null;
  readonly metric: number | null;
  /** Null where the host's `ip` cannot say (BusyBox). */
  readonly protocol: number | null;
  readonly scope: string | null;
  /** Of a multipath route; empty otherwise, and where the host's `ip` cannot say. */
  readonly nexthops: readonly NextHopFact[];
}

export interface RuleFact {
  readonly family: 'ipv4' | 'ipv6';
  readonly priority: number;
  readonly not: boolean;
  readonly from: string | null;
  readonly to: string | null;
  /** `0x100000/0xff00000`, or without mask. */
  readonly fwmark: string | null;
  readonly iif: string | null;
  readonly oif: string | null;
  readonly table: number | null;
  /** lookup, goto, nop, blackhole, unreachable, prohibit, or the number. */
  readonly action: string;
  /** Null where nobody tagged the rule (the kernel's own too), before kernel 4.17, and with BusyBox's `ip`. */
  readonly protocol: number | null;
  readonly suppress_prefixlength: number | null;
}

/** Plain JSON. What a host did not tell is null (or an empty list). Names are as `fairlead facts` prints them. */
export interface Facts {
  readonly hostname: string | null;
  readonly boot_id: string | null;
  readonly user: string | null;
  readonly uid: number | null;
  readonly architecture: string | null;
  readonly kernel: {
    readonly name: string | null;
    readonly release: string | null;
    readonly major: number | null;
    readonly minor: number | null;
    readonly patch: number | null;
  };
  readonly distribution: {
    readonly id: string | null;
    readonly version: string | null;
    readonly name: string | null;
    readonly like: readonly string[];
    readonly codename: string | null;
  };
  readonly init: InitSystem;
  readonly memory_bytes: number | null;
  readonly cpus: number | null;
  readonly tools: Readonly<Record<Tool, string | null>>;
  readonly iptables: { readonly version: string | null; readonly backend: 'nf_tables' | 'legacy' | null };
  readonly network_managers: Readonly<
    Record<'ifupdown' | 'networkmanager' | 'networkd' | 'netplan', boolean>
  >;
  readonly interfaces: Readonly<Record<string, InterfaceFact>>;
  /** Of all tables; at most ROUTES_LIMIT. */
  readonly routes: readonly RouteFact[];
  /** True: there were more routes than fit, the list is its beginning. */
  readonly routes_truncated: boolean;
  readonly rules: readonly RuleFact[];
}

/** For the check of names: a leaf, a map with any keys, a list, or a record of known keys (never `map` or `list`). */
export type FactShape =
  | 'value'
  | { readonly map: FactShape }
  | { readonly list: FactShape }
  | { readonly [name: string]: FactShape };

/** What `facts.…` may be followed by; a name outside of it is a mistake in the user's files. */
export const factsShape: FactShape = {
  ...values('hostname', 'boot_id', 'user', 'uid', 'architecture'),
  kernel: values('name', 'release', 'major', 'minor', 'patch'),
  distribution: { ...values('id', 'version', 'name', 'codename'), like: { list: 'value' } },
  ...values('init', 'memory_bytes', 'cpus'),
  tools: values(...TOOLS),
  iptables: values('version', 'backend'),
  network_managers: values('ifupdown', 'networkmanager', 'networkd', 'netplan'),
  interfaces: {
    map: {
      ...values('mac', 'mtu', 'up', 'carrier'),
      addresses: { list: values('address', 'prefix', 'family', 'scope') },
    },
  },
  routes: {
    list: {
      ...values('family', 'table', 'type', 'destination', 'gateway', 'device'),
      ...values('source', 'metric', 'protocol', 'scope'),
      nexthops: { list: values('gateway', 'device', 'weight') },
    },
  },
  ...values('routes_truncated'),
  rules: {
    list: {
      ...values('family', 'priority', 'not', 'from', 'to', 'fwmark', 'iif', 'oif'),
      ...values('table', 'action', 'protocol', 'suppress_prefixlength'),
    },
  },
};

/** More than any role's tables hold; a router with a full BGP feed must not drown the controller. */
export const ROUTES_LIMIT = 20_000;
const NETWORK_LIMIT_BYTES = 4 * 1024 * 1024;

/** The read-only program. Always exits 0; for parseFacts. */
export function factsScript(): string {
  return `set +eu
LC_ALL=C
export LC_ALL
first_line() {
  line=
  if [ -r "$2" ]; then IFS= read -r line <"$2"; fi
  printf '%s=%s\\n' "$1" "$line"
}
all_lines() {
  if [ -r "$2" ]; then
    while IFS= read -r line || [ -n "$line" ]; do printf '%s %s\\n' "$1" "$line"; done <"$2"
  fi
}
first_line hostname /proc/sys/kernel/hostname
first_line boot_id /proc/sys/kernel/random/boot_id
first_line kernel_name /proc/sys/kernel/ostype
first_line kernel_release /proc/sys/kernel/osrelease
first_line memory /proc/meminfo
first_line cpus /sys/devices/system/cpu/online
if [ -r /proc/sys/kernel/arch ]; then
  first_line architecture /proc/sys/kernel/arch
else
  printf 'architecture=%s\\n' "$(uname -m 2>/dev/null)"
fi
uid=
while read -r key _ effective _; do
  if [ "$key" = Uid: ]; then
    uid=$effective
    break
  fi
done </proc/self/status
user=
if [ -r /etc/passwd ]; then
  while IFS=: read -r name _ id _; do
    if [ "$id" = "$uid" ]; then
      user=$name
      break
    fi
  done </etc/passwd
fi
[ -n "$user" ] || user=$(id -un 2>/dev/null)
printf 'uid=%s\\nuser=%s\\n' "$uid" "$user"
if [ -r /etc/os-release ]; then
  all_lines os /etc/os-release
else
  all_lines os /usr/lib/os-release
  first_line redhat /etc/redhat-release
fi
${DETECT_INIT}
printf 'init=%s\\n' "$init"
if [ -d /etc/network/if-up.d ] || [ -f /etc/network/interfaces ]; then echo manager=ifupdown; fi
if [ -d /run/NetworkManager ]; then echo manager=networkmanager; fi
if [ -e /run/systemd/netif/state ]; then echo manager=networkd; fi
for file in /etc/netplan/*.yaml; do
  if [ -f "$file" ]; then
    echo manager=netplan
    break
  fi
done
search=$PATH:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
iptables=
ip=
for tool in ${TOOLS.map(programName).join(' ')}; do
  IFS=:
  for folder in $search; do
    if [ -n "$folder" ] && [ -f "$folder/$tool" ] && [ -x "$folder/$tool" ]; then
      printf 'tool=%s %s\\n' "$tool" "$folder/$tool"
      case $tool in
        ip) ip=$folder/$tool ;;
        iptables) iptables=$folder/$tool ;;
      esac
      break
    fi
  done
  unset IFS
done
if [ -n "$iptables" ]; then printf 'iptables=%s\\n' "$("$iptables" -V 2>/dev/null)"; fi
if [ -n "$ip" ]; then
  {
    echo '== json'
    if "$ip" -4 -j -N -batch - 2>/dev/null <<'END'
link show
address show
rule show
route show table all
END
    then
      "$ip" -6 -j -N -batch - 2>/dev/null <<'END'
address show
rule show
route show table all
END
    else
      printf '\\n== names\\n'
      all_lines table /etc/iproute2/rt_tables
      all_lines protocol /etc/iproute2/rt_protos
      printf '\\n== addresses\\n'
      "$ip" address 2>/dev/null
      for family in 4 6; do
        printf '\\n== rules %s\\n' "$family"
        "$ip" "-$family" rule 2>/dev/null
        printf '\\n== routes %s\\n' "$family"
        "$ip" "-$family" route show table all 2>/dev/null
      done
    fi
  } | head -c ${NETWORK_LIMIT_BYTES}
fi
exit 0`;
}

function programName(tool: Tool): string {
  return tool === 'update_rc_d' ? 'update-rc.d' : tool.replaceAll('_', '-');
}

/** The fact's name of a program, or undefined for one that was not asked for. */
export function toolOfProgram(program: string): Tool | undefined {
  return TOOLS.find((tool) => programName(tool) === program);
}

function values(...names: readonly string[]): Record<string, FactShape> {
  return Object.fromEntries(names.map((name) => [name, 'value' as const]));
}
