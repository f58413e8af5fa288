# shellcheck shell=sh
# Services that the run is about to touch: DIR/services has a line `NAME exists|absent running|stopped` for each. What
# starts them at boot are links, which are kept as files.

find_manager() {
  if [ -d /run/systemd/system ]; then manager=systemd
  elif [ -d /run/openrc ]; then manager=openrc
  else manager=sysv; fi
}

# service_links NAME: sets $links to what makes it start at boot, and what says how; as they are now.
service_links() {
  links=
  for links_path in /etc/rc?.d/[SK][0-9][0-9]"$1" /etc/runlevels/*/"$1" \
    /etc/systemd/system/*.wants/"$1".* /etc/systemd/system/*.requires/"$1".* \
    /etc/systemd/system/"$1".* /etc/init.d/"$1"; do
    [ ! -e "$links_path" ] && [ ! -h "$links_path" ] || links=$links$links_path$newline
  done
}

is_running() {
  case $manager in
    systemd) systemctl -q is-active "$1" ;;
    openrc) rc-service "$1" status ;;
    *) "/etc/init.d/$1" status ;;
  esac </dev/null >/dev/null 2>&1
}

is_service() {
  case $manager in
    systemd) systemctl cat "$1" >/dev/null 2>&1 || [ -x "/etc/init.d/$1" ] ;;
    *) [ -x "/etc/init.d/$1" ] ;;
  esac
}

# keep_services DIR: reads one name a line.
keep_services() {
  find_manager
  [ -e "$1/services" ] || : >"$1/services"
  while IFS= read -r keep_name; do
    keep_name=${keep_name%.service}
    case $keep_name in '' | *[!A-Za-z0-9@_.:-]*) continue ;; esac
    ! knows_service "$1" "$keep_name" || continue
    keep_state='absent stopped'
    ! is_service "$keep_name" || keep_state='exists stopped'
    ! is_running "$keep_name" || keep_state='exists running'
    echo "$keep_name $keep_state" >>"$1/services"
    service_links "$keep_name"
    [ -n "$links" ] || continue
    printf %s "$links" >>"$1/links"
    keep_files "$1" <<END
$links
END
  done
}

knows_service() { # DIR NAME
  while read -r knows_name _; do
    [ "$knows_name" != "$2" ] || return 0
  done <"$1/services"
  return 1
}

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
