// A file whose content is given: in the playbook itself, or as a file of the role's.
import { Buffer } from 'node:buffer';
import { ArgumentError, type Controller, type HostModule } from '../module.ts';
import { touchesNetworkFile } from '../network-touch.ts';
import { applyMode, MODE_PROPERTY, parseMode } from './file-mode.ts';
import {
  changeManagedFile,
  decideManagedFile,
  inspectManagedFile,
  landingFile,
  MANAGED_FILE_PROPERTIES,
  type ManagedFile,
  type ManagedFileArgs,
  type ManagedFileChanges,
  managedFile,
  WRITTEN_RETURNS,
} from './managed-file.ts';

export interface CopyArgs extends ManagedFileArgs {
  readonly src?: string;
  readonly content?: unknown;
  readonly decrypt?: boolean;
  readonly directory_mode?: string | number;
}

export const copy: HostModule<CopyArgs, ManagedFile, ManagedFileChanges> = {
  kind: 'host',
  name: 'copy',
  summary: 'Puts a file, or content written in the playbook, on the host.',
  touchesNetwork: touchesNetworkFile,
  returns: WRITTEN_RETURNS,
  schema: {
    type: 'object',
    properties: {
      src: {
        description: 'File in the files folder of the role or beside the playbook.',
        type: 'string',
        minLength: 1,
      },
      content: {
        description: 'What the file shall contain, in place of src. A list or mapping is written as JSON.',
      },
      decrypt: {
        description: 'False: a vaulted src lands as it is, still vaulted.',
        type: 'boolean',
        default: true,
      },
      ...MANAGED_FILE_PROPERTIES,
      directory_mode: {
        ...MODE_PROPERTY,
        description:
          'Permissions of the folders that have to be made for a dest that ends in /; 0755 if unsaid.',
      },
    },
    required: ['dest'],
    additionalProperties: false,
  },
  prepare(args, controller) {
    const folderMode =
      args.directory_mode === undefined
        ? undefined
        : applyMode(parseMode(args.directory_mode, 'directory_mode'), { bits: 0o755, kind: 'directory' });
    if (args.src !== undefined && args.content !== undefined) {
      throw new ArgumentError('content', 'src and content are both given', 'leave one of them out');
    }
    if (args.src !== undefined) {
      const bytes = readSource(args.src, args.decrypt === false ? 'sealed' : undefined, controller);
      return managedFile(args, { bytes, name: args.src, folderMode }, controller);
    }
    if (args.content === undefined) {
      throw new ArgumentError('src', 'neither src nor content is given', 'say with src which file to copy');
    }
    if (args.dest.endsWith('/')) {
      throw new ArgumentError(
        'dest',
        'content has no name that it could have in a folder',
        'give dest the name of a file',
      );
    }
    const bytes = Buffer.from(contentText(args.content), 'utf8');
    return managedFile(args, { bytes, name: undefined, folderMode }, controller);
  },
  files: (wanted) => [landingFile(wanted)],
  reads: (wanted) => [`file:${wanted.dest}`],
  writes: (wanted) => [`file:${wanted.dest}`],
  inspect: inspectManagedFile,
  decide: decideManagedFile,
  change: changeManagedFile,
};

function readSource(src: string, vaulted: 'sealed' | undefined, controller: Controller): Uint8Array {
  const folder = () =>
    new ArgumentError('src', `${src} is a folder, and copy takes one file`, 'use a loop over its files');
  if (src.endsWith('/')) throw folder();
  try {
    return controller.readFile(src, 'files', vaulted);
  } catch (error) {
    throw error instanceof Error && 'code' in error && error.code === 'EISDIR' ? folder() : error;
  }
}

function contentText(content: unknown): string {
  if (typeof content === 'string') return content;
  return content === null ? '' : JSON.stringify(content);
}
