// Installs one POSIX-sh script that runs now and at every boot, under systemd, SysV or OpenRC, with the hooks that
// keep its work true at run time. What it needs of the script: start, stop, reload, status (0 fine, 3 not applied,
// 4 drifted) and check, which changes nothing, says what is in the way, and tells people in lines that begin with
// `note: ` what a start or reload will do. Files are in boot-files.ts, the sh in boot-commands.ts; here is what to do when.
import { Buffer } from 'node:buffer';
import { quote } from '../../shell.ts';
import { absoluteFilePath } from '../file/file-attributes.ts';
import { type FileState, sha256Of } from '../file/file-probe.ts';
import type { Conclusion, Diff, HostModule, Inspected, Output, Resource, Verdict } from '../module.ts';
import { ArgumentError } from '../module.ts';
import {
  type BootChanges,
  type BootState,
  checkScript,
  installProgram,
  lookScript,
  parseLook,
  removeProgram,
} from './boot-commands.ts';
import { type BootFile, type BootHost, bootFiles, candidatePaths, scriptPath } from './boot-files.ts';
import type { BootService } from './boot-units.ts';

interface Args {
  readonly name: string;
  readonly src?: string;
  readonly content?: string;
  readonly description?: string;
  readonly state?: 'started' | 'installed' | 'absent';
  readonly check?: boolean;
  readonly hooks?: boolean;
  readonly interfaces?: readonly string[];
  readonly reconcile_s?: number;
  readonly network?: 'online' | 'pre';
  readonly after?: readonly string[];
  readonly before?: readonly string[];
  readonly start_timeout_s?: number;
  readonly data_files?: readonly string[];
}

export interface WantedBootScript {
  readonly service: BootService;
  /** Empty where state is absent. */
  readonly script: string;
  readonly state: 'started' | 'installed' | 'absent';
  readonly check: boolean;
  readonly hooks: boolean;
  readonly dataFiles: readonly string[];
  readonly diff: boolean;
}

type Changes =
  | ({ readonly kind: 'install'; readonly notes: readonly string[] } & BootChanges)
  | { readonly kind: 'remove'; readonly host: BootHost; readonly present: readonly string[] };

const SERVICE_HINT = 'the name of a service has letters, digits and @ . _ : -';

