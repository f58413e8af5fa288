# shellcheck shell=sh disable=SC2034,SC2154
# Generations: transactions that were confirmed, numbered in that order. Each has what was there before it, so what was
# there after it is what the next one found, and after the last one what there is now. GUARD/ID of one has besides:
#   number
#   confirmed   when
#   sums        checksums of what it left in the files that it touched
KEEP_GENERATIONS=10

# Sets $newest; 0: there is none.
find_newest() {
  newest=0
  for newest_dir in "$GUARD"/*/; do
    read -r newest_number 2>/dev/null <"${newest_dir}number" || continue
    [ "$newest_number" -le "$newest" ] || newest=$newest_number
  done
}

# number_generation DIR: once is enough. What is needed no more makes room for it.
number_generation() {
  [ ! -s "$1/number" ] || return 0
  [ ! -f "$1/reserve" ] || : >"$1/reserve"
  find_newest
  [ -n "${date:-}" ] || date=$(date -u +%Y-%m-%dT%H:%M:%SZ)
  echo "$date" >"$1/confirmed"
  sum_files "$1" >"$1/sums" 2>/dev/null || :
  echo $((newest + 1)) >"$1/number"
}

# sum_files DIR: `SUM  PATH` of the files there now at the paths that DIR keeps. Notes of boot scripts change by themselves.
sum_files() {
  [ -e "$1/before/paths" ] && have sha256sum || return 0
  sum_paths=$1/before/paths
  set --
  while read -r _ _ sum_path; do
    case $sum_path in "$STATE"/*) continue ;; esac
    [ ! -f "$sum_path" ] || set -- "$@" "$sum_path"
  done <"$sum_paths"
  [ $# = 0 ] || sha256sum "$@"
}
