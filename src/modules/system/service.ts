// Starts, stops and registers services with systemd, SysV init scripts or OpenRC, whichever the host runs.
import { DETECT_INIT, INIT_SYSTEMS, type InitSystem } from '../../init-system.ts';
import { quote } from '../../shell.ts';
import type { HostModule, Inspected, Verdict } from '../module.ts';
import { ArgumentError } from '../module.ts';
import { touchesNetworkService } from '../network-touch.ts';
import { SERVICE_DO, SERVICE_ENABLED_BY_LINKS, SERVICE_NAME, SERVICE_REGISTER } from './service-control.ts';

interface Args {
  readonly name: string;
  readonly state?: 'started' | 'stopped' | 'restarted' | 'reloaded';
  readonly enabled?: boolean;
}

type Action = 'start' | 'stop' | 'restart' | 'reload' | 'enable' | 'disable';

/** What is done, in this order. */
export interface ServiceChanges {
  readonly actions: readonly Action[];
}

export const service: HostModule<Args, Args, ServiceChanges> = {
  kind: 'host',
  name: 'service',
  summary: 'Starts, stops, restarts or reloads a service and says whether it starts at boot.',
  touchesNetwork: touchesNetworkService,
  returns: { name: 'The service.', running: 'Whether it runs.', enabled: 'Whether it starts at boot.' },
  schema: {
    type: 'object',
    properties: {
      name: { type: 'string', minLength: 1, description: 'Name of the service.' },
      state: {
        enum: ['started', 'stopped', 'restarted', 'reloaded'],
        description:
          'started and stopped act only where needed. restarted and reloaded act always; a service that does not run is started.',
      },
      enabled: { type: 'boolean', description: 'Whether the service starts at boot.' },
    },
    required: ['name'],
    additionalProperties: false,
  },

  prepare(args) {
    if (!SERVICE_NAME.test(args.name))
      throw new ArgumentError('name', 'this cannot be the name of a service');
    if (args.state === undefined && args.enabled === undefined) {
      throw new ArgumentError('name', 'neither state nor enabled is given', 'say what to do: state: started');
    }
    return args;
  },

  acts: ({ state }) => state === 'restarted' || state === 'reloaded',
  reads: (wanted) => [`service:${wanted.name}`],
  writes: (wanted) => [`service:${wanted.name}`],
  inspect: (wanted) => ({ script: inspectScript(wanted.name) }),
  decide,

  change(wanted, changes) {
    const acts = changes.actions.map((action) =>
      action === 'enable' || action === 'disable'
        ? `service_${action} ${quote(wanted.name)}`
        : `service_do ${action} ${quote(wanted.name)}`,
    );
    return { script: [DETECT_INIT, SERVICE_DO, SERVICE_REGISTER, ...acts].join('\n') };
  },
};

const ACTION_TEXT: Readonly<Record<Action, string>> = {
  start: 'start',
  stop: 'stop',
  restart: 'restart',
  reload: 'reload',
  enable: 'enable at boot',
  disable: 'disable at boot',
};

/**
 * Prints `init=…`, `exists=yes|no|masked`, `running=yes|no` and `enabled=yes|no|static`.
 * A SysV script without `status` exits with something else than 0 and 3 (LSB): then a process of that name counts.
 */
function inspectScript(name: string): string {
  return `set +eu
name=${quote(name)}
${DETECT_INIT}
exists=no
running=no
if [ "$init" = systemd ]; then
  enabled=no
  while IFS='=' read -r key value; do
    case $key=$value in
      LoadState=masked) exists=masked ;;
      LoadState=not-found | LoadState=error) ;;
      LoadState=*) exists=yes ;;
      ActiveState=active | ActiveState=activating | ActiveState=reloading) running=yes ;;
      UnitFileState=enabled | UnitFileState=enabled-runtime | UnitFileState=alias) enabled=yes ;;
      UnitFileState=static | UnitFileState=indirect) enabled=static ;;
      UnitFileState=generated) if systemctl is-enabled "$name" >/dev/null 2>&1; then enabled=yes; fi ;;
    esac
  done <<END
$(systemctl show -p LoadState -p ActiveState -p UnitFileState "$name" 2>/dev/null)
END
else
  ${SERVICE_ENABLED_BY_LINKS.replaceAll('\n', '\n  ')}
  for script in "/etc/init.d/$name" "/etc/rc.d/init.d/$name"; do
    if [ -x "$script" ]; then
      exists=yes
      break
    fi
  done
  if [ $exists = yes ]; then
    if [ "$init" = openrc ]; then
      rc-service "$name" status </dev/null >/dev/null 2>&1
    else
      "$script" status </dev/null >/dev/null 2>&1
    fi
    case $?-$init in
      0-* | 8-openrc) running=yes ;;
      3-* | *-openrc) ;;
      *) if pidof "$name" >/dev/null 2>&1; then running=yes; fi ;;
    esac
  fi
fi
printf '%s\\n' "init=$init" "exists=$exists" "running=$running" "enabled=$enabled"`;
}

interface Actual {
  readonly init: InitSystem;
  readonly exists: string;
  readonly running: boolean;
  readonly enabled: string;
}

function parse(stdout: string): Actual {
  const fields = new Map<string, string>();
  for (const line of stdout.split('\n')) {
    const at = line.indexOf('=');
    if (at > 0) fields.set(line.slice(0, at), line.slice(at + 1));
  }
  return {
    init: INIT_SYSTEMS.find((name) => name === fields.get('init')) ?? 'none',
    exists: fields.get('exists') ?? 'no',
    running: fields.get('running') === 'yes',
    enabled: fields.get('enabled') ?? 'no',
  };
}

function decide(wanted: Args, inspected: Inspected): Verdict<ServiceChanges> {
  const actual = parse(inspected.output.stdout);
  const fields = { name: wanted.name, running: actual.running, enabled: actual.enabled === 'yes' };
  if (actual.init === 'none') {
    return {
      kind: 'failed',
      message: 'no init system was found on the host: neither systemd, SysV rc folders nor OpenRC',
    };
  }
  if (actual.exists === 'no') {
    if (wanted.state === 'stopped' && wanted.enabled !== true) {
      return { kind: 'unchanged', message: 'there is no such service', fields };
    }
    return { kind: 'failed', message: `there is no service ${wanted.name} on the host (${actual.init})` };
  }
  const actions = actionsOf(wanted, actual);
  if (actions.length === 0) return { kind: 'unchanged', fields };
  if (actual.exists === 'masked' && actions.some((action) => action !== 'stop' && action !== 'disable')) {
    return {
      kind: 'failed',
      message: `the service ${wanted.name} is masked`,
      hint: `systemctl unmask ${wanted.name}`,
    };
  }
  const message = actions.map((action) => ACTION_TEXT[action]).join(', ');
  return { kind: 'change', changes: { actions }, message, fields };
}

function actionsOf(wanted: Args, actual: Actual): Action[] {
  const actions: Action[] = [];
  if (wanted.enabled === true && actual.enabled === 'no') actions.push('enable');
  if (wanted.enabled === false && actual.enabled === 'yes') actions.push('disable');
  switch (wanted.state) {
    case 'started':
      if (!actual.running) actions.push('start');
      break;
    case 'stopped':
      if (actual.running) actions.push('stop');
      break;
    case 'restarted':
      actions.push(actual.running ? 'restart' : 'start');
      break;
    case 'reloaded':
      actions.push(actual.running ? 'reload' : 'start');
      break;
    case undefined:
      break;
  }
  return actions;
}
