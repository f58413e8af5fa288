# shellcheck shell=sh disable=SC2154
# What is kept of the kernel's state: what the tools themselves say, as DIR/.raw.NAME, for to arm is to snap, and most of
# what is armed is never put back. state/*.sh make of it what can be compared (shape_KIND DIR) and put it back
# (put_KIND DIR). A process answers as many questions as it can.

# Where nft has no table at all nobody else has one of its. The settings take the longest.
snap_state() { # DIR
  snap_sysctl "$1" &
  snap_settings=$!
  snap_network "$1"
  for snap_kind in ipset nft iptables arptables ipvs; do
    "snap_$snap_kind" "$1"
  done
  wait "$snap_settings"
}

# snap DIR NAME COMMAND...: keeps what it says as DIR/.raw.NAME; status 1, and no such file, where it fails: nothing said
# is not the same as nothing there. Its last line is `# whole`, for tools do not tell of a disk that is full; then
# nothing is kept at all.
snap() {
  snap_file=$1/.raw.$2
  shift 2
  { "$@" 2>/dev/null && echo '# whole'; } 2>/dev/null >"$snap_file" && return 0
  echo '# failed' 2>/dev/null >"$snap_file" || refuse "No space left in ${snap_file%/*}"
  rm -f "$snap_file"
  return 1
}

# snap_network DIR: links, addresses, neighbours, multicast groups, next hops, routes and rules. An `ip` that cannot be asked
# many things at once is asked one by one.
snap_network() {
  if snap_questions "$1"; then
    ip_kind=iproute2 ip_read='ip -N -o'
    return 0
  fi
  rm -f "$1/.raw.ip" "$1/.raw.ip4" "$1/.raw.ip6"
  for snap_kind in links addresses neighbours multicast routes rules; do
    "snap_$snap_kind" "$1"
  done
}

snap_questions() { # DIR
  have ip && snap "$1" ip ip -N -o -batch - <<'END' || return 1
link show
addr show
neigh show nud permanent
neigh show proxy
nexthop show
maddr show
END
  snap "$1" ip4 ip -4 -N -o -batch - <<'END' || return 1
route show table all
rule show
END
  [ -e /proc/net/if_inet6 ] || return 0
  snap "$1" ip6 ip -6 -N -o -batch - <<'END'
route show table all
rule show
nexthop show
END
}

# told DIR NAME JOINT: sets $told to the file that has it, whether it was asked alone or with others; status 1: none has.
told() {
  told=$1/.raw.$2
  [ -e "$told" ] || told=$1/.raw.$3
  [ -e "$told" ]
}

# Sets $ip_kind to iproute2, busybox or none, and $ip_read to the command that reads: numbers cannot lose their names.
look_at_ip() {
  [ -z "${ip_kind:-}" ] || return 0
  ip_kind=none
  have ip || return 0
  ip_said=$(ip -N -V 2>&1 || :)
  case $ip_said in
    *'ip utility'*) ip_kind=iproute2 ip_read='ip -N -o' ;;
    *'"-N" is unknown'*) ip_kind=iproute2 ip_read='ip -o' ;;
    *) ip_kind=busybox ip_read='ip -o' ;;
  esac
}

# look DIR NAME WORDS...: keeps what `ip` says of it; status 1 where it says nothing. Which `ip` it is it asks first when
# the usual one is not there.
look() {
  look_dir=$1 look_name=$2
  shift 2
  if [ -z "${ip_kind:-}" ] && have ip && snap "$look_dir" "$look_name" ip -N -o "$@"; then
    ip_kind=iproute2 ip_read='ip -N -o'
    return 0
  fi
  look_at_ip
  # shellcheck disable=SC2086 # words
  [ "$ip_kind" != none ] && snap "$look_dir" "$look_name" $ip_read "$@"
}

snap_links() { look "$1" links link || :; }

snap_addresses() { look "$1" addresses addr || :; }

snap_neighbours() {
  look "$1" neighbours neigh show nud permanent || return 0
  # BusyBox takes `proxy` for no filter.
  [ "$ip_kind" = busybox ] || look "$1" proxies neigh show proxy || :
}

snap_multicast() {
  look_at_ip
  [ "$ip_kind" != iproute2 ] || look "$1" multicast maddr show || :
}

snap_routes() { # DIR [FAMILIES]
  for routes_family in ${2:--4 -6}; do
    [ "$routes_family" = -4 ] || [ -e /proc/net/if_inet6 ] || continue
    look "$1" "routes${routes_family#-}" "$routes_family" route show table all || :
  done
  [ -n "${2:-}" ] || snap_nexthops "$1"
}

# Which family a next hop without an address is of, only the question says.
snap_nexthops() {
  look_at_ip
  [ "$ip_kind" = iproute2 ] && look "$1" nexthops nexthop show || return 0
  read -r nexthops_first <"$1/.raw.nexthops"
  if [ "$nexthops_first" = '# whole' ] || ! look "$1" nexthops6 -6 nexthop show; then : >"$1/.raw.nexthops6"; fi
}

