// systemd-networkd as a machine's network manager, with the addresses and routes that ifupdown has set up until then.
import { bareAddress, type LabHost, MANAGEMENT_PREFIX_LENGTH } from '../../../src/lab/plan.ts';

/** sh: from the next boot on networkd does what ifupdown did. The files are as an admin writes them. */
export function changeToNetworkd(host: LabHost): string {
  const files = [
    networkFile('mgmt', [], [`Address=${host.managementAddress}/${MANAGEMENT_PREFIX_LENGTH}`]),
    ...host.links.map((link, at) =>
      // Or the boot waits two minutes for each that has no carrier, and then calls itself degraded.
      networkFile(link.device, at === 0 ? [] : ['', '[Link]', 'RequiredForOnline=no'], [
        `Address=${link.address}`,
        `Address=${link.address6}`,
        // The default routes lead to the first provider.
        ...(at === 0 ? [`Gateway=${link.gateway}`, `Gateway=${bareAddress(link.gateway6)}`] : []),
      ]),
    ),
  ];
  return `set -eu
cd /etc/systemd/network
${files.join('\n')}
systemctl --quiet disable networking.service
SYSTEMCTL_SKIP_SYSV=1 systemctl --quiet enable systemd-networkd.service
printf 'auto lo\\niface lo inet loopback\\n' >/etc/network/interfaces
sync`;
}

function networkFile(device: string, link: readonly string[], lines: readonly string[]): string {
  return `cat >10-${device}.network <<'END'
[Match]
Name=${device}
${link.map((line) => `${line}\n`).join('')}
[Network]
LinkLocalAddressing=ipv6
IPv6AcceptRA=no
${lines.join('\n')}
END`;
}
