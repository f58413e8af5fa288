# shellcheck shell=sh
# What has to be reached from this host. DIR/probes has `ping ADDRESS [DEVICE]` and `tcp ADDRESS PORT` lines; those that
# worked before the change are in DIR/probes.worked, and only they have to work after it.

# try_probes FILE: prints the lines that work. They run side by side.
try_probes() {
  while read -r probe_kind probe_address probe_more; do
    (! probe </dev/null >/dev/null 2>&1 || echo "$probe_kind $probe_address${probe_more:+ $probe_more}") &
  done <"$1"
  wait
}

probe() {
  case $probe_kind in
    ping) ping_once "$probe_address" "$probe_more" ;;
    tcp) connect_once "$probe_address" "$probe_more" ;;
    *) return 1 ;;
  esac
}

ping_once() { # ADDRESS DEVICE
  case $1 in
    *:*) if have ping6; then ping6 -c 1 -W 2 ${2:+-I "$2"} "$1"; else ping -6 -c 1 -W 2 ${2:+-I "$2"} "$1"; fi ;;
    *) ping -c 1 -W 2 ${2:+-I "$2"} "$1" ;;
  esac
}

# Of the many commands of that name not all can close at once.
connect_once() { # ADDRESS PORT
  if have nc; then
    case $(nc -h 2>&1) in
      *-z*) nc -z -w 2 "$1" "$2" ;;
      *) nc -w 2 "$1" "$2" ;;
    esac
  else
    # shellcheck disable=SC2016 # it is bash that knows them
    timeout 2 bash -c 'exec 3<>"/dev/tcp/$0/$1"' "$1" "$2"
  fi
}

# can_probe LINES: nobody takes a probe that cannot be tried for one that does not work.
can_probe() {
  case "
$1" in *"
ping "*) have ping || refuse 'guard_probes needs ping there' ;; esac
  case "
$1" in *"
tcp "*) have nc || { have bash && have timeout; } || refuse 'guard_probes needs nc, or bash and timeout, there' ;; esac
}

# keep_probes DIR LINES: prints `silent LINE` for each that does not work.
keep_probes() {
  [ -n "$2" ] || return 0
  can_probe "$2"
  printf '%s\n' "$2" >"$1/probes"
  try_probes "$1/probes" >"$1/probes.worked"
  missing "$1/probes" "$1/probes.worked" | sed 's/^/silent /'
}

# failed_probes DIR: `probe LINE` for each that worked before and does not now, tried three times.
failed_probes() {
  [ -s "$1/probes.worked" ] || return 0
  cp "$1/probes.worked" "$1/probes.left"
  for probes_try in 1 2 3; do
    try_probes "$1/probes.left" >"$1/probes.now"
    missing "$1/probes.left" "$1/probes.now" >"$1/probes.new"
    mv "$1/probes.new" "$1/probes.left"
    [ -s "$1/probes.left" ] || return 0
    [ "$probes_try" = 3 ] || sleep 1
  done
  sed 's/^/probe /' "$1/probes.left"
}
