// The one read-only program that a host is asked with. POSIX sh, dash and BusyBox; host-answer.ts reads what it prints.
// Forks are counted: what is in files is read by builtins, routes are filtered by ip, lookups are counted by awk.

import { quote } from '../shell.ts';
import { type Family, type Prefix, widthOf } from './address.ts';
import type { Flow } from './flow.ts';

export interface Question {
  readonly flow: Flow;
  /** `everything`, or once more for the kernel's word alone. */
  readonly what: 'everything' | 'answers';
}

/** Names of its sections, as `== NAME` lines. */
export type SectionName =
  | 'host'
  | 'names'
  | 'settings'
  | 'rules'
  | 'routes'
  | 'addresses'
  | 'first'
  | 'second'
  | 'sample'
  | 'iptables'
  | 'iptables legacy'
  | 'nft chains'
  | 'nft'
  | 'cluster nodes'
  | 'ipvs';

/** Always exits 0. */
export function hostProgram({ flow, what }: Question): string {
  const parts =
    what === 'everything'
      ? [HEAD, setting(flow), STATE, ASK, NETFILTER, DELIVERY]
      : [HEAD, setting(flow), ASK];
  return [...parts, ...(flow.sample === undefined ? [] : [sampling(flow)]), 'exit 0'].join('\n');
}

const HEAD = `set +eu
LC_ALL=C
export LC_ALL
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin
say() { printf '\\n== %s\\n' "$1"; }`;

function setting({ family, to, from, iif, protocol, sport, dport, mark }: Flow): string {
  const name = protocol === 'icmp' && family === 6 ? 'ipv6-icmp' : protocol;
  const ports = [
    `ipproto ${name}`,
    ...(sport ? [`sport ${sport}`] : []),
    ...(dport ? [`dport ${dport}`] : []),
  ];
  return `family=-${family}
to=${quote(to.text)}
from=${quote(from?.text ?? '')}
iif=${quote(iif ?? '')}
ports=${quote(ports.join(' '))}
mark=${quote(mark === 0 ? '' : `mark ${mark}`)}
if [ -n "$from" ] && [ -z "$iif" ]; then
  own=$(ip "$family" -o route get "$from" 2>/dev/null)
  case $own in
  "local "*) ;;
  *)
    # By the device that has the address it is for; else by where answers to the source go.
    own="\${own#"\${own%% dev *}"}"
    has=$(ip "$family" -o address show to "$to" 2>/dev/null)
    has=\${has#*: }
    has=\${has%% *}
    case $has in '' | lo | dummy*) ;; *) own=" dev $has " ;; esac
    iif=\${own#* dev }
    iif=\${iif%% *}
    [ -n "$iif" ] || iif='?'
    ;;
  esac
fi`;
}

const STATE = `there() { command -v "$1" >/dev/null 2>&1; }
numeric=-N
rules=$(ip -N "$family" rule 2>/dev/null) || { numeric='' && rules=$(ip "$family" rule 2>/dev/null); }
say host
release='' order=''
if [ -r /proc/sys/kernel/osrelease ]; then read -r release </proc/sys/kernel/osrelease; fi
if [ -r /sys/kernel/cpu_byteorder ]; then read -r order </sys/kernel/cpu_byteorder; fi
printf 'release %s\\nbyteorder %s\\niif %s\\nnumeric %s\\nuser %s\\n' "$release" "$order" "$iif" "$numeric" "$(id -u)"
there ip || echo without ip
say names
for file in /usr/share/iproute2/rt_tables /etc/iproute2/rt_tables /etc/iproute2/rt_tables.d/*.conf \\
  /usr/share/iproute2/rt_protos /etc/iproute2/rt_protos /etc/iproute2/rt_protos.d/*.conf; do
  [ -r "$file" ] || continue
  what=protocol
  case $file in */rt_tables*) what=table ;; esac
  while IFS= read -r line || [ -n "$line" ]; do printf '%s %s\\n' "$what" "$line"; done <"$file"
done
say settings
# Not by builtins: dash reads byte by byte, and such a file gives only its first byte then.
cd /proc/sys/net && grep -H . ipv[46]/fib_multipath_* ipv4/ip_forward ipv4/conf/*/rp_filter \\
  ipv4/conf/*/src_valid_mark ipv[46]/conf/*/ignore_routes_with_linkdown 2>/dev/null
say rules
printf '%s\\n' "$rules"
say routes
# shellcheck disable=SC2086 # -N or nothing
ip $numeric "$family" route show table all match "$to" 2>/dev/null | head -c 1048576
say addresses
ip "$family" -o address 2>/dev/null | head -c 1048576`;

