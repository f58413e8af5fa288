// A block of lines in a text file, between two marker lines that tell it from the rest. Where it goes is in
// block-edit.ts; how the file is read and written back in edited-file.ts.
import { ArgumentError, type HostModule } from '../module.ts';
import { touchesNetworkFile } from '../network-touch.ts';
import { type Block, type BlockPlace, withBlock } from './block-edit.ts';
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
  type TextEdit,
} from './edited-file.ts';
import { expression } from './expression.ts';

export interface BlockInFileArgs extends EditedFileArgs {
  readonly state?: 'present' | 'absent';
  readonly block?: string;
  readonly marker?: string;
  readonly marker_begin?: string;
  readonly marker_end?: string;
  readonly insertafter?: string;
  readonly insertbefore?: string;
  readonly prepend_newline?: boolean;
  readonly append_newline?: boolean;
  readonly create?: boolean;
}

export interface BlockInFileWanted extends EditedFile {
  readonly block: Block;
  /** As asked for, and found to make sense. */
  readonly edit: BlockInFileArgs;
}

export const blockinfile: HostModule<BlockInFileArgs, BlockInFileWanted, EditedFileChanges> = {
  kind: 'host',
  name: 'blockinfile',
  summary: 'Keeps a block of lines in a text file, between two marker lines.',
  touchesNetwork: touchesNetworkFile,
  returns: { backup_file: 'Path of the copy, with backup.' },
  schema: {
    type: 'object',
    properties: {
      path: EDITED_PATH_PROPERTY,
      state: {
        description: 'Whether the block shall be there.',
        enum: ['present', 'absent'],
        default: 'present',
      },
      block: {
        aliases: ['content'],
        description: 'The lines between the markers. Empty: as state: absent.',
        type: 'string',
        default: '',
      },
      marker: {
        description: 'What the marker lines look like; {mark} in it stands for marker_begin and marker_end.',
        type: 'string',
        default: '# {mark} ANSIBLE MANAGED BLOCK',
      },
      marker_begin: {
        description: 'What {mark} is in the line before the block.',
        type: 'string',
        default: 'BEGIN',
      },
      marker_end: {
        description: 'What {mark} is in the line after the block.',
        type: 'string',
        default: 'END',
      },
      insertafter: {
        description:
          'Where a new block goes: after the last line that matches this regular expression (of JavaScript), or EOF (unsaid: EOF). With (?m) at its start it is matched against the whole text, and the first match counts.',
        type: 'string',
      },
      insertbefore: {
        description: 'As insertafter, but before that line, or BOF.',
        type: 'string',
      },
      prepend_newline: {
        description: 'An empty line before the block, unless the file begins there.',
        type: 'boolean',
        default: false,
      },
      append_newline: {
        description: 'An empty line after the block, unless the file ends there.',
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
    if (args.insertafter !== undefined && args.insertbefore !== undefined) {
      const message = 'insertafter and insertbefore are both given';
      throw new ArgumentError('insertbefore', message, 'leave one of them out');
    }
    const whenMissing = args.state === 'absent' ? 'ignore' : args.create ? 'create' : 'fail';
    const wanted = { ...editedFile(args, whenMissing), block: wantedBlock(args), edit: args };
    // Mistakes in expressions show now, before any host is contacted.
    editText(wanted, '', 'utf8');
    return wanted;
  },
  reads: (wanted) => [`file:${wanted.path}`],
  writes: (wanted) => [`file:${wanted.path}`],
  inspect: inspectEditedFile,
  decide: (wanted, actual) =>
    decideEditedFile(wanted, actual, {
      backupField: 'backup_file',
      edit: (text, encoding) => editText(wanted, text, encoding),
    }),
  change: changeEditedFile,
};

function wantedBlock(args: BlockInFileArgs): Block {
  const marker = args.marker ?? '# {mark} ANSIBLE MANAGED BLOCK';
  const line = (mark: string) => marker.replaceAll('{mark}', () => mark);
  const begin = line(args.marker_begin ?? 'BEGIN');
  const end = line(args.marker_end ?? 'END');
  if (!marker.includes('{mark}')) {
    throw new ArgumentError(
      'marker',
      'marker has no {mark} in it, so both marker lines would be the same',
      'write for example "# {mark} my block"',
    );
  }
  if (begin === end) {
    throw new ArgumentError(
      'marker_end',
      `both marker lines would be ${JSON.stringify(begin)}`,
      'give marker_begin and marker_end different values',
    );
  }
  if (/[\r\n]/.test(begin + end)) throw new ArgumentError('marker', 'the marker has a line break in it');
  const text = args.state === 'absent' ? '' : (args.block ?? '');
  const inside = text.split(/\r?\n/).find((each) => each === begin || each === end);
  if (inside !== undefined) {
    throw new ArgumentError('block', `the block has the marker line ${JSON.stringify(inside)} in it`);
  }
  return { begin, end, text };
}

function editText({ block, edit }: BlockInFileWanted, text: string, encoding: Encoding): TextEdit {
  const encode = (part: string) => encoded(part, encoding);
  return withBlock(
    text,
    { begin: encode(block.begin), end: encode(block.end), text: encode(block.text) },
    {
      insert: insertPlace(edit, encode),
      emptyLine: { before: edit.prepend_newline ?? false, after: edit.append_newline ?? false },
    },
  );
}

function insertPlace(args: BlockInFileArgs, encode: (text: string) => string): BlockPlace['insert'] {
  const { insertafter, insertbefore } = args;
  if (insertbefore === 'BOF') return { kind: 'beginning' };
  if (insertbefore !== undefined) {
    return { kind: 'before', expression: expression('insertbefore', encode(insertbefore)) };
  }
  if (insertafter === undefined || insertafter === 'EOF') return { kind: 'end' };
  return { kind: 'after', expression: expression('insertafter', encode(insertafter)) };
}
