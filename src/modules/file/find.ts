// The files below some folders that answer to a description. Changes nothing. The host lists (find-listing.ts), the
// controller picks (find-filters.ts), so that names, ages and sizes are judged as Ansible does.
import { ArgumentError, type HostModule, type ResultFields } from '../module.ts';
import { absoluteFilePath } from './file-attributes.ts';
import { type Mode, modeText, parseMode } from './file-mode.ts';
import {
  ageBound,
  type Bound,
  isNamed,
  modeMatches,
  type NamePatterns,
  namePatterns,
  sizeBound,
  within,
} from './find-filters.ts';
import { type ListedFile, type Listing, listScript, readListing, type Walk } from './find-listing.ts';
import { kindFields, permissionFields } from './stat-fields.ts';

export interface FindArgs {
  readonly paths: string | readonly string[];
  readonly patterns?: string | readonly string[];
  readonly excludes?: string | readonly string[];
  readonly use_regex?: boolean;
  readonly contains?: string;
  readonly file_type?: Walk['type'];
  readonly recurse?: boolean;
  readonly depth?: number;
  readonly follow?: boolean;
  readonly hidden?: boolean;
  readonly age?: string | number;
  readonly age_stamp?: 'atime' | 'ctime' | 'mtime';
  readonly size?: string | number;
  readonly mode?: string | number;
  readonly exact_mode?: boolean;
  readonly get_checksum?: boolean;
  readonly checksum_algorithm?: 'sha256';
  readonly limit?: number;
}

export interface FindWanted {
  readonly walk: Walk;
  /** Of names, by their last part; undefined: all. */
  readonly includes: NamePatterns | undefined;
  readonly excludes: NamePatterns;
  readonly type: Walk['type'];
  readonly age: Bound | undefined;
  readonly stamp: keyof ListedFile['times'];
  readonly size: Bound | undefined;
  readonly mode: { readonly mode: Mode; readonly match: 'exact' | 'any' } | undefined;
  readonly limit: number | undefined;
}

const list = (aliases: readonly string[], description: string) => ({
  aliases,
  description,
  anyOf: [
    { type: 'string', minLength: 1 },
    { type: 'array', items: { type: 'string', minLength: 1 } },
  ],
});

