# shellcheck shell=sh disable=SC2154
# Addresses: DIR/addresses has `LINK ADDRESS ...` lines, those of a link in the order that decides which one is first choice;
# DIR/.addresses has their lifetimes too. An address of DHCP comes back with what it had left. IPv6 addresses with
# a lifetime come and go by themselves: one that is missing comes back, they are not compared; temporary ones are the
# kernel's. What comes back is not probed for duplicates first: it was ours. Links that are new keep theirs.
# BusyBox ip knows no metric, no flags but these: the rest comes back without.

take_addresses() {
  snap_addresses "$1"
  shape_addresses "$1"
}

shape_addresses() {
  told "$1" addresses ip || return 0
  awk -v full="$1/.addresses" "$ip_words"'
    !/^[0-9]+: [^ ]+ +inet/ { next }
    {
      at = index($0, "\\")
      lifetimes = substr($0, at + 1)
      $0 = substr($0, 1, at - 1)
      link = $2
      text = $4
      version = $3 == "inet" ? 4 : 6
      if (version == 4) { label = $NF; NF-- }
      passing = temporary = 0
      state = "-"
      for (i = 5; i <= NF; i++) {
        if ($i ~ /^(secondary|nodad)$/) continue
        if ($i ~ /^(tentative|dadfailed|optimistic)$/) { state = "tentative"; continue }
        if ($i == "proto" || $i == "flags") { i++; continue }
        if ($i == "temporary") temporary = 1
        if ($i == "dynamic" && version == 6) passing = 1
        if ($i == "scope") { text = text " scope " scope_word($(++i)); continue }
        text = text " " $i
      }
      if (version == 4 && label != link) text = text " label " label
      if (temporary) next
      split(lifetimes, life)
      valid = life[2]
      preferred = life[4]
      sub(/sec$/, "", valid)
      sub(/sec$/, "", preferred)
      if (!(link in lines)) links[++count] = link
      lines[link] = lines[link] version " " (passing ? "passing" : "stays") " " state " " valid " " preferred " " link " " text "\n"
      if (!passing) shown[link] = shown[link] link " " text "\n"
    }
    END {
      for (i = 2; i <= count; i++)
        for (j = i; j > 1 && links[j] < links[j - 1]; j--) { swap = links[j]; links[j] = links[j - 1]; links[j - 1] = swap }
      printf "" >full
      for (i = 1; i <= count; i++) {
        printf "%s", lines[links[i]] >full
        printf "%s", shown[links[i]]
      }
    }' "$told" >"$1/addresses" || spoilt "$1/addresses"
}

put_addresses() {
  [ ! -e "$1/addresses" ] || settle "$1" addresses -o
}

# Addresses of IPv4 are added at the end of the list, those of IPv6 at its beginning: there everything is done backwards.
# What stays is the longest beginning of the wanted list that is there in this order.
plan_addresses() { # WANTED NOW FAMILY ROUND
  awk -v round="$4" -v ip="$ip_kind" '
    function text_of(   i, text) { text = $0; for (i = 1; i <= 6; i++) sub(/^[^ ]* /, "", text); return text }
    function key_of(text,   word) { split(text, word, " "); return word[2] == "peer" ? word[1] " peer " word[3] : word[1] }
    function add(verb, id, text, valid, preferred,   out) {
      split(id, part, SUBSEP)
      out = " " text " "
      while (sub(/ (deprecated|dynamic|stable-privacy) /, " ", out));
      if (valid != "" && (valid != "forever" || preferred != "forever")) out = out "valid_lft " valid " preferred_lft " preferred " "
      if (part[2] == 6 && ip == "iproute2") out = out "nodad "
      return "addr " verb out "dev " part[1]
    }
    function drop(id, text) {
      split(id, part, SUBSEP)
      return "addr del " key_of(text) " dev " part[1]
    }
    FILENAME == ARGV[1] { known[$1]; next }
    FILENAME == ARGV[2] {
      id = $6 SUBSEP $1
      if (!(id in seen)) { seen[id]; ids[++total] = id }
      text = text_of()
      wanted_key[id, key_of(text)] = $2
      if (text ~ /^fe80:/) had_local[id]
      if ($2 == "passing") { passing[id, ++passed[id]] = text; passing_life[id, passed[id]] = $4 " " $5; next }
      want[id, ++wants[id]] = text
      want_life[id, wants[id]] = $4 " " $5
      next
    }
    {
      id = $6 SUBSEP $1
      text = text_of()
      now_key[id, key_of(text)]
      if (!($6 in known)) next
      if (!(id in seen)) { seen[id]; ids[++total] = id }
      if ($2 == "passing" && wanted_key[id, key_of(text)] != "stays") next
      # The kernel makes one when the link finds its other end.
      if (text ~ /^fe80:/ && !(id in had_local)) next
      is[id, ++have[id]] = text
      state[id, have[id]] = $3
    }
    END {
      for (t = 1; t <= total; t++) {
        id = ids[t]
        backwards = substr(id, length(id)) == 6
        w = backwards ? wants[id] : 1
        step = backwards ? -1 : 1
        for (n = 1; n <= have[id]; n++) {
          at = backwards ? have[id] + 1 - n : n
          now = is[id, at]
          wanted = w >= 1 && w <= wants[id] ? want[id, w] : ""
          if (wanted != "" && state[id, at] != "tentative" && (now == wanted || round < 2 && key_of(now) == key_of(wanted))) {
            split(want_life[id, w], life, " ")
            if (now != wanted) print add("replace", id, wanted, life[1], life[2])
            w += step
          } else print drop(id, now)
        }
        for (; w >= 1 && w <= wants[id]; w += step) {
          split(want_life[id, w], life, " ")
          print add("add", id, want[id, w], life[1], life[2])
        }
        for (p = passed[id]; p >= 1; p--) {
          if ((id, key_of(passing[id, p])) in now_key) continue
          split(passing_life[id, p], life, " ")
          print add("add", id, passing[id, p], life[1], life[2])
        }
      }
    }' "$1/interfaces" "$1/.addresses" "$2/.addresses"
}
