# shellcheck shell=sh
# Tables of nft that are nobody else's: DIR/nft has lines `FAMILY TABLE KIND NAME: TEXT`; DIR/.nft has besides the
# elements that come and go by themselves. Left out are counters, tables that belong to a running process, and those of
# iptables-nft and its like, which nft cannot load: it says so, or they have one of its names and look all like its own;
# those tools are asked first. A table that differs is replaced in one transaction; elements that come and go stay.

# How nft's listing becomes lines; said is what it warned of.
# shellcheck disable=SC2016 # it is awk
NFT_LINES='
  function is_xtables(key) {
    if (key in warned) return 1
    if (index(left, " " family "/" name " ") || !index(took, " " family " ")) return 0
    return name ~ /^(filter|nat|mangle|raw|security|broute)$/ && !odd
  }
  function keep(head, content) { lines[++kept] = family " " name " " head ":" (content == "" ? "" : " " content) }
  # Elements are separated by commas, which their comments may hold as well.
  function elements(rest,   count, i, parts, part) {
    sub(/^elements = [{] /, "", rest)
    sub(/ [}]$/, "", rest)
    sub(/,$/, "", rest)
    count = split(rest, parts, ", ")
    for (i = 1; i <= count; i++) {
      part = part parts[i]
      bare = part
      if (gsub(/"/, "", bare) % 2) { part = part ", "; continue }
      bare = part
      sub(/ comment ".*/, "", bare)
      volatile = expires || bare ~ / (timeout|expires) /
      if (volatile) passing[++passed] = family " " name " " set ": " part
      else keep(block, "element " part)
      part = ""
    }
  }
  $0 == "# whole" { next }
  FILENAME == said { if (/managed by iptables-nft/) warned[$4 " " $5]; next }
  /^table / {
    family = $2
    name = $3
    block = ""
    kept = passed = owned = odd = 0
    keep("table", "")
    next
  }
  /^[}]/ {
    if (!owned && !is_xtables(family " " name)) {
      for (i = 1; i <= kept; i++) print lines[i]
      for (i = 1; i <= passed; i++) print passing[i] >all
    }
    next
  }
  /^\t[}]/ { block = ""; inside = 0; next }
  /^\t[^\t].* [{]$/ {
    block = $0
    sub(/^\t/, "", block)
    sub(/ [{]$/, "", block)
    set = $2
    expires = inside = 0
    if ($1 != "chain") odd = 1
    keep(block, "")
    next
  }
  {
    content = $0
    sub(/^[\t ]+/, "", content)
    if (content == "") next
    if (block == "") {
      if (content ~ /^flags .*owner/) owned = 1
      keep("table", content)
      next
    }
    if (content ~ / ?xt (match|target) "/) warned[family " " name]
    if (block ~ /^chain /) {
      if (content ~ /^type [a-z]+ hook /) {
        if (set !~ /^(INPUT|OUTPUT|FORWARD|PREROUTING|POSTROUTING|BROUTING)$/) odd = 1
      } else if (content !~ /(^| )counter( |$)/) odd = 1
    }
    if (content ~ /^flags .*dynamic/ || content ~ /^timeout /) expires = 1
    if (content ~ /^elements = [{]/) inside = 1
    if (inside) {
      inside = content !~ / [}]$/
      elements(content)
    } else keep(block, content)
  }'

take_nft() {
  snap_nft "$1"
  shape_nft "$1"
}

shape_nft() {
  [ -e "$1/.raw.nft" ] || return 0
  : >"$1/.nft"
  if ! awk -v said="$1/.raw.nft-said" -v all="$1/.nft" -v took=" ${xtables_took:-} " -v left=" ${xtables_left:-} " \
      "$NFT_LINES" "$1/.raw.nft-said" "$1/.raw.nft" >"$1/.lines" ||
    ! sort -s -k 1,2 "$1/.lines" >"$1/nft"; then
    spoilt "$1/nft"
    return
  fi
  rm -f "$1/.lines"
}

put_nft() {
  [ -e "$1/nft" ] || return 0
  [ -d "$1/now" ] || mkdir "$1/now"
  take_nft "$1/now"
  [ -e "$1/now/nft" ] || : >"$1/now/nft"
  if ! same "$1/nft" "$1/now/nft"; then
    awk '{ key = $1 " " $2 }
      FILENAME == ARGV[1] { wanted[key, ++count[key]] = $0; next }
      wanted[key, ++seen[key]] != $0 { differs[key] }
      END {
        for (key in count) if (count[key] != seen[key]) differs[key]
        for (key in differs) print key, key in count ? "there" : "gone"
      }' "$1/nft" "$1/now/nft" >"$1/now/tables"
    while read -r nft_family nft_table nft_state; do
      if [ "$nft_state" = gone ]; then
        try nft delete table "$nft_family" "$nft_table"
      else
        replace_table "$1" "$nft_family" "$nft_table"
      fi
    done <"$1/now/tables"
  fi
  rm -rf "$1/now"
}

replace_table() { # DIR FAMILY TABLE
  nft_table_text "$1/nft" "$2" "$3" >"$1/now/table"
  passing_elements "$1" "$2" "$3" >"$1/now/elements"
  if [ -s "$1/now/elements" ] && cat "$1/now/table" "$1/now/elements" | nft -f - 2>/dev/null; then return 0; fi
  try nft -f "$1/now/table"
}

nft_table_text() { # FILE FAMILY TABLE
  awk -v family="$2" -v name="$3" 'function close_block() {
      if (filled) print "}"
      if (block != "" && block != "table") print "}"
      filled = block = ""
    }
    BEGIN { print "table " family " " name "\ndelete table " family " " name "\ntable " family " " name " {" }
    $1 != family || $2 != name { next }
    {
      at = index($0, ":")
      skip = length(family " " name) + 2
      head = substr($0, skip, at - skip)
      line = substr($0, at + 2)
      if (head != block) {
        close_block()
        block = head
        if (block != "table") print block " {"
      }
      if (block !~ /^chain / && line ~ /^element /) {
        print (filled ? "" : "elements = { ") substr(line, 9) ","
        filled = 1
      }
      else if (line != "") print line
    }
    END { close_block(); print "}" }' "$1"
}

# passing_elements DIR FAMILY TABLE: of sets that are there now those of now, of others those of then.
passing_elements() {
  awk -v family="$2" -v name="$3" '$1 != family || $2 != name { next }
    FILENAME == ARGV[1] {
      if ($3 == "set" || $3 == "map") { sub(/:$/, "", $4); if (!($4 in files)) files[$4] = ARGV[3] }
      next
    }
    FILENAME == ARGV[2] {
      if ($3 == "set" || $3 == "map") { sub(/:$/, "", $4); if ($4 in files) files[$4] = ARGV[4] }
      next
    }
    {
      set = substr($3, 1, length($3) - 1)
      if (files[set] != FILENAME) next
      print "add element " family " " name " " set " { " substr($0, index($0, ": ") + 2) " }"
    }' "$1/nft" "$1/now/nft" "$1/.nft" "$1/now/.nft"
}
