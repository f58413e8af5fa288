// Kernel parameters: the live value by way of /proc/sys, and the line of a sysctl.d file that sets it at boot.
// The sysctl binary is not needed, and other lines of the file are left alone.
import { Buffer } from 'node:buffer';
import { quote } from '../../shell.ts';
import { absoluteFilePath } from '../file/file-attributes.ts';
import type { FileState } from '../file/file-probe.ts';
import { writeFiles } from '../file/file-write.ts';
import type { Diff, HostModule, Inspected, Verdict } from '../module.ts';
import { ArgumentError } from '../module.ts';
import { touchesNetworkSetting } from '../network-touch.ts';

interface Args {
  readonly name: string;
  readonly value?: string | number | boolean;
  readonly state?: 'present' | 'absent';
  readonly sysctl_set?: boolean;
  readonly sysctl_file?: string;
  readonly reload?: boolean;
}

export interface WantedSysctl {
  /** Below /proc/sys: `net/ipv4/conf/eth0.5/rp_filter`. */
  readonly key: string;
  /** Undefined: no line in the file. */
  readonly value?: string;
  readonly file: string;
  readonly live: 'always' | 'with-file' | 'never';
}

export interface SysctlChanges {
  /** New content of the file; null: the file goes. Undefined: it stays as it is. */
  readonly content?: string | null;
  readonly mode: number;
  readonly setLive: boolean;
}

const HEADER = '# fairlead: kernel parameters set by playbooks';

export const sysctl: HostModule<Args, WantedSysctl, SysctlChanges> = {
  kind: 'host',
  name: 'sysctl',
  summary: 'Sets a kernel parameter now and at every boot.',
  touchesNetwork: touchesNetworkSetting,
  returns: { name: 'The parameter.', value: 'Its value.' },
  schema: {
    type: 'object',
    properties: {
      name: {
        aliases: ['key'],
        type: 'string',
        minLength: 1,
        description:
          'Parameter, as net.ipv4.ip_forward. An interface with a dot in its name: net.ipv4.conf.eth0.5.rp_filter or net/ipv4/conf/eth0.5/rp_filter.',
      },
      value: {
        aliases: ['val'],
        type: ['string', 'integer', 'boolean'],
        description: 'Value; blanks and tabs between numbers are the same. Required unless state is absent.',
      },
      state: {
        enum: ['present', 'absent'],
        default: 'present',
        description: 'absent takes the line out of the file and leaves the live value as it is.',
      },
      sysctl_set: {
        type: 'boolean',
        default: true,
        description: 'Compare and set the live value too, whether or not the file changes.',
      },
      sysctl_file: {
        type: 'string',
        default: '/etc/sysctl.d/60-fairlead.conf',
        description: 'File that sets it at boot; its other lines stay.',
      },
      reload: {
        type: 'boolean',
        default: true,
        description: 'Without sysctl_set: set the live value when the file changes.',
      },
    },
    required: ['name'],
    additionalProperties: false,
  },

  prepare(args) {
    const key = keyOf(args.name);
    const file = absoluteFilePath('sysctl_file', args.sysctl_file ?? '/etc/sysctl.d/60-fairlead.conf');
    if (args.state === 'absent') return { key, file, live: 'never' };
    if (args.value === undefined) throw new ArgumentError('value', 'value is missing');
    const value = normalised(
      typeof args.value === 'boolean' ? String(Number(args.value)) : String(args.value),
    );
    if (value === '' || /[\0-\x1f\x7f]/.test(value)) {
      throw new ArgumentError('value', 'the value of a kernel parameter is one line of text');
    }
    const live = (args.sysctl_set ?? true) ? 'always' : (args.reload ?? true) ? 'with-file' : 'never';
    return { key, value, file, live };
  },

  reads: (wanted) => [`sysctl:${wanted.key}`, `file:${wanted.file}`],
  writes: (wanted) => [`sysctl:${wanted.key}`, `file:${wanted.file}`],

  inspect: (wanted) => ({
    files: [{ path: wanted.file, follow: 'target', depth: 'content' }],
    ...(wanted.live !== 'never' && { script: liveScript(wanted.key) }),
  }),

  decide,

  change(wanted, changes) {
    const parts: string[] = [];
    let uploads = {};
    if (changes.content === null) parts.push(`rm -f ${quote(wanted.file)}`);
    else if (changes.content !== undefined) {
      const folder = wanted.file.slice(0, wanted.file.lastIndexOf('/')) || '/';
      const written = writeFiles([
        {
          path: wanted.file,
          bytes: Buffer.from(changes.content),
          mode: changes.mode,
          links: 'follow',
        },
      ]);
      parts.push(`mkdir -p ${quote(folder)}`, `(\n${written.script}\n)`);
      if (written.uploads !== undefined) uploads = { uploads: written.uploads };
    }
    if (changes.setLive && wanted.value !== undefined) parts.push(setScript(wanted.key, wanted.value));
    return { script: parts.join('\n'), ...uploads };
  },
};

