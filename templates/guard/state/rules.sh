# shellcheck shell=sh disable=SC2154
# Rules: DIR/rules4 and DIR/rules6 have `PREFERENCE: ...` lines in the order in which the kernel asks them, also among those
# of the same preference. No packet finds a rule missing that is there before and after: what comes goes in first, what
# goes leaves last, and where rules of the same preference have to be put in order, copies at a free preference just before stand in
# for them. BusyBox ip does not say `not`, `goto`, `nop`, ports, users and protocols.

take_rules() { # DIR [FAMILIES]
  snap_rules "$@"
  shape_rules "$@"
}

shape_rules() { # DIR [FAMILIES]
  for rules_family in ${2:--4 -6}; do
    rules_name=rules${rules_family#-}
    told "$1" "$rules_name" "ip${rules_family#-}" || continue
    awk "$ip_words"'
      !/^[0-9]+:[ \t]/ { next }
      {
        text = $1
        for (i = 2; i <= NF; i++) {
          if ($i == "[detached]" || $i == "[unresolved]") continue
          if ($i == "lookup" && $(i + 1) == "[l3mdev-table]") { text = text " l3mdev"; i++; continue }
          # BusyBox says so of what is no table.
          if ($i == "lookup" && $(i + 1) == "unspec") { i++; continue }
          if ($i == "lookup") { text = text " lookup " table_word($(++i)); continue }
          if ($i == "proto" || $i == "protocol") { text = text " protocol " $(++i); continue }
          sub(/^ipproto-/, "", $i)
          if ($(i - 1) !~ /^(lookup|goto|iif|oif|from|to|suppress_ifgroup|suppress_prefixlength|realms|tun_id|fwmark|tos|dscp|ipproto|sport|dport|uidrange)$/) $i = type_word($i)
          text = text " " $i
        }
        print text
      }' "$told" >"$1/$rules_name" || spoilt "$1/$rules_name" || return 1
  done
}

put_rules() {
  for rules_put in 4 6; do
    [ ! -e "$1/rules$rules_put" ] || settle "$1" rules "-$rules_put"
  done
}

# The kernel deletes the first rule that fits, and fits means less than equal: the preference alone is what it is told.
plan_rules() { # WANTED NOW FAMILY
  [ -e "$2/rules${3#-}" ] || : >"$2/rules${3#-}"
  awk '
    function at(preference, text) { return "rule add priority " preference text "\n" }
    function drop(preference, times,   out) { while (times-- > 0) out = out "rule del priority " preference "\n"; return out }
    {
      preference = $1
      sub(/:$/, "", preference)
      text = substr($0, length($1) + 1)
      used[preference]
      if (!(preference in seen)) { seen[preference]; order[++count] = preference }
      if (FILENAME == ARGV[1]) want[preference, ++wants[preference]] = text
      else is[preference, ++have[preference]] = text
    }
    END {
      for (c = 1; c <= count; c++) {
        p = order[c]
        # How much of what is there is the beginning of what is wanted.
        for (k = 0; k < wants[p] && k < have[p] && want[p, k + 1] == is[p, k + 1]; k++);
        if (k == have[p]) {
          while (k < wants[p]) come = come at(p, want[p, ++k])
          continue
        }
        is_other = 1
        for (i = 1; i <= wants[p]; i++) for (j = 1; j <= have[p]; j++) if (want[p, i] == is[p, j]) is_other = 0
        if (is_other) {
          for (i = 1; i <= wants[p]; i++) come = come at(p, want[p, i])
          go = go drop(p, have[p])
          continue
        }
        for (free = p - 1; free in used && free > 0; free--);
        copies = free > 0 ? wants[p] : 0
        if (copies) used[free]
        for (i = 1; i <= copies; i++) come = come at(free, want[p, i])
        change = change drop(p, have[p])
        for (i = 1; i <= wants[p]; i++) change = change at(p, want[p, i])
        go = go drop(free, copies)
      }
      printf "%s%s%s", come, change, go
    }' "$1/rules${3#-}" "$2/rules${3#-}"
}
