// A file that the host fetches from the web itself. It lands beside its place and is checked before it takes it.
import { posix } from 'node:path';
import { quote } from '../../shell.ts';
import {
  ArgumentError,
  type ChangeProgram,
  type Conclusion,
  type HostModule,
  type Output,
  type Verdict,
} from '../module.ts';
import { touchesNetworkFile } from '../network-touch.ts';
import { askScript, type Download, downloadScript } from './download.ts';
import {
  ATTRIBUTE_PROPERTIES,
  type AttributeArgs,
  type AttributeChange,
  absolutePath,
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
import type { FileState } from './file-probe.ts';
import { backupPath, WRITE_FUNCTIONS } from './file-write.ts';
import { BACKUP_PROPERTY, notAFile } from './managed-file.ts';

export interface GetUrlArgs extends AttributeArgs {
  readonly url: string;
  readonly dest: string;
  readonly force?: boolean;
  readonly checksum?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly url_username?: string;
  readonly url_password?: string;
  readonly timeout?: number;
  readonly validate_certs?: boolean;
  readonly backup?: boolean;
}

export interface GetUrlWanted {
  readonly download: Download;
  readonly dest: string;
  readonly destIsFolder: boolean;
  /** The file in `dest` if that is a folder. */
  readonly inFolder: string;
  readonly attributes: WantedAttributes;
  readonly checksum: Checksum | undefined;
  readonly replace: 'when-different' | 'never';
  readonly backup: boolean;
}

interface Checksum {
  /** The tool that tells it. */
  readonly tool: string;
  readonly hex: string;
}

export interface GetUrlChanges {
  readonly path: string;
  readonly content: 'fetch' | 'keep';
  readonly attributes: readonly AttributeChange[];
  readonly mode: number;
  /** As chown(1) takes it. */
  readonly ownership: string | undefined;
  readonly backupPath: string | undefined;
}

export const getUrl: HostModule<GetUrlArgs, GetUrlWanted, GetUrlChanges> = {
  kind: 'host',
  name: 'get_url',
  summary: 'Has the host fetch a file by HTTP, HTTPS or FTP, with its curl or wget.',
  touchesNetwork: touchesNetworkFile,
  returns: {
    url: 'Where it was fetched from.',
    dest: 'Path of the file.',
    state: 'file',
    mode: 'Permissions, octal.',
    owner: 'User who owns it.',
    group: 'Its group.',
    size: 'Bytes.',
    checksum_src: 'SHA-256 of what was fetched.',
    checksum_dest: 'SHA-256 of the file before; null where there was none.',
    backup_file: 'Path of the copy, with backup.',
  },
  schema: {
    type: 'object',
    properties: {
      url: { description: 'Where the file is.', type: 'string', minLength: 1 },
      dest: {
        description:
          "Absolute path of the file on the host. A folder: the file in it that is named as the URL's end.",
        type: 'string',
        minLength: 1,
      },
      force: {
        description:
          'Fetch it also where there is a file, and replace that if it differs. Into a folder it is always so.',
        type: 'boolean',
        default: false,
      },
      checksum: {
        description:
          'What it has to be, as ALGORITHM:HEX with md5, sha1, sha256 or sha512. A file that is it need not be fetched; one that is not is replaced, once the new one has passed.',
        type: 'string',
      },
      ...ATTRIBUTE_PROPERTIES,
      headers: {
        description:
          "Headers of the request. (BusyBox's wget shows them to other users of the host while it runs.)",
        type: 'object',
        additionalProperties: { type: 'string' },
      },
      url_username: { aliases: ['username'], description: 'For basic authentication.', type: 'string' },
      url_password: {
        aliases: ['password'],
        description: 'The password that belongs to url_username.',
        type: 'string',
      },
      timeout: {
        description: 'Seconds to wait for a connection, and for a byte.',
        type: 'integer',
        minimum: 1,
        default: 10,
      },
      validate_certs: {
        description: 'False: any certificate will do. Only for hosts that you trust by other means.',
        type: 'boolean',
        default: true,
      },
      backup: BACKUP_PROPERTY,
    },
    required: ['url', 'dest'],
    additionalProperties: false,
  },
  prepare(args) {
    const url = wantedUrl(args.url);
    const path = absolutePath('dest', args.dest);
    const dest = path.replace(/(?<=.)\/$/, '');
    return {
      download: download(url, args),
      dest,
      destIsFolder: path.endsWith('/'),
      inFolder: posix.join(dest, posix.basename(url.pathname) || 'index.html'),
      attributes: wantedAttributes(args),
      checksum: args.checksum === undefined ? undefined : parseChecksum(args.checksum),
      replace: args.force ? 'when-different' : 'never',
      backup: args.backup ?? false,
    };
  },
  reads: ({ dest }) => [`file:${dest}`],
  writes: ({ dest }) => [`file:${dest}`],
  inspect({ dest, inFolder, checksum }) {
    const paths = [dest, inFolder];
    const files = paths.map((path) => ({ path, follow: 'target', depth: 'hash' }) as const);
    if (checksum === undefined || checksum.tool === 'sha256sum') return { files };
    const sums = paths.map(
      (path) => `[ ! -f ${quote(path)} ] || echo ${quote(path)}" $(${checksum.tool} <${quote(path)})"`,
    );
    return { files, script: sums.join('\n') };
  },
  decide(wanted, actual) {
    const { dest, inFolder, destIsFolder } = wanted;
    const atDest = actual.files.get(dest) ?? { kind: 'absent' };
    if (destIsFolder && atDest.kind !== 'directory' && atDest.kind !== 'unreadable') {
      return {
        kind: 'failed',
        message: `${dest}/ ${atDest.kind === 'absent' ? 'does not exist' : 'is not a folder'}`,
      };
    }
    const path = atDest.kind === 'directory' ? inFolder : dest;
    const state = actual.files.get(path) ?? { kind: 'absent' };
    return decideAt({ path, state, wanted, output: actual.output });
  },
  change: changeScript,
  rehearse({ download }, { path, content }) {
    if (content === 'keep') return undefined;
    const folder = posix.dirname(path);
    return `[ -d ${quote(folder)} ] || { echo ${quote(`${folder} does not exist`)} >&2; exit 1; }
${askScript(download)}
download`;
  },
  conclude: concludeGetUrl,
};

function decideAt(at: {
  readonly path: string;
  readonly state: FileState;
  readonly wanted: GetUrlWanted;
  readonly output: Output;
}): Verdict<GetUrlChanges> {
  const { path, state, wanted, output } = at;
  const { attributes, download, checksum } = wanted;
  const fields = { url: download.url, dest: path };
  if (state.kind === 'absent') {
    const mode = newMode(attributes, 'file');
    return {
      kind: 'change',
      changes: {
        path,
        content: 'fetch',
        attributes: [],
        mode,
        ownership: ownership(attributes.owner, attributes.group),
        backupPath: undefined,
      },
      message: `fetch ${path}, mode ${modeText(mode)}`,
      fields: { ...fields, state: 'file', mode: modeText(mode) },
    };
  }
  if (state.kind !== 'file') return notAFile(path, state);
  const changes = attributeChanges(attributes, state, 'file');
  const mode = wantedMode(attributes, state, 'file');
  const after = {
    ...fields,
    state: 'file',
    mode: modeText(mode),
    owner: attributes.owner ?? state.owner,
    group: attributes.group ?? state.group,
  };
  const passes = checksum === undefined || checksumOf(path, state, { checksum, output }) === checksum.hex;
  const isInFolder = path !== wanted.dest;
  const keep = wanted.replace === 'never' && passes && (checksum !== undefined || !isInFolder);
  if (keep && changes.length === 0) {
    return { kind: 'unchanged', message: `${path} is there`, fields: { ...after, size: state.sizeBytes } };
  }
  const attributeNews = changes.length === 0 ? [] : [attributeText(changes)];
  const news = keep ? attributeNews : [passes ? 'fetch, if it differs' : 'fetch', ...attributeNews];
  return {
    kind: 'change',
    changes: {
      path,
      content: keep ? 'keep' : 'fetch',
      attributes: changes,
      mode,
      ownership: `${attributes.owner ?? state.uid}:${attributes.group ?? state.gid}`,
      backupPath: wanted.backup ? backupPath(path, state) : undefined,
    },
    message: `${path}: ${news.join(', ')}`,
    ...(changes.length > 0 && { diffs: [attributeDiff(path, changes)] }),
    fields: after,
  };
}

function checksumOf(
  path: string,
  state: Extract<FileState, { readonly kind: 'file' }>,
  { checksum, output }: { readonly checksum: Checksum; readonly output: Output },
): string | undefined {
  if (checksum.tool === 'sha256sum') return state.sha256;
  const line = output.stdout.split('\n').find((each) => each.startsWith(`${path} `));
  return line?.slice(path.length + 1).split(' ')[0];
}

function changeScript(wanted: GetUrlWanted, changes: GetUrlChanges): ChangeProgram {
  const { path, mode } = changes;
  const attributes = attributeScript(path, changes.attributes, mode);
  if (changes.content === 'keep') return { script: attributes };
  const { checksum } = wanted;
  const check =
    checksum === undefined
      ? []
      : [
          `doing='what came has another checksum'`,
          `sum=$(${checksum.tool} <"$temp")`,
          `if [ "\${sum%% *}" != ${checksum.hex} ]; then echo "${checksum.tool} of it: \${sum%% *}" >&2; exit 1; fi`,
        ];
  return {
    script: `${WRITE_FUNCTIONS}
${downloadScript(wanted.download)}
begin ${quote(path)} ${modeText(mode)} ${quote(changes.ownership ?? '')} ''
doing='it cannot be fetched'
download >&9
exec 9>&-
${check.map((line) => `${line}\n`).join('')}doing='what came cannot be read'
new=$(sha256sum <"$temp")
size=$(wc -c <"$temp")
old=''
[ ! -f "$path" ] || old=$(sha256sum <"$path")
echo "$((size)) \${new%% *} \${old%% *}"
if [ "$new" = "$old" ]; then
  ${attributes === '' ? ':' : attributes.replaceAll('\n', '\n  ')}
else
  ${changes.backupPath === undefined ? '' : `keep ${quote(changes.backupPath)}\n  `}finish
fi`,
  };
}

function concludeGetUrl(_wanted: GetUrlWanted, changes: GetUrlChanges, output: Output): Conclusion {
  if (output.exitCode !== 0) {
    const message = output.stderr.trim() || `exited ${output.exitCode}`;
    return { kind: 'failed', message };
  }
  if (changes.content === 'keep') return { kind: 'changed' };
  const [size, fetched = '', before = ''] = output.stdout.trim().split(' ');
  const fields = {
    size: Number(size),
    checksum_src: fetched,
    checksum_dest: before === '' ? null : before,
  };
  if (fetched !== before) {
    const { backupPath: backup } = changes;
    return { kind: 'changed', fields: { ...fields, ...(backup !== undefined && { backup_file: backup }) } };
  }
  const { attributes, path } = changes;
  if (attributes.length === 0) return { kind: 'unchanged', message: `${path} is the same`, fields };
  return { kind: 'changed', message: `${path}: ${attributeText(attributes)}`, fields };
}

function wantedUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !['http:', 'https:', 'ftp:'].includes(url.protocol)) {
    throw new ArgumentError('url', 'url is not an address of http, https or ftp');
  }
  url.hash = '';
  return url;
}

