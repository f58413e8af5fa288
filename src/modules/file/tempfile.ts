// A new file or folder under a name that nobody had, for this user alone. By builtins rather than mktemp(1), because
// BusyBox's takes no suffix. Who made it has to remove it.
import { quote } from '../../shell.ts';
import { ArgumentError, type HostModule } from '../module.ts';
import { absoluteFilePath } from './file-attributes.ts';

export interface TempfileArgs {
  readonly state?: 'file' | 'directory';
  readonly path?: string;
  readonly prefix?: string;
  readonly suffix?: string;
}

export interface TempfileWanted {
  readonly state: 'file' | 'directory';
  readonly folder: string;
  readonly prefix: string;
  readonly suffix: string;
}

export const tempfile: HostModule<TempfileArgs, TempfileWanted, Readonly<Record<string, never>>> = {
  kind: 'host',
  name: 'tempfile',
  summary: 'Makes an empty file or folder with a new name, which is path in the result.',
  returns: { path: 'Path of what was made.', state: 'file or directory.', mode: 'Permissions, octal.' },
  schema: {
    type: 'object',
    properties: {
      state: { description: 'What to make.', enum: ['file', 'directory'], default: 'file' },
      path: { description: 'The folder to make it in; /tmp if unsaid.', type: 'string', minLength: 1 },
      prefix: { description: 'How its name begins.', type: 'string', default: 'ansible.' },
      suffix: { description: 'How its name ends.', type: 'string', default: '' },
    },
    additionalProperties: false,
  },
  prepare: (args) => ({
    state: args.state ?? 'file',
    folder: absoluteFilePath('path', args.path ?? '/tmp'),
    prefix: namePart('prefix', args.prefix ?? 'ansible.'),
    suffix: namePart('suffix', args.suffix ?? ''),
  }),
  acts: () => true,
  reads: ({ folder }) => [`file:${folder}`],
  writes: ({ folder }) => [`file:${folder}`],
  inspect: ({ folder }) => ({ files: [{ path: folder, follow: 'target', depth: 'none' }] }),
  decide({ state, folder }, actual) {
    const found = actual.files.get(folder) ?? { kind: 'absent' };
    if (found.kind === 'unreadable') {
      return { kind: 'failed', message: `${folder} cannot be read: ${found.message}` };
    }
    if (found.kind !== 'directory') {
      return {
        kind: 'failed',
        message: `${folder} ${found.kind === 'absent' ? 'does not exist' : 'is not a folder'}`,
      };
    }
    return {
      kind: 'change',
      changes: {},
      message: `make a temporary ${state === 'file' ? 'file' : 'folder'} in ${folder}`,
      fields: { state },
    };
  },
  change: (wanted) => ({ script: makeScript(wanted) }),
  conclude({ state }, _changes, { exitCode, stdout, stderr }) {
    const path = stdout.replace(/\n$/, '');
    if (exitCode !== 0 || path === '') {
      return { kind: 'failed', message: stderr.trim() || 'no temporary file could be made' };
    }
    return {
      kind: 'changed',
      message: `${path} made`,
      fields: { path, state, mode: state === 'file' ? '0600' : '0700' },
    };
  },
};

/** Opening with noclobber and mkdir both fail where the name is taken, by a link too. */
function makeScript({ state, folder, prefix, suffix }: TempfileWanted): string {
  const make = state === 'directory' ? 'mkdir "$path"' : '(set -C && : >"$path")';
  const base = folder === '/' ? '/' : `${folder}/`;
  return `umask 077
for attempt in 1 2 3; do
  random=$(od -An -N8 -tx1 /dev/urandom)
  # shellcheck disable=SC2086
  set -- $random
  [ "$#" -eq 8 ] || { echo '/dev/urandom cannot be read' >&2; exit 1; }
  path=${quote(base + prefix)}$1$2$3$4$5$6$7$8${suffix === '' ? '' : quote(suffix)}
  if problem=$( ${make} 2>&1); then
    printf '%s\\n' "$path"
    exit 0
  fi
done
printf '%s\\n' "$problem" >&2
exit "$attempt"`;
}

function namePart(argument: 'prefix' | 'suffix', text: string): string {
  if (/[/\0\n]/.test(text)) {
    throw new ArgumentError(argument, `${JSON.stringify(text)} cannot be part of a name`);
  }
  return text;
}
