# shellcheck shell=sh
# The commands of the program. DIR is the transaction's folder.

# tidy DIR: of transactions that were undone the last few stay, to be asked about.
tidy() {
  tidy_count=0
  for tidy_dir in "$GUARD"/*/; do
    [ -e "$tidy_dir/number" ] || tidy_count=$((tidy_count + 1))
  done
  [ "$tidy_count" -gt 4 ] || return 0
  tidy_count=0
  # shellcheck disable=SC2012 # names are hexadecimal numbers
  ls -1dt "$GUARD"/*/ 2>/dev/null | while IFS= read -r tidy_dir; do
    tidy_dir=${tidy_dir%/}
    [ "$tidy_dir" != "$1" ] && [ ! -e "$tidy_dir/number" ] || continue
    tidy_count=$((tidy_count + 1))
    [ "$tidy_count" -le 3 ] || rm -rf "$tidy_dir"
  done
}

# extend DIR SECONDS: from now on.
extend() {
  [ -e "$1/armed" ] || {
    tell_end "$1"
    exit 76
  }
  set_deadline "$1" "$2"
  note "$1" "extended to $2 s"
  echo armed
}

# undo_now DIR REASON: by a process that outlives the session, for the way here may be cut meanwhile.
undo_now() {
  if mv "$1/armed" "$1/undoing" 2>/dev/null; then
    rm -f "$1/reserve"
    echo "$2" >"$1/reason" || :
  fi
  if [ -e "$1/undoing" ]; then
    undo_tries=0
    until [ -e "$1/undone" ] || [ "$undo_tries" -ge 600 ]; do
      # Whoever dies over it is succeeded.
      [ $((undo_tries % 20)) != 0 ] || lives "$1/undo" || detach sh "$1/program" resume "$1"
      undo_tries=$((undo_tries + 1))
      sleep 0.05 2>/dev/null || sleep 1
    done
  fi
  tell_end "$1"
}

main() {
  main_command=$1
  shift
  case $main_command in
    arm) arm "$@" ;;
    more) more "$@" ;;
    confirm) confirm "$@" ;;
    watch) watch "$@" ;;
    boot) boot "$@" ;;
    resume) undo "$1" '' ;;
    undo) undo_now "$@" ;;
    repair) repair "$@" ;;
    extend) extend "$@" ;;
    end) tell_end "$@" ;;
    current) tell_current ;;
    revert) revert "$@" ;;
    *) refuse "unknown command $main_command" ;;
  esac
}
