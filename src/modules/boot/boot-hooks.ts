// What keeps a boot script's work true at run time: a link that bounces empties custom routing tables, and
// networkd removes rules that are not its own. Each network manager gets a hook in its own manner.
// Sources: interfaces(5), NetworkManager-dispatcher(8), networkd-dispatcher(8), networkd.conf(5).
import { quote } from '../../shell.ts';
import type { BootService } from './boot-units.ts';

/** run-parts takes no names with dots; a status other than 0 would fail the ifup. */
export function ifupdownHook(service: BootService, script: string): string {
  return `#!/bin/sh
# ${service.header}
# ifupdown runs this when an interface is up.

${onlyFor('IFACE', [...service.interfaces, ...(service.interfaces.length > 0 ? ['--all'] : [])])}
${reload(service, script)}
exit 0
`;
}

export function networkManagerHook(service: BootService, script: string): string {
  return `#!/bin/sh
# ${service.header}
# NetworkManager runs this with the interface and what happened to it.

${onlyFor('1', service.interfaces)}
case \${2:-} in
  up | down | dhcp4-change | dhcp6-change | reapply) ;;
  *) exit 0 ;;
esac
${reload(service, script)}
exit 0
`;
}

export function networkdDispatcherHook(service: BootService, script: string): string {
  return `#!/bin/sh
# ${service.header}
# networkd-dispatcher runs this when an interface has become routable.

${onlyFor('IFACE', service.interfaces)}
${reload(service, script)}
exit 0
`;
}

/** Since systemd 248 networkd removes rules and routes that it did not make, unless told otherwise. */
export function networkdDropIn(service: BootService): string {
  return `# ${service.header}
[Network]
ManageForeignRoutingPolicyRules=no
ManageForeignRoutes=no
`;
}

function onlyFor(variable: string, interfaces: readonly string[]): string {
  const value = `"\${${variable}:-}"`;
  if (interfaces.length === 0) return `case ${value} in\n  lo) exit 0 ;;\nesac`;
  return `case ${value} in\n  ${interfaces.map(quote).join(' | ')}) ;;\n  *) exit 0 ;;\nesac`;
}

/**
 * Nobody waits for the reload: the script may itself be what sets the link up, holding its lock meanwhile.
 * Its wait for that lock bounds it. What is stopped (3) stays so; systemd refuses to reload it likewise. At 0 it
 * reloads too: an address that is still on its way (tentative) is no drift yet, and the reload waits for it. What failed, as
 * for want of this very link at boot, is started: systemd reloads nothing that failed.
 */
function reload(service: BootService, script: string): string {
  return `if [ -d /run/systemd/system ]; then
  action=reload
  if systemctl --quiet is-failed ${service.name}.service; then action=start; fi
  systemctl --no-block "$action" ${service.name}.service >/dev/null 2>&1
else
  (
    trap '' HUP
    ${script} status
    if [ $? -ne 3 ]; then ${script} reload; fi
  ) </dev/null >/dev/null 2>&1 &
fi`;
}
