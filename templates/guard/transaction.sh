# shellcheck shell=sh
# A transaction: a change that undoes itself unless somebody confirms it.
#
#                    ┌──── confirm ────► confirmed ──► finish
#   arm ──► armed ───┤ one rename decides
#                    └─ timer, failure, ─► undoing ──► undone
#                       boot
#
# GUARD/current       a hard link to the about file of the transaction under way: there is one at a time
# GUARD/ID/           ID is unguessable, and what confirms it
#   about             key=value: id owner playbook play started window
#   program           this program: nothing else is needed to go back
#   before/  after/   what was there, and what there was once it had been undone
#   deadline          hundredths of a second since boot; the timer reads it again whenever it wakes
#   boot_id           of the boot that the deadline counts from
#   armed | confirmed | undoing | undone    where it stands: one file, renamed
#   busy              the process group that changes things right now, and when its leader began
#   reserve           room on the disk for the way back
#   reason            why it went back
#   report            what went wrong on the way back, and how the host differs from what it was
STATE=/var/lib/fairlead
GUARD=$STATE/guard

# Sets $now: hundredths of a second since boot.
look_at_clock() {
  read -r now _ </proc/uptime
  now=${now%.*}${now#*.}
}

# Sets $boot.
look_at_boot() { read -r boot 2>/dev/null </proc/sys/kernel/random/boot_id || boot=unknown; }

# is_this_boot DIR: whether it has not been rebooted since.
is_this_boot() {
  look_at_boot
  read -r is_boot 2>/dev/null <"$1/boot_id" && [ "$is_boot" = "$boot" ]
}

# about FILE KEY: sets $about.
about() {
  while IFS= read -r about; do
    case $about in "$2="*) about=${about#*=} && return 0 ;; esac
  done <"$1"
  about=
}

# note DIR WORDS: for the journal. Sets $date.
note() {
  note_dir=$1
  shift
  date=$(date -u +%Y-%m-%dT%H:%M:%SZ)
  echo "$date ${note_dir##*/} $*" >>"$GUARD/journal"
  ! have logger || logger -t fairlead-guard "$*" 2>/dev/null || :
}

# What is on disk stays there when the power goes.
flush_disk() { sync -f "$1" 2>/dev/null || sync; }

# arm DIR WANTS PROBES: keeps what is there and starts the timer. Prints `armed`.
arm() {
  trap '[ "$?" = 0 ] || rm -rf "$arm_dir"' EXIT
  arm_dir=$1
  settle_earlier
  mkdir "$1/before" "$1/before/files"
  snap_state "$1/before"
  keep "$1" "$2"
  keep_probes "$1" "$3"
  look_at_boot
  echo "$boot" >"$1/boot_id"
  keep_room "$1"
  : >"$1/armed"
  about "$1/about" window
  arm_window=$about
  deadline_in "$arm_window" >"$1/deadline"
  # What runs here was read to its end. Another one has not been yet.
  [ "$0" = "$1/program" ] || sh -n "$1/program" || refuse 'the way back is not whole'
  install_boot_hook
  flush_disk "$1"
  if ! ln "$1/about" "$GUARD/current" 2>/dev/null; then
    tell_current >&2
    exit 75
  fi
  # From here on the timer needs what is kept, whether anybody still listens or not.
  trap - EXIT
  trap '' HUP PIPE
  [ ! -e "$GUARD/news" ] || rm -f "$GUARD/news"
  mark_busy "$1"
  start_timer "$1" || {
    rm -rf "$GUARD/current" "$1"
    refuse 'the timer cannot be started'
  }
  about "$1/about" owner
  arm_owner=$about
  about "$1/about" playbook
  note "$1" "armed by $arm_owner for $arm_window s: $about" || :
  tidy "$1" || :
  echo armed
}

# keep_room DIR: the disk may be full when it goes back, and what was snapped is written once more before that.
keep_room() {
  room=$(du -sk "$1/before")
  dd if=/dev/zero of="$1/reserve" bs=4096 count=$((${room%%[!0-9]*} / 2 + 32)) 2>/dev/null ||
    refuse 'No space left to go back'
}

# settle_earlier: what is left of a transaction that nobody looks after any more goes back first; then whoever wants to
# begin has to look at the host again (79).
settle_earlier() {
  [ -e "$GUARD/current" ] || return 0
  about "$GUARD/current" id
  earlier=$GUARD/$about
  if [ ! -e "$earlier/program" ]; then
    # Nobody can go back without it, nor wait for it.
    rm -f "$GUARD/current"
    return 0
  fi
  if is_stale "$earlier"; then
    repair "$earlier" 'its timer was gone and nobody had confirmed it'
    exit 79
  fi
  tell_current >&2
  exit 75
}

# is_stale DIR: the timer should have ended it, or the boot.
is_stale() {
  [ ! -e "$1/confirmed" ] || return 0
  is_this_boot "$1" || return 0
  read -r stale_until <"$1/deadline"
  look_at_clock
  [ $((now - stale_until)) -gt 500 ] || return 1
  # Whoever still works at it may.
  ! lives "$1/undo"
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

# keep DIR WANTS: `file PATH` or `service NAME` a line.
keep() {
  keep_wanted='' keep_asked=''
  while IFS= read -r keep_line; do
    case $keep_line in
      'file '*) keep_wanted=$keep_wanted${keep_line#file }$newline ;;
      'service '*) keep_asked=$keep_asked${keep_line#service }$newline ;;
    esac
  done <<END
$2
END
  keep_files "$1/before" <<END
$keep_wanted
END
  keep_services "$1/before" <<END
$keep_asked
END
}

# more DIR WANTS: the next program of the same transaction, which gets the whole window again.
more() {
  [ -e "$1/armed" ] || {
    tell_end "$1" >&2
    exit 76
  }
  mark_busy "$1"
  keep "$1" "$2"
  about "$1/about" window
  set_deadline "$1" "$about"
  flush_disk "$1"
  # Whoever went back since has either found who is busy, and ends it, or is seen here.
  [ -e "$1/armed" ] || {
    tell_end "$1" >&2
    exit 76
  }
  echo armed
}

# Until DIR/busy is removed by the program's last step, or by who knows that nothing runs there any more.
mark_busy() {
  find_group
  look_at_start "$group"
  echo "$group $start" >"$1/busy"
}

# Sets $group to that of this process.
find_group() {
  read -r group_stat <"/proc/$$/stat"
  # shellcheck disable=SC2086 # words
  set -- ${group_stat##*) }
  group=$3
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

set_deadline() { # DIR SECONDS
  deadline_in "$2" >"$1/deadline.new"
  mv "$1/deadline.new" "$1/deadline"
}

deadline_in() { # SECONDS
  look_at_clock
  echo $((now + $1 * 100))
}

# confirm DIR: prints `confirmed`, or what became of it instead. Asking twice does no harm.
confirm() {
  # The kernel has forgotten the change.
  if [ -e "$1/armed" ] && ! is_this_boot "$1"; then
    undo_now "$1" 'the host rebooted and nobody had confirmed it'
    exit 76
  fi
  confirm_probes=
  [ ! -e "$1/armed" ] || [ ! -s "$1/probes.worked" ] || confirm_probes=$(failed_probes "$1")
  if [ -n "$confirm_probes" ]; then
    echo 'state=armed'
    echo "$confirm_probes"
    exit 77
  fi
  if mv "$1/armed" "$1/confirmed" 2>/dev/null; then
    note "$1" confirmed
  elif [ ! -e "$1/confirmed" ]; then
    tell_end "$1"
    exit 76
  fi
  # It is confirmed, whether there is room for a generation or not.
  number_generation "$1" || :
  finish "$1"
  echo confirmed
}

# finish DIR: nothing is pending any more. Whoever finds it half done does it again.
finish() {
  release "$1"
  stop_timer "$1"
}

# release DIR
release() {
  ! is_current "$1" || rm -f "$GUARD/current"
}

is_current() {
  [ -e "$GUARD/current" ] || return 1
  about "$GUARD/current" id
  [ "$about" = "${1##*/}" ]
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

# lives FILE: whether the process that FILE names (`PID START`) is there.
lives() {
  read -r lives_pid lives_start 2>/dev/null <"$1" || return 1
  look_at_start "$lives_pid"
  [ -n "$lives_start" ] && [ "$lives_start" = "$start" ]
}

# look_at_start PID: sets $start to when the process began: ticks, and the boot that they count from. Empty where there is
# none, or only its remains.
look_at_start() {
  start=
  read -r start_stat 2>/dev/null <"/proc/$1/stat" || return 0
  look_at_boot
  # shellcheck disable=SC2086 # words
  set -- ${start_stat##*) }
  [ "$1" = Z ] || start=${20}@$boot
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

# tell_current: the transaction under way, for whoever comes second.
tell_current() {
  [ -e "$GUARD/current" ] || return 0
  echo 'state=busy'
  cat "$GUARD/current"
  about "$GUARD/current" id
  tell_dir=$GUARD/$about
  if is_this_boot "$tell_dir"; then
    read -r tell_until <"$tell_dir/deadline"
    look_at_clock
    echo "left=$(((tell_until - now) / 100))"
  else
    echo 'left=rebooted'
  fi
}

# tell_end DIR: how a transaction ended. Where it goes on meanwhile, it is asked about in the order in which it goes.
tell_end() {
  for end_state in armed confirmed undoing undone unknown; do
    [ ! -e "$1/$end_state" ] || break
  done
  echo "state=$end_state"
  [ "$end_state" != unknown ] || return 0
  cat "$1/about"
  [ ! -e "$1/reason" ] || sed 's/^/reason=/' "$1/reason"
  [ ! -e "$1/undone" ] || echo "at=$(date -u -r "$1/undone" +%Y-%m-%dT%H:%M:%SZ 2>/dev/null || :)"
  [ ! -e "$1/report" ] || cat "$1/report"
}
