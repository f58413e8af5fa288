// The clients of a lab's traffic for hosts that are machines: what client-scripts.ts does in a namespace, for a Perl that has
// nothing but its base modules, since no machine has node. As text, and with the same results.

/** Time in milliseconds, to a clock tick; the name of an error; a socket that is bound and connects. */
const COMMON = `use strict;
use warnings;
use Errno;
use Fcntl;
use POSIX ();
use Socket qw(:DEFAULT IPPROTO_TCP TCP_NODELAY inet_pton inet_ntop pack_sockaddr_in6 unpack_sockaddr_in6);
$SIG{PIPE} = 'IGNORE';
my $ticks = POSIX::sysconf(POSIX::_SC_CLK_TCK());
sub now { return (POSIX::times())[0] * 1000 / $ticks }
sub errno_name { my ($errno) = @_; local $! = $errno; return (grep { $!{$_} } keys %!)[0] // "E$errno" }
sub address_of {
    my ($host, $port) = @_;
    return pack_sockaddr_in($port, inet_pton(AF_INET, $host)) if $host !~ /:/;
    return pack_sockaddr_in6($port, inet_pton(AF_INET6, $host));
}
sub connecting { # protocol, host, port, local address, local port; a socket or an error's name
    my ($protocol, $host, $port, $local, $local_port) = @_;
    my $family = $host =~ /:/ ? AF_INET6 : AF_INET;
    socket(my $socket, $family, $protocol eq 'tcp' ? SOCK_STREAM : SOCK_DGRAM, 0) or return errno_name($! + 0);
    fcntl($socket, F_SETFL, O_NONBLOCK);
    if ($local ne '' || $local_port) {
        setsockopt($socket, SOL_SOCKET, SO_REUSEADDR, 1);
        my $any = $family == AF_INET6 ? '::' : '0.0.0.0';
        bind($socket, address_of($local eq '' ? $any : $local, $local_port)) or return errno_name($! + 0);
    }
    return $socket if connect($socket, address_of($host, $port)) || $!{EINPROGRESS};
    return errno_name($! + 0);
}
sub connect_error { my ($socket) = @_; return unpack('i', getsockopt($socket, SOL_SOCKET, SO_ERROR)) }
`;

/**
 * Asks the internet's caller service once per flow. Arguments: protocol, port, count, how many at once, time-out in
 * milliseconds, local address or "", local ports with commas or "", addresses with commas. Prints a JSON list, one per flow:
 * { address, port } as the internet saw the caller, or a text that says why there is none.
 */
export const FLOWS_PERL = String.raw`${COMMON}
my ($protocol, $port, $count, $at_once, $timeout, $local, $local_ports, $addresses) = @ARGV;
my @local_ports = split /,/, $local_ports;
my @addresses = split /,/, $addresses;
my (@results, %open);
my $next = 0;
sub finish { my ($flow, $result) = @_; close $flow->{socket}; delete $open{$flow->{at}}; $results[$flow->{at}] = $result }
sub caller_in {
    my ($text) = @_;
    return $text =~ /^(\S+)\n(\d+)\n\z/ ? qq({"address":"$1","port":$2}) : '"closed"';
}
sub begin {
    my $at = $next++;
    my $socket = connecting($protocol, $addresses[$at % @addresses], $port, $local, $local_ports[$at] // 0);
    return $results[$at] = qq("$socket") if !ref $socket;
    $open{$at} = { at => $at, socket => $socket, said => '', until => now() + $timeout, connected => $protocol eq 'udp' };
    syswrite($socket, "?\n") if $protocol eq 'udp';
}
while ($next < $count || %open) {
    begin() while $next < $count && keys %open < $at_once;
    last if !%open;
    my ($reads, $writes) = ('', '');
    for (values %open) { vec($_->{connected} ? $reads : $writes, fileno($_->{socket}), 1) = 1 }
    select($reads, $writes, undef, 0.05);
    for my $flow (values %open) {
        my $number = fileno($flow->{socket});
        if (vec($writes, $number, 1)) {
            my $error = connect_error($flow->{socket});
            if ($error) { finish($flow, '"' . errno_name($error) . '"'); next }
            $flow->{connected} = 1;
        } elsif (vec($reads, $number, 1)) {
            my $got = sysread($flow->{socket}, my $bytes, 4096);
            if (!defined $got) { finish($flow, '"' . errno_name($! + 0) . '"') if !$!{EAGAIN}; next }
            $flow->{said} .= $bytes;
            if ($got == 0 || $protocol eq 'udp') { finish($flow, caller_in($flow->{said})); next }
        }
        finish($flow, '"timeout"') if now() > $flow->{until};
    }
}
print '[', join(',', @results), "]\n";
`;

