// A file whose whole content is known: what template and copy have in common, from the wanted bytes to the changes.
// How a file gets written is in file-write.ts, who owns it and its mode in file-attributes.ts.
import { posix } from 'node:path';
import { splitWords } from '../command/command-words.ts';
import {
  ArgumentError,
  type ChangeProgram,
  type Controller,
  INLINE_LIMIT_BYTES,
  type Inspected,
  type Inspection,
  type PropertySchema,
  type ResultFields,
  type Verdict,
} from '../module.ts';
import { changedLines, contentDiff } from './content-diff.ts';
import {
  ATTRIBUTE_PROPERTIES,
  type AttributeArgs,
  type AttributeChange,
  absolutePath,
  attributeChanges,
  attributeDiff,
  attributeScript,
  attributeText,
  newMode,
  ownership,
  type WantedAttributes,
  wantedAttributes,
  wantedMode,
} from './file-attributes.ts';
import { modeText } from './file-mode.ts';
import { type FileProbe, type FileState, sha256Of } from './file-probe.ts';
import { backupPath, type FileWrite, writeFiles } from './file-write.ts';
import { makeFolderScript } from './folder-script.ts';

export const WRITTEN_RETURNS = {
  dest: 'Path of the file.',
  state: 'file',
  mode: 'Permissions, octal.',
  owner: 'User who owns it.',
  group: 'Its group.',
  size: 'Bytes.',
  checksum: 'SHA-256 of the content.',
  backup_file: 'Path of the copy, with backup.',
} as const;

export interface ManagedFileArgs extends AttributeArgs {
  readonly dest: string;
  readonly validate?: string;
  readonly backup?: boolean;
  readonly force?: boolean;
}

export interface ManagedFile {
  /** Without a slash at the end. */
  readonly dest: string;
  /** `dest` was written with a slash at the end. */
  readonly destIsFolder: boolean;
  /** The file in `dest` if that is a folder; undefined where the content has no name of its own. */
  readonly inFolder: string | undefined;
  readonly bytes: Uint8Array;
  readonly attributes: WantedAttributes;
  /** Of folders that have to be made; undefined: the usual. */
  readonly folderMode: number | undefined;
  readonly validate: readonly string[] | undefined;
  readonly backup: boolean;
  readonly replace: 'when-different' | 'never';
  readonly depth: FileProbe['depth'];
}

export interface ManagedFileChanges {
  /** To be made first, with what is missing above it. */
  readonly folder: string | undefined;
  readonly write: FileWrite | undefined;
  readonly path: string;
  readonly attributes: readonly AttributeChange[];
  readonly mode: number;
}

export const VALIDATE_PROPERTY: PropertySchema = {
  description:
    'A command that has to succeed before the file is put in place; %s in it stands for the new file.',
  type: 'string',
};

export const BACKUP_PROPERTY: PropertySchema = {
  description: 'Keep a copy of the old file beside it, as NAME.HASH.DATE~.',
  type: 'boolean',
  default: false,
};

export const MANAGED_FILE_PROPERTIES: Readonly<Record<string, PropertySchema>> = {
  dest: {
    description:
      'Absolute path of the file on the host. A folder (or a path that ends in /): the file in it that is named as the source.',
    type: 'string',
    minLength: 1,
  },
  ...ATTRIBUTE_PROPERTIES,
  validate: VALIDATE_PROPERTY,
  backup: BACKUP_PROPERTY,
  force: {
    description: 'False: a file that is there is left alone, whatever is in it.',
    type: 'boolean',
    default: true,
  },
};

/** `name`: of the source, for a `dest` that is a folder. Throws ArgumentError. */
export function managedFile(
  args: ManagedFileArgs,
  source: {
    readonly bytes: Uint8Array;
    readonly name: string | undefined;
    readonly folderMode?: number | undefined;
  },
  controller: Controller,
): ManagedFile {
  const path = absolutePath('dest', args.dest);
  const destIsFolder = path.endsWith('/');
  const dest = destIsFolder ? path.slice(0, -1) : path;
  return {
    dest: dest === '' ? '/' : dest,
    destIsFolder,
    inFolder: source.name === undefined ? undefined : posix.join(path, posix.basename(source.name)),
    bytes: source.bytes,
    attributes: wantedAttributes(args),
    folderMode: source.folderMode,
    validate: args.validate === undefined ? undefined : validateWords(args.validate),
    backup: args.backup ?? false,
    replace: args.force === false ? 'never' : 'when-different',
    depth: controller.diff ? 'content' : 'hash',
  };
}

/** Where it lands on a host that has no file there yet. */
export function landingFile(wanted: ManagedFile): { path: string; bytes: Uint8Array; mode: string } {
  const path = wanted.destIsFolder ? (wanted.inFolder ?? wanted.dest) : wanted.dest;
  return { path, bytes: wanted.bytes, mode: modeText(newMode(wanted.attributes, 'file')) };
}

/** The words of a `validate` argument; throws an ArgumentError where it has no %s. */
export function validateWords(command: string): readonly string[] {
  if (!command.includes('%s')) {
    throw new ArgumentError(
      'validate',
      'validate has no %s, so it would not look at the new file',
      'write %s where the command takes the file',
    );
  }
  return splitWords('validate', command);
}

export function inspectManagedFile(wanted: ManagedFile): Inspection {
  const paths = [wanted.dest, ...(wanted.inFolder === undefined ? [] : [wanted.inFolder])];
  return { files: paths.map((path) => ({ path, follow: 'target', depth: wanted.depth })) };
}