/**
 * sysctl.d(5): where the first separator is a slash, dots are part of names; otherwise dots separate and
 * slashes stand for dots. In net.ipv4.conf.eth0.5.rp_filter the interface is what lies between conf and the last dot.
 */
function keyOf(name: string): string {
  const separator = /[./]/.exec(name)?.[0];
  const device = /^(net\.(?:ipv4|ipv6|mpls)\.(?:conf|neigh))\.([^/]+)\.([a-z0-9_]+)$/.exec(name);
  let key = name;
  if (device?.[1] !== undefined) key = `${device[1].replaceAll('.', '/')}/${device[2]}/${device[3]}`;
  else if (separator === '.') key = name.replace(/[./]/g, (mark) => (mark === '.' ? '/' : '.'));
  const parts = key.split('/');
  const isName = (part: string) => /^[A-Za-z0-9_.@:+-]+$/.test(part) && part !== '.' && part !== '..';
  if (parts.length < 2 || !parts.every(isName)) {
    throw new ArgumentError('name', 'this cannot be a kernel parameter', 'write it as net.ipv4.ip_forward');
  }
  return key;
}

/** As files have it: with dots, or with slashes where a name has a dot in it. */
function fileKey(key: string): string {
  return key.includes('.') ? key : key.replaceAll('/', '.');
}

function normalised(value: string): string {
  return value.trim().replace(/[ \t]+/g, ' ');
}

/**
 * Prints the value; status 3: there is no such parameter, 4: it cannot be read. By cat and not by the builtin:
 * shells read byte by byte, and the kernel gives numbers in one piece or not at all (proc_dointvec).
 */
function liveScript(key: string): string {
  return `file=${quote(`/proc/sys/${key}`)}
[ -e "$file" ] || exit 3
cat "$file" 2>/dev/null || exit 4`;
}

/**
 * The kernel may take another value than the one written, and says nothing: so it is read again. Some kernels (6.1) take the
 * value of a setting and fail for a newline behind it.
 */
function setScript(key: string, value: string): string {
  return `file=${quote(`/proc/sys/${key}`)}
wanted=${quote(value)}
if ! { case $wanted in '') echo ;; *) printf %s "$wanted" ;; esac >"$file"; } 2>/dev/null; then
  printf 'the kernel refuses the value %s for %s\\n' "$wanted" "$file" >&2
  exit 1
fi
if value=$(cat "$file" 2>/dev/null); then
  # Tabs between numbers are blanks here.
  set -f
  # shellcheck disable=SC2086
  set -- $value
  if [ "$*" != "$wanted" ]; then
    printf '%s is %s after %s was written to it\\n' "$file" "$*" "$wanted" >&2
    exit 1
  fi
fi`;
}