export const bootScript: HostModule<Args, WantedBootScript, Changes> = {
  kind: 'host',
  name: 'boot_script',
  summary: 'Installs one sh script that runs now and at every boot, and keeps what it did true.',
  touchesNetwork: () => true,
  returns: {
    init: 'The init system that it was put under.',
    status: 'What the script said to status; null where it has not run yet.',
  },
  schema: {
    type: 'object',
    properties: {
      name: {
        type: 'string',
        pattern: '^[A-Za-z][A-Za-z0-9_-]{0,63}$',
        hint: 'a name starts with a letter, and has letters, digits, - and _, at most 64',
        description: 'Name of the service; no dots, since run-parts and rc links do not take them.',
      },
      src: { type: 'string', template: true, description: 'Template of the script.' },
      content: { type: 'string', description: 'The script itself, in place of src.' },
      description: {
        type: 'string',
        pattern: '^[^\\n]*$',
        hint: 'write one line',
        description: 'One line for whoever lists services.',
      },
      state: {
        enum: ['started', 'installed', 'absent'],
        default: 'started',
        description:
          'started: in place, run at boot and now. installed: not run now. absent: stopped and removed without a trace.',
      },
      check: {
        type: 'boolean',
        default: true,
        description: 'Run the new script with the argument check first; where it fails, nothing is changed.',
      },
      hooks: {
        type: 'boolean',
        default: true,
        description:
          'Hook into the network managers of the host (ifupdown, NetworkManager, networkd), so that a link that bounces is put right.',
      },
      interfaces: {
        type: 'array',
        items: {
          type: 'string',
          pattern: '^[^\\s/]{1,15}$',
          hint: 'the name of an interface has at most 15 letters, no blank and no /',
        },
        description: 'Interfaces whose changes matter; unsaid, all but lo.',
      },
      reconcile_s: {
        type: 'integer',
        minimum: 0,
        default: 0,
        description:
          'Look every so many seconds whether the state has drifted: by a systemd timer, else by cron (in whole minutes). 0: never.',
      },
      network: {
        enum: ['online', 'pre'],
        default: 'online',
        description: 'When to run at boot: once the network is configured, or before any link is.',
      },
      after: {
        type: 'array',
        items: { type: 'string', pattern: '^[A-Za-z0-9@._:-]+$', hint: SERVICE_HINT },
        description: 'Services to start after, as docker (systemd and OpenRC; SysV goes by the LSB header).',
      },
      before: {
        type: 'array',
        items: { type: 'string', pattern: '^[A-Za-z0-9@._:-]+$', hint: SERVICE_HINT },
        description: 'Services to start before.',
      },
      start_timeout_s: {
        type: 'integer',
        minimum: 1,
        default: 90,
        description: 'How long systemd waits for the start.',
      },
      data_files: {
        type: 'array',
        items: { type: 'string' },
        description:
          'Files that the script reads: tasks that write them are finished before the script is asked.',
      },
    },
    required: ['name'],
    additionalProperties: false,
  },

  prepare(args, controller) {
    const state = args.state ?? 'started';
    const service: BootService = {
      name: args.name,
      header: `fairlead: ${controller.roleName === undefined ? '' : `role ${controller.roleName}, `}boot_script ${args.name}`,
      description: args.description ?? args.name,
      network: args.network ?? 'online',
      after: args.after ?? [],
      before: args.before ?? [],
      startSeconds: args.start_timeout_s ?? 90,
      interfaces: args.interfaces ?? [],
      reconcileSeconds: args.reconcile_s ?? 0,
    };
    return {
      service,
      script: state === 'absent' ? '' : scriptOf(args, controller.renderFile.bind(controller)),
      state,
      check: args.check ?? true,
      hooks: args.hooks ?? true,
      dataFiles: (args.data_files ?? []).map((path) => absoluteFilePath('data_files', path)),
      diff: controller.diff,
    };
  },

  // Units, hooks and where OpenRC wants the script depend on what the host has.
  files: ({ service, script }) =>
    script === '' ? [] : [{ path: `/etc/init.d/${service.name}`, bytes: Buffer.from(script), mode: '0755' }],

  reads: (wanted) => [...own(wanted), ...wanted.dataFiles.map((path): Resource => `file:${path}`)],
  writes: own,

  inspect: (wanted) => ({
    files: candidatePaths(wanted.service.name).map((path) => ({
      path,
      follow: 'link' as const,
      depth: wanted.diff ? ('content' as const) : ('hash' as const),
    })),
    script: lookScript(wanted.service.name, { askStatus: wanted.state === 'started' }),
  }),

  decide,

  change: (wanted, changes) =>
    changes.kind === 'remove'
      ? removeProgram(wanted.service.name, changes.host, changes.present)
      : installProgram(wanted.service.name, changes),

  rehearse: (wanted, changes) => {
    if (changes.kind === 'remove' || !changes.check) return undefined;
    const isNew = changes.writes.some(({ role }) => role === 'script');
    if (isNew) return checkScript(wanted.service.name, wanted.script);
    return changes.action === 'none' ? undefined : `${quote(changes.script)} check`;
  },

  conclude,
};

function own(wanted: WantedBootScript): readonly Resource[] {
  const { name } = wanted.service;
  const files = [...candidatePaths(name), notesPath(name)].map((path): Resource => `file:${path}`);
  return ['routing', 'netfilter', `service:${name}`, ...files];
}

/** What a role's script notes of what was there before it: it goes back with the rest, or stop would not know what is its own. */
function notesPath(name: string): string {
  return `/var/lib/fairlead/${name.replace(/^fairlead-/, '')}/state`;
}

