# shellcheck shell=sh
# Files, folders and links that were kept (keep.sh), on their way back, and compared with what is there.

put_files() {
  [ -e "$1/paths" ] || return 0
  while read -r put_kind put_word put_path; do
    case $put_kind in
      kept) put_kept "$1/files/$put_word" "$put_path" ;;
      absent) [ ! -e "$put_path" ] && [ ! -h "$put_path" ] || try rm -rf "$put_path" ;;
      empty)
        [ ! -e "$put_path" ] && [ ! -h "$put_path" ] || try rm -rf "$put_path"
        put_path=${put_path%/*}
        while [ "$put_path" != "$put_word" ] && [ "${put_path:-/}" != / ]; do
          rmdir "$put_path" 2>/dev/null || break
          put_path=${put_path%/*}
        done
        ;;
    esac
  done <"$1/paths"
}

# put_kept COPY PATH: whoever reads the file meanwhile finds the old or the new one, whole.
put_kept() {
  if [ -d "$1" ] && [ ! -h "$1" ]; then
    put_folder "$1" "$2"
    return 0
  fi
  ! is_same_file "$1" "$2" || return 0
  [ -h "$2" ] || [ ! -d "$2" ] || try rm -rf "$2"
  [ -d "${2%/*}/" ] || try mkdir -p "${2%/*}"
  try cp -a "$1" "$2.fairlead-guard"
  try mv -f "$2.fairlead-guard" "$2"
}

put_folder() {
  [ ! -h "$2" ] && { [ -d "$2" ] || [ ! -e "$2" ]; } || try rm -rf "$2"
  if [ -d "$2" ]; then
    put_surplus=$(cd "$2" && find . ! -name . | while IFS= read -r put_name; do
      [ -e "$1/$put_name" ] || [ -h "$1/$put_name" ] || echo "$put_name"
    done)
    while IFS= read -r put_name; do
      [ -z "$put_name" ] || rm -rf "${2:?}/$put_name"
    done <<END
$put_surplus
END
  else
    try mkdir -p "$2"
  fi
  try cp -a "$1/." "$2/"
}

is_same_file() {
  { [ -h "$1" ] || [ -h "$2" ]; } && {
    [ -h "$1" ] && [ -h "$2" ] && [ "$(readlink "$1")" = "$(readlink "$2")" ]
    return
  }
  [ -f "$1" ] && [ -f "$2" ] && cmp -s "$1" "$2" && [ "$(describe "$1")" = "$(describe "$2")" ]
}

# Mode, owner, group.
describe() {
  describe_line=$(ls -dln "$1") || return 0
  # shellcheck disable=SC2086 # words
  set -- $describe_line
  echo "$1 $3 $4"
}

# take_files DIR FROM: what now is at the paths that FROM/paths names, to be compared with FROM.
take_files() {
  [ -e "$2/paths" ] || return 0
  while read -r _ _ take_path; do
    echo "$take_path"
  done <"$2/paths" | keep_files "$1"
}

# compare_files A B: differences between what was kept in A and in B, one a line. Notes of boot scripts are their own.
compare_files() {
  [ -e "$1/paths" ] || return 0
  while read -r compare_kind compare_word compare_path <&3 && read -r compare_now compare_place _ <&4; do
    case $compare_path in "$STATE"/*) continue ;; esac
    if [ "$compare_kind" != kept ]; then
      [ "$compare_now" != kept ] || echo "$compare_path: is still there"
    elif [ "$compare_now" != kept ]; then
      echo "$compare_path: is gone"
    elif [ -d "$1/files/$compare_word" ] && [ ! -h "$1/files/$compare_word" ]; then
      diff -r "$1/files/$compare_word" "$2/files/$compare_place" >/dev/null 2>&1 || echo "$compare_path: differs"
    else
      is_same_file "$1/files/$compare_word" "$2/files/$compare_place" || echo "$compare_path: differs"
    fi
  done 3<"$1/paths" 4<"$2/paths"
}