function decide(wanted: WantedSysctl, actual: Inspected): Verdict<SysctlChanges> {
  const state = actual.files.get(wanted.file) ?? { kind: 'absent' };
  const before = textOf(state);
  if (before === undefined) {
    return { kind: 'failed', message: `${wanted.file} cannot be edited: ${whyNot(state)}` };
  }
  const after = edited(before, wanted);
  const fileDiffers = after !== before;
  const live = wanted.live === 'never' ? undefined : normalised(actual.output.stdout);
  if (actual.output.exitCode === 3) {
    return {
      kind: 'failed',
      message: `there is no kernel parameter ${fileKey(wanted.key)} on this host`,
      hint: 'is the interface there, and the kernel module loaded?',
    };
  }
  const liveDiffers = live !== undefined && live !== wanted.value;
  const setLive = liveDiffers && (wanted.live === 'always' || fileDiffers);
  const fields = { name: fileKey(wanted.key), ...(wanted.value !== undefined && { value: wanted.value }) };
  if (!fileDiffers && !setLive) return { kind: 'unchanged', fields };
  const title = fileKey(wanted.key);
  const diffs: Diff[] = [];
  const said: string[] = [];
  if (fileDiffers) {
    diffs.push({ title: wanted.file, before, after });
    said.push(wanted.value === undefined ? `remove ${title} from ${wanted.file}` : `write ${wanted.file}`);
  }
  if (setLive) {
    diffs.push({ title: `${title} (live)`, before: `${live}\n`, after: `${wanted.value}\n` });
    said.push(`set ${title}: ${live === '' ? 'unreadable' : live} → ${wanted.value}`);
  }
  const changes: SysctlChanges = {
    mode: state.kind === 'file' ? state.mode : 0o644,
    setLive,
    ...(fileDiffers && { content: after === '' ? null : after }),
  };
  return { kind: 'change', changes, message: said.join(', '), diffs, fields };
}

/** Undefined: not a text that can be edited. */
function textOf(state: FileState): string | undefined {
  if (state.kind === 'absent') return '';
  if (state.kind !== 'file' || state.content === undefined) return undefined;
  return Buffer.from(state.content).toString('utf8');
}

function whyNot(state: FileState): string {
  if (state.kind === 'unreadable') return state.message;
  return state.kind === 'file' ? 'it is too large' : `it is a ${state.kind}`;
}

/** The last line that sets the key is kept in its place, further ones go: the last one counts at boot. */
function edited(before: string, wanted: WantedSysctl): string {
  const lines = before === '' ? [] : before.replace(/\n$/, '').split('\n');
  const at = lines.findLastIndex((line) => lineKey(line)?.key === wanted.key);
  const found = at < 0 ? undefined : lineKey(lines[at] ?? '');
  const kept = lines.filter((line, index) => index === at || lineKey(line)?.key !== wanted.key);
  const place = kept.indexOf(lines[at] ?? '');
  if (wanted.value === undefined) {
    if (at < 0) return before;
    const rest = kept.filter((line) => lineKey(line)?.key !== wanted.key);
    return rest.every((line) => line === HEADER || line.trim() === '') ? '' : `${rest.join('\n')}\n`;
  }
  const line = `${fileKey(wanted.key)} = ${wanted.value}`;
  if (found === undefined) return `${[...(lines.length === 0 ? [HEADER] : lines), line].join('\n')}\n`;
  if (found.value === wanted.value && kept.length === lines.length) return before;
  if (found.value !== wanted.value) kept[place] = line;
  return `${kept.join('\n')}\n`;
}

/** `-key = value` (a dash: errors do not matter), key in either spelling. */
function lineKey(line: string): { readonly key: string; readonly value: string } | undefined {
  const match = /^\s*-?([^#;\s=][^=\s]*)\s*=\s*(.*)$/.exec(line);
  if (match?.[1] === undefined) return undefined;
  try {
    return { key: keyOf(match[1]), value: normalised(match[2] ?? '') };
  } catch {
    return undefined;
  }
}
