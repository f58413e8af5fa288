# shellcheck shell=sh
# What an operator asks a host: the program that has this part comes over the session each time, and does not stay. It
# makes no folder where there is none.

# Sets $current to the folder of what is pending; status 1: nothing is.
find_current() {
  current=
  [ -e "$GUARD/current" ] || return 1
  current=$GUARD/$(sed -n 's/^id=//p' "$GUARD/current")
}

# Where what is pending stands, and whether somebody looks after it.
tell_stage() {
  tell_stage=gone
  for tell_name in armed confirmed undoing undone; do
    [ ! -e "$current/$tell_name" ] || { tell_stage=$tell_name; break; }
  done
  echo "stage=$tell_stage"
  tell_keeper=$current/timer
  [ "$tell_stage" != undoing ] || tell_keeper=$current/undo
  ! lives "$tell_keeper" || echo 'keeper=alive'
}

status() {
  if find_current; then
    tell_current
    tell_stage
  elif [ -e "$GUARD/news" ]; then
    cat "$GUARD/news"
  else
    echo 'state=none'
  fi
  find_newest
  echo "newest=$newest"
}

# Whether it is armed, in time and looked after.
is_in_time() {
  [ -e "$current/armed" ] && is_this_boot "$current" || return 1
  read -r time_until <"$current/deadline"
  look_at_clock
  [ "$time_until" -gt "$now" ]
}

# Instead of the one thing that was asked for: what there is. Fine where nothing has ever been there.
tell_instead() {
  status
  [ -e "$GUARD/current" ] || [ -e "$GUARD/news" ] || exit 0
  exit 76
}

confirm_current() {
  find_current && is_in_time || tell_instead
  cat "$current/about"
  confirm "$current"
}

# cancel REASON: also finishes what somebody has left half done.
cancel() {
  find_current || {
    status
    return 0
  }
  if [ -e "$current/armed" ] || [ -e "$current/undoing" ]; then
    is_this_boot "$current" || echo 'rebooted=yes'
    undo_now "$current" "$1"
    return 0
  fi
  tell_end "$current"
  if [ -e "$current/confirmed" ]; then number_generation "$current"; fi
  if [ -d "$current" ]; then finish "$current"; else rm -f "$GUARD/current"; fi
}

# extend_current SECONDS: from now on. A timer that has died is started again.
extend_current() {
  find_current && is_in_time || tell_instead
  set_deadline "$current" "$1"
  lives "$current/timer" || start_timer "$current" || refuse 'the timer cannot be started'
  # It may have had its eye on the clock already.
  [ -e "$current/armed" ] || tell_instead
  note "$current" "extended to $1 s"
  status
}

# generations N: of each above N what it was and what it touched, oldest first.
generations() {
  find_newest
  list_at=$1
  [ "$list_at" -ge $((newest - KEEP_GENERATIONS)) ] || list_at=$((newest - KEEP_GENERATIONS))
  while [ "$list_at" -lt "$newest" ]; do
    list_at=$((list_at + 1))
    [ "$list_at" -gt 0 ] && generation "$list_at" || continue
    echo "generation=$list_at"
    cat "$generation/about"
    sed 's/^/confirmed=/' "$generation/confirmed"
    list_links=$generation/before/links
    [ -e "$list_links" ] || list_links=/dev/null
    [ ! -e "$generation/before/paths" ] || sed 's/^[a-z]* [^ ]* //' "$generation/before/paths" |
      awk -v links="$list_links" '
        BEGIN { while ((getline line < links) > 0) link[line] = 1 }
        !($0 in link) { print "file " $0 }'
    [ ! -e "$generation/before/services" ] || sed 's/ .*//; s/^/service /' "$generation/before/services"
    [ ! -s "$generation/sums" ] || sed 's/^/sum /' "$generation/sums"
  done
}

# touched N: `file PATH` and `service NAME` of all generations above N; links of services too.
touched() {
  find_newest
  touched_at=$1
  while [ "$touched_at" -lt "$newest" ]; do
    touched_at=$((touched_at + 1))
    generation "$touched_at" || continue
    [ ! -e "$generation/before/paths" ] || sed 's/^[a-z]* [^ ]* /file /' "$generation/before/paths"
    [ ! -e "$generation/before/services" ] || sed 's/ .*//; s/^/service /' "$generation/before/services"
  done | awk '!seen[$0]++ { print "touched " $0 }'
}

# plan N: what going back to N would undo, touch and change. N `-1`: to before the newest.
plan() {
  find_newest
  if find_current; then
    echo "newest=$newest"
    tell_current
    tell_stage
    return 0
  fi
  plan_to=$1
  [ "$plan_to" != -1 ] || plan_to=$((newest - 1))
  if [ "$newest" -gt 0 ]; then check_number "$plan_to"; else plan_to=0; fi
  echo "newest=$newest"
  [ "$newest" -gt 0 ] || return 0
  echo "to=$plan_to"
  generations "$plan_to"
  touched "$plan_to"
  compare_generations now "$plan_to"
}

# remove: everything of the guard's, unless something is pending.
remove() {
  [ -d "$GUARD" ] || {
    echo 'state=none'
    return 0
  }
  # Held like a transaction: nobody arms one meanwhile.
  printf '%s\n' 'id=removal' "owner=$1" 'playbook=fairlead guard remove' >"$GUARD/removal.$$"
  ln "$GUARD/removal.$$" "$GUARD/current" 2>/dev/null || {
    rm -f "$GUARD/removal.$$"
    tell_instead
  }
  remove_boot_hook
  rm -rf "$GUARD"
  rmdir "$STATE" 2>/dev/null || :
  echo 'state=removed'
}

remove_boot_hook() {
  if have update-rc.d && [ -e /etc/init.d/fairlead-guard ]; then
    rm -f /etc/init.d/fairlead-guard
    update-rc.d fairlead-guard remove >/dev/null 2>&1 || :
  fi
  rm -f /etc/init.d/fairlead-guard /etc/runlevels/*/fairlead-guard /etc/rc?.d/[SK][0-9][0-9]fairlead-guard \
    /etc/systemd/system/fairlead-guard.service /etc/systemd/system/*.target.wants/fairlead-guard.service
  [ ! -d /run/systemd/system ] || systemctl daemon-reload >/dev/null 2>&1 || :
}

ask() {
  [ "$(id -u)" = 0 ] || {
    echo 'only root may ask' >&2
    exit 78
  }
  ask_command=$1
  shift
  case $ask_command in
    status) status ;;
    confirm) confirm_current ;;
    cancel) cancel "$@" ;;
    extend) extend_current "$@" ;;
    generations) generations 0 ;;
    plan) plan "$@" ;;
    diff) compare_generations "$@" ;;
    remove) remove "$@" ;;
    # It can stand in for the transaction's own program, where that is broken.
    *) main "$ask_command" "$@" ;;
  esac
}