snap_rules() { # DIR [FAMILIES]
  for rules_family in ${2:--4 -6}; do
    [ "$rules_family" = -4 ] || [ -e /proc/net/if_inet6 ] || continue
    look "$1" "rules${rules_family#-}" "$rules_family" rule show || :
  done
}

# Each is a file, and there are hundreds: the kernel clears as much memory as is asked for at a time, and grep asks for a lot.
# Some that nobody may read make both fail.
snap_sysctl() {
  snap "$1" sysctl read_settings
  read -r settings_first <"$1/.raw.sysctl"
  [ "$settings_first" != '# whole' ] || snap "$1" sysctl search_settings
}

read_settings() { (cd /proc/sys/net && find ./* -type f -exec head -n 1 /dev/null {} +) || :; }

search_settings() { grep -rs '' /proc/sys/net || :; }

snap_ipset() {
  if ! kernel_has ip_set || ! has_sets; then
    : >"$1/ipset"
  elif have ipset; then
    snap "$1" ipset ipset save || :
  fi
}

# has_sets: whether there may be one. Each holds on to the module of its type (ip_set_create in the kernel's ip_set_core.c);
# where they are built in nobody counts.
has_sets() {
  [ -e /sys/module/ip_set/refcnt ] || return 0
  for sets_users in /sys/module/ip_set_*/refcnt; do
    read -r sets_count 2>/dev/null <"$sets_users" || return 0
    [ "$sets_count" = 0 ] || return 0
  done
  return 1
}

# kernel_has MODULE: whether it may be there now. Whoever asks by using it has it loaded, where there is one to load.
kernel_has() {
  [ ! -e "/sys/module/$1" ] && [ -e /proc/modules ] || return 0
  read -r kernel_release </proc/sys/kernel/osrelease
  kernel_builtin=/lib/modules/$kernel_release/modules.builtin
  [ ! -r "$kernel_builtin" ] || grep -q "/$1\.ko" "$kernel_builtin"
}

snap_nft() {
  if ! kernel_has nf_tables; then
    : >"$1/nft"
  elif have nft; then
    # Old ones know no -u, and need none.
    snap "$1" nft list_nft "$1" -su || snap "$1" nft list_nft "$1" -s || :
  fi
}

list_nft() { nft "$2" list ruleset 2>"$1/.raw.nft-said"; } # DIR OPTIONS

snap_iptables() {
  for iptables_tool in iptables ip6tables; do
    for iptables_backend in legacy nft; do
      snap_xtables "$1" $iptables_tool $iptables_backend
    done
  done
}

snap_arptables() {
  snap_xtables "$1" arptables legacy
  snap_xtables "$1" arptables nft
  snap_xtables "$1" ebtables nft
}

snap_xtables() { # DIR TOOL BACKEND
  if is_bare "$1" "$3" || ! has_xtables "$2" "$3"; then
    : >"$1/$2-$3"
  elif find_xtables "$2" "$3"; then
    snap "$1" "$2-$3" "$xtables-save" || :
  fi
}

# is_bare DIR BACKEND: nft, which was asked before, has no table at all.
is_bare() {
  [ "$2" = nft ] && [ -e "$1/.raw.nft" ] && read -r bare_line <"$1/.raw.nft" && [ "$bare_line" = '# whole' ]
}

has_xtables() { # TOOL BACKEND
  case $1-$2 in
    *-nft)
      kernel_has nf_tables
      return
      ;;
    iptables-*) has_names=/proc/net/ip_tables_names ;;
    ip6tables-*) has_names=/proc/net/ip6_tables_names ;;
    *) has_names=/proc/net/arp_tables_names ;;
  esac
  { read -r has_name <"$has_names"; } 2>/dev/null && [ -n "$has_name" ]
}

# find_xtables TOOL BACKEND: the name of its commands, in $xtables.
find_xtables() {
  xtables=$1-$2
  ! have "$xtables-save" "$xtables-restore" || return 0
  xtables=$1
  have "$1" "$1-save" "$1-restore" || return 1
  case $2,$("$1" -V 2>/dev/null) in
    nft,*nf_tables*) ;;
    nft,* | legacy,*nf_tables*) return 1 ;;
  esac
}

has_ipvs() { [ -e /proc/net/ip_vs ]; }

snap_ipvs() {
  if ! has_ipvs; then
    echo '--set 900 120 300' 2>/dev/null >"$1/ipvs" || refuse "No space left in $1"
    return 0
  fi
  have ipvsadm && snap "$1" ipvs ipvsadm -S -n || return 0
  snap "$1" ipvs-thresholds ipvsadm -L -n --thresholds || :
  snap "$1" ipvs-timeouts ipvsadm -L --timeout || :
  snap "$1" ipvs-daemons ipvsadm -L --daemon || :
}
