// The networks around the hosts, as one sh program per place: the controller's bridge, the providers
// that drop spoofed sources, and the internet behind them. Each runs inside its own network namespace.
import {
  CONTROLLER_ADDRESS,
  INTERNET_ADDRESS,
  INTERNET_ADDRESS6,
  INTERNET_NETWORK,
  INTERNET_NETWORK6,
  type LabPlan,
  MANAGEMENT_PREFIX_LENGTH,
  type ProviderName,
  type ProviderPlan,
} from './plan.ts';

/** `mgmt` is the controller's namespace, `lan/HOST` that of the client behind a host. */
export type Place = 'mgmt' | ProviderName | 'internet' | `lan/${string}`;

/** The chain that counts and drops what comes from a customer with somebody else's address. */
export const SPOOFED_CHAIN = 'spoofed';

/** The programs in the order to run them. `pin` gives the file that pins a place's network namespace. */
export function fabricPrograms(
  plan: LabPlan,
  pin: (place: Place) => string,
): readonly { readonly place: Place; readonly script: string }[] {
  return [
    { place: 'mgmt', script: managementScript() },
    ...plan.providers.map((provider) => ({
      place: provider.name,
      script: providerScript(provider, pin('internet')),
    })),
    { place: 'internet', script: internetScript(plan) },
  ];
}

/**
 * For each place before the first link is made, since links inherit these settings: no duplicate address detection,
 * which holds addresses back for a second or two. nf-call would send frames between two customers through FORWARD.
 * Argument: the machine's own network namespace, which must be out of reach.
 */
export const PLACE_SETTINGS = `if [ "$(readlink /proc/self/ns/net)" = "$1" ]; then
  echo "this is the machine's own network" >&2
  exit 1
fi
for conf in all default; do
  echo 0 >/proc/sys/net/ipv4/conf/$conf/rp_filter
  echo 0 >/proc/sys/net/ipv6/conf/$conf/accept_dad
  echo 0 >/proc/sys/net/ipv6/conf/$conf/accept_ra
done
for call in /proc/sys/net/bridge/bridge-nf-call-*; do
  [ ! -e "$call" ] || echo 0 >"$call"
done
echo 1 >/proc/sys/net/ipv4/ip_forward
echo 1 >/proc/sys/net/ipv6/conf/all/forwarding
`;

/** With an address of its own: a bridge that takes a port's changes it with its ports, and neighbours lose it. */
function bridge(number: number): string {
  return `link add name hosts address 02:fa:01:00:00:${String(number).padStart(2, '0')} type bridge mcast_snooping 0`;
}

function managementScript(): string {
  return `ip -batch - <<'END'
link set lo up
${bridge(0)}
address add ${CONTROLLER_ADDRESS}/${MANAGEMENT_PREFIX_LENGTH} dev hosts
link set hosts up
END
`;
}

function providerScript(provider: ProviderPlan, internetPin: string): string {
  const [here, there] = provider.transit;
  const [here6, there6] = provider.transit6;
  return `ip -batch - <<'END'
link set lo up
${bridge(Number(provider.name.slice(-1)))}
address add ${provider.address} dev hosts
address add ${provider.address6} dev hosts nodad
link set hosts up
link add name internet up type veth peer name ${provider.name} netns ${internetPin}
address add ${here}/30 dev internet
address add ${here6}/64 dev internet nodad
route add default via ${there} dev internet
route add default via ${there6} dev internet
END
${antiSpoofing('iptables-restore', provider.network)}${antiSpoofing('ip6tables-restore', provider.network6)}`;
}

function antiSpoofing(program: string, network: string): string {
  return `${program} <<'END'
*filter
:${SPOOFED_CHAIN} - [0:0]
-A FORWARD -i hosts ! -s ${network} -j ${SPOOFED_CHAIN}
-A ${SPOOFED_CHAIN} -j DROP
COMMIT
END
`;
}

function internetScript(plan: LabPlan): string {
  const lines = plan.providers.map((provider) => {
    const [there, here] = provider.transit;
    const [there6, here6] = provider.transit6;
    return `link set ${provider.name} up
address add ${here}/30 dev ${provider.name}
address add ${here6}/64 dev ${provider.name} nodad
route add ${provider.network} via ${there} dev ${provider.name} src ${INTERNET_ADDRESS}
route add ${provider.network6} via ${there6} dev ${provider.name} src ${INTERNET_ADDRESS6}
`;
  });
  // A socket can be bound to IPv6 addresses that are only routed here.
  return `echo 1 >/proc/sys/net/ipv6/ip_nonlocal_bind
ip -batch - <<'END'
link set lo up
address add ${INTERNET_ADDRESS}/32 dev lo
route add local ${INTERNET_NETWORK} dev lo
address add ${INTERNET_ADDRESS6}/128 dev lo nodad
route add local ${INTERNET_NETWORK6} dev lo
${lines.join('')}END
`;
}
