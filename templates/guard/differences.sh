# shellcheck shell=sh
# How the states after two generations differ. For each kind of the kernel's state and each file that differs:
#   kernel NAME                 or  differs PATH
#   from=WHAT  to=WHAT          absent, folder, link TARGET, file MODE OWNER GROUP
#   hidden=private              not everybody on the host may read it; or binary, or large
#   <LINE …  >LINE …            the one and the other
# From the newest generation to now: `partial=yes`, and `changed PATH` for a file that is not what it left.

# Bytes. What is longer is not shown.
SHOWN_LIMIT=262144

# compare_generations FROM TO: a number, or now.
compare_generations() {
  find_newest
  differ_from=$1
  [ "$differ_from" != now ] || differ_from=$((newest + 1))
  differ_to=$2
  [ "$differ_to" != now ] || differ_to=$((newest + 1))
  case "$newest $1 $2" in '0 0 now' | '0 now 0') return 0 ;; esac
  [ "$1" = now ] || check_number "$1"
  [ "$2" = now ] || check_number "$2"
  differ_low=$differ_from differ_high=$differ_to differ_sides='low high'
  [ "$differ_from" -le "$differ_to" ] || differ_low=$differ_to differ_high=$differ_from differ_sides='high low'
  if [ "$differ_low" -ge "$newest" ]; then
    [ "$differ_low" = "$differ_high" ] || print_changed
    return 0
  fi
  differ_dir=$STATE/look.$$
  trap 'rm -rf "$differ_dir"' EXIT
  mkdir "$differ_dir"
  collect "$differ_dir/low" "$differ_low"
  collect "$differ_dir/high" "$differ_high"
  # What nobody has touched since is as it was then.
  sed 's/^[a-z]* [^ ]* //' "$differ_dir/low/paths" | keep_files "$differ_dir/high"
  shape_state "$differ_dir/low"
  if [ "$differ_high" -lt "$newest" ]; then shape_state "$differ_dir/high"; else take "$differ_dir/high"; fi
  [ -z "$failures" ] || refuse "${failures%"$newline"}"
  # shellcheck disable=SC2086 # words
  set -- $differ_sides
  compare_kernel "$differ_dir/$1" "$differ_dir/$2"
  compare_paths "$differ_dir/$1" "$differ_dir/$2"
}

# Of the newest generation only sums are kept.
print_changed() {
  echo 'partial=yes'
  generation "$newest" && [ -s "$generation/sums" ] || return 0
  sum_files "$generation" >"$generation/sums.now" 2>/dev/null || :
  missing "$generation/sums" "$generation/sums.now" | sed 's/^[^ ]*  /changed /'
  rm -f "$generation/sums.now"
}

compare_kernel() {
  for kernel_path in "$1"/* "$2"/*; do
    kernel_name=${kernel_path##*/}
    case $kernel_name in files | paths | services | links) continue ;; esac
    [ "$kernel_path" = "$1/$kernel_name" ] || [ ! -e "$1/$kernel_name" ] || continue
    kernel_from=$1/$kernel_name kernel_to=$2/$kernel_name
    [ -e "$kernel_from" ] || kernel_from=/dev/null
    [ -e "$kernel_to" ] || kernel_to=/dev/null
    same "$kernel_from" "$kernel_to" && continue
    echo "kernel $kernel_name"
    print_sides "$kernel_from" "$kernel_to"
  done
}

print_sides() {
  [ ! -f "$1" ] || sed 's/^/</' "$1"
  [ ! -f "$2" ] || sed 's/^/>/' "$2"
}

compare_paths() {
  awk '
    {
      path = $0
      sub(/^[^ ]* [^ ]* /, "", path)
      copy = $1 == "kept" ? $2 : "-"
    }
    FILENAME == ARGV[1] { from[path] = copy; next }
    path in from && (from[path] != "-" || copy != "-") { print from[path], copy, path }' "$1/paths" "$2/paths" |
    while read -r paths_from paths_to paths_path; do
      compare_copies "$1/files/$paths_from" "$2/files/$paths_to" "$paths_path"
    done
}

# compare_copies FROM TO PATH: of folders what is in them.
compare_copies() {
  if is_folder "$1" && is_folder "$2"; then
    { (cd "$1" && find . ! -name .) && (cd "$2" && find . ! -name .); } | sed 's/^\.//' | sort -u |
      while IFS= read -r copies_name; do
        if is_folder "$1$copies_name" && is_folder "$2$copies_name"; then continue; fi
        compare_entry "$1" "$2" "$3" "$copies_name"
      done
  else
    compare_entry "$1" "$2" "$3" ''
  fi
}

is_folder() { [ -d "$1" ] && [ ! -h "$1" ]; }

compare_entry() { # FROM TO PATH BELOW
  ! is_same_file "$1$4" "$2$4" || return 0
  echo "differs $3$4"
  echo "from=$(kind_of "$1$4")"
  echo "to=$(kind_of "$2$4")"
  if is_content "$1$4" || is_content "$2$4"; then
    if ! is_open "$1" "$4" || ! is_open "$2" "$4" || ! is_open '' "$3$4"; then echo 'hidden=private'
    elif ! is_text "$1$4" || ! is_text "$2$4"; then echo 'hidden=binary'
    elif ! is_short "$1$4" || ! is_short "$2$4"; then echo 'hidden=large'
    else
      ! is_content "$1$4" || sed 's/^/</' "$1$4"
      ! is_content "$2$4" || sed 's/^/>/' "$2$4"
    fi
  fi
}

kind_of() {
  if [ -h "$1" ]; then echo "link $(readlink "$1")"
  elif [ -d "$1" ]; then echo 'folder'
  elif [ -e "$1" ]; then echo "file $(describe "$1")"
  else echo 'absent'; fi
}

is_content() { [ -f "$1" ] && [ ! -h "$1" ]; }

# is_open ROOT BELOW: everybody on the host may read it, and everything above it up to ROOT lets them in. What is not
# there hides nothing.
is_open() {
  open_root=$1
  open_below=$2
  if is_content "$open_root$open_below"; then
    case $(ls -dln "$open_root$open_below") in ???????r*) ;; *) return 1 ;; esac
  fi
  set --
  while [ -n "$open_below" ]; do
    open_below=${open_below%/*}
    [ ! -d "$open_root$open_below/" ] || set -- "$@" "$open_root$open_below/"
  done
  # The sticky bit stands in the same place. Whatever a name holds, it comes later in the line.
  # shellcheck disable=SC2010
  [ $# = 0 ] || ! ls -dln "$@" | grep -qv '^.........[xt]'
}

# shellcheck disable=SC2094 # it is only read
is_text() { ! is_content "$1" || tr -d '\000' <"$1" | same - "$1"; }

is_short() { ! is_content "$1" || [ "$(wc -c <"$1")" -le "$SHOWN_LIMIT" ]; }
