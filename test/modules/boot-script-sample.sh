#!/bin/sh
### BEGIN INIT INFO
# Provides:          fairlead-sample
# Required-Start:    $network
# Required-Stop:     $network
# Default-Start:     2 3 4 5
# Default-Stop:      0 1 6
# Short-Description: one rule and a note
### END INIT INFO
# version 1
# What the tests of boot_script install: two rules in the kernel, and a mark that it was started.
set -u
PATH=/usr/sbin:/sbin:/usr/bin:/bin
mark=/run/sample.started
said() { echo "$1" >>/run/sample.calls; }
missing() {
  for prio in 10100 10101; do
    ip rule show prio "$prio" | grep -q 198.51.100.7 || echo "rule $prio is missing"
  done
}
apply() {
  for prio in 10100 10101; do
    ip rule show prio "$prio" | grep -q 198.51.100.7 || ip rule add prio "$prio" from 198.51.100.7 lookup 801
  done
}
case ${1:-} in
  start)
    said start
    [ ! -e /run/sample.refuses ] || { echo 'sample: cannot start today' >&2; exit 1; }
    apply
    : >"$mark"
    ;;
  stop)
    said stop
    [ ! -e /run/sample.stays ] || { echo 'sample: cannot stop today' >&2; exit 1; }
    for prio in 10100 10101; do ip rule del prio "$prio" 2>/dev/null; done
    rm -f "$mark"
    ;;
  reload)
    said reload
    [ -e /run/sample.useless ] || apply
    ;;
  status)
    [ -e "$mark" ] || exit 3
    [ -z "$(missing)" ] || { missing; exit 4; }
    ;;
  check)
    said check
    [ ! -e /run/sample.unfit ] || { echo 'sample: eth7 is not there' >&2; exit 1; }
    ;;
  *) exit 2 ;;
esac
