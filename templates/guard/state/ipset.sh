# shellcheck shell=sh
# Sets of ipset: DIR/ipset has them by name, entries in order; DIR/.ipset as ipset wrote them. Counters, sizes of hashes
# and entries that expire are not compared. Entries that differ are added, then deleted; a set that differs otherwise
# is made beside and swapped in: nobody finds it empty. Entries that expire come back only with the set itself.
# Surplus sets that rules still name go after those rules: put_iptables calls drop_sets.

take_ipset() {
  snap_ipset "$1"
  shape_ipset "$1"
}

shape_ipset() {
  [ -e "$1/.raw.ipset" ] || return 0
  # Entries come in the order of their hashes; only in a set of sets the order means something.
  awk -v full="$1/.ipset" 'BEGIN { printf "" >full }
    $0 == "# whole" { next }
    { print >full }
    $1 == "create" {
      is_list[$2] = $3 == "list:set"
      sub(/ hashsize [0-9]+/, "")
      sub(/ initval 0x[0-9a-f]+/, "")
      print $2 "\t0\t" $0
      next
    }
    {
      at = index($0, " comment \"")
      head = at ? substr($0, 1, at - 1) : $0
      if (head ~ / timeout [1-9]/) next
      gsub(/ packets [0-9]+ bytes [0-9]+/, "", head)
      printf "%s\t%08d\t%s\n", $2, is_list[$2] ? NR : 1, head (at ? substr($0, at) : "")
    }' "$1/.raw.ipset" | sort | cut -f 3- >"$1/ipset" || spoilt "$1/ipset"
}

# put_ipset DIR [released]: the rules that name $ipset_blocked are gone.
put_ipset() {
  ipset_released=${2:-no} ipset_failures=$failures
  ipset_surplus='' ipset_blocked=''
  [ -e "$1/ipset" ] || return 0
  [ -d "$1/now" ] || mkdir "$1/now"
  # What was taken out of a set of sets to be replaced comes back the second time.
  ipset_round=0
  while [ "$ipset_round" -lt 2 ]; do
    ipset_round=$((ipset_round + 1)) ipset_surplus='' ipset_blocked='' failures=$ipset_failures
    take_ipset "$1/now"
    [ -e "$1/now/ipset" ] || : >"$1/now/ipset"
    ! same "$1/ipset" "$1/now/ipset" || break
    plan_sets "$1/ipset" "$1/now/ipset" >"$1/now/plan"
    while read -r ipset_deed ipset_name; do
      case $ipset_deed in
        make) load_set "$1" "$ipset_name" "$ipset_name" ;;
        edit) edit_set "$1" "$ipset_name" ;;
        swap) swap_set "$1" "$ipset_name" ;;
        drop) ipset destroy "$ipset_name" 2>/dev/null || ipset_surplus="$ipset_surplus $ipset_name" ;;
      esac
    done <"$1/now/plan"
  done
  # It is tried once more, without the rules that are in the way.
  [ -z "$ipset_blocked" ] || [ "$ipset_released" != no ] || failures=$ipset_failures
  rm -rf "$1/now"
}

# drop_sets: those that could not go before, for rules named them.
drop_sets() {
  for drop_name in ${ipset_surplus:-}; do try destroy_set "$drop_name"; done
  ipset_surplus=
}

# destroy_set NAME: the kernel lets go of the sets of a rule some time after the rule.
destroy_set() {
  destroy_tries=0
  until destroy_said=$(ipset destroy "$1" 2>&1); do
    destroy_tries=$((destroy_tries + 1))
    case $destroy_said in *'in use'*) [ "$destroy_tries" -le 20 ] || break ;; *) break ;; esac
    sleep 0.05 2>/dev/null || sleep 1
  done
  [ -z "$destroy_said" ] || { echo "$destroy_said" >&2; return 1; }
}

# plan_sets WANTED NOW: `make|edit|swap|drop NAME` lines, sets of sets when what is in them is there.
plan_sets() {
  awk '{ file = FILENAME == ARGV[1] ? "wanted" : "now" }
    $1 == "create" {
      head[file, $2] = $0
      if (file == "wanted" || !($2 in type)) type[$2] = $3
      next
    }
    { body[file, $2] = body[file, $2] $0 "\n" }
    function deed(name) {
      if (!(("wanted", name) in head)) return "drop"
      if (!(("now", name) in head)) return "make"
      if (head["wanted", name] == head["now", name]) {
        if (body["wanted", name] == body["now", name]) return ""
        # In a set of sets the order means something.
        if (type[name] != "list:set") return "edit"
      }
      return "swap"
    }
    END {
      for (name in type) {
        what = deed(name)
        if (what != "") list[what == "drop", type[name] == "list:set"] = list[what == "drop", type[name] == "list:set"] what " " name "\n"
      }
      printf "%s%s%s%s", list[0, 0], list[0, 1], list[1, 1], list[1, 0]
    }' "$1" "$2"
}

load_set() { # DIR NAME AS
  awk -v name="$2" -v as="$3" '$2 == name { print $1 " " as substr($0, length($1 " " $2) + 1) }' "$1/.ipset" >"$1/now/set"
  try ipset -exist restore <"$1/now/set"
}

edit_set() { # DIR NAME
  awk -v name="$2" '$2 != name { next }
    FILENAME == ARGV[1] { if ($1 == "add") was[$3] = $0; next }
    $1 != "add" { next }
    { wanted[$3] }
    was[$3] != $0 { print }
    END { for (entry in was) if (was[entry] != "" && !(entry in wanted)) print "del " name " " entry }' \
    "$1/now/ipset" "$1/ipset" >"$1/now/edits"
  ipset -exist restore <"$1/now/edits" >/dev/null 2>&1 || swap_set "$1" "$2"
}

swap_set() { # DIR NAME
  ipset destroy fairlead-guard 2>/dev/null || :
  load_set "$1" "$2" fairlead-guard
  if ipset swap fairlead-guard "$2" 2>/dev/null; then
    try ipset destroy fairlead-guard
    return 0
  fi
  # A set of another kind has to go first, and whatever names it before that.
  awk -v name="$2" '$1 == "add" && $3 == name { print $2 }' "$1/now/ipset" >"$1/now/lists"
  if ! ipset destroy "$2" 2>/dev/null; then
    while read -r swap_list; do try ipset del "$swap_list" "$2"; done <"$1/now/lists"
    if [ "$ipset_released" = no ]; then swap_destroy='ipset destroy'; else swap_destroy=destroy_set; fi
    $swap_destroy "$2" 2>/dev/null || {
      ipset_blocked="$ipset_blocked $2"
      try ipset destroy fairlead-guard
      return 0
    }
  fi
  try ipset rename fairlead-guard "$2"
}
