// One line of a text file. Which line, and where it goes, is in line-edit.ts; how the file is read and written back in
// edited-file.ts.
import { ArgumentError, type HostModule } from '../module.ts';
import { touchesNetworkFile } from '../network-touch.ts';
import {
  changeEditedFile,
  decideEditedFile,
  EDITED_FILE_PROPERTIES,
  EDITED_PATH_PROPERTY,
  type EditedFile,
  type EditedFileArgs,
  type EditedFileChanges,
  type Encoding,
  editedFile,
  encoded,
  inspectEditedFile,
} from './edited-file.ts';
import { expression } from './expression.ts';
import { type Edit, type InsertPlace, type LinePicker, withLine, withoutLines } from './line-edit.ts';

export interface LineInFileArgs extends EditedFileArgs {
  readonly state?: 'present' | 'absent';
  readonly line?: string;
  readonly regexp?: string;
  readonly search_string?: string;
  readonly insertafter?: string;
  readonly insertbefore?: string;
  readonly firstmatch?: boolean;
  readonly backrefs?: boolean;
  readonly create?: boolean;
}

export interface LineInFileWanted extends EditedFile {
  /** As asked for, and found to make sense. */
  readonly edit: LineInFileArgs;
}

export const lineinfile: HostModule<LineInFileArgs, LineInFileWanted, EditedFileChanges> = {
  kind: 'host',
  name: 'lineinfile',
  summary: 'Keeps one line in a text file, or keeps lines out of it.',
  touchesNetwork: touchesNetworkFile,
  returns: { found: 'With state absent: how many lines went.', backup: 'Path of the copy, with backup.' },
  schema: {
    type: 'object',
    properties: {
      path: EDITED_PATH_PROPERTY,
      state: {
        description: 'Whether the line shall be there.',
        enum: ['present', 'absent'],
        default: 'present',
      },
      line: { aliases: ['value'], description: 'The line, without its ending.', type: 'string' },
      regexp: {
        aliases: ['regex'],
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
      ...EDITED_FILE_PROPERTIES,
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
    return { ...editedFile(args, absent ? 'ignore' : args.create ? 'create' : 'fail'), edit };
  },
  reads: (wanted) => [`file:${wanted.path}`],
  writes: (wanted) => [`file:${wanted.path}`],
  inspect: inspectEditedFile,
  decide: (wanted, actual) =>
    decideEditedFile(wanted, actual, {
      backupField: 'backup',
      edit(text, encoding) {
        const { removed, ...edit } = editText(wanted.edit, text, encoding);
        return { ...edit, fields: wanted.edit.state === 'absent' ? { found: removed } : {} };
      },
    }),
  change: changeEditedFile,
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

function editText(args: LineInFileArgs, text: string, encoding: Encoding): Edit {
  const encode = (part: string) => encoded(part, encoding);
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
