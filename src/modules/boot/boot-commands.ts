// The sh of `boot_script`: one fragment that looks, one that installs, one that removes.
import { dirname } from 'node:path/posix';
import { DETECT_INIT, INIT_SYSTEMS } from '../../init-system.ts';
import { quote, words } from '../../shell.ts';
import { writeFiles } from '../file/file-write.ts';
import type { ChangeProgram } from '../module.ts';
import { SERVICE_DO, SERVICE_ENABLED_BY_LINKS, SERVICE_REGISTER } from '../system/service-control.ts';
import type { BootFile, BootHost } from './boot-files.ts';

/** What the inspection found besides the files. */
export interface BootState {
  readonly host: BootHost;
  /** The host has a unit of this name that is not ours. */
  readonly foreign: boolean;
  readonly enabled: boolean;
  /** By systemd's reckoning; true elsewhere. */
  readonly active: boolean;
  readonly timerActive: boolean;
  readonly daemonReload: boolean;
  /** Exit status of `SCRIPT status`; undefined: there is no script that could be asked. */
  readonly status: number | undefined;
  readonly statusText: string;
}

/** Read-only. systemctl is asked once, the script once; the rest are builtins. */
export function lookScript(name: string, options: { readonly askStatus: boolean }): string {
  return `set +eu
name=${quote(name)}
${DETECT_INIT}
echo "init=$init"
if [ -d /etc/network/if-up.d ]; then echo ifupdown=yes; fi
if [ -d /etc/NetworkManager/dispatcher.d ] && [ -d /run/NetworkManager ]; then echo networkmanager=yes; fi
if [ -e /run/systemd/netif/state ]; then echo networkd=yes; fi
if [ -d /etc/networkd-dispatcher/routable.d ]; then echo networkd_dispatcher=yes; fi
if [ -d /etc/cron.d ]; then
  for program in /usr/sbin/cron /usr/sbin/crond /sbin/crond; do
    if [ -x "$program" ]; then echo cron=yes; fi
  done
fi
for folder in /usr/lib/systemd/system /lib/systemd/system; do
  if [ -e "$folder/$name.service" ]; then echo foreign=yes; fi
done
if [ "$init" = systemd ]; then
  if [ -L "/etc/systemd/system/multi-user.target.wants/$name.service" ]; then echo enabled=yes; fi
  systemctl show -p Id -p ActiveState -p NeedDaemonReload "$name.service" "$name-reconcile.timer" 2>/dev/null
else
  ${SERVICE_ENABLED_BY_LINKS.replaceAll('\n', '\n  ')}
  echo "enabled=$enabled"
fi
${
  options.askStatus
    ? `script=/etc/init.d/$name
if [ "$init" = openrc ]; then script=/etc/fairlead/$name.sh; fi
if [ -x "$script" ]; then
  echo '== status'
  "$script" status </dev/null 2>&1
  printf '\\n== exit %s\\n' "$?"
fi
`
    : ''
}exit 0`;
}

export function parseLook(name: string, stdout: string): BootState {
  const status = /^([\s\S]*?)^== status\n([\s\S]*)\n== exit (\d{1,3})\n?$/m.exec(stdout);
  const head = status?.[1] ?? stdout;
  const said = (line: string) => `\n${head}`.includes(`\n${line}\n`);
  const init = /^init=(\w+)$/m.exec(head)?.[1];
  const units = head.split(/^(?=Id=)/m);
  const isActive = (unit: string) =>
    units.some(
      (text) => text.startsWith(`Id=${unit}\n`) && /^ActiveState=(active|activating|reloading)$/m.test(text),
    );
  const isSystemd = init === 'systemd';
  return {
    host: {
      init: INIT_SYSTEMS.find((one) => one === init) ?? 'none',
      ifupdown: said('ifupdown=yes'),
      networkManager: said('networkmanager=yes'),
      networkd: said('networkd=yes'),
      networkdDispatcher: said('networkd_dispatcher=yes'),
      cron: said('cron=yes'),
    },
    foreign: said('foreign=yes'),
    enabled: said('enabled=yes'),
    active: !isSystemd || isActive(`${name}.service`),
    timerActive: !isSystemd || isActive(`${name}-reconcile.timer`),
    daemonReload: said('NeedDaemonReload=yes'),
    status: status?.[3] === undefined ? undefined : Number(status[3]),
    statusText: (status?.[2] ?? '').trim(),
  };
}

/**
 * The script has the unit's name, so systemctl would give it rc links as well, by a good deal of Perl. They are no use
 * where there is a unit, and stay behind when it goes (systemd's ENVIRONMENT.md).
 */
const SYSTEMCTL = 'SYSTEMCTL_SKIP_SYSV=1 systemctl';

/** systemd is told of the new links by one reload for all. */
const LINKS_ONLY = '--quiet --no-reload';

