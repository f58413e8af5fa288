// One line of a text file. The controller fetches the text, edits it (line-edit.ts), and writes it back whole.
// A symbolic link stays; the file it leads to is edited.
import { Buffer } from 'node:buffer';
import { posix } from 'node:path';
import { ArgumentError, type HostModule, type Verdict } from '../module.ts';
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
import { type Edit, type InsertPlace, type LinePicker, withLine, withoutLines } from './line-edit.ts';
import { BACKUP_PROPERTY, notAFile, VALIDATE_PROPERTY, validateWords } from './managed-file.ts';

export interface LineInFileArgs extends AttributeArgs {
  readonly path: string;
  readonly state?: 'present' | 'absent';
  readonly line?: string;
  readonly regexp?: string;
  readonly search_string?: string;
  readonly insertafter?: string;
  readonly insertbefore?: string;
  readonly firstmatch?: boolean;
  readonly backrefs?: boolean;
  readonly create?: boolean;
  readonly validate?: string;
  readonly backup?: boolean;
}

export interface LineInFileWanted {
  readonly path: string;
  readonly attributes: WantedAttributes;
  readonly whenMissing: 'create' | 'fail' | 'ignore';
  readonly validate: readonly string[] | undefined;
  readonly backup: boolean;
  /** As asked for, and found to make sense. */
  readonly edit: LineInFileArgs;
}

export interface LineInFileChanges {
  readonly write: FileWrite | undefined;
  readonly makeFolder: string | undefined;
  readonly attributes: readonly AttributeChange[];
  readonly mode: number;
}

export const lineinfile: HostModule<LineInFileArgs, LineInFileWanted, LineInFileChanges> = {
  kind: 'host',
  name: 'lineinfile',
  summary: 'Keeps one line in a text file, or keeps lines out of it.',
  schema: {
    type: 'object',
    properties: {
      path: { description: 'Absolute path of the file on the host.', type: 'string', minLength: 1 },
      state: {
        description: 'Whether the line shall be there.',
        enum: ['present', 'absent'],
        default: 'present',
      },
      line: { description: 'The line, without its ending.', type: 'string' },
      regexp: {
        description:
          'Regular expression (of JavaScript) that finds the line to replace, the last one that matches; with state: absent all that match go.',
        type: 'string',
        minLength: 1,
      },
      search_string: {
        description: 'As regexp, but plain text that is part of the line.',
        type: 'string',
        minLength: 1,
      },
      insertafter: {
        description:
          'Where a new line goes: after the last line that matches this expression, BOF, or EOF (unsaid: EOF).',
        type: 'string',
      },
      insertbefore: {
        description: 'Where a new line goes: before the last line that matches this expression, or BOF.',
        type: 'string',
      },
      firstmatch: {
        description: 'The first match counts, not the last, for regexp, insertafter and insertbefore.',
        type: 'boolean',
        default: false,
      },
      backrefs: {
        description:
          'Groups of regexp may stand in line as \\1 or \\g<name>; without a match nothing changes.',
        type: 'boolean',
        default: false,
      },
      create: { description: 'Make the file if there is none.', type: 'boolean', default: false },
      ...ATTRIBUTE_PROPERTIES,
      validate: VALIDATE_PROPERTY,
      backup: BACKUP_PROPERTY,
    },
    required: ['path'],
    additionalProperties: false,
  },
  prepare(args) {
    const absent = args.state === 'absent';
    const edit = args.line === undefined ? args : { ...args, line: args.line.replace(/\r?\n$/, '') };
    if (absent) refuseSenselessRemoval(edit);
    else refuseSenselessLine(edit);
    // Mistakes in expressions show now, before any host is contacted.
    editText(edit, '', 'utf8');
    return {
      path: absoluteFilePath('path', args.path),
      attributes: wantedAttributes(args),
      whenMissing: absent ? 'ignore' : args.create ? 'create' : 'fail',
      validate: args.validate === undefined ? undefined : validateWords(args.validate),
      backup: args.backup ?? false,
      edit,
    };
  },
  reads: (wanted) => [`file:${wanted.path}`],
  writes: (wanted) => [`file:${wanted.path}`],
  inspect: (wanted) => ({ files: [{ path: wanted.path, follow: 'target', depth: 'content' }] }),
  decide(wanted, actual) {
    const state = actual.files.get(wanted.path) ?? { kind: 'absent' };
    if (state.kind === 'absent') return decideMissing(wanted);
    if (state.kind !== 'file') return notAFile(wanted.path, state);
    return decideFile(wanted, state);
  },
  change(wanted, changes) {
    if (changes.write === undefined) {
      return { script: attributeScript(wanted.path, changes.attributes, changes.mode) };
    }
    const program = writeFiles([changes.write]);
    if (changes.makeFolder === undefined) return program;
    return {
      ...program,
      script: `${makeFolderScript(changes.makeFolder, { mode: undefined })}\n${program.script}`,
    };
  },
};

