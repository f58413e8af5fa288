// Taking a host's uplink down and up again, as sh programs that run inside the host.
// What the kernel loses meanwhile is the point: routes of all tables that go through the link.

/** A program whose argument is the device. */
export function bounceScript(way: 'ifupdown' | 'link'): string {
  return way === 'ifupdown' ? IFUPDOWN : LINK;
}

const IFUPDOWN = `set -eu
ifdown "$1"
ifup "$1"
`;

// The kernel keeps IPv4 addresses and deletes IPv6 ones (unless keep_addr_on_down is set): put those back.
const LINK = `set -eu
addresses=$(ip -6 -oneline address show dev "$1" scope global permanent | awk '{ print $4 }')
ip link set dev "$1" down
ip link set dev "$1" up
for address in $addresses; do
  ip -6 address replace "$address" dev "$1" nodad
done
`;
