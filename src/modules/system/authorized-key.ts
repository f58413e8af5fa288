// Who may log in with which key: the authorized_keys file of a user, with the owner and the modes without which sshd
// would not heed it. How the text is edited is in authorized-keys.ts.
import { Buffer } from 'node:buffer';
import { posix } from 'node:path';
import { quote } from '../../shell.ts';
import { contentDiff } from '../file/content-diff.ts';
import { absoluteFilePath } from '../file/file-attributes.ts';
import { chmodWord, modeText } from '../file/file-mode.ts';
import type { FileState } from '../file/file-probe.ts';
import { writeFiles } from '../file/file-write.ts';
import { makeFolderScript } from '../file/folder-script.ts';
import { notAFile } from '../file/managed-file.ts';
import type { HostModule, Inspected, Verdict } from '../module.ts';
import { ArgumentError } from '../module.ts';
import { type Account, accountName, accountOf, accountScript } from './accounts.ts';
import { type PublicKey, parseKey, withKeys, withoutKeys } from './authorized-keys.ts';
import { homeFile, homeFileScript } from './home-file.ts';

interface Args {
  readonly user: string;
  readonly key: string;
  readonly state?: 'present' | 'absent';
  readonly path?: string;
  readonly manage_dir?: boolean;
  readonly key_options?: string;
  readonly comment?: string;
  readonly exclusive?: boolean;
  readonly follow?: boolean;
}

export interface WantedKeys {
  readonly user: string;
  readonly keys: readonly PublicKey[];
  readonly state: 'present' | 'absent';
  /** Undefined: in the home folder. */
  readonly path: string | undefined;
  readonly managesFolder: boolean;
  readonly exclusive: boolean;
  readonly links: 'replace' | 'follow';
  /** For the result. */
  readonly said: Args;
}

export interface KeysChanges {
  readonly path: string;
  readonly folder: string;
  readonly doFolder: 'make' | 'own' | 'leave';
  /** Undefined: the content is right. */
  readonly text: string | undefined;
  readonly mode: number;
  /** `uid:gid` */
  readonly owner: string;
}

const IN_HOME = '.ssh/authorized_keys';
const FILE_MODE = 0o600;
const FOLDER_MODE = 0o700;

