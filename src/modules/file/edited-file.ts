// A text file that is edited rather than given: what lineinfile, blockinfile and replace have in common. The controller
// fetches the text, one of them edits it, and it is written back whole. A symbolic link stays; the file it leads to
// is edited. Bytes that are no UTF-8 stay what they are.
import { Buffer } from 'node:buffer';
import { posix } from 'node:path';
import type {
  ChangeProgram,
  Inspected,
  Inspection,
  PropertySchema,
  ResultFields,
  Verdict,
} from '../module.ts';
import { contentDiff } from './content-diff.ts';
import {
  ATTRIBUTE_PROPERTIES,
  type AttributeArgs,
  type AttributeChange,
  absoluteFilePath,
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
import { CONTENT_LIMIT_BYTES, type FileState } from './file-probe.ts';
import { backupPath, type FileWrite, writeFiles } from './file-write.ts';
import { makeFolderScript } from './folder-script.ts';
import { BACKUP_PROPERTY, notAFile, VALIDATE_PROPERTY, validateWords } from './managed-file.ts';

export interface EditedFileArgs extends AttributeArgs {
  readonly path: string;
  readonly validate?: string;
  readonly backup?: boolean;
}

export interface EditedFile {
  readonly path: string;
  readonly attributes: WantedAttributes;
  readonly whenMissing: 'create' | 'fail' | 'ignore';
  readonly validate: readonly string[] | undefined;
  readonly backup: boolean;
}

/** `latin1`: the text stands for bytes that are no UTF-8, a character each. */
export type Encoding = 'utf8' | 'latin1';

export interface TextEdit {
  readonly text: string;
  /** For people: `line added`; undefined where nothing changed. */
  readonly done: string | undefined;
  /** For the result; only of a file that was there. */
  readonly fields?: ResultFields;
}

export type Editor = (text: string, encoding: Encoding) => TextEdit;

export interface EditedFileChanges {
  readonly write: FileWrite | undefined;
  readonly makeFolder: string | undefined;
  readonly attributes: readonly AttributeChange[];
  readonly mode: number;
}

export const EDITED_PATH_PROPERTY: PropertySchema = {
  aliases: ['dest', 'destfile', 'name'],
  description: 'Absolute path of the file on the host.',
  type: 'string',
  minLength: 1,
};

/** The arguments behind those that say how to edit. */
export const EDITED_FILE_PROPERTIES: Readonly<Record<string, PropertySchema>> = {
  ...ATTRIBUTE_PROPERTIES,
  validate: VALIDATE_PROPERTY,
  backup: BACKUP_PROPERTY,
};

/** Throws ArgumentError. */
export function editedFile(args: EditedFileArgs, whenMissing: EditedFile['whenMissing']): EditedFile {
  return {
    path: absoluteFilePath('path', args.path),
    attributes: wantedAttributes(args),
    whenMissing,
    validate: args.validate === undefined ? undefined : validateWords(args.validate),
    backup: args.backup ?? false,
  };
}

/** What somebody wrote, as it stands in a text of that encoding. */
export function encoded(part: string, encoding: Encoding): string {
  return encoding === 'utf8' ? part : Buffer.from(part, 'utf8').toString('latin1');
}

export function inspectEditedFile({ path }: EditedFile): Inspection {
  return { files: [{ path, follow: 'target', depth: 'content' }] };
}

/** `backupField`: under which name the result tells of the backup. */
export function decideEditedFile(
  wanted: EditedFile,
  actual: Inspected,
  { edit, backupField }: { readonly edit: Editor; readonly backupField: 'backup' | 'backup_file' },
): Verdict<EditedFileChanges> {
  const state = actual.files.get(wanted.path) ?? { kind: 'absent' };
  if (state.kind === 'absent') return decideMissing(wanted, edit);
  if (state.kind !== 'file') return notAFile(wanted.path, state);
  return decideFile(wanted, state, { edit, backupField });
}

export function changeEditedFile({ path }: EditedFile, changes: EditedFileChanges): ChangeProgram {
  if (changes.write === undefined) {
    return { script: attributeScript(path, changes.attributes, changes.mode) };
  }
  const program = writeFiles([changes.write]);
  if (changes.makeFolder === undefined) return program;
  return {
    ...program,
    script: `${makeFolderScript(changes.makeFolder, { mode: undefined })}\n${program.script}`,
  };
}

function decideMissing(wanted: EditedFile, edit: Editor): Verdict<EditedFileChanges> {
  const { path, attributes, validate } = wanted;
  if (wanted.whenMissing === 'ignore') return { kind: 'unchanged', message: `${path} does not exist` };
  if (wanted.whenMissing === 'fail') {
    return { kind: 'failed', message: `${path} does not exist`, hint: 'create: true makes the file' };
  }
  const mode = newMode(attributes, 'file');
  const owners = ownership(attributes.owner, attributes.group);
  const { text } = edit('', 'utf8');
  const write: FileWrite = {
    path,
    bytes: Buffer.from(text),
    mode,
    links: 'follow',
    ...(owners !== undefined && { ownership: owners }),
    ...(validate && { validate }),
  };
  return {
    kind: 'change',
    changes: { write, makeFolder: posix.dirname(path), attributes: [], mode },
    message: `create ${path}, mode ${modeText(mode)}`,
    diffs: [contentDiff(path, undefined, write.bytes)],
  };
}

function decideFile(
  wanted: EditedFile,
  state: Extract<FileState, { readonly kind: 'file' }>,
  { edit, backupField }: { readonly edit: Editor; readonly backupField: 'backup' | 'backup_file' },
): Verdict<EditedFileChanges> {
  const { path, attributes, validate } = wanted;
  if (state.content === undefined) {
    const message = `${path} is larger than ${CONTENT_LIMIT_BYTES / 1024} KiB, or changed while it was read`;
    return { kind: 'failed', message };
  }
  const before = Buffer.from(state.content);
  const encoding = Buffer.from(before.toString('utf8'), 'utf8').equals(before) ? 'utf8' : 'latin1';
  const { text, done, fields = {} } = edit(before.toString(encoding), encoding);
  const changes = attributeChanges(attributes, state, 'file');
  const mode = wantedMode(attributes, state, 'file');
  if (done === undefined && changes.length === 0) return { kind: 'unchanged', fields };
  const bytes = Buffer.from(text, encoding);
  const backup = done !== undefined && wanted.backup ? backupPath(path, state) : undefined;
  const write: FileWrite = {
    path,
    bytes,
    mode,
    links: 'follow',
    ownership: `${attributes.owner ?? state.uid}:${attributes.group ?? state.gid}`,
    ...(validate && { validate }),
    ...(backup !== undefined && { backupPath: backup }),
  };
  return {
    kind: 'change',
    changes: {
      write: done === undefined ? undefined : write,
      makeFolder: undefined,
      attributes: changes,
      mode,
    },
    message: `${path}: ${[...(done === undefined ? [] : [done]), ...(changes.length > 0 ? [attributeText(changes)] : [])].join(', ')}`,
    diffs: [
      ...(done === undefined ? [] : [contentDiff(path, before, bytes)]),
      ...(changes.length > 0 ? [attributeDiff(path, changes)] : []),
    ],
    fields: { ...fields, ...(backup !== undefined && { [backupField]: backup }) },
  };
}
