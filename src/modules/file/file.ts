// A path that shall be there or not, and what it is: its kind, owner and mode, but never its content (copy, template).
import { quote, words } from '../../shell.ts';
import { ArgumentError, type HostModule } from '../module.ts';
import { touchesNetworkFile } from '../network-touch.ts';
import {
  ATTRIBUTE_PROPERTIES,
  type AttributeArgs,
  absoluteFilePath,
  attributeScript,
  ownership,
  type WantedAttributes,
  wantedAttributes,
} from './file-attributes.ts';
import { chmodWord, type Mode } from './file-mode.ts';
import { treeChangeScript, treeScript } from './file-tree.ts';
import { decideFile, type FileChanges, type FileWanted, linkEnd, type Times } from './file-verdict.ts';
import { writeFiles } from './file-write.ts';
import { makeFolderScript } from './folder-script.ts';

export interface FileArgs extends AttributeArgs {
  readonly path: string;
  readonly state?: 'file' | 'directory' | 'link' | 'absent' | 'touch';
  readonly src?: string;
  readonly recurse?: boolean;
  readonly force?: boolean;
  readonly access_time?: Times;
  readonly modification_time?: Times;
}

const times = (description: string) => ({ description, enum: ['now', 'preserve'], default: 'now' });

export const file: HostModule<FileArgs, FileWanted, FileChanges> = {
  kind: 'host',
  name: 'file',
  summary: 'Makes and removes folders, links and empty files, and sets owners and modes.',
  touchesNetwork: touchesNetworkFile,
  returns: {
    path: 'The path; dest for links.',
    dest: 'The path, of links.',
    src: 'Where a link points to.',
    state: 'What is there now: file, directory, link, absent and so on.',
    mode: 'Permissions, octal.',
    owner: 'Its user, as asked for.',
    group: 'Its group, as asked for.',
  },
  schema: {
    type: 'object',
    properties: {
      path: {
        aliases: ['dest', 'name'],
        description: 'Absolute path on the host.',
        type: 'string',
        minLength: 1,
      },
      state: {
        description:
          'What the path shall be. file: has to be there already; touch: an empty file if there is none, and a new time stamp. Unsaid: whatever is there, but it has to be.',
        enum: ['file', 'directory', 'link', 'absent', 'touch'],
      },
      src: {
        description: 'Where a link leads; relative to the folder the link is in, or absolute.',
        type: 'string',
        minLength: 1,
      },
      ...ATTRIBUTE_PROPERTIES,
      recurse: {
        description: 'With state: directory, everything in the folder gets owner, group and mode too.',
        type: 'boolean',
        default: false,
      },
      force: {
        description: 'A link may lead to what is not there, and take the place of a file or an empty folder.',
        type: 'boolean',
        default: false,
      },
      access_time: times('What touch does with the time of the last access.'),
      modification_time: times('What touch does with the time of the last change.'),
    },
    required: ['path'],
    additionalProperties: false,
  },
  prepare: prepareFile,
  acts: ({ state, times }) =>
    state === 'touch' && (times.access !== 'preserve' || times.modification !== 'preserve'),
  reads: (wanted) => [
    `file:${wanted.path}`,
    ...(wanted.state === 'link' ? [`file:${linkEnd(wanted)}` as const] : []),
  ],
  writes: (wanted) => [`file:${wanted.path}`],
  inspect(wanted) {
    const { path, state, tree } = wanted;
    if (state === 'link') {
      return {
        files: [
          { path, follow: 'link', depth: 'none' },
          { path: linkEnd(wanted), follow: 'target', depth: 'none' },
        ],
      };
    }
    const follow = state === 'absent' ? 'link' : 'target';
    return { files: [{ path, follow, depth: 'none' }], ...(tree && { script: treeScript(path) }) };
  },
  decide: decideFile,
  change(wanted, changes) {
    const { path, attributes } = wanted;
    switch (changes.kind) {
      case 'attributes':
        return { script: attributeScript(path, changes.changes, changes.mode) };
      case 'tree':
        return { script: treeChangeScript(path, changes.tree) };
      case 'folder':
        return { script: makeFolderScript(path, { mode: changes.mode, ownership: owners(attributes) }) };
      case 'link':
        return { script: linkScript(wanted, changes) };
      case 'remove':
        return { script: `rm -${changes.what === 'folder' ? 'rf' : 'f'} ${quote(path)}` };
      case 'create': {
        const owner = owners(attributes);
        const write = { path, bytes: new Uint8Array(), mode: changes.mode, links: 'follow' as const };
        const { script } = writeFiles([{ ...write, ...(owner !== undefined && { ownership: owner }) }]);
        return { script: `if [ ! -e ${quote(path)} ]; then\n${script}\nfi` };
      }
      case 'touch': {
        const only =
          wanted.times.access === 'preserve' ? '-m ' : wanted.times.modification === 'preserve' ? '-a ' : '';
        const script = attributeScript(path, changes.changes, changes.mode);
        return { script: `touch ${only}${quote(path)}${script === '' ? '' : `\n${script}`}` };
      }
    }
  },
};

function prepareFile(args: FileArgs): FileWanted {
  const path = absoluteFilePath('path', args.path);
  const state = args.state ?? (args.recurse ? 'directory' : 'present');
  if (args.src !== undefined && state !== 'link') {
    throw new ArgumentError('src', 'src is where a link leads, and state is not link', 'add state: link');
  }
  if (state === 'link' && args.src === undefined) {
    throw new ArgumentError('state', 'a link needs src, the path it leads to', 'add src');
  }
  if (state === 'link' && args.mode !== undefined) {
    throw new ArgumentError(
      'mode',
      'a symbolic link has no mode of its own',
      'set the mode of what it leads to',
    );
  }
  if (args.recurse && state !== 'directory') {
    throw new ArgumentError(
      'recurse',
      'recurse is for folders, and state is not directory',
      'add state: directory',
    );
  }
  if (path === '/' && state !== 'directory' && state !== 'present') {
    throw new ArgumentError('path', `the root folder cannot become ${state}`);
  }
  if (state === 'link' && linkEnd({ path, target: args.src ?? '' }) === path) {
    throw new ArgumentError('src', `${path} cannot lead to itself`);
  }
  const attributes = wantedAttributes(args);
  return {
    path,
    state,
    attributes,
    target: args.src ?? '',
    tree: args.recurse ? { attributes, chmod: chmodArgument(attributes.mode, args.mode) } : undefined,
    force: args.force ?? false,
    times: { access: args.access_time ?? 'now', modification: args.modification_time ?? 'now' },
  };
}

function linkScript(wanted: FileWanted, changes: Extract<FileChanges, { readonly kind: 'link' }>): string {
  const path = quote(wanted.path);
  const owner = owners(wanted.attributes);
  return [
    ...(changes.inPlaceOf === 'directory'
      ? [`if [ ! -L ${path} ] && [ -d ${path} ]; then rmdir ${path}; fi`]
      : []),
    // -n: an old link to a folder is itself replaced, not filled. The words may start with a dash.
    ...(changes.relink ? [`ln -sfn -- ${words(wanted.target, wanted.path)}`] : []),
    ...(owner === undefined ? [] : [`chown -h ${quote(owner)} ${path}`]),
  ].join('\n');
}

function owners(attributes: WantedAttributes): string | undefined {
  return ownership(attributes.owner, attributes.group);
}

function chmodArgument(mode: Mode | undefined, said: string | number | undefined): string | undefined {
  return mode?.kind === 'exact' ? chmodWord(mode.bits) : said?.toString();
}
