// What makes an init system run a boot script: a native systemd unit, an OpenRC wrapper, and the timer or cron line
// that looks after it. Pure text; where it goes and when is decided in boot-files.ts.
// Sources: systemd.unit(5), systemd.service(5), systemd.timer(5), openrc-run(8), crontab(5).
import { quote, words } from '../../shell.ts';

export interface BootService {
  /** Of the unit, the wrapper, the hooks; no dots in it. */
  readonly name: string;
  /** First line of each file, without its comment sign: who made it. */
  readonly header: string;
  readonly description: string;
  /** `online`: runs once links are configured; `pre`: before any link is. */
  readonly network: 'online' | 'pre';
  /** Services by name; `.service` is added for systemd and taken away for OpenRC. */
  readonly after: readonly string[];
  readonly before: readonly string[];
  readonly startSeconds: number;
  /** Empty: every interface but lo. */
  readonly interfaces: readonly string[];
  /** 0: no timer. */
  readonly reconcileSeconds: number;
}

/**
 * network-online.target may take minutes with a dead uplink, so it is wanted and never required: the script's
 * own bounded wait decides. network-pre.target is passive, so it has to be wanted as well as ordered.
 */
export function systemdUnit(service: BootService, script: string): string {
  const after = service.after.map(unitName);
  const before = service.before.map(unitName);
  const target = service.network === 'online' ? 'network-online.target' : 'network-pre.target';
  (service.network === 'online' ? after : before).unshift(target);
  return `# ${service.header}
[Unit]
Description=${service.description.replaceAll('%', '%%')}
Wants=${target}
${after.length > 0 ? `After=${after.join(' ')}\n` : ''}${before.length > 0 ? `Before=${before.join(' ')}\n` : ''}
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=${script} start
ExecReload=${script} reload
ExecStop=${script} stop
TimeoutStartSec=${service.startSeconds}

[Install]
WantedBy=multi-user.target
`;
}

/**
 * The script itself lies elsewhere: OpenRC wants its own kind of script in /etc/init.d. Debian's OpenRC has neither "net" nor
 * "localmount", but networking and mountall of SysV: what is only used may be missing.
 */
export function openrcWrapper(service: BootService, script: string): string {
  const after = ['firewall', 'iptables', 'ip6tables', ...service.after.map(openrcName)];
  const before = service.before.map(openrcName);
  if (service.network === 'pre') before.unshift('net');
  const depend = [
    ...(service.network === 'online' ? ['use net networking'] : ['use localmount mountall']),
    `after ${words(...after)}`,
    ...(before.length > 0 ? [`before ${words(...before)}`] : []),
    'use logger',
  ];
  const action = (name: string, text: string) =>
    `${name}() {\n\tebegin "${text} $RC_SVCNAME"\n\t${script} ${name}\n\teend $?\n}\n`;
  return `#!/sbin/openrc-run
# ${service.header}
# shellcheck shell=sh disable=SC2034

description=${quote(service.description)}
extra_commands="check"
extra_started_commands="reload"

depend() {
${depend.map((line) => `\t${line}\n`).join('')}}

${action('start', 'Starting')}
${action('stop', 'Stopping')}
${action('reload', 'Reloading')}
status() {
\t${script} status
}

check() {
\t${script} check
}
`;
}

/**
 * Only what has drifted (4) is put right: 3 means that somebody stopped it. The service itself reloads: what it leaves
 * running would end with this unit. What failed is started, since systemd does not reload it.
 */
export function reconcileUnit(service: BootService, script: string): string {
  return `# ${service.header}
[Unit]
Description=Put ${service.name} right where it has drifted

[Service]
Type=oneshot
ExecStart=/bin/sh -c '${script} status >/dev/null 2>&1 || [ "$$?" -ne 4 ] || { action=reload; ! systemctl -q is-failed ${service.name}.service || action=start; exec systemctl $$action ${service.name}.service; }'
`;
}

export function reconcileTimer(service: BootService): string {
  return `# ${service.header}
[Unit]
Description=Look after ${service.name}

[Timer]
OnActiveSec=${service.reconcileSeconds}s
OnUnitActiveSec=${service.reconcileSeconds}s
AccuracySec=1s

[Install]
WantedBy=timers.target
`;
}

/** Cron counts in minutes: the interval is rounded up to whole ones, at most an hour. */
export function reconcileCron(service: BootService, script: string): string {
  const minutes = Math.min(59, Math.max(1, Math.ceil(service.reconcileSeconds / 60)));
  return `# ${service.header}
${minutes === 1 ? '*' : `*/${minutes}`} * * * * root ${script} status >/dev/null 2>&1 || [ $? -ne 4 ] || ${script} reload
`;
}

function unitName(name: string): string {
  return /\.[a-z]+$/.test(name) ? name : `${name}.service`;
}

function openrcName(name: string): string {
  return name.replace(/\.(service|target)$/, '');
}
