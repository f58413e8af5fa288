# shellcheck shell=sh
# Services that the run has touched, on the way back: DIR/services is keep.sh's.

control() { # NAME start|stop|restart|reload
  case $manager in
    systemd) try systemctl "$2" "$1" ;;
    openrc) try rc-service "$1" "$2" ;;
    *) try "/etc/init.d/$1" "$2" ;;
  esac
}

# stop_services DIR: those that were not there before, while they can still say how.
stop_services() {
  [ -e "$1/services" ] || return 0
  find_manager
  while read -r stop_name stop_kind _; do
    [ "$stop_kind" = absent ] && is_service "$stop_name" || continue
    control "$stop_name" stop </dev/null
  done <"$1/services"
}

# unlink_services DIR: what makes them start at boot and did not before.
unlink_services() {
  [ -e "$1/services" ] || return 0
  [ -e "$1/links" ] || : >"$1/links"
  while read -r unlink_name _; do
    service_links "$unlink_name"
    printf %s "$links" | while IFS= read -r unlink_path; do
      grep -Fqx "$unlink_path" "$1/links" || rm -f "$unlink_path"
    done
  done <"$1/services"
  [ ! -d /run/systemd/system ] || try systemctl daemon-reload
}

# start_services DIR: what ran runs again, with the files that it had; what did not is stopped.
start_services() {
  [ -e "$1/services" ] || return 0
  find_manager
  while read -r start_name start_kind start_state; do
    [ "$start_kind" = exists ] || continue
    if [ "$start_state" = stopped ]; then
      ! is_running "$start_name" || control "$start_name" stop
      continue
    fi
    # A script of ours drops no flow when it is reloaded.
    case $start_name in
      fairlead-*) control "$start_name" reload ;;
      *) control "$start_name" restart ;;
    esac </dev/null
  done <"$1/services"
}

# take_services DIR FROM
take_services() {
  [ -e "$2/services" ] || return 0
  find_manager
  while read -r take_name _; do
    take_state='absent stopped'
    ! is_service "$take_name" || take_state='exists stopped'
    ! is_running "$take_name" || take_state='exists running'
    echo "$take_name $take_state"
  done <"$2/services" >"$1/services"
}