export const find: HostModule<FindArgs, FindWanted, never> = {
  kind: 'host',
  name: 'find',
  summary: 'Lists the files below some folders that answer to a description.',
  returns: {
    files: 'What was found: a list of path, mode, size, times and their like.',
    matched: 'How many were found.',
    examined: 'How many were looked at.',
    skipped_paths: 'Folders that could not be searched, and why.',
  },
  schema: {
    type: 'object',
    properties: {
      paths: list(['name', 'path'], 'Absolute paths of the folders, as a list or with commas between them.'),
      patterns: list(['pattern'], 'What names have to match, one of them: * ? [a-z]. Unsaid: every name.'),
      excludes: list(['exclude'], 'Names that match one of these are left out.'),
      use_regex: {
        description:
          'patterns and excludes are regular expressions (of JavaScript) that a name matches from its beginning.',
        type: 'boolean',
        default: false,
      },
      contains: {
        description:
          'POSIX extended regular expression that a line of the file has to match from its beginning; for file_type: file.',
        type: 'string',
        minLength: 1,
      },
      file_type: {
        description: 'What to list.',
        enum: ['any', 'directory', 'file', 'link'],
        default: 'file',
      },
      recurse: { description: 'Look into folders in them too.', type: 'boolean', default: false },
      depth: { description: 'How many levels deep, with recurse. Unsaid: all.', type: 'integer', minimum: 1 },
      follow: {
        description: 'Go through symbolic links to folders, with recurse.',
        type: 'boolean',
        default: false,
      },
      hidden: {
        description: 'List names that begin with a dot too; folders of such names are looked into anyway.',
        type: 'boolean',
        default: false,
      },
      age: {
        description: 'At least so old: a number and s, m, h, d or w; with a minus, at most.',
        type: ['string', 'integer'],
      },
      age_stamp: {
        description: 'What age counts from.',
        enum: ['atime', 'ctime', 'mtime'],
        default: 'mtime',
      },
      size: {
        description:
          'At least so large: a number and b, k, m, g or t; with a minus, at most. For regular files.',
        type: ['string', 'integer'],
      },
      mode: {
        description: 'The mode they have, octal as text ("0644") or in symbols.',
        type: ['string', 'integer'],
      },
      exact_mode: {
        description: 'False: one of the bits of mode is enough.',
        type: 'boolean',
        default: true,
      },
      get_checksum: {
        description: 'Hash each regular file into checksum.',
        type: 'boolean',
        default: false,
      },
      checksum_algorithm: {
        description: 'The hash: SHA-256, the one that hosts are asked for.',
        enum: ['sha256'],
        default: 'sha256',
      },
      limit: { description: 'Not more than so many.', type: 'integer', minimum: 1 },
    },
    required: ['paths'],
    additionalProperties: false,
  },
  prepare(args) {
    const type = args.file_type ?? 'file';
    if (args.contains !== undefined && type !== 'file') {
      throw new ArgumentError('contains', 'contains is about files, and file_type is not file');
    }
    const folders = items(args.paths).map((path) => absoluteFilePath('paths', path));
    if (folders.length === 0) throw new ArgumentError('paths', 'paths is empty');
    const stamps = { atime: 'access', ctime: 'change', mtime: 'modification' } as const;
    return {
      walk: {
        folders,
        depth: args.recurse ? args.depth : 1,
        links: args.follow && args.recurse ? 'follow' : 'stay',
        type,
        hidden: args.hidden ? 'tell' : 'leave-out',
        contains: args.contains === undefined ? undefined : `^(${args.contains})`,
        checksum: args.get_checksum ?? false,
      },
      ...wantedNames(args),
      type,
      age: args.age === undefined ? undefined : ageBound(args.age),
      stamp: stamps[args.age_stamp ?? 'mtime'],
      size: args.size === undefined ? undefined : sizeBound(args.size),
      mode:
        args.mode === undefined
          ? undefined
          : { mode: parseMode(args.mode), match: args.exact_mode === false ? 'any' : 'exact' },
      limit: args.limit,
    };
  },
  reads: ({ walk }) => walk.folders.map((folder) => `file:${folder}` as const),
  writes: () => [],
  inspect: ({ walk }) => ({ script: listScript(walk) }),
  decide(wanted, { output }) {
    const listing = readListing(output.stdout);
    if (listing.now === 0) {
      return { kind: 'failed', message: `the host lists nothing: ${output.stderr.trim()}` };
    }
    const found = listing.files.filter((file) => answers(file, wanted, listing));
    const files = found.sort((a, b) => (a.path < b.path ? -1 : 1)).slice(0, wanted.limit);
    const complete = listing.skipped.length === 0 && output.exitCode === 0;
    const reasons = [
      ...listing.skipped.map((path) => `${path} is not a folder`),
      ...(output.exitCode === 0 ? [] : [output.stderr.trim().split('\n')[0] ?? '']),
    ];
    return {
      kind: 'unchanged',
      ...(!complete && { message: `not everything was looked at: ${reasons.join('; ')}` }),
      fields: {
        files: files.map(fileFields),
        matched: files.length,
        examined: listing.examined,
        skipped_paths: Object.fromEntries(listing.skipped.map((path) => [path, 'it is not a folder'])),
      },
    };
  },
  change: () => ({ script: '' }),
};

/** A list, or a text with commas. */
function items(said: string | readonly string[]): readonly string[] {
  return typeof said === 'string' ? said.split(',').map((each) => each.trim()) : said;
}

function wantedNames(args: FindArgs): Pick<FindWanted, 'includes' | 'excludes'> {
  const kind = args.use_regex ? 'expression' : 'glob';
  const patterns = items(args.patterns ?? []);
  const excludes = namePatterns('excludes', items(args.excludes ?? []), kind);
  const includes = patterns.length === 0 ? undefined : namePatterns('patterns', patterns, kind);
  return { includes, excludes };
}

function answers(file: ListedFile, wanted: FindWanted, listing: Listing): boolean {
  const { type, includes, excludes } = wanted;
  const name = file.path.slice(file.path.lastIndexOf('/') + 1);
  return (
    (type === 'any' || file.type === type) &&
    (includes === undefined || isNamed(name, includes)) &&
    !isNamed(name, excludes) &&
    within(listing.now - file.times[wanted.stamp], wanted.age) &&
    (file.type !== 'file' || within(file.sizeBytes, wanted.size)) &&
    modeMatches(file.mode, wanted.mode)
  );
}

function fileFields(file: ListedFile): ResultFields {
  return {
    path: file.path,
    mode: modeText(file.mode),
    ...kindFields(file.type),
    uid: file.uid,
    gid: file.gid,
    pw_name: file.owner,
    gr_name: file.group,
    size: file.sizeBytes,
    inode: file.inode,
    dev: file.device,
    nlink: file.links,
    atime: file.times.access,
    mtime: file.times.modification,
    ctime: file.times.change,
    ...permissionFields(file.mode),
    ...(file.sha256 !== undefined && { checksum: file.sha256 }),
  };
}
