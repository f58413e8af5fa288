# shellcheck shell=sh
# Going back: by whoever wins it from those who confirm, and whoever succeeds to it.

# The timer: it reads the deadline again each time it wakes.
watch() { # DIR
  trap '' HUP PIPE
  leave_cgroup
  look_at_start $$
  echo "$$ $start" >"$1/timer"
  exec >/dev/null
  while [ -e "$1/armed" ]; do
    read -r watch_until <"$1/deadline"
    look_at_clock
    watch_left=$((watch_until - now))
    [ "$watch_left" -gt 0 ] || break
    sleep "$((watch_left / 100)).$((watch_left / 10 % 10))$((watch_left % 10))" 2>/dev/null ||
      sleep $((watch_left / 100 + 1))
  done
  undo "$1" 'its time was up and nobody had confirmed it'
}

# leave_cgroup: what ends a session (elogind), or a service like sshd's (OpenRC), may end everything that was started in it. They
# look for it in these hierarchies; those that share out memory and time are left as they are.
leave_cgroup() {
  [ ! -d /run/systemd/system ] || return 0
  for leave_folder in /sys/fs/cgroup /sys/fs/cgroup/unified /sys/fs/cgroup/openrc /sys/fs/cgroup/elogind; do
    [ ! -w "$leave_folder/cgroup.procs" ] || echo $$ >"$leave_folder/cgroup.procs" || :
  done 2>/dev/null
}

# undo_now DIR REASON: by a process that outlives the session, for the way here may be cut meanwhile. Once it tells the end the
# next one may begin.
undo_now() {
  if mv "$1/armed" "$1/undoing" 2>/dev/null; then
    rm -f "$1/reserve"
    echo "$2" >"$1/reason" || :
  fi
  if [ -e "$1/undoing" ]; then
    undo_tries=0
    until { [ -e "$1/undone" ] && ! is_current "$1"; } || [ "$undo_tries" -ge 600 ]; do
      # Whoever dies over it is succeeded.
      [ $((undo_tries % 20)) != 0 ] || lives "$1/undo" || detach sh "$1/program" resume "$1"
      undo_tries=$((undo_tries + 1))
      sleep 0.05 2>/dev/null || sleep 1
    done
  fi
  tell_end "$1"
}

# repair DIR REASON: ends what somebody began. Prints how it ended.
repair() {
  if [ -e "$1/confirmed" ]; then
    [ -e "$1/number" ] || number_generation "$1"
    finish "$1"
    tell_end "$1"
  elif [ -e "$1/undone" ]; then
    undo "$1" ''
    tell_end "$1"
  else
    undo_now "$1" "$2"
  fi
}

# end_changes DIR: whoever is still changing things would do so behind the way back.
end_changes() {
  read -r busy_group busy_start 2>/dev/null <"$1/busy" || return 0
  look_at_start "$busy_group"
  [ -n "$busy_start" ] && [ "$busy_start" = "$start" ] || return 0
  find_group
  # Without setsid there is but one group.
  [ "$group" != "$busy_group" ] || return 0
  kill -KILL "-$busy_group" 2>/dev/null || :
}

# undo DIR REASON: by whoever wins it from those who confirm. Prints `undone` and the report.
undo() {
  if mv "$1/armed" "$1/undoing" 2>/dev/null; then
    rm -f "$1/reserve"
    echo "$2" >"$1/reason" || :
  fi
  if [ -e "$1/undoing" ] && lock_undo "$1" && [ -e "$1/undoing" ]; then
    go_back "$1"
  elif [ -e "$1/undone" ] && is_current "$1"; then
    end_undo "$1"
  fi
}

# Only one at a time goes back, and DIR/undo says who. Who died over it is succeeded by the next number: were a lock
# taken from the dead, two could take it, one of them from the living. Where nothing can be written nobody is asked.
lock_undo() {
  look_at_start $$
  echo "$$ $start" >"$1/undo.new.$$" || return 0
  lock_number=1
  until ln "$1/undo.new.$$" "$1/undo.$lock_number" 2>/dev/null; do
    [ -e "$1/undo.$lock_number" ] || break
    if lives "$1/undo.$lock_number"; then
      rm -f "$1/undo.new.$$"
      return 1
    fi
    lock_number=$((lock_number + 1))
  done
  mv "$1/undo.new.$$" "$1/undo" || :
}

go_back() {
  trap '' HUP PIPE
  rm -f "$1/failures"
  end_changes "$1" || :
  restore "$1"
  report "$1" >"$1/report" || :
  mv "$1/undoing" "$1/undone"
  end_undo "$1"
}

# end_undo DIR: tells of it, and makes room for the next. Whoever finds it half done does it again.
end_undo() {
  grep -qs " ${1##*/} rolled back " "$GUARD/journal" || note "$1" "rolled back ($(cat "$1/reason"))" || :
  tell_end "$1" >"$GUARD/news.new" && mv "$GUARD/news.new" "$GUARD/news" || :
  flush_disk "$1" || :
  finish "$1"
}