function scriptOf(args: Args, render: (name: string) => string): string {
  const argument = args.src === undefined ? 'content' : 'src';
  if ((args.src === undefined) === (args.content === undefined)) {
    throw new ArgumentError(argument, 'exactly one of src and content is needed');
  }
  const text = args.src === undefined ? (args.content ?? '') : render(args.src);
  if (!/^#! *\/bin\/sh\b/.test(text)) {
    throw new ArgumentError(argument, 'the script does not begin with #!/bin/sh');
  }
  if (!/^### BEGIN INIT INFO\n[\s\S]*^### END INIT INFO$/m.test(text)) {
    throw new ArgumentError(
      argument,
      'the script has no LSB header, which tells SysV when to run it',
      'begin it with ### BEGIN INIT INFO … ### END INIT INFO',
    );
  }
  return text.endsWith('\n') ? text : `${text}\n`;
}

function decide(wanted: WantedBootScript, inspected: Inspected): Verdict<Changes> {
  const state = parseLook(wanted.service.name, inspected.output.stdout);
  const { name } = wanted.service;
  const present = candidatePaths(name).filter((path) => inspected.files.get(path)?.kind !== 'absent');
  if (wanted.state === 'absent') {
    if (present.length === 0 && !state.enabled) return { kind: 'unchanged' };
    const message = `stop and remove ${name}`;
    return { kind: 'change', changes: { kind: 'remove', host: state.host, present }, message };
  }
  if (state.host.init === 'none') {
    return {
      kind: 'failed',
      message: 'no init system was found on the host: nothing would run the script at boot',
    };
  }
  if (state.foreign) {
    return {
      kind: 'failed',
      message: `the host has a service ${name} of its own`,
      hint: 'give the boot script another name',
    };
  }
  return decideInstall(wanted, { state, files: inspected.files, present });
}

interface Found {
  readonly state: BootState;
  readonly files: ReadonlyMap<string, FileState>;
  readonly present: readonly string[];
}

function decideInstall(wanted: WantedBootScript, found: Found): Verdict<Changes> {
  const { state, files } = found;
  const { service } = wanted;
  const { host } = state;
  const needed = bootFiles(service, { script: wanted.script, hooks: wanted.hooks, host });
  const writes = needed.filter((file) => differs(file, files.get(file.path)));
  const removes = found.present.filter((path) => !needed.some((file) => file.path === path));
  const writesRole = (role: BootFile['role']) => writes.some((file) => file.role === role);
  const timerWanted = needed.some((file) => file.path.endsWith('.timer'));
  const timerGoes = removes.some((path) => path.endsWith('.timer'));
  const unitsChange = [...writes.map(({ path }) => path), ...removes].some((path) =>
    path.startsWith('/etc/systemd/system/'),
  );
  const restartNetworkd = files.get(networkdPath(service))?.kind === 'absent' && writesRole('networkd');
  const changes: Changes = {
    kind: 'install',
    host,
    script: scriptPath(service.name, host.init),
    writes,
    removes,
    check: wanted.check,
    enable: !state.enabled,
    timer: timerGoes
      ? 'stop'
      : timerWanted && (!state.timerActive || writesRole('reconcile'))
        ? 'start'
        : 'leave',
    daemonReload: unitsChange || state.daemonReload,
    restartNetworkd,
    action: wanted.state === 'installed' ? 'none' : actionOf(state, writesRole('script') || restartNetworkd),
    notes: notes(wanted, host),
  };
  const message = messageOf(changes, state);
  if (message === '') return { kind: 'unchanged', ...noteText(changes.notes), fields: fieldsOf(state) };
  return {
    kind: 'change',
    changes,
    message: [message, ...changes.notes].join('; '),
    diffs: diffsOf(wanted, changes, found),
    fields: fieldsOf(state),
  };
}

function networkdPath(service: BootService): string {
  return `/etc/systemd/networkd.conf.d/10-${service.name}.conf`;
}

