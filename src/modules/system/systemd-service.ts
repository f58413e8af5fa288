// Units of systemd: as `service`, and what only systemd has: masked units, units of other kinds, and reading unit files
// anew. On a host where systemd does not run it fails; `service` is for all hosts.
import { quote } from '../../shell.ts';
import type { Conclusion, HostModule, Inspected, Output, Resource, Verdict } from '../module.ts';
import { ArgumentError } from '../module.ts';
import { touchesNetworkService } from '../network-touch.ts';
import { saidOf } from './accounts.ts';
import { SERVICE_DO } from './service-control.ts';

interface Args {
  readonly name?: string;
  readonly state?: 'started' | 'stopped' | 'restarted' | 'reloaded';
  readonly enabled?: boolean;
  readonly masked?: boolean;
  readonly daemon_reload?: boolean;
  readonly daemon_reexec?: boolean;
  readonly no_block?: boolean;
  readonly force?: boolean;
  readonly scope?: 'system';
}

type Action =
  | 'daemon-reexec'
  | 'daemon-reload'
  | 'mask'
  | 'unmask'
  | 'enable'
  | 'disable'
  | 'start'
  | 'stop'
  | 'restart'
  | 'reload';

/** What is done, in this order. */
export interface UnitChanges {
  readonly actions: readonly Action[];
}

const UNIT_NAME = /^[A-Za-z0-9_-][A-Za-z0-9@._:+\\-]{0,254}$/;

const UNIT_FOLDERS = [
  '/etc/systemd',
  '/run/systemd',
  '/usr/lib/systemd',
  '/lib/systemd',
  '/etc/init.d',
] as const;

const ACTION_TEXT: Readonly<Record<Action, string>> = {
  'daemon-reexec': 'start systemd itself anew',
  'daemon-reload': 'reload systemd',
  mask: 'mask',
  unmask: 'unmask',
  enable: 'enable at boot',
  disable: 'disable at boot',
  start: 'start',
  stop: 'stop',
  restart: 'restart',
  reload: 'reload',
};

export const systemdService: HostModule<Args, Args, UnitChanges> = {
  kind: 'host',
  name: 'systemd_service',
  summary: 'Starts, stops, enables or masks a unit of systemd, and makes systemd read unit files anew.',
  touchesNetwork: touchesNetworkService,
  returns: {
    name: 'The unit.',
    state: 'started or stopped.',
    enabled: 'Whether it starts at boot.',
    status: 'What systemctl show says of it.',
  },
  schema: {
    type: 'object',
    properties: {
      name: {
        aliases: ['service', 'unit'],
        type: 'string',
        minLength: 1,
        description: 'Name of the unit; without an ending it is a service.',
      },
      state: {
        enum: ['started', 'stopped', 'restarted', 'reloaded'],
        description:
          'started and stopped act only where needed. restarted and reloaded act always; a unit that does not run is started.',
      },
      enabled: { type: 'boolean', description: 'Whether the unit starts at boot.' },
      masked: { type: 'boolean', description: 'Whether the unit is made impossible to start.' },
      daemon_reload: {
        aliases: ['daemon-reload'],
        type: 'boolean',
        default: false,
        description:
          'First make systemd read unit files anew. With name: where systemd says that the unit needs it. Without: each time.',
      },
      daemon_reexec: {
        aliases: ['daemon-reexec'],
        type: 'boolean',
        default: false,
        description: 'First start systemd itself anew, each time.',
      },
      no_block: {
        type: 'boolean',
        default: false,
        description: 'Do not wait until it has started or stopped.',
      },
      force: { type: 'boolean', default: false, description: 'With enabled: links of others give way.' },
      scope: { enum: ['system'], default: 'system', description: 'Only units of the system, not of users.' },
    },
    additionalProperties: false,
  },

  prepare(args) {
    const { name, state, enabled, masked, daemon_reload: reload, daemon_reexec: reexec } = args;
    const needsName = Object.entries({ state, enabled, masked }).find(
      ([, value]) => value !== undefined,
    )?.[0];
    if (needsName !== undefined && name === undefined) {
      throw new ArgumentError(needsName, `${needsName} needs the name of a unit`);
    }
    if (needsName === undefined && reload !== true && reexec !== true) {
      throw new ArgumentError(
        'name',
        'none of state, enabled, masked and daemon_reload is given',
        'say what to do: state: started',
      );
    }
    if (name !== undefined && !UNIT_NAME.test(name)) {
      throw new ArgumentError('name', 'this cannot be the name of a unit');
    }
    return args;
  },

  acts: ({ state, daemon_reload: reload, daemon_reexec: reexec }) =>
    state === 'restarted' || state === 'reloaded' || (reload ?? false) || (reexec ?? false),
  reads: (wanted) => (wanted.name === undefined ? [] : unitResources(wanted.name)),
  writes: (wanted) =>
    // Any unit may be another one after that.
    wanted.daemon_reload === true || wanted.daemon_reexec === true || wanted.name === undefined
      ? ['*']
      : unitResources(wanted.name),
  inspect: ({ name }) => ({ script: inspectScript(name) }),
  decide,

  change(wanted, { actions }) {
    return {
      script: ['init=systemd', SERVICE_DO, ...actions.map((action) => actionLine(wanted, action))].join('\n'),
    };
  },

  conclude,
};

function unitResources(name: string): readonly Resource[] {
  const plain = name.replace(/\.service$/, '');
  return [`service:${plain}`, ...UNIT_FOLDERS.map((folder) => `file:${folder}` as const)];
}

