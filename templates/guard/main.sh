# shellcheck shell=sh
# The commands of the program. DIR is the transaction's folder.

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

# boot DIR: what was confirmed stays.
boot() {
  if [ -e "$1/armed" ] || [ -e "$1/undoing" ]; then
    undo "$1" 'the host rebooted and nobody had confirmed it'
  else
    [ ! -e "$1/confirmed" ] || number_generation "$1" || :
    ! is_current "$1" || rm -f "$GUARD/current"
  fi
}

main() {
  main_command=$1
  shift
  case $main_command in
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
