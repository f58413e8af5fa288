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
#   reason            why it went back
#   report            what went wrong on the way back, and how the host differs from what it was
STATE=/var/lib/fairlead
GUARD=$STATE/guard

# refuse LINE: nothing was changed, and why.
refuse() {
  echo "$*" >&2
  exit 1
}

# Sets $now: hundredths of a second since boot.
look_at_clock() {
  read -r now _ </proc/uptime
  now=${now%.*}${now#*.}
}

boot_id() { cat /proc/sys/kernel/random/boot_id 2>/dev/null || echo unknown; }

# about DIR KEY
about() { sed -n "s/^$2=//p" "$1/about"; }

# note DIR WORDS: for the journal.
note() {
  note_dir=$1
  shift
  echo "$(date -u +%Y-%m-%dT%H:%M:%SZ) ${note_dir##*/} $*" >>"$GUARD/journal"
  ! have logger || logger -t fairlead-guard "$*" 2>/dev/null || :
}

# What is on disk stays there when the power goes.
flush_disk() { sync -f "$1" 2>/dev/null || sync; }

# Kinds of state in the order in which they can be put back: what is named by others comes first.
KINDS='links sysctl addresses neighbours routes rules ipset iptables arptables nft ipvs'

# take DIR: the kernel's state.
take() {
  for take_kind in $KINDS; do "take_$take_kind" "$1"; done
}

# arm DIR WANTS PROBES: keeps what is there and starts the timer. Prints `armed`.
arm() {
  trap '[ "$?" = 0 ] || rm -rf "$arm_dir"' EXIT
  arm_dir=$1
  settle_earlier
  mkdir "$1/before"
  take "$1/before"
  keep "$1" "$2"
  keep_probes "$1" "$3"
  boot_id >"$1/boot_id"
  : >"$1/armed"
  set_deadline "$1" "$(about "$1" window)"
  sh -n "$1/program" || refuse 'the way back is not whole'
  install_boot_hook
  flush_disk "$1"
  if ! ln "$1/about" "$GUARD/current" 2>/dev/null; then
    tell_current >&2
    exit 75
  fi
  rm -f "$GUARD/news"
  mark_busy "$1"
  start_timer "$1" || {
    rm -f "$GUARD/current"
    refuse 'the timer cannot be started'
  }
  note "$1" "armed by $(about "$1" owner) for $(about "$1" window) s: $(about "$1" playbook)"
  tidy "$1"
  echo armed
}

# settle_earlier: what is left of a transaction that nobody looks after any more goes back first; then whoever wants to
# begin has to look at the host again (79).
settle_earlier() {
  [ -e "$GUARD/current" ] || return 0
  earlier=$GUARD/$(sed -n 's/^id=//p' "$GUARD/current")
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
  [ "$(boot_id)" = "$(cat "$1/boot_id" 2>/dev/null)" ] || return 0
  read -r stale_until <"$1/deadline"
  look_at_clock
  [ $((now - stale_until)) -gt 500 ] || return 1
  # Whoever still works at it may.
  read -r stale_pid stale_start 2>/dev/null <"$1/undo" || return 0
  [ "$stale_start" != "$(start_time "$stale_pid")" ]
}

# repair DIR REASON: ends what somebody began. Prints how it ended.
repair() {
  if [ -e "$1/confirmed" ]; then
    [ -e "$1/number" ] || number_generation "$1"
    finish "$1"
    tell_end "$1"
  else
    undo_now "$1" "$2"
  fi
}

# keep DIR WANTS: `file PATH` or `service NAME` a line.
keep() {
  printf '%s\n' "$2" | sed -n 's/^file //p' | keep_files "$1/before"
  printf '%s\n' "$2" | sed -n 's/^service //p' | keep_services "$1/before"
}

# more DIR WANTS: the next program of the same transaction, which gets the whole window again.
more() {
  [ -e "$1/armed" ] || {
    tell_end "$1" >&2
    exit 76
  }
  keep "$1" "$2"
  mark_busy "$1"
  set_deadline "$1" "$(about "$1" window)"
  flush_disk "$1"
  echo armed
}

# Until DIR/busy is removed by the program's last step, or by who knows that nothing runs there any more.
mark_busy() {
  read -r busy_stat <"/proc/$$/stat"
  # shellcheck disable=SC2086 # words
  set -- "$1" ${busy_stat##*) }
  echo "$4 $(start_time "$4")" >"$1/busy"
}

# end_changes DIR: whoever is still changing things would do so behind the way back.
end_changes() {
  read -r busy_group busy_start 2>/dev/null <"$1/busy" || return 0
  [ -n "$busy_start" ] && [ "$busy_start" = "$(start_time "$busy_group")" ] || return 0
  kill -KILL "-$busy_group" 2>/dev/null || :
}

set_deadline() { # DIR SECONDS
  look_at_clock
  echo $((now + $2 * 100)) >"$1/deadline.new"
  mv "$1/deadline.new" "$1/deadline"
}

# confirm DIR: prints `confirmed`, or what became of it instead. Asking twice does no harm.
confirm() {
  confirm_probes=
  [ ! -e "$1/armed" ] || confirm_probes=$(failed_probes "$1")
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
  ! cmp -s "$GUARD/current" "$1/about" || rm -f "$GUARD/current"
}

# undo DIR REASON: by whoever wins it from those who confirm. Prints `undone` and the report.
undo() {
  if mv "$1/armed" "$1/undoing" 2>/dev/null; then
    echo "$2" >"$1/reason"
  elif [ ! -e "$1/undoing" ]; then
    return 0
  fi
  lock_undo "$1" || return 0
  go_back "$1"
}

# Only one at a time goes back; who died over it is succeeded.
lock_undo() {
  echo "$$ $(start_time $$)" >"$1/undo.$$"
  until ln "$1/undo.$$" "$1/undo" 2>/dev/null; do
    read -r lock_pid lock_start <"$1/undo" 2>/dev/null || continue
    if [ "$lock_start" = "$(start_time "$lock_pid")" ]; then
      rm -f "$1/undo.$$"
      return 1
    fi
    mv "$1/undo" "$1/undo.$$.stale" 2>/dev/null || :
    rm -f "$1/undo.$$.stale"
  done
  rm -f "$1/undo.$$"
}

# When the process began, in ticks since boot; empty where there is none, or only its remains.
start_time() {
  read -r start_stat 2>/dev/null <"/proc/$1/stat" || return 0
  # shellcheck disable=SC2086 # words
  set -- ${start_stat##*) }
  [ "$1" = Z ] || echo "${20}"
}

go_back() {
  trap '' HUP PIPE
  rm -f "$1/failures"
  end_changes "$1" || :
  restore "$1"
  report "$1" >"$1/report" || :
  note "$1" "rolled back ($(cat "$1/reason"))" || :
  mv "$1/undoing" "$1/undone"
  tell_end "$1" >"$GUARD/news.new" && mv "$GUARD/news.new" "$GUARD/news" || :
  flush_disk "$1" || :
  finish "$1"
}

# restore DIR: puts all back that DIR/before keeps.
restore() {
  if [ "$(boot_id)" = "$(cat "$1/boot_id")" ]; then
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

# put DIR: the kernel's state.
put() {
  for put_kind in $KINDS; do stage "$1" "put_$put_kind"; done
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
    echo "$2: ended early" >>"$1/failures"
  fi
}

# report DIR: `failed COMMAND: WHY` and `differs WHAT` lines; nothing where all is as it was.
report() {
  [ ! -e "$1/failures" ] || sort -u "$1/failures" | sed 's/^/failed /'
  rm -rf "$1/after"
  mkdir "$1/after"
  take_files "$1/after" "$1/before"
  compare_files "$1/before" "$1/after" | sed 's/^/differs /'
  [ "$(boot_id)" = "$(cat "$1/boot_id")" ] || return 0
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
    missing "$report_is" "$report_was" | sed "s/^/differs $report_name: surplus /"
    same "$report_was" "$report_is" || [ "$(sort "$report_was" | cksum)" != "$(sort "$report_is" | cksum)" ] ||
      echo "differs $report_name: in another order"
  done
}

# tell_current: the transaction under way, for whoever comes second.
tell_current() {
  [ -e "$GUARD/current" ] || return 0
  echo 'state=busy'
  cat "$GUARD/current"
  tell_dir=$GUARD/$(sed -n 's/^id=//p' "$GUARD/current")
  if [ "$(boot_id)" = "$(cat "$tell_dir/boot_id" 2>/dev/null)" ]; then
    read -r tell_until <"$tell_dir/deadline"
    look_at_clock
    echo "left=$(((tell_until - now) / 100))"
  else
    echo 'left=rebooted'
  fi
}

# tell_end DIR: how a transaction ended.
tell_end() {
  if [ -e "$1/undone" ]; then echo 'state=undone'
  elif [ -e "$1/undoing" ]; then echo 'state=undoing'
  elif [ -e "$1/confirmed" ]; then echo 'state=confirmed'
  elif [ -e "$1/armed" ]; then echo 'state=armed'
  else
    echo 'state=unknown'
    return 0
  fi
  cat "$1/about"
  [ ! -e "$1/reason" ] || sed 's/^/reason=/' "$1/reason"
  [ ! -e "$1/undone" ] || echo "at=$(date -u -r "$1/undone" +%Y-%m-%dT%H:%M:%SZ 2>/dev/null || :)"
  [ ! -e "$1/report" ] || cat "$1/report"
}