export interface BootChanges {
  readonly host: BootHost;
  readonly script: string;
  readonly writes: readonly BootFile[];
  readonly removes: readonly string[];
  /** Run the new script with `check` before it takes the old one's place. */
  readonly check: boolean;
  readonly enable: boolean;
  /** The timer is (still) wanted and does not run, or is no longer wanted. */
  readonly timer: 'start' | 'stop' | 'leave';
  readonly daemonReload: boolean;
  readonly restartNetworkd: boolean;
  readonly action: 'start' | 'reload' | 'none';
}

/** Ends with `== exit N` behind the output of `SCRIPT status` where the script was started or reloaded. */
export function installProgram(name: string, changes: BootChanges): ChangeProgram {
  const { host, script } = changes;
  const systemd = host.init === 'systemd';
  const writes = changes.writes.map((file) => ({
    path: file.path,
    bytes: file.bytes,
    mode: file.mode,
    ownership: '0:0',
    links: 'replace' as const,
    ...(file.role === 'script' && changes.check && { validate: ['%s', 'check'] }),
  }));
  const folders = [...new Set(writes.map(({ path }) => dirname(path)))];
  const written = writeFiles(writes);
  const timer = quote(`${name}-reconcile.timer`);
  const lines = [
    'PATH=$PATH:/usr/sbin:/sbin',
    DETECT_INIT,
    SERVICE_DO,
    SERVICE_REGISTER,
    ...(systemd && changes.timer === 'stop' ? [`systemctl disable --now ${timer} >/dev/null 2>&1 || :`] : []),
    ...(folders.length > 0 ? [`mkdir -p ${words(...folders)}`] : []),
    ...(written.script === '' ? [] : [`(\n${written.script}\n)`]),
    ...(changes.removes.length > 0 ? [`rm -f ${words(...changes.removes)}`] : []),
    ...(changes.enable
      ? [systemd ? `${SYSTEMCTL} enable ${LINKS_ONLY} ${quote(name)}` : `service_enable ${quote(name)}`]
      : []),
    ...(systemd && (changes.daemonReload || changes.enable) ? ['systemctl daemon-reload'] : []),
    ...(changes.restartNetworkd ? ['systemctl restart systemd-networkd.service'] : []),
    ...(changes.action === 'none' ? [] : [`service_do ${changes.action} ${quote(name)}`]),
    ...(systemd && changes.timer === 'start' ? [`systemctl enable --now ${timer} >/dev/null`] : []),
    ...(changes.action === 'none'
      ? []
      : [
          `status=0\n${quote(script)} status </dev/null 2>&1 || status=$?\nprintf '\\n== exit %s\\n' "$status"`,
        ]),
  ];
  return { script: lines.join('\n'), ...(written.uploads !== undefined && { uploads: written.uploads }) };
}

/** Read-only: what the new script says to `check`, without being put in place. */
export function checkScript(name: string, script: string): string {
  return `sh -c ${quote(script)} ${quote(name)} check </dev/null`;
}

/** Stops first: nothing is removed where that fails. */
export function removeProgram(name: string, host: BootHost, present: readonly string[]): ChangeProgram {
  const script = present.find((path) => path === `/etc/fairlead/${name}.sh`) ?? `/etc/init.d/${name}`;
  const unit = quote(`${name}.service`);
  const timers = present.flatMap((path) => (path.endsWith('.timer') ? [`${name}-reconcile.timer`] : []));
  const unitNames = [...timers, `${name}.service`];
  const units = words(...unitNames);
  const stop = `log=$(mktemp)
if [ -x ${quote(script)} ] && ! ${quote(script)} stop </dev/null >"$log" 2>&1; then
  cat "$log" >&2
  rm -f "$log"
  exit 1
fi
rm -f "$log"`;
  const deregister =
    host.init === 'systemd'
      ? unitNames
          .map((each) => `${SYSTEMCTL} disable ${LINKS_ONLY} ${quote(each)} >/dev/null 2>&1 || :`)
          .join('\n')
      : `if [ -e ${quote(`/etc/init.d/${name}`)} ]; then service_disable ${quote(name)}; fi`;
  const forget =
    host.init === 'systemd'
      ? `systemctl daemon-reload\nsystemctl reset-failed ${unit} >/dev/null 2>&1 || :\nsysv_links ${quote(name)} remove`
      : host.init === 'sysv'
        ? `if command -v update-rc.d >/dev/null 2>&1; then update-rc.d ${quote(name)} remove >/dev/null 2>&1 || :; fi
sysv_links ${quote(name)} remove`
        : ':';
  const service = quote(name);
  const serviceStop =
    host.init === 'systemd'
      ? `systemctl stop ${units} >/dev/null 2>&1 || :`
      : host.init === 'openrc'
        ? `if rc-service ${service} status >/dev/null 2>&1; then rc-service ${service} stop >&2; fi`
        : ':';
  return {
    script: [
      'PATH=$PATH:/usr/sbin:/sbin',
      DETECT_INIT,
      SERVICE_REGISTER,
      serviceStop,
      stop,
      deregister,
      ...(present.length > 0 ? [`rm -f ${words(...present)}`] : []),
      `rm -f ${quote(`/run/${name}.lock`)}`,
      'rmdir /etc/fairlead 2>/dev/null || :',
      forget,
    ].join('\n'),
  };
}
