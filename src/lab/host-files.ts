// The configuration files that hosts of a lab are born with: what an installer would have written.
// Pure text; boot-script.ts and init-script.ts are the programs beside them.
import {
  bareAddress,
  CONTROLLER_ADDRESS,
  hostDevices,
  INTERNET_ADDRESS,
  INTERNET_ADDRESS6,
  type LabHost,
  type LabLan,
  type LabPlan,
  MANAGEMENT_PREFIX_LENGTH,
} from './plan.ts';

/** A host's /etc/network/interfaces, interfaces(5). The default routes lead to the first provider. */
export function interfacesText(host: LabHost): string {
  const uplinks = host.links.map((link, at) => {
    const gateway = at === 0 ? `\n    gateway ${link.gateway}` : '';
    const gateway6 = at === 0 ? `\n    gateway ${link.gateway6}` : '';
    return `
auto ${link.device}
iface ${link.device} inet static
    address ${link.address}${gateway}
iface ${link.device} inet6 static
    address ${link.address6}${gateway6}
    dad-attempts 0
    accept_ra 0
`;
  });
  const lan =
    host.lan === undefined
      ? ''
      : `
auto ${host.lan.device}
iface ${host.lan.device} inet static
    address ${host.lan.address}
iface ${host.lan.device} inet6 static
    address ${host.lan.address6}
    dad-attempts 0
    accept_ra 0
`;
  return `auto lo
iface lo inet loopback

auto mgmt
iface mgmt inet static
    address ${host.managementAddress}/${MANAGEMENT_PREFIX_LENGTH}
${uplinks.join('')}${lan}`;
}

/** What the client behind a host is set up with each time its cable comes in, as ip(8) takes it in a batch. */
export function lanClientBatch(lan: LabLan): string {
  return `link set lo up
link set ${lan.device} up
address replace ${lan.client}/24 dev ${lan.device}
address replace ${lan.client6}/64 dev ${lan.device} nodad
route replace default via ${bareAddress(lan.address)} dev ${lan.device}
route replace default via ${bareAddress(lan.address6)} dev ${lan.device}
`;
}

/** /etc/hosts of every host: no DNS in a lab. */
export function hostsText(plan: LabPlan): string {
  const lines = [
    '127.0.0.1 localhost',
    '::1 localhost ip6-localhost ip6-loopback',
    `${CONTROLLER_ADDRESS} controller`,
    `${INTERNET_ADDRESS} internet`,
    `${INTERNET_ADDRESS6} internet`,
    ...plan.hosts.map((host) => `${host.managementAddress} ${host.name}`),
  ];
  return `${lines.join('\n')}\n`;
}

/** sshd_config(5): root by key alone, nothing that waits for DNS or PAM, room for a whole fleet's worth of sessions. */
export const SSHD_CONFIG = `HostKey /etc/ssh/ssh_host_ed25519_key
PidFile /run/sshd.pid
PermitRootLogin prohibit-password
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM no
UseDNS no
PrintMotd no
LoginGraceTime 30
MaxStartups 200:30:500
MaxSessions 100
Subsystem sftp internal-sftp
`;

/**
 * A host's sysctl.conf(5). Forwarding comes first, since it resets other settings. rp_filter is loose, as systemd and
 * Ubuntu ship it: strict would drop what comes in on the second uplink.
 */
export function sysctlText(host: LabHost): string {
  const forwarding =
    host.lan === undefined ? [] : ['net.ipv4.ip_forward = 1', 'net.ipv6.conf.all.forwarding = 1'];
  const loose = hostDevices(host).map((device) => `net.ipv4.conf.${device}.rp_filter = 2`);
  return `${[...forwarding, ...loose].join('\n')}\n`;
}

/** known_hosts, sshd(8): each host under its name and all its addresses. `keys` are "type base64 comment". */
export function knownHostsText(plan: LabPlan, keys: ReadonlyMap<string, string>): string {
  const lines = plan.hosts.flatMap((host) => {
    const [type, key] = (keys.get(host.name) ?? '').split(' ');
    if (type === undefined || key === undefined) return [];
    const addresses = host.links.flatMap((link) => [bareAddress(link.address), bareAddress(link.address6)]);
    return [`${[host.name, host.managementAddress, ...addresses].join(',')} ${type} ${key}`];
  });
  return `${lines.join('\n')}\n`;
}

/** The lab's inventory: group `edge`, with the variables that the split-access role wants. */
export function inventoryText(
  plan: LabPlan,
  files: { readonly knownHosts: string; readonly key: string },
): string {
  const hosts = plan.hosts.map((host) => {
    const links = host.links.map(
      (link) => `            - name: ${link.name}
              device: ${link.device}
              address: ${link.address}
              gateway: ${link.gateway}
              address6: '${link.address6}'
              gateway6: '${link.gateway6}'
`,
    );
    return `        ${host.name}:
          ansible_host: ${host.managementAddress}
          split_access_links:
${links.join('')}`;
  });
  return `# A throwaway fleet; its addresses are reachable from within the lab only: fairlead lab run PLAYBOOK
all:
  vars:
    ansible_user: root
    ansible_ssh_private_key_file: ${files.key}
    ansible_ssh_common_args: -o UserKnownHostsFile=${files.knownHosts}
  children:
    edge:
      hosts:
${hosts.join('')}`;
}
