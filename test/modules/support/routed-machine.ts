// A private machine with two devices that have addresses of both families, and an ip of iproute2 or of BusyBox.
import { PrivateMachine } from './private-machine.ts';

export const WORLDS = [
  ['dash', 'iproute2'],
  ['busybox sh', 'iproute2'],
  ['busybox sh', 'busybox'],
] as const;
export type IpOfHost = (typeof WORLDS)[number][1];

/** Whatever ip the host has, `/run/ip` is the one of iproute2: for tests to damage things, and to look. */
export const IP = '/run/ip';

// Nobody else is on these links, so addresses of IPv6 are good at once. rt_tables and rt_protos have names of the test's own.
const SETUP = `cp /bin/ip ${IP}
for number in 0 1; do
  ip link add e$number type veth peer name p$number
  echo 0 >/proc/sys/net/ipv6/conf/e$number/accept_dad
  echo 0 >/proc/sys/net/ipv6/conf/p$number/accept_dad
  ip link set e$number up
  ip link set p$number up
done
ip addr add 192.0.2.10/24 dev e0
ip addr add 198.51.100.10/24 dev e1
ip addr add 2001:db8::10/64 dev e0
ip addr add 2001:db8:1::10/64 dev e1
mkdir -p /etc/iproute2
echo '801 uplink' >>/etc/iproute2/rt_tables
echo '201 ours' >>/etc/iproute2/rt_protos
`;

export function routedMachine(options: {
  readonly shell: 'dash' | 'busybox sh';
  readonly ip: IpOfHost;
}): Promise<PrivateMachine> {
  const cover = options.ip === 'busybox' ? 'mount --bind /bin/busybox /bin/ip' : ':';
  return PrivateMachine.start({ shell: options.shell, setup: `${SETUP}${cover}` });
}

/** Everything that the kernel has about routing: to see that nothing changed. */
export function everything(machine: PrivateMachine): string {
  return machine.say(
    `for family in -4 -6; do ${IP} -d -o $family rule show; ${IP} -d -o $family route show table all; ${IP} -o $family addr show; done`,
  );
}