function differs(file: BootFile, actual: FileState | undefined): boolean {
  if (actual?.kind !== 'file') return true;
  const same = actual.sha256 === sha256Of(file.bytes) && actual.mode === file.mode;
  return !same || actual.uid !== 0 || actual.gid !== 0;
}

/** A script that is applied is reloaded, which drops no flow; what was never applied, or cannot tell, is started. */
function actionOf(state: BootState, mustApply: boolean): BootChanges['action'] {
  const applied = state.status === 0 || state.status === 4;
  if (!applied || !state.active) return 'start';
  return mustApply || state.status === 4 ? 'reload' : 'none';
}

function notes(wanted: WantedBootScript, host: BootHost): readonly string[] {
  const { reconcileSeconds } = wanted.service;
  if (reconcileSeconds === 0 || host.init === 'systemd') return [];
  if (!host.cron) return ['nothing reconciles: the host has neither systemd nor cron'];
  return [];
}

function noteText(texts: readonly string[]): { readonly message?: string } {
  return texts.length === 0 ? {} : { message: texts.join('; ') };
}

function fieldsOf(state: BootState) {
  return { init: state.host.init, status: state.status ?? null };
}

/** Empty: there is nothing to do. */
function messageOf(changes: BootChanges, state: BootState): string {
  const said: string[] = [];
  const names = changes.writes.map(({ path }) => path);
  if (names.length > 0) said.push(`write ${names.join(', ')}`);
  if (changes.removes.length > 0) said.push(`remove ${changes.removes.join(', ')}`);
  if (changes.enable) said.push('enable at boot');
  if (changes.timer === 'start') said.push('start the timer');
  if (changes.daemonReload && said.length === 0) said.push('reload the units');
  if (changes.action === 'start') said.push(state.status === 3 ? 'start (not applied)' : 'start');
  if (changes.action === 'reload') {
    const first = state.statusText.split('\n', 1)[0] ?? '';
    said.push(state.status === 4 ? `reload (drifted${first === '' ? '' : `: ${first}`})` : 'reload');
  }
  return said.join(', ');
}

function diffsOf(wanted: WantedBootScript, changes: BootChanges, found: Found): readonly Diff[] {
  if (!wanted.diff) return [];
  const before = (path: string) => {
    const state = found.files.get(path);
    return state?.kind === 'file' && state.content !== undefined
      ? Buffer.from(state.content).toString('utf8')
      : '';
  };
  const hasDrifted = found.state.status === 4 || found.state.status === 3;
  const drift = hasDrifted ? `${found.state.statusText}\n` : '';
  return [
    ...changes.writes.map(({ path, bytes }) => ({
      title: path,
      before: before(path),
      after: Buffer.from(bytes).toString('utf8'),
    })),
    ...changes.removes.map((path) => ({ title: path, before: before(path), after: '' })),
    ...(drift === ''
      ? []
      : [{ title: `${wanted.service.name} status`, before: drift, after: '', form: 'findings' as const }]),
  ];
}

/** The script has the last word: what it did not bring about is a failure, whatever start or reload said. */
function conclude(wanted: WantedBootScript, changes: Changes, output: Output): Conclusion {
  const { name } = wanted.service;
  if (output.exitCode !== 0) {
    const message = output.stderr.trim() || output.stdout.trim() || `${name}: exited ${output.exitCode}`;
    return { kind: 'failed', message };
  }
  if (changes.kind === 'remove' || changes.action === 'none') return { kind: 'changed' };
  const status = /([\s\S]*)\n== exit (\d{1,3})\n?$/.exec(output.stdout);
  const code = Number(status?.[2] ?? Number.NaN);
  if (code === 0) return { kind: 'changed', fields: { init: changes.host.init, status: 0 } };
  const said = (status?.[1] ?? '').trim();
  return {
    kind: 'failed',
    message: `after the ${changes.action}, status of ${name} is ${status?.[2] ?? 'unknown'} instead of 0${said === '' ? '' : `\n${said}`}`,
    hint: `${quote(changes.script)} status`,
  };
}
