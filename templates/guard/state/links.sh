# shellcheck shell=sh
# Links: DIR/interfaces has `NAME up|down mtu N ...` lines. A link that is new stays, one that is gone does not come back:
# the comparison tells of both. Who belongs to a bond, a bridge or a VRF goes back there. The length of a queue is nobody's
# way to the host, and a hardware address that follows from ports is no setting.
# Also here: how this part and the next five have things done by `ip`.

# Functions for awk: numbers that every `ip` knows by name.
# shellcheck disable=SC2034 # of other parts
ip_words='
function scope_word(n) { return n == "0" ? "global" : n == "200" ? "site" : n == "253" ? "link" : n == "254" ? "host" : n }
function proto_word(n) { return n == "2" ? "kernel" : n == "4" ? "static" : n == "9" ? "ra" : n == "16" ? "dhcp" : n }
function table_word(n) { return n == "253" ? "default" : n == "254" ? "main" : n == "255" ? "local" : n }
function type_word(n) {
  return n == "1" ? "unicast" : n == "2" ? "local" : n == "3" ? "broadcast" : n == "4" ? "anycast" : n == "5" ? "multicast" : \
    n == "6" ? "blackhole" : n == "7" ? "unreachable" : n == "8" ? "prohibit" : n == "9" ? "throw" : n
}
function is_type(n) { return n ~ /^(unicast|local|broadcast|anycast|multicast|blackhole|unreachable|prohibit|throw)$/ }'

# settle DIR KIND FAMILY: (-4, -6, -o for both) takes the state, plans the edits and makes them, again and again, for some can be made only
# when others have been, and some undo others. When the plan stays the same each edit is tried by itself, to hear why;
# unless there is $settle_later, then that it is left is all that is said.
settle_later=
settle() {
  look_at_ip
  [ -d "$1/now" ] || mkdir "$1/now"
  settle_round=0
  : >"$1/now/last"
  while :; do
    "take_${2%_*}" "$1/now" "$3"
    "plan_$2" "$1" "$1/now" "$3" "$settle_round" >"$1/now/plan"
    [ -s "$1/now/plan" ] || break
    if [ "$settle_round" -ge 6 ] || same "$1/now/plan" "$1/now/last"; then
      settle_left=yes
      [ -n "$settle_later" ] || edit_each try "$3" "$1/now/plan"
      break
    fi
    if [ "$ip_kind" = iproute2 ]; then
      ip "$3" -force -batch "$1/now/plan" >/dev/null 2>&1 || :
    else
      edit_each quietly "$3" "$1/now/plan"
    fi
    mv "$1/now/plan" "$1/now/last"
    settle_round=$((settle_round + 1))
  done
  rm -rf "$1/now"
}

edit_each() { # HOW FAMILY PLAN
  set -f
  while read -r edit_line; do
    # shellcheck disable=SC2086 # words
    "$1" ip "$2" $edit_line
  done <"$3"
  set +f
}

quietly() { "$@" >/dev/null 2>&1 || :; }

take_links() {
  snap_links "$1"
  shape_links "$1"
}

shape_links() {
  told "$1" links ip || return 0
  awk '!/^[0-9]+: [^ ]+ </ { next }
    {
      name = $2
      sub(/:$/, "", name)
      sub(/@.*/, "", name)
      flags = "," substr($3, 2, length($3) - 2) ","
      order[++count] = name
      text[name] = flags ~ /,UP,/ ? "up" : "down"
      for (i = 4; i < NF; i++) {
        if ($i == "mtu") text[name] = text[name] " mtu " $(i + 1)
        if ($i == "master") { text[name] = text[name] " master " $(i + 1); master[name] = 1; ports[$(i + 1)] = 1 }
        if ($i ~ /link\/(ether|\[1\])$/) address[name] = $(i + 1)
      }
      if (flags ~ /,NOARP,/) text[name] = text[name] " noarp"
      if (flags !~ /,MULTICAST,/) text[name] = text[name] " nomulticast"
      if (flags ~ /,PROMISC,/) text[name] = text[name] " promisc"
      if (flags ~ /,ALLMULTI,/) text[name] = text[name] " allmulticast"
    }
    END {
      for (i = 1; i <= count; i++) {
        name = order[i]
        print name, text[name] (address[name] == "" || master[name] || ports[name] ? "" : " address " address[name])
      }
    }' "$told" | sort >"$1/interfaces" || spoilt "$1/interfaces"
}

put_links() {
  [ ! -e "$1/interfaces" ] || settle "$1" links -o
}

plan_links() { # WANTED NOW FAMILY ROUND
  awk -v round="$4" '
    function read_line(side,   i) {
      for (i = 3; i <= NF; i++) {
        if ($i ~ /^(mtu|master|address)$/) { has[side, $1, $i] = $(i + 1); i++ }
        else has[side, $1, $i] = "on"
      }
      has[side, $1, "state"] = $2
    }
    function differs(name, what) { return has["w", name, what] "" != has["n", name, what] "" }
    function flag(name, what, word, reverse,   on) {
      if (!differs(name, what)) return
      on = (has["w", name, what] == "on") != reverse
      print "link set dev " name " " word " " (on ? "on" : "off")
    }
    FILENAME == ARGV[1] { order[++count] = $1; read_line("w"); next }
    { there[$1]; read_line("n") }
    END {
      for (c = 1; c <= count; c++) {
        name = order[c]
        if (!(name in there)) continue
        if (differs(name, "mtu")) print "link set dev " name " mtu " has["w", name, "mtu"]
        if (differs(name, "master")) {
          # A bond takes only what is down.
          if (round && has["n", name, "state"] == "up") {
            print "link set dev " name " down"
            has["n", name, "state"] = "down"
          }
          print "link set dev " name (has["w", name, "master"] == "" ? " nomaster" : " master " has["w", name, "master"])
        }
        if (has["w", name, "address"] != "" && differs(name, "address")) print "link set dev " name " address " has["w", name, "address"]
        flag(name, "noarp", "arp", 1)
        flag(name, "nomulticast", "multicast", 1)
        flag(name, "promisc", "promisc", 0)
        flag(name, "allmulticast", "allmulticast", 0)
      }
      for (c = 1; c <= count; c++)
        if (order[c] in there && differs(order[c], "state") && has["w", order[c], "state"] == "up") print "link set dev " order[c] " up"
      for (c = 1; c <= count; c++)
        if (order[c] in there && differs(order[c], "state") && has["w", order[c], "state"] == "down") print "link set dev " order[c] " down"
    }' "$1/interfaces" "$2/interfaces"
}