const ASK = `# ask WORDS...: the kernel's answer; without protocol and ports where this ip does not know them.
ask() {
  # shellcheck disable=SC2086 # they are words
  answer=$(ip "$family" -o route get "$@" $mark $ports 2>&1)
  status=$?
  case $status:$ports in
  0:* | 2:* | *:) ;;
  *)
    echo '(without ports)'
    ports=
    ask "$@"
    return
    ;;
  esac
  printf '%s\\n' "$answer"
}
if [ "$iif" != '?' ]; then
  set -- "$to" \${from:+from} \${from:+"$from"} \${iif:+iif} \${iif:+"$iif"}
  say first
  ask "$@"
  case $from:$answer in
  :*" src "*)
    source=\${answer##* src }
    say second
    ask "$to" from "\${source%% *}"
    ;;
  esac
fi`;

const NETFILTER = `# Tables that somebody uses; to ask for one by its name would make it.
save=iptables-save
if [ "$family" = -6 ]; then save=ip6tables-save; fi
first=$save
# What is for the host itself is asked for at its door as well.
case $answer in local*) tables='*raw *mangle *nat *filter' ;; *) tables='*mangle *nat' ;; esac
if there "\${save%-save}-nft-save" && there "\${save%-save}-legacy-save"; then first=\${save%-save}-nft-save; fi
{
  say iptables
  if there "$first"; then "$first"; fi
  if [ "$first" != "$save" ]; then
    say 'iptables legacy'
    "\${save%-save}-legacy-save"
  fi
} 2>/dev/null | awk -v tables=" $tables " '/^== / { keep = 1 } /^[*]/ { keep = index(tables, " " $1 " ") } keep' | head -c 4194304
if there nft; then
  chains=$(nft list chains 2>/dev/null | head -c 1048576)
  say 'nft chains'
  printf '%s\\n' "$chains"
  say nft
  printf '%s\\n' "$chains" | while read -r what in name _; do
    case $what:$name in table:fairlead-*) nft list table "$in" "$name" 2>/dev/null ;; esac
  done
fi`;

const DELIVERY = `# What shares the address's clients out, or hands them on. To ask ipvsadm where IPVS is not used would load it.
case $answer in local*)
  say 'cluster nodes'
  for file in /proc/net/ipt_CLUSTERIP/*; do
    [ -r "$file" ] && printf '%s %s\\n' "\${file##*/}" "$(cat "$file")"
  done
  ;;
esac
if [ -e /proc/net/ip_vs ] && there ipvsadm; then
  say ipvs
  ipvsadm -S -n 2>/dev/null | head -c 1048576
fi`;

/** Of a large network this many addresses are enough: 2 to the power of this. */
const MOST_SPREAD = 16;

/** Park and Miller's generator: the same ports and destinations each time. */
function sampling({ family, toNetwork, sport, protocol, mark, sample = 0 }: Flow): string {
  const hasPort = protocol !== 'icmp' && sport === undefined;
  const port = hasPort ? ' (ports == "" ? "" : " sport " 1024 + random() % 64512)' : '';
  const to = toNetwork === undefined ? 'to' : destinationIn(family, toNetwork);
  return `say sample
if [ "$iif" != '?' ]; then
  awk -v to="$to" -v from="$from" -v iif="$iif" -v ports="$ports" '
    function random() { return x = x * 16807 % 2147483647 }
    BEGIN {
      x = 1
      words = (from == "" ? "" : " from " from) (iif == "" ? "" : " iif " iif) "${mark === 0 ? '' : ` mark ${mark}`} " ports
      for (i = 0; i < ${sample}; i++) print "route get " ${to} words${port}
    }' | ip "$family" -o -force -batch - 2>/dev/null | awk '
    / dev / {
      via = dev = "-"
      for (i = 1; i < NF; i++) {
        if ($i == "via") via = $(i + 1) ~ /^inet6?$/ ? $(i + 2) : $(i + 1)
        if ($i == "dev") { dev = $(i + 1); break }
      }
      count[dev " " via]++
    }
    END { for (way in count) print count[way], way }'
fi`;
}

/** An awk expression: an address of the network, drawn by lot. */
function destinationIn(family: Family, { bits, length }: Prefix): string {
  const spread = Math.min(widthOf(family) - length, MOST_SPREAD);
  const low = Number(bits & 0xffffn);
  const drawn = `(n = ${low} + int(random() / 7) % ${2 ** spread})`;
  if (family === 4) {
    const head = [24n, 16n].map((shift) => (bits >> shift) & 255n).join('.');
    return `"${head}." int(${drawn} / 256) "." n % 256`;
  }
  const groups = Array.from({ length: 7 }, (_, at) => (bits >> BigInt(16 * (7 - at))) & 0xffffn);
  return `sprintf("${groups.map((group) => group.toString(16)).join(':')}:%x", ${drawn})`;
}
