# shellcheck shell=sh
# The timer: a process that belongs to no session, counts the time since boot, which nobody can set, and goes back when
# the deadline has passed. It reads the deadline again each time it wakes: it may have been moved.

start_timer() { # DIR
  [ ! -e "$1/timer" ] || rm -f "$1/timer"
  if [ -d /run/systemd/system ] && have systemd-run; then
    # A unit of its own: what ends the session's cgroup does not end it, and systemd starts it again when it is killed.
    systemd-run --quiet --collect --unit="fairlead-guard-${1##*/}" -p Restart=on-failure -p RestartSec=1 -p KillMode=process \
      /bin/sh "$1/program" watch "$1" >/dev/null 2>&1 || return 1
  else
    # It closes its output when it is there.
    : "$(start_apart sh "$1/program" watch "$1" 2>/dev/null)"
  fi
  start_tries=0
  until [ -s "$1/timer" ]; do
    start_tries=$((start_tries + 1))
    [ "$start_tries" -le 50 ] || return 1
    sleep 0.05 2>/dev/null || sleep 1
  done
}

# detach COMMAND...: in a session of its own, deaf to hangups.
detach() {
  (start_apart "$@") </dev/null >/dev/null 2>&1
}

start_apart() {
  trap '' HUP
  cd /
  if have setsid; then setsid "$@" </dev/null & else "$@" </dev/null & fi
}

# stop_timer DIR: unless it is the timer that asks.
stop_timer() {
  read -r stop_pid stop_start 2>/dev/null <"$1/timer" || return 0
  look_at_start "$stop_pid"
  [ "$stop_pid" != $$ ] && [ -n "$stop_start" ] && [ "$stop_start" = "$start" ] || return 0
  # What sleeps on its behalf ends with it.
  kill -TERM "-$stop_pid" 2>/dev/null || kill -TERM "$stop_pid" 2>/dev/null || :
}
