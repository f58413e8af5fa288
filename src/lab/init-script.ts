// A host from its pid 1 on: a System V init in one sh program, the commands that reboot it, and a small
// service to connect to. They run inside the host, from /lab.
import { HELLO_PORT } from './plan.ts';

/**
 * pid 1. Arguments: its number on the machine, and the lab's name for this host. Boots as SysV would: rcS.d,
 * sysctl, ifup, rc2.d, and sshd last, so that whoever gets in finds a booted host. SIGTERM reboots and SIGUSR2 powers off, through rc6.d or rc0.d.
 * What boot scripts print is in /var/log/boot.
 */
export const INIT_SCRIPT = `#!/bin/sh
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
HOME=/ TERM=linux
export PATH HOME TERM
umask 022
exec </dev/null >>/var/log/boot 2>&1

run_level() { # LEVEL K|S start|stop
  for script in "/etc/rc$1.d/$2"*; do
    [ ! -x "$script" ] || "$script" "$3" 3>&-
  done
}

shut_down() { # LEVEL STATUS
  trap '' TERM USR2
  run_level "$1" K stop
  kill -TERM -1
  exit "$2"
}
trap 'shut_down 6 75' TERM
trap 'shut_down 0 0' USR2

umount -l /mnt
mkdir -p /run/lock /run/network /run/sshd
chmod 1777 /run/lock

hostname -F /etc/hostname
run_level S S start
sysctl -q -e -p /etc/sysctl.d/*.conf
ifup -a 3>&-
perl /lab/hello "$2" ${HELLO_PORT} 3>&- &
run_level 2 S start

while :; do
  rm -f /run/sshd.pid
  /usr/sbin/sshd -D -E /var/log/sshd.log 3>&- &
  sshd=$!
  until [ -s /run/sshd.pid ] || ! kill -0 "$sshd"; do sleep 0.01; done
  [ ! -s /run/sshd.pid ] || echo "ready $2 $1" >&3
  # An orphan that ends, or a signal, ends a wait too.
  while kill -0 "$sshd" 2>/dev/null; do wait "$sshd"; done
  sleep 1
done
`;

/** reboot, poweroff, halt and shutdown: pid 1 does the work. Times are taken to mean "now". */
export const POWER_SCRIPT = `#!/bin/sh
signal=USR2
case \${0##*/} in
  reboot) signal=TERM ;;
  shutdown)
    for argument; do
      case $argument in
        -c | --cancel) exit 0 ;;
        -r | --reboot | -[a-zA-Z]*r*) signal=TERM ;;
      esac
    done
    ;;
esac
kill -s "$signal" 1
`;

/** Arguments: the name to say, and the port. One process for all connections, so that fifty hosts fit a small machine. */
export const HELLO_SCRIPT = String.raw`#!/usr/bin/perl
# Says this host's name to whoever connects, then echoes, for as long as they stay.
use strict;
use warnings;
use Socket qw(:DEFAULT :addrinfo IPPROTO_IPV6 IPV6_V6ONLY);

my ($name, $port) = @ARGV;
$SIG{PIPE} = 'IGNORE';
socket(my $listener, AF_INET6, SOCK_STREAM, 0) or die "socket: $!";
setsockopt($listener, SOL_SOCKET, SO_REUSEADDR, 1);
setsockopt($listener, IPPROTO_IPV6, IPV6_V6ONLY, 0);
bind($listener, pack_sockaddr_in6($port, Socket::IN6ADDR_ANY)) or die "bind: $!";
listen($listener, 512) or die "listen: $!";
my %open;
while (1) {
    my $ready = '';
    vec($ready, fileno($_), 1) = 1 for $listener, values %open;
    next if select($ready, undef, undef, undef) < 0;
    if (vec($ready, fileno($listener), 1) && accept(my $caller, $listener)) {
        syswrite($caller, "$name\n");
        $open{fileno($caller)} = $caller;
        next;
    }
    for my $caller (grep { vec($ready, fileno($_), 1) } values %open) {
        my $bytes;
        next if sysread($caller, $bytes, 4096) && syswrite($caller, $bytes);
        delete $open{fileno($caller)};
        close $caller;
    }
}
`;
