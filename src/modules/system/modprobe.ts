// Kernel modules: whether one is loaded now, and whether it is at every boot. What is loaded or built in is read from
// /sys, without a fork; files of others in modules-load.d and modprobe.d count too, and are left alone.
import { Buffer } from 'node:buffer';
import { quote } from '../../shell.ts';
import { writeFiles } from '../file/file-write.ts';
import type { Diff, HostModule, Inspected, Verdict } from '../module.ts';
import { ArgumentError } from '../module.ts';
import { SYSTEM_PATH, saidOf } from './accounts.ts';

interface Args {
  readonly name: string;
  readonly state?: 'present' | 'absent';
  readonly params?: string;
  readonly persistent?: 'disabled' | 'present' | 'absent';
}

export interface WantedKernelModule {
  readonly name: string;
  readonly state: 'present' | 'absent';
  readonly params: readonly string[];
  readonly persistent: 'disabled' | 'present' | 'absent';
}

export interface KernelModuleChanges {
  readonly action?: 'load' | 'unload';
  /** Content by path; null: the file goes. */
  readonly files: Readonly<Record<string, string | null>>;
}

export const modprobe: HostModule<Args, WantedKernelModule, KernelModuleChanges> = {
  kind: 'host',
  name: 'modprobe',
  summary: 'Loads or unloads a kernel module, now and at every boot.',
  returns: {
    name: 'The module.',
    state: 'present or absent.',
    params: 'Its parameters.',
    persistent: 'As asked for.',
  },
  schema: {
    type: 'object',
    properties: {
      name: { type: 'string', minLength: 1, description: 'Name of the module.' },
      state: { enum: ['present', 'absent'], default: 'present', description: 'Whether it is loaded now.' },
      params: {
        type: 'string',
        description:
          'Parameters as `numdummies=2 x=y`, for a module that is to be loaded; one that is stays as it is.',
      },
      persistent: {
        enum: ['disabled', 'present', 'absent'],
        default: 'disabled',
        description:
          'present: loaded at boot too, by files in /etc/modules-load.d and /etc/modprobe.d that have its name. absent: these files go. disabled: neither.',
      },
    },
    required: ['name'],
    additionalProperties: false,
  },

  prepare(args) {
    if (!/^[A-Za-z0-9_][A-Za-z0-9_.-]*$/.test(args.name)) {
      throw new ArgumentError('name', `${JSON.stringify(args.name)} cannot be the name of a kernel module`);
    }
    const { params = '' } = args;
    if (/[\0-\x08\x0a-\x1f\x7f"'\\#]/.test(params)) {
      throw new ArgumentError('params', 'params has a quote, a # or a control character in it');
    }
    return {
      name: args.name,
      state: args.state ?? 'present',
      params: params.split(/\s+/).filter((word) => word !== ''),
      persistent: args.persistent ?? 'disabled',
    };
  },

  reads: resources,
  writes: resources,
  inspect: (wanted) => ({ script: inspectScript(wanted) }),
  decide,

  change({ name, params }, { action, files }) {
    const writes = Object.entries(files).filter(([, text]) => text !== null);
    const gone = Object.entries(files).filter(([, text]) => text === null);
    const folders = [...new Set(writes.map(([path]) => path.slice(0, path.lastIndexOf('/'))))];
    const written = writeFiles(
      writes.map(([path, text]) => ({ path, bytes: Buffer.from(text ?? ''), mode: 0o644, links: 'follow' })),
    );
    const words = [name, ...params].map(quote).join(' ');
    return {
      script: [
        SYSTEM_PATH,
        ...(action === 'load' ? [`modprobe ${words}`] : []),
        ...(action === 'unload' ? [`modprobe -r ${quote(name)}`] : []),
        ...(writes.length === 0 ? [] : [`mkdir -p ${folders.join(' ')}`, `(\n${written.script}\n)`]),
        ...gone.map(([path]) => `rm -f ${quote(path)}`),
      ].join('\n'),
    };
  },

  /** Of kmod's only: BusyBox's modprobe has no dry run. */
  rehearse: ({ name }, { action }) =>
    action === 'load'
      ? `${SYSTEM_PATH}
case $(modprobe -V 2>/dev/null) in *kmod*) modprobe -n ${quote(name)} ;; esac`
      : undefined,
};

/** Configuration is read by the kernel's own names, in which - and _ are one. */
function kernelName(name: string): string {
  return name.replaceAll('-', '_');
}

function loadFile(name: string): `/${string}` {
  return `/etc/modules-load.d/${name}.conf`;
}

function optionsFile(name: string): `/${string}` {
  return `/etc/modprobe.d/${name}.conf`;
}

function resources({ name }: WantedKernelModule) {
  return [
    `sysctl:module/${kernelName(name)}`,
    'file:/etc/modules',
    'file:/etc/modules-load.d',
    'file:/etc/modprobe.d',
  ] as const;
}

/**
 * Prints `live=loaded|built in|no`, and with persistent the lines that name the module as `boot=FILE` and
 * `options=FILE: …`. A name may be an alias: modprobe of kmod knows of what.
 */
function inspectScript({ name, persistent }: WantedKernelModule): string {
  const live = `set +eu
${SYSTEM_PATH}
live() {
  if [ -e "/sys/module/$1/initstate" ]; then live=loaded
  elif [ -d "/sys/module/$1" ]; then live='built in'
  else live=no
  fi
}
live ${kernelName(name)}
if [ "$live" = no ]; then
  read -r release </proc/sys/kernel/osrelease
  if grep -q '/${kernelName(name).replaceAll('_', '[-_]').replaceAll('.', '[.]')}[.]ko' "/lib/modules/$release/modules.builtin" 2>/dev/null; then
    live='built in'
  else
    for real in $(modprobe -R ${quote(name)} 2>/dev/null); do
      case $real in
        *-*) real=$(printf %s "$real" | tr - _) ;;
      esac
      live "$real"
    done
  fi
fi
printf 'live=%s\\n' "$live"`;
  if (persistent === 'disabled') return live;
  return `${live}
set --
for file in /etc/modules /etc/modules-load.d/*.conf /etc/modprobe.d/*.conf; do
  if [ -r "$file" ]; then set -- "$@" "$file"; fi
done
if [ $# -gt 0 ]; then
  awk -v name=${kernelName(name)} '
    { word = $1; second = $2; gsub(/-/, "_", word); gsub(/-/, "_", second) }
    FILENAME !~ /modprobe[.]d/ && word == name { print "boot=" FILENAME }
    FILENAME ~ /modprobe[.]d/ && $1 == "options" && second == name {
      $1 = ""; $2 = ""; sub(/^ +/, "")
      print "options=" FILENAME ": " $0
    }' "$@"
fi
exit 0`;
}

function decide(wanted: WantedKernelModule, { output }: Inspected): Verdict<KernelModuleChanges> {
  const { name, state, persistent } = wanted;
  const [live = 'no'] = saidOf(output, 'live');
  const fields = { name, state, params: wanted.params.join(' '), persistent };
  if (state === 'absent' && live === 'built in') {
    return { kind: 'failed', message: `${name} is built into the kernel: it cannot be unloaded`, fields };
  }
  const boot = saidOf(output, 'boot');
  const foreign = boot.find((path) => path !== loadFile(name));
  if (persistent === 'absent' && foreign !== undefined) {
    const hint = 'take it out of there with lineinfile';
    return { kind: 'failed', message: `${foreign} has ${name} loaded at boot`, hint };
  }
  const action =
    state === 'present' ? (live === 'no' ? 'load' : undefined) : live === 'loaded' ? 'unload' : undefined;
  const files = filesOf(wanted, {
    boot,
    options: saidOf(output, 'options').map((line) => line.split(': ')),
  });
  const paths = Object.keys(files);
  if (action === undefined && paths.length === 0) return { kind: 'unchanged', fields };
  const diffs: Diff[] = paths.map((path) => ({
    title: path,
    before: '',
    after: files[path] ?? '(removed)\n',
  }));
  return {
    kind: 'change',
    changes: { ...(action !== undefined && { action }), files },
    message: [
      ...(action === undefined ? [] : [`${action} ${name}`]),
      ...paths.map((path) => `${files[path] === null ? 'remove' : 'write'} ${path}`),
    ].join(', '),
    diffs: [
      ...(action === undefined
        ? []
        : [{ title: `module ${name}`, before: `${live}\n`, after: `${action}ed\n` }]),
      ...diffs,
    ],
    fields,
  };
}

function filesOf(
  { name, params, persistent }: WantedKernelModule,
  found: { readonly boot: readonly string[]; readonly options: readonly (readonly string[])[] },
): KernelModuleChanges['files'] {
  const files: Record<string, string | null> = {};
  const wish = params.join(' ');
  if (persistent === 'present') {
    if (found.boot.length === 0) files[loadFile(name)] = `${name}\n`;
    const isSet = found.options.some(([, options]) => options === wish);
    if (wish !== '' && !isSet) files[optionsFile(name)] = `options ${name} ${wish}\n`;
  }
  if (persistent === 'absent') {
    if (found.boot.includes(loadFile(name))) files[loadFile(name)] = null;
    if (found.options.some(([path]) => path === optionsFile(name))) files[optionsFile(name)] = null;
  }
  return files;
}
