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
  [ ! -S /dev/log ] || ! have logger || logger -t fairlead-guard "$*" 2>/dev/null || :
}

# What is on disk stays there when the power goes.
flush_disk() { sync -f "$@" 2>/dev/null || sync; }

# arm DIR WANTS PROBES: keeps what is there and starts the timer, which has read the way back to its end when it says that
# it lives. Prints `armed`.
arm() {
  trap '[ "$?" = 0 ] || rm -rf "$arm_dir"' EXIT
  arm_dir=$1
  settle_earlier
  [ -d "$1/before/files" ] || mkdir -p "$1/before/files"
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
    refuse 'the timer cannot be started, or the way back is not whole'
  }
  about "$1/about" owner
  arm_owner=$about
  about "$1/about" playbook
  note "$1" "armed by $arm_owner for $arm_window s: $about" || :
  tidy "$1" || :
  echo armed
}

# keep_room DIR: the disk may be full when it goes back, and what was snapped is written once more before that, and again
# to be compared.
keep_room() {
  room_dir=$1
  room_folders=
  set -- "$1/program" "$1/program"
  for room_path in "$room_dir"/before/.raw.* "$room_dir"/before/files/*; do
    [ ! -h "$room_path" ] || continue
    [ ! -f "$room_path" ] || set -- "$@" "$room_path" "$room_path"
    [ ! -d "$room_path" ] || room_folders=yes
  done
  if [ -z "$room_folders" ]; then
    cat "$@" 2>/dev/null >"$room_dir/reserve" || refuse 'No space left to go back'
    return 0
  fi
  room=$(du -sk "$room_dir/before")
  dd if=/dev/zero of="$room_dir/reserve" bs=4096 count=$((${room%%[!0-9]*} / 2 + 32)) 2>/dev/null ||
    refuse 'No space left to go back'
}

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
    sh "$arm_dir/program" repair "$earlier" 'its timer was gone and nobody had confirmed it'
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

# Until DIR/busy is emptied by the program's last step, or by who knows that nothing runs there any more.
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
    sh "$1/program" undo "$1" 'the host rebooted and nobody had confirmed it'
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
  # What somebody has been told stays so when the power goes.
  flush_disk "$1" /etc || :
  echo confirmed
}

# finish DIR: nothing is pending any more. What is confirmed needs nothing to go back with, and generations that are too old
# go. Whoever finds it half done does it again.
finish() {
  finish_dir=$1
  set --
  if [ -e "$finish_dir/confirmed" ]; then
    for finish_path in "$finish_dir/reserve" "$finish_dir/after" "$finish_dir/revert"; do
      [ ! -e "$finish_path" ] || set -- "$@" "$finish_path"
    done
    find_newest
    for finish_path in "$GUARD"/*/; do
      finish_path=${finish_path%/}
      read -r finish_number 2>/dev/null <"$finish_path/number" || continue
      [ "$finish_number" -gt $((newest - KEEP_GENERATIONS)) ] || set -- "$@" "$finish_path"
    done
  fi
  ! is_current "$finish_dir" || set -- "$@" "$GUARD/current"
  [ $# = 0 ] || rm -rf "$@"
  stop_timer "$finish_dir"
}

is_current() {
  [ -e "$GUARD/current" ] || return 1
  about "$GUARD/current" id
  [ "$about" = "${1##*/}" ]
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

# usual COMMAND WORDS: most of what is asked needs nothing that stands behind this in the program, and does not read it.
usual() {
  case $1 in
    arm | more | confirm) "$@" ;;
    *) return 0 ;;
  esac
  exit
}
