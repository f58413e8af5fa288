// All places in a text file that match a regular expression, replaced. How the file is read and written back is in
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
  type TextEdit,
} from './edited-file.ts';
import { expression, javaScriptSource } from './expression.ts';
import { expandReplacement, replacementFault } from './replacement.ts';

export interface ReplaceArgs extends EditedFileArgs {
  readonly regexp: string;
  readonly replace?: string;
  readonly after?: string;
  readonly before?: string;
}

export interface ReplaceWanted extends EditedFile {
  /** As asked for, and found to make sense. */
  readonly edit: ReplaceArgs;
}

export const replace: HostModule<ReplaceArgs, ReplaceWanted, EditedFileChanges> = {
  kind: 'host',
  name: 'replace',
  summary: 'Replaces everything in a text file that matches a regular expression.',
  touchesNetwork: touchesNetworkFile,
  returns: { backup_file: 'Path of the copy, with backup.' },
  schema: {
    type: 'object',
    properties: {
      path: EDITED_PATH_PROPERTY,
      regexp: {
        description:
          'Regular expression (of JavaScript) that finds what to replace; ^ and $ stand for the ends of each line.',
        type: 'string',
        minLength: 1,
      },
      replace: {
        description:
          'What to put in place of each match; \\1 and \\g<name> stand for groups of regexp. It shall not match regexp again, or each run changes something.',
        type: 'string',
        default: '',
      },
      after: {
        description:
          'Only the text behind the first match of this expression, in which . matches line breaks too.',
        type: 'string',
        minLength: 1,
      },
      before: {
        description:
          'Only the text before this expression: its last match or, with after, the first behind that.',
        type: 'string',
        minLength: 1,
      },
      ...EDITED_FILE_PROPERTIES,
    },
    required: ['path', 'regexp'],
    additionalProperties: false,
  },
  prepare(args) {
    const wanted = { ...editedFile(args, 'fail'), edit: args };
    // Mistakes in expressions show now, before any host is contacted.
    editText(args, '', 'utf8');
    const fault = replacementFault(args.replace ?? '', expression('regexp', args.regexp, 'gm'));
    if (fault !== undefined) throw new ArgumentError('replace', fault);
    return wanted;
  },
  reads: (wanted) => [`file:${wanted.path}`],
  writes: (wanted) => [`file:${wanted.path}`],
  inspect: inspectEditedFile,
  decide(wanted, actual) {
    const verdict = decideEditedFile(wanted, actual, {
      backupField: 'backup_file',
      edit: (text, encoding) => editText(wanted.edit, text, encoding),
    });
    // Unlike lineinfile, it makes no file.
    return verdict.kind === 'failed' ? { kind: 'failed', message: verdict.message } : verdict;
  },
  change: changeEditedFile,
};

function editText(args: ReplaceArgs, text: string, encoding: Encoding): TextEdit {
  const encode = (part: string) => encoded(part, encoding);
  const pattern = expression('regexp', encode(args.regexp), 'gm');
  const part = section(args, text, encode);
  if (part === undefined) return { text, done: undefined };
  const template = encode(args.replace ?? '');
  const old = text.slice(part.start, part.end);
  let count = 0;
  const fresh = old.replaceAll(pattern, (...match) => {
    count++;
    return expandReplacement(template, match);
  });
  if (fresh === old) return { text, done: undefined };
  return {
    text: text.slice(0, part.start) + fresh + text.slice(part.end),
    done: count === 1 ? '1 replacement' : `${count} replacements`,
  };
}

/** The part of the text that after and before leave; undefined where they do not match. */
function section(
  args: ReplaceArgs,
  text: string,
  encode: (text: string) => string,
): { readonly start: number; readonly end: number } | undefined {
  if (args.after === undefined && args.before === undefined) return { start: 0, end: text.length };
  const source = (argument: 'after' | 'before') => {
    const said = args[argument];
    if (said === undefined) return '';
    // By itself first, for the sake of a message that names the right argument.
    expression(argument, encode(said), 's');
    return javaScriptSource(encode(said));
  };
  const inner = args.before !== undefined && args.after !== undefined ? '[^]*?' : '[^]*';
  const whole = expression(
    args.before === undefined ? 'after' : 'before',
    `${source('after')}(?<subsection>${inner})${source('before')}`,
    'ds',
  );
  const range = whole.exec(text)?.indices?.groups?.subsection;
  return range && { start: range[0], end: range[1] };
}