/** Prints `systemd=yes` and the unit's properties, with `enabled=yes|no` where systemd does not know without looking. */
function inspectScript(name: string | undefined): string {
  if (name === undefined) return 'if [ -d /run/systemd/system ]; then echo systemd=yes; fi';
  const unit = quote(name);
  return `set +eu
[ -d /run/systemd/system ] || exit 0
echo systemd=yes
said=$(systemctl show -p LoadState -p ActiveState -p UnitFileState -p NeedDaemonReload -- ${unit} 2>/dev/null)
printf '%s\\n' "$said"
case $said in
  *UnitFileState=generated*) if systemctl is-enabled -- ${unit} >/dev/null 2>&1; then echo enabled=yes; fi ;;
esac
exit 0`;
}

interface Unit {
  readonly exists: boolean;
  readonly masked: boolean;
  readonly running: boolean;
  readonly enabled: 'yes' | 'no' | 'static';
  readonly needsReload: boolean;
  readonly status: Readonly<Record<string, string>>;
}

function unitOf(output: Output): Unit {
  const said = (key: string) => saidOf(output, key)[0] ?? '';
  const load = said('LoadState');
  const file = said('UnitFileState');
  const isOn = /^(enabled|enabled-runtime|alias)$/.test(file) || said('enabled') === 'yes';
  return {
    exists: load !== '' && load !== 'not-found' && load !== 'error',
    masked: load === 'masked' || file.startsWith('masked'),
    running: /^(active|activating|reloading)$/.test(said('ActiveState')),
    enabled: isOn ? 'yes' : /^(static|indirect)$/.test(file) ? 'static' : 'no',
    needsReload: said('NeedDaemonReload') === 'yes',
    status: { LoadState: load, ActiveState: said('ActiveState'), UnitFileState: file },
  };
}

function decide(wanted: Args, { output }: Inspected): Verdict<UnitChanges> {
  if (!saidOf(output, 'systemd').includes('yes')) {
    return {
      kind: 'failed',
      message: 'systemd does not run on this host',
      hint: 'service is for all init systems',
    };
  }
  const { name, state, enabled } = wanted;
  const unit = unitOf(output);
  const fields = {
    ...(name !== undefined && { name, status: unit.status }),
    ...(state !== undefined && { state }),
    ...(enabled !== undefined && { enabled: unit.enabled === 'yes' }),
  };
  // One that systemd has not read yet may be there after a reload.
  const isUnknown = name !== undefined && !unit.exists;
  if (isUnknown && wanted.daemon_reload !== true && wanted.masked === undefined) {
    if ((state ?? 'stopped') === 'stopped' && enabled !== true) {
      return { kind: 'unchanged', message: 'there is no such unit', fields };
    }
    return { kind: 'failed', message: `there is no unit ${name} on the host` };
  }
  const actions = actionsOf(wanted, unit);
  if (actions.length === 0) return { kind: 'unchanged', fields };
  const staysMasked = unit.masked && wanted.masked !== false;
  if (staysMasked && actions.some((action) => ['enable', 'start', 'restart', 'reload'].includes(action))) {
    return { kind: 'failed', message: `the unit ${name} is masked`, hint: 'masked: false unmasks it first' };
  }
  return {
    kind: 'change',
    changes: { actions },
    message: actions.map((action) => ACTION_TEXT[action]).join(', '),
    fields,
  };
}

function actionsOf(wanted: Args, unit: Unit): readonly Action[] {
  const { name, state, enabled, masked } = wanted;
  const actions: Action[] = [];
  if (wanted.daemon_reexec === true) actions.push('daemon-reexec');
  if (wanted.daemon_reload === true && (name === undefined || unit.needsReload || !unit.exists)) {
    actions.push('daemon-reload');
  }
  if (masked === true && !unit.masked) actions.push('mask');
  if (masked === false && unit.masked) actions.push('unmask');
  if (enabled === true && unit.enabled === 'no') actions.push('enable');
  if (enabled === false && unit.enabled === 'yes') actions.push('disable');
  switch (state) {
    case 'started':
      if (!unit.running) actions.push('start');
      break;
    case 'stopped':
      if (unit.running) actions.push('stop');
      break;
    case 'restarted':
      actions.push(unit.running ? 'restart' : 'start');
      break;
    case 'reloaded':
      actions.push(unit.running ? 'reload' : 'start');
      break;
    case undefined:
      break;
  }
  return actions;
}

function actionLine({ name = '', no_block: isLeft, force }: Args, action: Action): string {
  const unit = quote(name);
  switch (action) {
    case 'daemon-reload':
    case 'daemon-reexec':
      return `systemctl ${action} >&2`;
    case 'enable':
      return `systemctl enable${force === true ? ' --force' : ''} ${unit} >&2`;
    case 'mask':
    case 'unmask':
    case 'disable':
      return `systemctl ${action} ${unit} >&2`;
    default:
      return isLeft === true ? `systemctl ${action} --no-block ${unit} >&2` : `service_do ${action} ${unit}`;
  }
}

/** To read unit files anew changes nothing by itself. */
function conclude(_wanted: Args, { actions }: UnitChanges, output: Output): Conclusion {
  if (output.exitCode !== 0) {
    return { kind: 'failed', message: output.stderr.trim() || `systemctl exited ${output.exitCode}` };
  }
  const onlyReads = actions.every((action) => action === 'daemon-reload' || action === 'daemon-reexec');
  return { kind: onlyReads ? 'unchanged' : 'changed' };
}