export function decideManagedFile(wanted: ManagedFile, actual: Inspected): Verdict<ManagedFileChanges> {
  const atDest = actual.files.get(wanted.dest) ?? { kind: 'absent' };
  const intoFolder = atDest.kind === 'directory' || (wanted.destIsFolder && atDest.kind === 'absent');
  if (intoFolder && wanted.inFolder === undefined) {
    return { kind: 'failed', message: `${wanted.dest} is a folder`, hint: 'give dest the name of a file' };
  }
  if (wanted.destIsFolder && !intoFolder && atDest.kind !== 'unreadable') {
    return { kind: 'failed', message: `${wanted.dest}/ is not a folder` };
  }
  const path = intoFolder ? (wanted.inFolder ?? wanted.dest) : wanted.dest;
  const folder = intoFolder && atDest.kind === 'absent' ? wanted.dest : undefined;
  if (folder !== undefined && wanted.bytes.length > INLINE_LIMIT_BYTES) {
    return {
      kind: 'failed',
      message: `${folder} does not exist, and a file this large needs its folder first`,
      hint: 'make the folder in a task before, with file and state: directory',
    };
  }
  return decideAt({ path, folder, wanted, state: actual.files.get(path) ?? { kind: 'absent' } });
}

export function changeManagedFile(wanted: ManagedFile, changes: ManagedFileChanges): ChangeProgram {
  const program = changes.write === undefined ? undefined : writeFiles([changes.write]);
  const script = [
    ...(changes.folder === undefined ? [] : [makeFolderScript(changes.folder, { mode: wanted.folderMode })]),
    program?.script ?? attributeScript(changes.path, changes.attributes, changes.mode),
  ].join('\n');
  return { script, ...(program?.uploads && { uploads: program.uploads }) };
}

/** The verdict on one file that is to have these bytes. */
function decideAt(at: {
  readonly path: string;
  readonly folder: string | undefined;
  readonly wanted: ManagedFile;
  readonly state: FileState;
}): Verdict<ManagedFileChanges> {
  const { path, folder, wanted, state } = at;
  const { attributes } = wanted;
  const sha256 = sha256Of(wanted.bytes);
  const fields = { dest: path, checksum: sha256, size: wanted.bytes.length, state: 'file' };
  const base = {
    path,
    bytes: wanted.bytes,
    links: 'replace' as const,
    ...(wanted.validate && { validate: wanted.validate }),
  };
  if (state.kind === 'absent') {
    const mode = newMode(attributes, 'file');
    const owners = ownership(attributes.owner, attributes.group);
    return {
      kind: 'change',
      changes: {
        folder,
        path,
        attributes: [],
        mode,
        write: { ...base, mode, ...(owners !== undefined && { ownership: owners }) },
      },
      message: `create ${path}, mode ${modeText(mode)}`,
      fields: { ...fields, mode: modeText(mode), ...ownerFields(attributes) },
      ...(wanted.depth === 'content' && { diffs: [contentDiff(path, undefined, wanted.bytes)] }),
    };
  }
  if (state.kind !== 'file') return notAFile(path, state);
  if (wanted.replace === 'never')
    return { kind: 'unchanged', message: `${path} is there`, fields: { dest: path } };
  const changes = attributeChanges(attributes, state, 'file');
  const mode = wantedMode(attributes, state, 'file');
  const after = {
    ...fields,
    mode: modeText(mode),
    owner: attributes.owner ?? state.owner,
    group: attributes.group ?? state.group,
  };
  const same = state.sha256 === sha256;
  if (same && changes.length === 0) return { kind: 'unchanged', fields: after };
  const backup = !same && wanted.backup ? backupPath(path, state) : undefined;
  const write: FileWrite = {
    ...base,
    mode,
    ownership: `${attributes.owner ?? state.uid}:${attributes.group ?? state.gid}`,
    ...(backup !== undefined && { backupPath: backup }),
  };
  return {
    kind: 'change',
    changes: { folder, path, attributes: changes, mode, write: same ? undefined : write },
    message: updateText({ path, same, before: state.content, after: wanted.bytes, changes }),
    fields: { ...after, ...(backup !== undefined && { backup_file: backup }) },
    diffs: [
      ...(!same && state.content !== undefined ? [contentDiff(path, state.content, wanted.bytes)] : []),
      ...(changes.length > 0 ? [attributeDiff(path, changes)] : []),
    ],
  };
}

/** Why a path that is taken by something else cannot become a file. */
export function notAFile(
  path: string,
  state: Exclude<FileState, { readonly kind: 'file' | 'absent' }>,
): Extract<Verdict<never>, { readonly kind: 'failed' }> {
  switch (state.kind) {
    case 'unreadable':
      return { kind: 'failed', message: `${path} cannot be read: ${state.message}` };
    case 'directory':
      return { kind: 'failed', message: `${path} is a folder` };
    case 'link':
      return { kind: 'failed', message: `${path} is a symbolic link` };
    case 'other':
      return { kind: 'failed', message: `${path} is a ${state.type}, not a regular file` };
  }
}

/** `update /etc/x (3 lines), mode 0644 → 0600`; lines are counted only where the old content is known. */
export function updateText(update: {
  readonly path: string;
  readonly same: boolean;
  readonly before: Uint8Array | undefined;
  readonly after: Uint8Array;
  readonly changes: readonly AttributeChange[];
}): string {
  const { path, same, before, after, changes } = update;
  if (same) return `${path}: ${attributeText(changes)}`;
  const lines = before === undefined ? undefined : changedLines(before, after);
  const count = lines === undefined ? '' : ` (${lines} ${lines === 1 ? 'line' : 'lines'})`;
  return `update ${path}${count}${changes.length === 0 ? '' : `, ${attributeText(changes)}`}`;
}

function ownerFields(attributes: WantedAttributes): ResultFields {
  return {
    ...(attributes.owner !== undefined && { owner: attributes.owner }),
    ...(attributes.group !== undefined && { group: attributes.group }),
  };
}
