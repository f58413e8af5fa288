# shellcheck shell=sh disable=SC2154
# Neighbours that somebody wrote down: DIR/neighbours has permanent ones, and the addresses that are answered for others.
# Those that were learned, by the kernel or by a daemon, are learned again. BusyBox ip reads permanent ones only, and cannot
# write any.

take_neighbours() {
  snap_neighbours "$1"
  shape_neighbours "$1"
}

shape_neighbours() {
  told "$1" neighbours ip || return 0
  shape_proxies=$1/.raw.proxies
  [ -e "$shape_proxies" ] || shape_proxies=/dev/null
  awk '/^[0-9]+:[ \t]|^id |^# | extern_learn/ { next }
    {
      text = $1
      is_proxy = 0
      for (i = 2; i <= NF; i++) {
        if ($i == "dev" || $i == "lladdr" || $i == "proto" || $i == "vrf") text = text " " $i " " $(i + 1)
        if ($i == "router") text = text " router"
        if ($i == "proxy") is_proxy = 1
        if ($i ~ /^(dev|lladdr|proto|vrf|used|probes)$/) i++
      }
      print (is_proxy ? "proxy " text : text)
    }' "$told" "$shape_proxies" | sort >"$1/neighbours" || spoilt "$1/neighbours"
}

put_neighbours() {
  [ ! -e "$1/neighbours" ] || settle "$1" neighbours -o
}

plan_neighbours() { # WANTED NOW
  awk '
    function key_of(   i, key) {
      key = $1 == "proxy" ? "proxy " $2 : $1
      for (i = 2; i < NF; i++) if ($i == "dev") return key " dev " $(i + 1)
      return key
    }
    FILENAME == ARGV[1] { wanted[$0]; keys[key_of()]; order[++count] = $0; next }
    FILENAME == ARGV[2] { known[$1]; next }
    {
      now[$0]
      key = key_of()
      link = key
      sub(/.* /, "", link)
      if (!(key in keys) && link in known) print "neigh del " key
    }
    END {
      for (i = 1; i <= count; i++)
        if (!(order[i] in now)) print "neigh replace " order[i] (order[i] ~ /^proxy / ? "" : " nud permanent")
    }' "$1/neighbours" "$1/interfaces" "$2/neighbours"
}
