// Keys by which a host knows other hosts, in a known_hosts file. How the text is edited is in known-hosts-lines.ts.
import { posix } from 'node:path';
import {
  changeEditedFile,
  decideEditedFile,
  type EditedFileChanges,
  editedFile,
  inspectEditedFile,
} from '../file/edited-file.ts';
import { absoluteFilePath } from '../file/file-attributes.ts';
import { makeFolderScript } from '../file/folder-script.ts';
import type { HostModule, Inspected, Verdict } from '../module.ts';
import { ArgumentError } from '../module.ts';
import { homeFile, homeFileScript } from './home-file.ts';
import {
  type HostKey,
  hashedName,
  isNamed,
  parseHostKey,
  withHostKeys,
  withoutHost,
} from './known-hosts-lines.ts';

interface Args {
  readonly name: string;
  readonly key?: string;
  readonly state?: 'present' | 'absent';
  readonly path?: string;
  readonly hash_host?: boolean;
}

export interface WantedHostKeys {
  readonly name: string;
  readonly keys: readonly HostKey[];
  readonly state: 'present' | 'absent';
  readonly path: { readonly kind: 'absolute' | 'in home'; readonly path: string };
  /** For the result. */
  readonly said: Args;
}

export interface KnownHostsChanges {
  readonly path: string;
  readonly changes: EditedFileChanges;
}

export const knownHosts: HostModule<Args, WantedHostKeys, KnownHostsChanges> = {
  kind: 'host',
  name: 'known_hosts',
  summary: 'Keeps SSH keys of other hosts that the host shall trust.',
  returns: {
    name: 'The other host.',
    path: 'The file.',
    state: 'present or absent.',
    hash_host: 'Whether the name is hashed.',
    key: 'Its keys.',
  },
  schema: {
    type: 'object',
    properties: {
      name: {
        aliases: ['host'],
        type: 'string',
        minLength: 1,
        description: 'Name or address of the other host; with a port other than 22: [name]:port.',
      },
      key: {
        type: 'string',
        description:
          'Its key as a line of known_hosts, `name ssh-ed25519 AAAA…`, or several, a line each. With state: absent not needed: all its keys go.',
      },
      state: { enum: ['present', 'absent'], default: 'present', description: 'Whether it is known.' },
      path: {
        type: 'string',
        default: '~/.ssh/known_hosts',
        description: 'The file, absolute or below ~/, the home folder of whoever runs the task.',
      },
      hash_host: {
        type: 'boolean',
        default: false,
        description:
          'The name stands there as a hash; false: in plain text. One that is there is changed to that.',
      },
    },
    required: ['name'],
    additionalProperties: false,
  },

  prepare(args) {
    const name = args.name.toLowerCase();
    if (/[\s,|]/.test(name)) {
      throw new ArgumentError('name', `${JSON.stringify(args.name)} cannot be the name of a host`);
    }
    const state = args.state ?? 'present';
    if (state === 'present' && args.key === undefined) throw new ArgumentError('key', 'key is missing');
    return {
      name,
      keys: state === 'present' ? keysOf(args, name) : [],
      state,
      path: pathOf(args),
      said: args,
    };
  },

  reads: ({ path }) => (path.kind === 'in home' ? ['*'] : [`file:${path.path}`]),
  writes: ({ path }) => (path.kind === 'in home' ? ['*'] : [`file:${path.path}`]),

  inspect: ({ path }) =>
    path.kind === 'in home' ? { script: homeFileScript(path.path) } : inspectEditedFile(fileAt(path.path)),

  decide,

  change(_wanted, { path, changes }) {
    const program = changeEditedFile(fileAt(path), { ...changes, makeFolder: undefined });
    if (changes.makeFolder === undefined) return program;
    return {
      ...program,
      script: `${makeFolderScript(changes.makeFolder, { mode: 0o700 })}\n${program.script}`,
    };
  },
};

function keysOf({ key = '', hash_host: hashes = false }: Args, name: string): readonly HostKey[] {
  const lines = key.split('\n').filter((line) => !/^\s*(#|$)/.test(line));
  if (lines.length === 0) throw new ArgumentError('key', 'there is no key in it');
  return lines.map((line) => {
    const parsed = parseHostKey(line);
    if (parsed === undefined) {
      const start = JSON.stringify(line.trim().slice(0, 40));
      throw new ArgumentError('key', `${start} is no host key`, `one begins as ${name} ssh-ed25519 AAAA`);
    }
    const { hosts = name, type, blob } = parsed;
    if (!isNamed(hosts, name)) {
      throw new ArgumentError(
        'key',
        `it is the key of ${hosts}, and not of ${name}`,
        'name and key have to agree',
      );
    }
    return { hosts: hashes ? hashedName(name, blob) : hosts, type, blob };
  });
}

function pathOf({ path = '~/.ssh/known_hosts' }: Args): WantedHostKeys['path'] {
  if (!path.startsWith('~/')) return { kind: 'absolute', path: absoluteFilePath('path', path) };
  const inHome = absoluteFilePath('path', path.slice(1)).slice(1);
  if (inHome.split('/').includes('..')) throw new ArgumentError('path', 'path leads out of the home folder');
  return { kind: 'in home', path: inHome };
}

function fileAt(path: string) {
  return editedFile({ path }, 'create');
}

function decide(wanted: WantedHostKeys, actual: Inspected): Verdict<KnownHostsChanges> {
  const { name, state, said } = wanted;
  let { path } = wanted.path;
  let files = actual.files;
  if (wanted.path.kind === 'in home') {
    const found = homeFile(wanted.path.path, actual.output);
    if (found.kind !== 'found') {
      if (state === 'absent') return { kind: 'unchanged' };
      return {
        kind: 'failed',
        message: 'whoever runs the task has no home folder',
        hint: 'give path a whole path',
      };
    }
    path = found.path;
    files = new Map([[path, found.file]]);
  }
  const fields = {
    name: said.name,
    path: posix.normalize(path),
    state,
    hash_host: said.hash_host ?? false,
    ...(said.key !== undefined && { key: said.key }),
  };
  const verdict = decideEditedFile(
    editedFile({ path }, state === 'absent' ? 'ignore' : 'create'),
    { ...actual, files },
    {
      backupField: 'backup',
      edit: (text) => (state === 'absent' ? withoutHost(text, name) : withHostKeys(text, name, wanted.keys)),
    },
  );
  if (verdict.kind === 'change') return { ...verdict, changes: { path, changes: verdict.changes }, fields };
  return verdict.kind === 'unchanged' ? { ...verdict, fields } : verdict;
}
