// Variables from files that are named while a play runs. The module only says which files; they are found and read on the
// controller, where a name that is known before the run is read before any host is contacted.
import { expression } from '../file/expression.ts';
import { ArgumentError, type ControllerModule, type VariablesRequest } from '../module.ts';

interface IncludeVarsArgs {
  readonly file?: string;
  readonly dir?: string;
  readonly name?: string;
  readonly depth?: number;
  readonly files_matching?: string;
  readonly ignore_files?: string | readonly string[];
  readonly extensions?: string | readonly string[];
  readonly ignore_unknown_extensions?: boolean;
  readonly hash_behaviour?: 'replace';
}

/** Arguments that say something of a folder alone. */
const OF_FOLDERS = [
  'depth',
  'files_matching',
  'ignore_files',
  'extensions',
  'ignore_unknown_extensions',
] as const;

const words = { anyOf: [{ type: 'string' }, { type: 'array', items: { type: 'string' } }] } as const;

export const includeVars: ControllerModule<IncludeVarsArgs> = {
  kind: 'controller',
  name: 'include_vars',
  summary: 'Reads variables from a file, or from all files of a folder, for the rest of the run.',
  returns: {
    ansible_facts: 'The variables as they are written, templates and all.',
    ansible_included_var_files: 'The files that were read, in order: later ones win.',
  },
  schema: {
    type: 'object',
    properties: {
      file: {
        description: 'A file, looked for in vars/ of the role or beside the playbook, then beside the tasks.',
        type: 'string',
        minLength: 1,
      },
      dir: {
        description:
          "A folder whose files are all read, in the order of their names: in a role's vars/, or beside the tasks.",
        type: 'string',
        minLength: 1,
      },
      name: {
        description: 'Puts everything under this one name.',
        type: 'string',
        pattern: '^[A-Za-z_][A-Za-z0-9_]*$',
      },
      depth: {
        description: 'How many levels of folders are read; 0: all.',
        type: 'integer',
        minimum: 0,
        default: 0,
      },
      files_matching: { description: 'Only files whose name this regular expression finds.', type: 'string' },
      ignore_files: {
        description:
          'Regular expressions, a list or with blanks between them: no files whose name ends like one.',
        ...words,
      },
      extensions: {
        description: 'Endings that files of variables have.',
        ...words,
        default: ['yaml', 'yml', 'json'],
      },
      ignore_unknown_extensions: {
        description: 'Passes over files with another ending, which are a failure otherwise.',
        type: 'boolean',
        default: false,
      },
      hash_behaviour: {
        description: 'A mapping is always replaced as a whole.',
        enum: ['replace'],
        hint: 'leave it out, and give the parts that are merged elsewhere names of their own',
      },
    },
    additionalProperties: false,
  },
  freeForm: 'file',
  check: (args) => {
    if (args.file === undefined && args.dir === undefined)
      throw new ArgumentError('file', 'neither file nor dir is given');
    const other = args.dir === undefined ? OF_FOLDERS.find((each) => isSaid(args, each)) : 'dir';
    if (args.file !== undefined && other !== undefined)
      throw new ArgumentError(
        other,
        `"${other}" is for a folder, and file is given, too`,
        `leave out "${other}"`,
      );
    if (args.dir !== undefined) folderOf(args.dir, args);
  },
  evaluate: (args) => {
    const { file, dir, name } = args;
    return {
      kind: 'ok',
      message: `included ${file ?? dir ?? ''}`,
      variablesFrom: {
        ...(name !== undefined && { name }),
        source: dir === undefined ? { kind: 'file', file: (file ?? '').trim() } : folderOf(dir, args),
      },
    };
  },
};

/** Throws an ArgumentError where a regular expression is none. */
function folderOf(folder: string, args: IncludeVarsArgs): VariablesRequest['source'] {
  return {
    kind: 'folder',
    folder,
    depth: args.depth ?? 0,
    ...(args.files_matching !== undefined && { matching: expression('files_matching', args.files_matching) }),
    ignored: wordsOf(args.ignore_files).map((each) => expression('ignore_files', `(?:${each})$`)),
    endings: wordsOf(args.extensions),
    otherEndings: args.ignore_unknown_extensions === true ? 'pass-over' : 'fail',
  };
}

/** The schema's defaults are there without having been said. */
function isSaid(args: IncludeVarsArgs, name: (typeof OF_FOLDERS)[number]): boolean {
  const value = args[name];
  const usual = includeVars.schema.properties[name]?.default;
  return value !== undefined && JSON.stringify(value) !== JSON.stringify(usual);
}

function wordsOf(value: string | readonly string[] | undefined): readonly string[] {
  if (value === undefined) return [];
  return typeof value === 'string' ? value.split(/\s+/).filter((word) => word !== '') : value;
}
