# shellcheck shell=sh disable=SC2030,SC2031
# The way back, whoever goes it: what is put back in which order, and how the host differs from what it was.

# restore DIR: puts all back that DIR/before keeps.
restore() {
  if is_this_boot "$1"; then
    stage "$1" shape_state
    stage "$1" stop_services
    stage "$1" put_files
    stage "$1" unlink_services
    put "$1"
    stage "$1" start_services
    put "$1"
  else
    # The kernel has forgotten; what is started at boot finds the old files.
    stage "$1" put_files
    stage "$1" unlink_services
  fi
}

# stage DIR FUNCTION: whatever goes wrong in it is noted, and the next one has its turn all the same.
stage() {
  if ! (
    set +eu
    failures=
    "$2" "$1/before" </dev/null
    [ -z "$failures" ] || printf '%s' "$failures" >>"$1/failures"
    true
  ); then
    echo "$2: ended early" >>"$1/failures" || :
  fi
}

# report DIR: `failed COMMAND: WHY` and `differs WHAT` lines; nothing where all is as it was.
report() {
  [ ! -e "$1/failures" ] || sort -u "$1/failures" | sed 's/^/failed /'
  rm -rf "$1/after"
  mkdir "$1/after"
  take_files "$1/after" "$1/before"
  compare_files "$1/before" "$1/after" | sed 's/^/differs /'
  is_this_boot "$1" || return 0
  take_services "$1/after" "$1/before"
  take "$1/after"
  for report_path in "$1/before"/* "$1/after"/*; do
    report_name=${report_path##*/}
    case $report_name in files | paths | links) continue ;; esac
    [ "$report_path" = "$1/before/$report_name" ] || [ ! -e "$1/before/$report_name" ] || continue
    report_was=/dev/null report_is=/dev/null
    [ ! -e "$1/before/$report_name" ] || report_was=$1/before/$report_name
    [ ! -e "$1/after/$report_name" ] || report_is=$1/after/$report_name
    missing "$report_was" "$report_is" | sed "s/^/differs $report_name: missing /"
    # A setting that was not there came with a module, and modules stay.
    [ "$report_name" = sysctl ] || missing "$report_is" "$report_was" | sed "s/^/differs $report_name: surplus /"
    same "$report_was" "$report_is" || [ "$(sort "$report_was" | cksum)" != "$(sort "$report_is" | cksum)" ] ||
      echo "differs $report_name: in another order"
  done
}
