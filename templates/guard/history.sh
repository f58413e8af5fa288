# shellcheck shell=sh
# How a host was after an earlier generation (generation.sh), and the way back there.

# generation N: sets $generation to its folder.
generation() {
  for generation in "$GUARD"/*/; do
    generation=${generation%/}
    read -r generation_number 2>/dev/null <"$generation/number" || continue
    [ "$generation_number" != "$1" ] || return 0
  done
  return 1
}

# check_number N: there is a way to how it was after generation N; 0 is before the first.
check_number() {
  find_newest
  [ "$newest" -gt 0 ] || refuse 'there is no generation'
  [ "$1" -le "$newest" ] || refuse "there is no generation $1: the newest is $newest"
  [ "$1" -ge $((newest - KEEP_GENERATIONS)) ] ||
    refuse "generation $1 is too long ago: the earliest to go back to is $((newest - KEEP_GENERATIONS))"
}

# collect DIR N: how it was after generation N, as if one transaction had kept it: of what several have touched, the
# oldest copy, and the kernel's state as the first one found it.
collect() {
  mkdir -p "$1/files"
  : >"$1/paths"
  find_newest
  collect_dir=$1
  collect_at=$2
  collect_services=
  collect_has_kernel=
  set --
  while [ "$collect_at" -lt "$newest" ]; do
    collect_at=$((collect_at + 1))
    generation "$collect_at" || continue
    [ -n "$collect_has_kernel" ] || collect_kernel "$generation/before" "$collect_dir"
    collect_has_kernel=yes
    [ ! -e "$generation/before/paths" ] || set -- "$@" "$generation/before/paths"
    [ ! -e "$generation/before/services" ] || collect_services="$collect_services $generation/before"
  done
  collect_count=0
  [ $# = 0 ] || awk '
    { path = $0; sub(/^[^ ]* [^ ]* /, "", path) }
    !seen[path]++ { from = FILENAME; sub(/paths$/, "files", from); print from, $0 }' "$@" |
    while read -r collect_from collect_kind collect_word collect_path; do
      if [ "$collect_kind" = kept ]; then
        cp -a "$collect_from/$collect_word" "$collect_dir/files/$collect_count"
        collect_word=$collect_count
        collect_count=$((collect_count + 1))
      fi
      echo "$collect_kind $collect_word $collect_path"
    done >"$collect_dir/paths"
  [ -z "$collect_services" ] || collect_services "$collect_dir" "$collect_services"
}

collect_kernel() { # FROM DIR
  collect_from=$1 collect_to=$2
  set --
  for collect_path in "$collect_from"/* "$collect_from"/.[!.]*; do
    case ${collect_path##*/} in files | paths | services | links) continue ;; esac
    [ ! -e "$collect_path" ] || set -- "$@" "$collect_path"
  done
  [ $# = 0 ] || cp -a "$@" "$collect_to/"
}

# collect_services DIR FOLDERS: each as the first one found it, with the links that it had then.
collect_services() {
  collect_dir=$1
  # shellcheck disable=SC2086 # words
  set -- $2
  for collect_from; do
    collect_links=$collect_from/links
    [ -e "$collect_links" ] || collect_links=/dev/null
    [ -e "$collect_dir/services" ] || : >"$collect_dir/services"
    [ -e "$collect_dir/links" ] || : >"$collect_dir/links"
    awk -v known="$collect_dir/services" -v links="$collect_dir/links" '
      BEGIN { while ((getline line < known) > 0) { split(line, word, " "); old[word[1]] = 1 } }
      FILENAME ~ /services$/ { if (!($1 in old)) { own[$1] = 1; print >>known } next }
      {
        base = $0
        sub(/.*\//, "", base)
        start = base
        sub(/^[SK][0-9][0-9]/, "", start)
        for (name in own) if (base == name || start == name || index(base, name ".") == 1) { print >>links; break }
      }' "$collect_from/services" "$collect_links"
  done
}

# revert DIR N NEWEST: to how it was after generation N, within the transaction DIR, if nobody has confirmed another one
# since it was NEWEST. Prints what failed, and what differs from how it was.
revert() {
  check_number "$2"
  [ "$newest" = "$3" ] || refuse "generation $newest has come meanwhile"
  mkdir "$1/revert"
  collect "$1/revert/before" "$2"
  look_at_boot
  echo "$boot" >"$1/revert/boot_id"
  restore "$1/revert"
  report "$1/revert"
  echo reverted
}