export const authorizedKey: HostModule<Args, WantedKeys, KeysChanges> = {
  kind: 'host',
  name: 'authorized_key',
  summary: 'Keeps SSH public keys that may log in as a user.',
  returns: {
    user: 'The user.',
    state: 'present or absent.',
    key: 'The keys.',
    exclusive: 'Whether others go.',
    keyfile: 'Path of the file.',
  },
  schema: {
    type: 'object',
    properties: {
      user: { type: 'string', minLength: 1, description: 'The user who is logged in to.' },
      key: {
        type: 'string',
        minLength: 1,
        description:
          'The public key, or several, a line each. Not a URL: fetch that with a lookup or a task.',
      },
      state: { enum: ['present', 'absent'], default: 'present', description: 'Whether it may log in.' },
      path: {
        type: 'string',
        description:
          'Absolute path of another file than .ssh/authorized_keys in the home folder of the user.',
      },
      manage_dir: {
        type: 'boolean',
        default: true,
        description:
          'Make the folder of the file where it is missing, for the user and with mode 0700. One in the home folder that is there is put right too; one of path is left alone.',
      },
      key_options: {
        type: 'string',
        description: 'Options of the keys, as in authorized_keys; for all of them.',
      },
      comment: { type: 'string', description: 'Comment in place of the one behind the key.' },
      exclusive: {
        type: 'boolean',
        default: false,
        description: 'No other keys may log in. Comments in the file stay.',
      },
      follow: {
        type: 'boolean',
        default: false,
        description: 'Where the file is a symbolic link, change the file that it leads to.',
      },
    },
    required: ['user', 'key'],
    additionalProperties: false,
  },

  prepare(args) {
    return {
      user: accountName('user', args.user, 'user'),
      keys: keysOf(args),
      state: args.state ?? 'present',
      path: args.path === undefined ? undefined : absoluteFilePath('path', args.path),
      managesFolder: args.manage_dir ?? true,
      exclusive: args.exclusive ?? false,
      links: args.follow === true ? 'follow' : 'replace',
      said: args,
    };
  },

  reads: ({ path }) =>
    path === undefined ? ['*'] : ['file:/etc/passwd', `file:${path}`, `file:${posix.dirname(path)}`],
  writes: ({ path }) => (path === undefined ? ['*'] : [`file:${path}`, `file:${posix.dirname(path)}`]),

  inspect: ({ user, path }) =>
    path === undefined
      ? { script: homeFileScript(IN_HOME, user) }
      : {
          files: [
            { path, follow: 'target', depth: 'content' },
            { path: posix.dirname(path), follow: 'target', depth: 'none' },
          ],
          script: `set +eu\n${accountScript(user)}\nexit 0`,
        },

  decide,

  change({ links }, { path, folder, doFolder, text, mode, owner }) {
    const attributes = [`chown ${owner} ${quote(path)}`, `chmod ${chmodWord(mode)} ${quote(path)}`];
    const written =
      text === undefined
        ? undefined
        : writeFiles([{ path, bytes: Buffer.from(text, 'latin1'), mode, ownership: owner, links }]);
    const folderLines = {
      make: [makeFolderScript(folder, { mode: FOLDER_MODE, ownership: owner })],
      own: [`chown ${owner} ${quote(folder)}`, `chmod ${chmodWord(FOLDER_MODE)} ${quote(folder)}`],
      leave: [],
    }[doFolder];
    return {
      script: [...folderLines, ...(written === undefined ? attributes : [`(\n${written.script}\n)`])].join(
        '\n',
      ),
      ...(written?.uploads && { uploads: written.uploads }),
    };
  },
};

