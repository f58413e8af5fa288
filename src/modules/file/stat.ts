// What is at a path, as `register` wants it, under Ansible's names. Changes nothing.

import type { HostModule } from '../module.ts';
import { absoluteFilePath } from './file-attributes.ts';
import { modeText } from './file-mode.ts';
import type { FileState } from './file-probe.ts';

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
  schema: {
    type: 'object',
    properties: {
      path: { description: 'Absolute path on the host.', type: 'string', minLength: 1 },
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
  const type = state.kind === 'other' ? state.type : state.kind;
  const may = (bits: number) => (state.mode & bits) !== 0;
  return {
    exists: true,
    path,
    mode: modeText(state.mode),
    isreg: type === 'file',
    isdir: type === 'directory',
    islnk: type === 'link',
    isfifo: type === 'fifo',
    issock: type === 'socket',
    isblk: type === 'block',
    ischr: type === 'character',
    uid: state.uid,
    gid: state.gid,
    pw_name: state.owner,
    gr_name: state.group,
    rusr: may(0o400),
    wusr: may(0o200),
    xusr: may(0o100),
    rgrp: may(0o040),
    wgrp: may(0o020),
    xgrp: may(0o010),
    roth: may(0o004),
    woth: may(0o002),
    xoth: may(0o001),
    isuid: may(0o4000),
    isgid: may(0o2000),
    ...(state.kind === 'file' && { size: state.sizeBytes, mtime: state.mtimeSeconds }),
    ...(state.kind === 'file' && state.sha256 !== undefined && { checksum: state.sha256 }),
    ...(state.kind === 'link' && { lnk_target: state.target }),
  };
}
