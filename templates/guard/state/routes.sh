# shellcheck shell=sh disable=SC2154
# Routes of all tables: DIR/routes4, DIR/routes6; what they share of next hops: DIR/nexthops. Routes to the same place with the
# same metric are kept in order. IPv6 routes that routers announce or that expire come and go by themselves: DIR/.routes6
# has them, a missing one comes back, they are not compared. So it is with the kernel's routes to addresses that do.
# On links that are new the kernel's own routes stay, unless they lead where another route led before.
# BusyBox ip shows neither several next hops nor the settings of a route, nor who made it.

take_routes() { # DIR [FAMILIES]
  snap_routes "$@"
  shape_routes "$@"
}

shape_routes() { # DIR [FAMILIES]
  for routes_family in ${2:--4 -6}; do
    routes_name=routes${routes_family#-}
    told "$1" "$routes_name" "ip${routes_family#-}" || continue
    routes_addresses=$1/addresses
    [ -e "$routes_addresses" ] || routes_addresses=${1%/now}/addresses
    [ -e "$routes_addresses" ] || routes_addresses=/dev/null
    read_routes "$told" "$routes_addresses" "${routes_family#-}" "$1/.routes6" | sort | cut -f 5- \
      >"$1/$routes_name" || spoilt "$1/$routes_name" || return 1
  done
  [ -n "${2:-}" ] || shape_nexthops "$1"
}

# read_routes SAID ADDRESSES VERSION PASSING: what `ip` said as lines that it takes, behind what to sort them by.
read_routes() {
  awk -v version="$3" -v passing="$4" "$ip_words"'
    BEGIN { if (version == 6) printf "" >passing }
    FILENAME == ARGV[1] { if (ARGV[1] != ARGV[2]) { address = $2; sub(/\/.*/, "", address); ours[address] } next }
    /^[0-9]+:[ \t]|^id |^# / { next }
    {
      gsub(/\\/, " ")
      $0 = $0
      i = 1
      type = "unicast"
      if ($1 ~ /^[0-9]+$/ || is_type($1)) type = type_word($(i++))
      to = $(i++)
      text = ""
      table = "main"
      metric = expires = proto = ""
      shared = $0 ~ / nhid /
      for (; i <= NF; i++) {
        if ($i ~ /^(dead|linkdown|pervasive|offload|offload_failed|trap|rt_offload|rt_trap|rt_offload_failed|unresolved|notify)$/) continue
        if ($i ~ /^(error|users|age)$/) { i++; continue }
        if ($i == "expires") { expires = $(++i); sub(/sec$/, "", expires); continue }
        if (shared && $i ~ /^(via|dev|weight)$/) { if ($(i + 1) == "inet6") i++; i++; continue }
        if (shared && $i ~ /^(nexthop|onlink)$/) continue
        if ($i == "table") { table = table_word($(++i)); text = text " table " table; continue }
        # The kernel gives its own 0, which nobody else can.
        if ($i == "metric" && type == "local" && version == 6) { i++; continue }
        if ($i == "metric") metric = $(i + 1)
        if ($i == "proto") { proto = proto_word($(++i)); text = text " proto " proto; continue }
        if ($i == "scope") { text = text " scope " scope_word($(++i)); continue }
        text = text " " $i
      }
      text = (type == "unicast" || shared ? "" : type " ") to text
      if (version == 6) {
        if (table == "local" && (type == "anycast" || type == "local" && (proto == "kernel" || proto == "") && !(to in ours))) next
        if (expires != "" || proto == "ra") { print (expires == "" ? "-" : expires) " " text >passing; next }
      }
      # There is none twice, but what changes while the kernel tells of it may be told twice.
      if (seen[text]++) next
      printf "%s\t%s\t%10s\t%06d\t%s\n", table == "main" ? " main" : table, to, metric, NR, text
    }' "$2" "$1"
}

# Which family a next hop without an address is of, only the question says.
take_nexthops() {
  snap_nexthops "$1"
  shape_nexthops "$1"
}

shape_nexthops() {
  told "$1" nexthops6 ip6 || return 0
  nexthops6=$told
  told "$1" nexthops ip || return 0
  awk "$ip_words"'
    $1 != "id" { next }
    {
      family = / group / ? "group" : FILENAME == ARGV[1] || $2 in is_inet6 ? "inet6" : "inet"
      if (family == "inet6") is_inet6[$2]
      if (FILENAME == ARGV[1]) next
      text = "id " $2
      for (i = 3; i <= NF; i++) {
        if ($i ~ /^(scope|unbalanced_time)$/) { i++; continue }
        if ($i ~ /^(dead|linkdown|offload|trap|unresolved)$/) continue
        if ($i == "proto") { text = text " proto " proto_word($(++i)); continue }
        text = text " " $i
      }
      print family " " text
    }' "$nexthops6" "$told" | sort -k 1,1 -k 3,3n >"$1/nexthops" || spoilt "$1/nexthops"
}

# Whether a gateway can be reached the kernel asks the rules. Where they are in the way there is one for its question meanwhile.
put_routes() {
  settle_left=
  settle_later=yes
  put_all_routes "$1"
  settle_later=
  [ -n "$settle_left" ] || return 0
  routes_rule='priority 0 iif lo lookup main'
  # shellcheck disable=SC2086 # words
  ip rule add $routes_rule 2>/dev/null || routes_rule=
  put_all_routes "$1"
  # shellcheck disable=SC2086
  [ -z "$routes_rule" ] || try ip rule del $routes_rule
}

# A next hop that goes takes its routes with it: it goes last.
put_all_routes() {
  if [ -e "$1/nexthops" ]; then
    settle "$1" nexthops -4
    settle "$1" nexthops -6
    settle "$1" nexthops_groups -o
  fi
  for routes_put in 4 6; do
    [ ! -e "$1/routes$routes_put" ] || settle "$1" routes "-$routes_put"
  done
  [ ! -e "$1/nexthops" ] || settle "$1" nexthops_surplus -o
}

plan_nexthops() { # WANTED NOW FAMILY
  name_nexthops "$1" "$2" "$([ "$3" = -4 ] && echo inet || echo inet6)"
}

plan_nexthops_groups() { name_nexthops "$1" "$2" group; }

name_nexthops() { # WANTED NOW FAMILY
  missing "$1/nexthops" "$2/nexthops" | sed -n "s/^$3 /nexthop replace /p"
}

plan_nexthops_surplus() { # WANTED NOW
  awk 'FILENAME == ARGV[1] { wanted[$3]; next } !($3 in wanted) { print "nexthop del id " $3 }' "$1/nexthops" "$2/nexthops"
}

# Routes of the same table, place, metric (and TOS, or source) are one list, to which the kernel adds at the end. What stays
# is the longest beginning of the wanted list that is there in this order; where nothing can stay, the first is replaced in place.
# Routes that lead straight to a link come first, others stand on them; what is surplus as a whole goes last.
plan_routes() { # WANTED NOW FAMILY
  plan_version=${3#-}
  for plan_file in "$1/.routes6" "$2/.routes6" "$2/routes$plan_version"; do
    [ -e "$plan_file" ] || : >"$plan_file"
  done
  awk -v version="$plan_version" -v ip="$ip_kind" "$ip_words"'
    function read_route(   i) {
      i = is_type($1) ? 2 : 1
      to = $i
      table = "main"
      metric = tos = from = link = proto = ""
      stands = 1
      for (i++; i <= NF; i++) {
        if ($i == "table") table = $(i + 1)
        # The kernel gives its own 0, which nobody else can.
        if ($i == "metric" && type == "local" && version == 6) { i++; continue }
        if ($i == "metric") metric = $(i + 1)
        if ($i == "tos") tos = $(i + 1)
        if ($i == "from") from = $(i + 1)
        if ($i == "proto") proto = $(i + 1)
        if ($i == "dev") link = $(i + 1)
        if ($i ~ /^(via|nhid)$/) stands = 0
      }
      key = table SUBSEP to SUBSEP metric SUBSEP tos SUBSEP from
      if (!(key in seen)) { seen[key]; order[++count] = key }
    }
    FILENAME == ARGV[1] { known[$1]; next }
    FILENAME == ARGV[2] || FILENAME == ARGV[3] {
      if (version != 6) next
      text = substr($0, length($1) + 2)
      if (FILENAME == ARGV[3]) { there[text]; next }
      passing[++passed] = text
      left[passed] = $1
      next
    }
    FILENAME == ARGV[4] {
      read_route()
      want[key, ++wants[key]] = $0
      straight[key] = stands
      led[table, to]
      next
    }
    {
      read_route()
      there[$0]
      # A link that is new has routes of its own.
      if (proto == "kernel" && !(link in known) && (!((table, to) in led) || to ~ /^(fe80::\/|ff00::\/)/)) next
      is[key, ++have[key]] = $0
    }
    END {
      for (c = 1; c <= count; c++) {
        key = order[c]
        w = n = 1
        out = ""
        if (have[key] && wants[key]) {
          is_first_there = 0
          for (i = 1; i <= have[key]; i++) if (is[key, i] == want[key, 1]) is_first_there = 1
          if (!is_first_there) {
            out = "route replace " want[key, 1] "\n"
            w = n = 2
          }
        }
        for (; n <= have[key]; n++) {
          if (w <= wants[key] && is[key, n] == want[key, w]) w++
          else out = out "route del " is[key, n] "\n"
        }
        for (; w <= wants[key]; w++) out = out "route append " want[key, w] "\n"
        if (!wants[key]) surplus = surplus out
        else if (straight[key]) first = first out
        else second = second out
      }
      for (i = 1; i <= passed && ip == "iproute2"; i++) {
        if (passing[i] in there) continue
        split(passing[i] " nexthop ", half, " nexthop ")
        hops = substr(passing[i], length(half[1]) + 1)
        second = second "route append " half[1] (left[i] == "-" ? "" : " expires " left[i]) hops "\n"
      }
      printf "%s%s%s", first, second, surplus
    }' "$1/interfaces" "$1/.routes6" "$2/.routes6" "$1/routes$plan_version" "$2/routes$plan_version"
}
