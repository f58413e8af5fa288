#!/bin/sh
# Stands in for ipvsadm where the kernel has no IPVS: keeps what it is told in the file ipvs beside itself, as `ipvsadm -S -n`
# prints it, refuses what ipvsadm refuses, and notes each call in ipvs.calls.
set -eu
folder=${0%/*}
state=$folder/ipvs
echo "$*" >>"$folder/ipvs.calls"
fail() {
  echo "$1" >&2
  exit 255
}
command=$1
shift
if [ "$command" = -S ]; then
  [ "$*" = -n ] || fail 'addresses would become names'
  [ ! -e "$folder/no-ipvs" ] || fail "Can't initialize ipvs: Protocol not available
Are you sure that IP Virtual Server is built in the kernel or as module?"
  exec cat "$state"
fi
service="$1 $2"
shift 2
if [ "${1-}" = -6 ]; then
  service="$service -6"
  shift
fi
# A line begins with these words, and is not of the service of IPv6 with the same mark.
# shellcheck disable=SC2016 # they are for awk
BEGINS='function begins() { return index($0 " ", start " ") == 1 && index($0 " ", start " -6 ") != 1 }'
there() { awk -v start="$1" "$BEGINS"' begins() { found = 1 } END { exit !found }' "$state"; }
without() { awk -v start="$1" "$BEGINS"' !begins()' "$state"; }
keep() {
  cat >"$state.new"
  mv "$state.new" "$state"
}
case $command in
-A)
  ! there "-A $service" || fail 'Service already exists'
  echo "-A $service $*" >>"$state"
  ;;
-E)
  there "-A $service" || fail 'No such service'
  awk -v start="-A $service" -v new="-A $service $*" "$BEGINS"' begins() { $0 = new } { print }' "$state" | keep
  ;;
-D)
  there "-A $service" || fail 'No such service'
  without "-A $service" | keep
  without "-a $service" | keep
  ;;
-a | -e | -d)
  [ "$1" = -r ] || fail 'no server'
  server=$2
  shift 2
  line="-a $service -r $server"
  there "-A $service" || fail 'Service not defined'
  case $command in
  -a) ! there "$line" || fail 'Destination already exists' ;;
  *) there "$line" || fail 'No such destination' ;;
  esac
  without "$line" | keep
  case "$command $*" in
  -d*) ;;
  *' -i '*--tun-type*) echo "$line $*" >>"$state" ;;
  *' -i '*) echo "$line $* --tun-type ipip" >>"$state" ;;
  *) echo "$line $*" >>"$state" ;;
  esac
  # The servers of a service are printed behind it.
  awk '{ key = $2 " " $3 ($4 == "-6" ? " -6" : "") } $1 == "-A" { order[++count] = key; head[key] = $0 }
    $1 == "-a" { rest[key] = rest[key] $0 "\n" }
    END { for (i = 1; i <= count; i++) printf "%s\n%s", head[order[i]], rest[order[i]] }' "$state" | keep
  ;;
*) fail "unknown command $command" ;;
esac