/**
 * Holds connections and exchanges a numbered line on each every so often, until SIGTERM. Arguments: address, port, count, local
 * address or "", interval and patience in milliseconds. Prints "open" when all are, and at the end, which comes at once where
 * one does not open, a JSON list of { exchanged, longestGapMs, broken, greeting, local }.
 */
export const HOLD_PERL = String.raw`${COMMON}
$| = 1;
my ($address, $port, $count, $local, $interval, $patience) = @ARGV;
my ($unopened, $unfinished, $ending) = ($count, $count, 0);
$SIG{TERM} = sub { $ending ||= now() + $patience };
my @held;
sub json { my ($text) = @_; return 'null' if !defined $text; $text =~ s/(["\\])/\\$1/g; return qq("$text") }
sub report {
    my ($one) = @_;
    my $ends = defined $one->{local} ? qq(,"local":$one->{local}) : '';
    my ($broken, $greeting) = (json($one->{broken}), json($one->{greeting}));
    my $gap = int $one->{gap};
    return qq({"exchanged":$one->{exchanged},"longestGapMs":$gap,"broken":$broken,"greeting":$greeting$ends});
}
sub done { print '[', join(',', map { report($_) } @held), "]\n"; exit }
sub longer_gap { my ($one, $gap) = @_; $one->{gap} = $gap if $gap > $one->{gap} }
sub finish {
    my ($one, $broken) = @_;
    return if $one->{finished}++;
    longer_gap($one, now() - $one->{last}) if defined $broken && $one->{last};
    $one->{broken} = $broken;
    close $one->{socket} if ref $one->{socket};
    $unfinished--;
}
sub opened {
    my ($one, $greeting) = @_;
    my $name = getsockname($one->{socket});
    my ($own_port, $own) = length $name == 16 ? unpack_sockaddr_in($name) : unpack_sockaddr_in6($name);
    my $text = inet_ntop(length $own == 4 ? AF_INET : AF_INET6, $own);
    @$one{'greeting', 'local', 'next'} = ($greeting, qq({"address":"$text","port":$own_port}), now() + $interval);
    print "open\n" if --$unopened == 0;
}
sub heard {
    my ($one, $line) = @_;
    if (!$one->{last}) { opened($one, $line) }
    else {
        longer_gap($one, now() - $one->{last});
        if ($line eq $one->{exchanged} + 1) { $one->{exchanged}++ }
        else { finish($one, "said '$line' instead of '" . ($one->{exchanged} + 1) . "'") }
    }
    $one->{last} = now();
}
for (1 .. $count) {
    my $socket = connecting('tcp', $address, $port, $local, 0);
    my %one = (socket => $socket, exchanged => 0, gap => 0, greeting => '', sent => 0, last => 0, rest => '');
    $one{until} = now() + $patience;
    push @held, \%one;
    finish(\%one, $socket) if !ref $socket;
    setsockopt($socket, IPPROTO_TCP, TCP_NODELAY, 1) if ref $socket;
}
while ($unfinished > 0 && !($unopened > 0 && $unfinished < $count)) {
    my ($reads, $writes) = ('', '');
    for (grep { !$_->{finished} } @held) { vec($_->{connected} ? $reads : $writes, fileno($_->{socket}), 1) = 1 }
    # A signal ends the wait.
    ($reads, $writes) = ('', '') if select($reads, $writes, undef, $interval / 2000) < 0;
    for my $one (grep { !$_->{finished} } @held) {
        my $number = fileno($one->{socket});
        if (vec($writes, $number, 1)) {
            my $error = connect_error($one->{socket});
            if ($error) { finish($one, errno_name($error)); next }
            $one->{connected} = 1;
        } elsif (vec($reads, $number, 1)) {
            my $got = sysread($one->{socket}, my $bytes, 4096);
            if (!defined $got) { finish($one, errno_name($! + 0)) if !$!{EAGAIN}; next }
            if ($got == 0) { finish($one, 'closed by the other side'); next }
            my @lines = split /\n/, $one->{rest} . $bytes, -1;
            $one->{rest} = pop @lines;
            heard($one, $_) for @lines;
        }
        next if $one->{finished};
        if (!$one->{last}) { finish($one, 'no hello') if now() > $one->{until} }
        elsif ($ending) {
            my $out = $one->{sent} - $one->{exchanged};
            finish($one, undef) if $out == 0;
            finish($one, "no answer to $out lines") if $out > 0 && now() > $ending;
        } elsif (now() >= $one->{next}) {
            syswrite($one->{socket}, ++$one->{sent} . "\n");
            $one->{next} = now() + $interval;
        }
    }
}
done();
`;
