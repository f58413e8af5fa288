// What a machine of the lab has in /lab: programs that answer on its ports, say when a boot is over, and say hello.
// POSIX sh that runs on all systems of the lab; what is each system's own is in the recipes.
import { HELLO_PORT } from '../plan.ts';

/** Commands that can run at once on one machine past its network. */
export const PORT_COUNT = 3;

/**
 * Started early by the machine's init; stays. The environment is what a login gives. Each port has a process that is no
 * session leader, since a leader's first terminal becomes its own.
 */
export const START_SCRIPT = `#!/bin/sh
[ "\${1:-}" = clean ] || exec env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \\
  HOME=/root USER=root SHELL=/bin/sh LC_ALL=C /bin/sh /lab/start clean
umask 022
cd /
perl=/usr/bin/perl
[ -x "$perl" ] || perl=/lab/perl/bin/perl
export PERL5LIB=/lab/perl/lib
read -r name </lab/name
while :; do "$perl" /lab/hello "$name" ${HELLO_PORT}; sleep 1; done </dev/null >/dev/null 2>&1 &
unset PERL5LIB
port=0
while [ "$port" -lt ${PORT_COUNT} ]; do
  while :; do /bin/sh /lab/agent "$port"; sleep 1; done &
  port=$((port + 1))
done
wait
`;

/** QEMU drops what a console says faster than its socket is read, and a socket holds at least three times as much. */
export const BLOCK_BYTES = 65_536;

/**
 * Argument: the port's number. A request is a line "request ID BYTES" and so many bytes of sh program. The answer is
 * "started ID", and at the end "ended ID STATUS", what wc(1) says of the two outputs, and the outputs, in blocks: for each but
 * the first one it waits for a line "more".
 */
export const AGENT_SCRIPT = `#!/bin/sh
exec <"/dev/hvc$1" >"/dev/hvc$1"
stty raw -echo # the port forgets this when nobody has it open
cd /lab/run || exit
while read -r word id size; do
  [ "$word" = request ] || continue
  head -c "$size" >"$id"
  echo "started $id"
  status=0
  (cd /root && . "/lab/run/$id") </dev/null >"$id.out" 2>"$id.err" || status=$?
  echo "ended $id $status"
  wc -c "$id.out" "$id.err"
  cat "$id.out" "$id.err" >"$id.all"
  block=0
  while dd if="$id.all" bs=${BLOCK_BYTES} skip="$block" count=1 2>/dev/null; do
    block=$((block + 1))
    read -r word && [ "$word" = more ] || break
  done
  rm -f "$id" "$id.out" "$id.err" "$id.all"
done
`;

/**
 * Run by the machine's init when a boot is over, with what the init says of it: "ok", or what failed. Tells the lab when
 * somebody listens on ssh's port, in any family: 0016 and 0A of proc_net_tcp(5).
 */
export const READY_SCRIPT = `#!/bin/sh
PATH=/usr/sbin:/usr/bin:/sbin:/bin
read -r line </proc/cmdline
pid=\${line##* lab.pid=}
pid=\${pid%% *}
read -r name </lab/name
until grep -q ':0016 [0-9A-F]*:0000 0A ' /proc/net/tcp /proc/net/tcp6 2>/dev/null; do sleep 0.2; done
if [ "$1" = ok ]; then echo "ready $name $pid"; else echo "degraded $name $1 $pid"; fi >/lab/run/journal
`;