/** The URL with user and password taken out of it, so that nobody reads them in a message. */
function download(url: URL, args: GetUrlArgs): Download {
  const name = args.url_username ?? decodeURIComponent(url.username);
  const password = args.url_password ?? decodeURIComponent(url.password);
  const plain = new URL(url);
  plain.username = '';
  plain.password = '';
  const headers = Object.entries(args.headers ?? {});
  for (const [header, value] of headers) {
    if (!/^[!#$%&'*+.^_`|~\w-]+$/.test(header) || /[\r\n\0]/.test(value)) {
      throw new ArgumentError('headers', `${JSON.stringify(header)} is not a header of one line`);
    }
  }
  if (/[\r\n\0]/.test(name + password)) {
    throw new ArgumentError('url_password', 'the user or the password has a line break in it');
  }
  if (name !== '' && url.protocol === 'ftp:') {
    throw new ArgumentError('url', 'a user is for http and https only');
  }
  return {
    url: plain.href,
    user: name === '' ? undefined : { name, password },
    headers,
    timeoutSeconds: args.timeout ?? 10,
    certificates: args.validate_certs === false ? 'trust-any' : 'check',
  };
}

const CHECKSUM_LENGTHS: Readonly<Record<string, number>> = { md5: 32, sha1: 40, sha256: 64, sha512: 128 };

function parseChecksum(text: string): Checksum {
  const [, algorithm = '', hex = ''] = /^(\w+):\s*(.*?)\s*$/.exec(text) ?? [];
  const length = CHECKSUM_LENGTHS[algorithm];
  if (/^\w+:\/\//.test(hex)) {
    throw new ArgumentError(
      'checksum',
      'the checksum is an address, and has to be the checksum itself',
      'read it once, and write it into the playbook',
    );
  }
  if (length === undefined || hex.length !== length || !/^[0-9a-f]+$/i.test(hex)) {
    throw new ArgumentError(
      'checksum',
      `${JSON.stringify(text)} is not a checksum`,
      'write ALGORITHM:HEX with md5, sha1, sha256 or sha512',
    );
  }
  return { tool: `${algorithm}sum`, hex: hex.toLowerCase() };
}