function keysOf({ key: text, key_options: options, comment }: Args): readonly PublicKey[] {
  if (/PRIVATE KEY/.test(text)) {
    throw new ArgumentError(
      'key',
      'this is a private key',
      'the public one is in the file that ends in .pub',
    );
  }
  if (/^(?:https?|ftp|file):\/\//.test(text.trim())) {
    throw new ArgumentError('key', 'a key cannot be fetched from a URL', 'keep the keys beside the playbook');
  }
  for (const [argument, value] of Object.entries({ key_options: options, comment })) {
    if (/[\0\r\n]/.test(value ?? '')) throw new ArgumentError(argument, `${argument} has a line break in it`);
  }
  const lines = text.split('\n').filter((line) => !/^\s*(#|$)/.test(line));
  if (lines.length === 0) throw new ArgumentError('key', 'there is no key in it');
  return lines.map((line) => {
    const key = parseKey(line);
    if (key === undefined) {
      const start = line.trim().slice(0, 24);
      throw new ArgumentError(
        'key',
        `${JSON.stringify(start)}… is no public key`,
        'one begins as ssh-ed25519 AAAA',
      );
    }
    return { ...key, options: options ?? key.options, comment: comment ?? key.comment };
  });
}

interface Place {
  readonly path: string;
  readonly folder: string;
  readonly file: FileState;
  readonly folderState: FileState;
}

function decide(wanted: WantedKeys, actual: Inspected): Verdict<KeysChanges> {
  const { user, state } = wanted;
  const account = accountOf(actual.output);
  if (account === undefined) {
    return { kind: 'failed', message: `there is no user ${user} on the host` };
  }
  const place = placeOf(wanted, actual);
  const fields = {
    user,
    state,
    key: wanted.said.key,
    exclusive: wanted.exclusive,
    ...fieldsOf(wanted, place),
  };
  if (place === undefined) {
    if (state === 'absent') return { kind: 'unchanged', fields };
    return { kind: 'failed', message: `${user} has no home folder: ${account.home} cannot be entered` };
  }
  const { file, folderState } = place;
  if (file.kind !== 'absent' && file.kind !== 'file') return notAFile(place.path, file);
  if (file.kind === 'absent' && state === 'absent') return { kind: 'unchanged', fields };
  if (file.kind === 'file' && file.content === undefined) {
    return { kind: 'failed', message: `${place.path} is too large to be edited` };
  }
  const doFolder =
    state === 'present' && wanted.managesFolder ? folderNeed(wanted, folderState, account) : 'leave';
  if (folderState.kind === 'absent' && doFolder !== 'make') {
    return { kind: 'failed', message: `the folder ${place.folder} does not exist` };
  }
  // A character for each byte: what is not ours is not looked into.
  const before = file.kind === 'file' ? Buffer.from(file.content ?? []) : undefined;
  const keys = wanted.keys.map(asBytes);
  const text = before?.toString('latin1') ?? '';
  const edit = state === 'absent' ? withoutKeys(text, keys) : withKeys(text, keys, wanted.exclusive);
  const owner = `${account.uid}:${account.gid}`;
  const isRight = file.kind === 'file' && file.mode === FILE_MODE && `${file.uid}:${file.gid}` === owner;
  const needsAttributes = state === 'present' && !isRight;
  if (edit.done === undefined && !needsAttributes && doFolder === 'leave')
    return { kind: 'unchanged', fields };
  const kept = state === 'absent' && file.kind === 'file';
  const done = [
    ...(edit.done === undefined ? [] : [edit.done]),
    ...(file.kind === 'file' && needsAttributes ? [`owner ${user}, mode ${modeText(FILE_MODE)}`] : []),
    ...(doFolder === 'own' ? [`${place.folder}: owner ${user}, mode ${modeText(FOLDER_MODE)}`] : []),
  ];
  return {
    kind: 'change',
    changes: {
      path: place.path,
      folder: place.folder,
      doFolder,
      text: edit.done === undefined ? undefined : edit.text,
      mode: kept ? file.mode : FILE_MODE,
      owner: kept ? `${file.uid}:${file.gid}` : owner,
    },
    message: `${place.path}: ${done.join(', ')}`,
    ...(edit.done !== undefined && {
      diffs: [contentDiff(place.path, before, Buffer.from(edit.text, 'latin1'))],
    }),
    fields,
  };
}

function placeOf(wanted: WantedKeys, actual: Inspected): Place | undefined {
  const { path } = wanted;
  if (path === undefined) {
    const found = homeFile(IN_HOME, actual.output);
    return found.kind === 'found' ? found : undefined;
  }
  const folder = posix.dirname(path);
  const at = (name: string) => actual.files.get(name) ?? ({ kind: 'absent' } as const);
  return { path, folder, file: at(path), folderState: at(folder) };
}

/** A folder elsewhere may be one that others share, /etc/ssh for one: taking it over would lock them out. */
function folderNeed({ path }: WantedKeys, folder: FileState, { uid, gid }: Account): KeysChanges['doFolder'] {
  if (folder.kind === 'absent') return 'make';
  if (folder.kind !== 'directory' || path !== undefined) return 'leave';
  return folder.mode === FOLDER_MODE && folder.uid === uid && folder.gid === gid ? 'leave' : 'own';
}

function fieldsOf({ said }: WantedKeys, place: Place | undefined) {
  return {
    ...(place !== undefined && { keyfile: place.path }),
    ...(said.key_options !== undefined && { key_options: said.key_options }),
    ...(said.comment !== undefined && { comment: said.comment }),
  };
}

function asBytes(key: PublicKey): PublicKey {
  const bytes = (text: string) => Buffer.from(text, 'utf8').toString('latin1');
  return { ...key, options: bytes(key.options), comment: bytes(key.comment) };
}