function refuseSenselessLine(args: LineInFileArgs): void {
  if (args.line === undefined) {
    throw new ArgumentError('line', 'line is missing', 'say which line shall be there');
  }
  if (args.line.includes('\n')) {
    throw new ArgumentError('line', 'line has a line break in it', 'use one task per line, or template');
  }
  if (args.backrefs && args.regexp === undefined) {
    throw new ArgumentError('backrefs', 'backrefs needs regexp, whose groups it refers to');
  }
  if (args.insertafter !== undefined && args.insertbefore !== undefined) {
    throw new ArgumentError(
      'insertbefore',
      'insertafter and insertbefore are both given',
      'leave one of them out',
    );
  }
}

function refuseSenselessRemoval(args: LineInFileArgs): void {
  if (args.line === undefined && args.regexp === undefined && args.search_string === undefined) {
    throw new ArgumentError(
      'line',
      'neither line nor regexp nor search_string is given',
      'say which lines shall go',
    );
  }
}

/** `latin1`: the text stands for bytes that are no UTF-8, a character each, and what is asked for follows suit. */
function editText(args: LineInFileArgs, text: string, encoding: 'utf8' | 'latin1'): Edit {
  const encode = (part: string) =>
    encoding === 'utf8' ? part : Buffer.from(part, 'utf8').toString('latin1');
  const pick = picker(args, encode);
  if (args.state === 'absent') {
    return withoutLines(text, args.line === undefined ? undefined : encode(args.line), pick);
  }
  return withLine(text, encode(args.line ?? ''), {
    pick,
    insert: insertPlace(args, encode),
    backReferences: args.backrefs ?? false,
    match: args.firstmatch ? 'first' : 'last',
  });
}

function picker(args: LineInFileArgs, encode: (text: string) => string): LinePicker | undefined {
  if (args.regexp !== undefined && args.search_string !== undefined) {
    throw new ArgumentError(
      'search_string',
      'regexp and search_string are both given',
      'leave one of them out',
    );
  }
  if (args.search_string !== undefined) return { kind: 'text', text: encode(args.search_string) };
  if (args.regexp === undefined) return undefined;
  return { kind: 'expression', expression: expression('regexp', encode(args.regexp)) };
}

function insertPlace(args: LineInFileArgs, encode: (text: string) => string): InsertPlace {
  const { insertafter, insertbefore } = args;
  if (insertafter === 'BOF' || insertbefore === 'BOF') return { kind: 'beginning' };
  if (insertafter !== undefined && insertafter !== 'EOF') {
    return { kind: 'after', expression: expression('insertafter', encode(insertafter)) };
  }
  if (insertbefore !== undefined) {
    return { kind: 'before', expression: expression('insertbefore', encode(insertbefore)) };
  }
  return { kind: 'end' };
}

/** Python's spelling of flags at the start and of named groups is understood too. */
function expression(argument: string, source: string): RegExp {
  const flags = /^\(\?([is]+)\)/.exec(source);
  const body = source.slice(flags?.[0].length ?? 0).replaceAll('(?P<', '(?<');
  try {
    return new RegExp(body, flags?.[1] ?? '');
  } catch (error) {
    const reason = error instanceof Error ? error.message.replace(/^.*: /, '') : String(error);
    throw new ArgumentError(argument, `${JSON.stringify(source)} is not a regular expression: ${reason}`);
  }
}

function decideMissing(wanted: LineInFileWanted): Verdict<LineInFileChanges> {
  const { path, attributes, validate } = wanted;
  if (wanted.whenMissing === 'ignore') return { kind: 'unchanged', message: `${path} does not exist` };
  if (wanted.whenMissing === 'fail') {
    return { kind: 'failed', message: `${path} does not exist`, hint: 'create: true makes the file' };
  }
  const mode = newMode(attributes, 'file');
  const owners = ownership(attributes.owner, attributes.group);
  const { text } = editText(wanted.edit, '', 'utf8');
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
  wanted: LineInFileWanted,
  state: Extract<FileState, { readonly kind: 'file' }>,
): Verdict<LineInFileChanges> {
  const { path, attributes, validate } = wanted;
  if (state.content === undefined) {
    const message = `${path} is larger than ${CONTENT_LIMIT_BYTES / 1024} KiB, or changed while it was read`;
    return { kind: 'failed', message };
  }
  const before = Buffer.from(state.content);
  // Bytes that are no UTF-8 stay what they are.
  const encoding = Buffer.from(before.toString('utf8'), 'utf8').equals(before) ? 'utf8' : 'latin1';
  const { text, done, removed } = editText(wanted.edit, before.toString(encoding), encoding);
  const changes = attributeChanges(attributes, state, 'file');
  const mode = wantedMode(attributes, state, 'file');
  const fields = wanted.whenMissing === 'ignore' ? { found: removed } : {};
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
    fields: { ...fields, ...(backup !== undefined && { backup: backup }) },
  };
}
