# shellcheck shell=sh disable=SC2154
# Tables of iptables and ip6tables, in both backends, for a host may use both at once: DIR/iptables-legacy,
# iptables-nft, ip6tables-legacy, ip6tables-nft. A line is `TABLE LINE`, as iptables-save prints it, without counters.
# A table that lets everything pass and holds no rule is left out: it is as if it were not there.
# A table that differs is put back whole, in one commit. What conntrack knows is neither kept nor touched: connections
# live on, also those that NAT has entered.

take_iptables() {
  snap_iptables "$1"
  shape_iptables "$1"
}

shape_iptables() {
  for iptables_tool in iptables ip6tables; do
    for iptables_backend in legacy nft; do
      shape_xtables "$1" $iptables_tool $iptables_backend || return 1
    done
  done
}

put_iptables() {
  [ -d "$1/now" ] || mkdir "$1/now"
  if [ -n "${ipset_blocked:-}" ]; then
    take_iptables "$1/now"
    release_sets "$1/now"
    put_ipset "$1" released
    [ -d "$1/now" ] || mkdir "$1/now"
  fi
  take_iptables "$1/now"
  for iptables_tool in iptables ip6tables; do
    for iptables_backend in legacy nft; do
      put_xtables "$1" "$1/now" $iptables_tool $iptables_backend
    done
  done
  rm -rf "$1/now"
  drop_sets
}

# What nft calls the family of a tool.
family_of() {
  case $1 in
    iptables) xtables_family=ip ;;
    ip6tables) xtables_family=ip6 ;;
    arptables) xtables_family=arp ;;
    *) xtables_family=bridge ;;
  esac
}

# What nft has to know: families whose tables a tool of iptables-nft has read, and `FAMILY/TABLE` words of those among
# them that it did not understand, which are nft's own.
xtables_took='' xtables_left=''

took() { # FAMILY FILE
  case " $xtables_took " in *" $1 "*) ;; *) xtables_took="$xtables_took $1" ;; esac
  is_not_left "$1/*"
  [ -s "$2" ] || return 0
  while read -r left_table; do xtables_left="$xtables_left $1/$left_table"; done <"$2"
  rm -f "$2"
}

is_not_left() { # PATTERN
  left_before=$xtables_left xtables_left=
  for left_table in $left_before; do
    # shellcheck disable=SC2254 # a pattern
    case $left_table in $1) ;; *) xtables_left="$xtables_left $left_table" ;; esac
  done
}

shape_xtables() { # DIR TOOL BACKEND
  [ -e "$1/.raw.$2-$3" ] || return 0
  read_xtables "$1/.left" <"$1/.raw.$2-$3" >"$1/$2-$3" || spoilt "$1/$2-$3" || return 1
  [ "$3" != nft ] || {
    family_of "$2"
    took $xtables_family "$1/.left"
  }
}

# read_xtables LEFT: file for the names of tables that are nft's. Exits 9 where the text is not whole.
read_xtables() {
  awk -v left="$1" '
    function end_table() {
      if (table != "" && !(table in foreign) && worth) kept[table] = count
      count = worth = 0
    }
    function keep(line) { text[table, ++count] = line }
    BEGIN {
      split("INPUT OUTPUT FORWARD PREROUTING POSTROUTING BROUTING", names, " ")
      for (i in names) builtin[names[i]]
    }
    # A comment may span lines, which the format cannot say.
    open { $0 = rule " " $0 }
    open || /^-A / {
      rule = $0
      bare = $0
      gsub(/\\./, "", bare)
      open = gsub(/"/, "", bare) % 2
      if (open) next
      keep($0)
      worth = 1
      next
    }
    function leave(name) {
      if (!(name in foreign)) print name >left
      foreign[name]
    }
    /^# Table .*incompatible/ {
      split($3, quoted, "[`\047]")
      leave(quoted[2])
      next
    }
    $0 == "# whole" { whole = 1; next }
    /^\*/ { end_table(); table = substr($0, 2); next }
    /^:/ {
      chain = substr($1, 2)
      keep($1 " " $2)
      # A chain of nft that is not bound to where its name says.
      if (chains[table, chain]++) leave(table)
      if (!(chain in builtin) || $2 != "ACCEPT") worth = 1
    }
    END {
      if (!whole) exit 9
      end_table()
      tables = split("broute filter mangle nat raw rawpost security", order, " ")
      for (i = 1; i <= tables; i++) {
        for (j = 1; j <= kept[order[i]]; j++) print order[i] " " text[order[i], j]
      }
    }'
}

# put_xtables WANTED NOW TOOL BACKEND: folders.
put_xtables() {
  [ -e "$1/$3-$4" ] || return 0
  [ -e "$2/$3-$4" ] || : >"$2/$3-$4"
  [ -s "$1/$3-$4" ] || [ -s "$2/$3-$4" ] || return 0
  ! same "$1/$3-$4" "$2/$3-$4" || return 0
  find_xtables "$3" "$4" || {
    try "$3-$4-restore"
    return 0
  }
  family_of "$3"
  for xtables_table in $(differing_tables "$1/$3-$4" "$2/$3-$4"); do
    # A table of nft can go, one of the old kind can only be empty.
    if [ "$4" = nft ] && ! grep -q "^$xtables_table " "$1/$3-$4" && have nft; then
      try nft delete table $xtables_family "$xtables_table"
      continue
    fi
    # One that nft has made in its place may have chains that cannot become these.
    case " $4 $xtables_left " in
      " nft "*" $xtables_family/$xtables_table "*) ! have nft || try nft delete table $xtables_family "$xtables_table" ;;
    esac
    table_text "$xtables_table" "$1/$3-$4" "$2/$3-$4" >"$2/.table"
    load_table "$xtables-restore" "$2/.table"
    [ "$4" != nft ] || is_not_left "$xtables_family/$xtables_table"
  done
}

differing_tables() { # WANTED NOW
  awk 'FILENAME == ARGV[1] { wanted[$1, ++count[$1]] = $0; next }
    wanted[$1, ++seen[$1]] != $0 { differs[$1] }
    END {
      for (table in count) if (count[table] != seen[table]) differs[table]
      for (table in differs) print table
    }' "$1" "$2"
}

table_text() { # TABLE WANTED NOW
  awk -v table="$1" 'BEGIN { print "*" table }
    $1 != table { next }
    FILENAME == ARGV[1] {
      print substr($0, length(table) + 2)
      wanted = 1
      next
    }
    !wanted && $2 ~ /^:[A-Z]+$/ && $3 != "-" { print $2 " ACCEPT" }
    END { print "COMMIT" }' "$2" "$3"
}

load_table() { # RESTORE FILE
  # Old ones cannot wait for the lock, and that of bridges has none.
  "$1" -w 5 <"$2" >/dev/null 2>&1 || try "$1" <"$2"
}

# release_sets NOW: for the moment in which sets of another kind take the places of those in $ipset_blocked, the rules
# that name them are not there.
release_sets() {
  [ -d "$1/less" ] || mkdir "$1/less"
  for release_file in "$1"/*tables-*; do
    awk -v names=" $ipset_blocked " '{
      for (i = 3; i < NF; i++) if ($i ~ /^--(match|add|del|map)-set$/ && index(names, " " $(i + 1) " ")) next
    } 1' "$release_file" >"$1/less/${release_file##*/}"
  done
  for iptables_tool in iptables ip6tables; do
    for iptables_backend in legacy nft; do
      put_xtables "$1/less" "$1" $iptables_tool $iptables_backend
    done
  done
}
