// What is at a path, as `register` wants it, under Ansible's names. Changes nothing.

import type { HostModule } from '../module.ts';
import { absoluteFilePath } from './file-attributes.ts';
import { modeText } from './file-mode.ts';
import type { FileState } from './file-probe.ts';
import { kindFields, permissionFields } from './stat-fields.ts';

export interface StatArgs {
  readonly path: string;
  readonly follow?: boolean;
  readonly get_checksum?: boolean;
  readonly checksum_algorithm?: 'sha256';
}

export interface StatWanted {
  readonly path: string;
  readonly follow: 'link' | 'target';
  readonly depth: 'none' | 'hash';
}

export const stat: HostModule<StatArgs, StatWanted, never> = {
  kind: 'host',
  name: 'stat',
  summary: 'Tells what is at a path: whether it exists, its kind, owner, mode, size and hash.',
  returns: {
    stat: 'exists; and where it does: path, mode, isdir, isreg, islnk, size, uid, gid, pw_name, gr_name, mtime, checksum, lnk_source and their like, as Ansible names them.',
  },
  schema: {
    type: 'object',
    properties: {
      path: {
        aliases: ['dest', 'name'],
        description: 'Absolute path on the host.',
        type: 'string',
        minLength: 1,
      },
      follow: {
        description: 'Look at what a symbolic link leads to, not at the link.',
        type: 'boolean',
        default: false,
      },
      get_checksum: {
        description: 'Hash the content of a regular file into stat.checksum.',
        type: 'boolean',
        default: true,
      },
      checksum_algorithm: {
        aliases: ['checksum', 'checksum_algo'],
        description: 'The hash: SHA-256, the one that hosts are asked for.',
        enum: ['sha256'],
        default: 'sha256',
      },
    },
    required: ['path'],
    additionalProperties: false,
  },
  prepare: (args) => ({
    path: absoluteFilePath('path', args.path),
    follow: args.follow ? 'target' : 'link',
    depth: args.get_checksum === false ? 'none' : 'hash',
  }),
  reads: (wanted) => [`file:${wanted.path}`],
  writes: () => [],
  inspect: (wanted) => ({ files: [wanted] }),
  decide(wanted, actual) {
    const state = actual.files.get(wanted.path) ?? { kind: 'absent' };
    if (state.kind === 'unreadable') {
      return { kind: 'failed', message: `${wanted.path} cannot be read: ${state.message}` };
    }
    if (state.kind === 'absent') return { kind: 'unchanged', fields: { stat: { exists: false } } };
    return { kind: 'unchanged', fields: { stat: statFields(wanted.path, state) } };
  },
  change: () => ({ script: '' }),
};

function statFields(
  path: string,
  state: Exclude<FileState, { readonly kind: 'absent' | 'unreadable' }>,
): Readonly<Record<string, unknown>> {
  return {
    exists: true,
    path,
    mode: modeText(state.mode),
    ...kindFields(state.kind === 'other' ? state.type : state.kind),
    uid: state.uid,
    gid: state.gid,
    pw_name: state.owner,
    gr_name: state.group,
    ...permissionFields(state.mode),
    ...(state.kind === 'file' && { size: state.sizeBytes, mtime: state.mtimeSeconds }),
    ...(state.kind === 'file' && state.sha256 !== undefined && { checksum: state.sha256 }),
    ...(state.kind === 'link' && { lnk_target: state.target }),
  };
}
