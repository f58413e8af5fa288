// Which files and services a host's network hangs on: who changes them may cut off the way to the host.

const FILES: readonly string[] = [
  '/etc/NetworkManager/',
  '/etc/arptables',
  '/etc/conf.d/net',
  '/etc/dhcpcd.conf',
  '/etc/dropbear/',
  '/etc/fairlead/',
  '/etc/firewalld/',
  '/etc/hosts.',
  '/etc/init.d/fairlead-',
  '/etc/ipset',
  '/etc/iptables',
  '/etc/keepalived/',
  '/etc/netplan/',
  '/etc/network/',
  '/etc/nftables',
  '/etc/pam.d/',
  '/etc/security/',
  '/etc/shorewall',
  '/etc/ssh/',
  '/etc/sudoers',
  '/etc/sysconfig/network',
  '/etc/sysctl',
  '/etc/systemd/network/',
  '/etc/ufw/',
  '/etc/wireguard/',
];

const SERVICES: ReadonlySet<string> = new Set([
  'NetworkManager',
  'conntrackd',
  'dhcpcd',
  'dropbear',
  'firewalld',
  'ifupdown',
  'iptables',
  'ip6tables',
  'ipset',
  'keepalived',
  'net',
  'netfilter-persistent',
  'network',
  'networking',
  'nftables',
  'procps',
  'shorewall',
  'shorewall6',
  'ssh',
  'sshd',
  'sysctl',
  'systemd-networkd',
  'systemd-sysctl',
  'ufw',
]);

type Written = Readonly<Record<string, unknown>>;

/** By the arguments as they are written: of a path that is a template, what stands before it counts. */
export function touchesNetworkFile(args: Written): boolean {
  return [args.path, args.dest, args.name].some(
    (path) => typeof path === 'string' && FILES.some((start) => path.startsWith(start)),
  );
}

/** Which service a template stands for nobody knows yet: it may be one. */
export function touchesNetworkService({ name, service }: Written): boolean {
  const wanted = name ?? service;
  if (typeof wanted !== 'string') return false;
  const bare = wanted.replace(/\.service$/, '').replace(/@.*$/, '');
  return (
    wanted.includes('{{') || SERVICES.has(bare) || bare.startsWith('fairlead-') || bare.startsWith('net.')
  );
}

/** Keys with dots or slashes. */
export function touchesNetworkSetting({ name, key }: Written): boolean {
  const wanted = name ?? key;
  return typeof wanted === 'string' && /^(net[./]|.*\{\{)/.test(wanted);
}
