// Brings a file of the host's to the controller. The module finds out what is there, and where it belongs here; what is
// the same already, the way and the writing are the engine's (src/apply/delivery.ts).
import { posix } from 'node:path';
import type { Delivery } from '../errand.ts';
import { ArgumentError, type Controller, type HostModule } from '../module.ts';
import { absoluteFilePath } from './file-attributes.ts';
import { notAFile } from './managed-file.ts';

export interface FetchArgs {
  readonly src: string;
  readonly dest: string;
  readonly flat?: boolean;
  readonly fail_on_missing?: boolean;
  readonly validate_checksum?: boolean;
}

export interface WantedFetch {
  readonly src: string;
  readonly to: Delivery['to'];
  readonly onMissing: 'fail' | 'ignore';
  readonly otherContent: Delivery['otherContent'];
  readonly diff: boolean;
}

export const fetch: HostModule<FetchArgs, WantedFetch, never> = {
  kind: 'host',
  name: 'fetch',
  summary: 'Brings a file from the host to the controller.',
  returns: {
    dest: 'Path of the file on the controller.',
    file: 'Path of the file on the host.',
    checksum: 'SHA-256 of the file.',
    remote_checksum: 'SHA-256 that the host told, where the file was brought.',
  },
  schema: {
    type: 'object',
    properties: {
      src: { description: 'Absolute path of the file on the host.', type: 'string', minLength: 1 },
      dest: {
        description:
          'Folder on the controller, from the playbook on: the file becomes `dest/HOST/src`. With flat, the path of the file, or a folder where it ends with a slash.',
        type: 'string',
        minLength: 1,
      },
      flat: { description: 'Without the host and the folders of src.', type: 'boolean', default: false },
      fail_on_missing: {
        description: 'Whether a file that is not there, or not readable, is a failure.',
        type: 'boolean',
        default: true,
      },
      validate_checksum: {
        description: 'Whether what arrives has to be what the host had when it was asked.',
        type: 'boolean',
        default: true,
      },
    },
    required: ['src', 'dest'],
    additionalProperties: false,
  },
  // The tasks behind it may read what it brings.
  endsWave: 'for-others',
  noJob: 'the file comes to the controller',

  prepare: (args, controller) => ({
    src: absoluteFilePath('src', args.src),
    to: destination(args, controller),
    onMissing: args.fail_on_missing === false ? 'ignore' : 'fail',
    otherContent: args.validate_checksum === false ? 'take' : 'refuse',
    diff: controller.diff,
  }),
  acts: () => true,
  reads: ({ src }) => [`file:${src}`],
  writes: () => [],
  inspect: ({ src }) => ({ files: [{ path: src, follow: 'target', depth: 'hash' }] }),

  decide({ src, to, onMissing, otherContent, diff }, actual) {
    const state = actual.files.get(src) ?? { kind: 'absent' };
    if (state.kind === 'file') {
      const source = { path: src, sha256: state.sha256 ?? '', sizeBytes: state.sizeBytes };
      return { kind: 'errand', errand: { kind: 'deliver', source, to, otherContent, diff } };
    }
    const failure =
      state.kind === 'absent'
        ? { kind: 'failed' as const, message: `${src} does not exist` }
        : notAFile(src, state);
    if (onMissing === 'fail') return { ...failure, fields: { file: src } };
    return { kind: 'unchanged', message: `not fetched: ${failure.message}`, fields: { file: src } };
  },
  change: () => ({ script: '' }),
};

/** Ansible's layout. What the host tells (its own name, a path that was found there) cannot lead out of `dest`. */
function destination({ src, dest, flat }: FetchArgs, { variable }: Controller): Delivery['to'] {
  const parts = posix.normalize(src).split('/').filter(Boolean);
  const name = parts.at(-1) ?? '';
  if (dest.includes('\0')) throw new ArgumentError('dest', 'dest holds a NUL byte');
  const from = dest.startsWith('/') || /^~(\/|$)/.test(dest) ? '' : `${String(variable('playbook_dir'))}/`;
  if (flat !== true)
    return { folder: from + dest, path: [hostFolder(variable('inventory_hostname')), ...parts] };
  if (dest.endsWith('/')) return { folder: from + dest, path: [name] };
  const own = posix.basename(dest);
  if (own === '.' || own === '..' || own === '~') {
    throw new ArgumentError('dest', `${dest} is a folder`, `write ${dest}/ to put the file there`);
  }
  return { folder: from + posix.dirname(dest), path: [own] };
}

function hostFolder(name: unknown): string {
  const host = String(name);
  if (host !== '.' && host !== '..' && !/[/\0]/.test(host)) return host;
  throw new ArgumentError('dest', `${JSON.stringify(host)} cannot be the name of a folder`, 'use flat: true');
}
