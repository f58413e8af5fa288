// An archive that shall be unpacked in a folder. One of the controller's is looked into here (archive.ts), so that a host
// where nothing differs is not even sent it; what this reader does not know, and an archive on the host, is
// compared there, by GNU tar.
import { Buffer } from 'node:buffer';
import { posix } from 'node:path';
import { emit, quote } from '../../shell.ts';
import {
  ArgumentError,
  type ChangeProgram,
  type Conclusion,
  type Controller,
  type HostModule,
  INLINE_LIMIT_BYTES,
  type Inspected,
  type Output,
  type Verdict,
} from '../module.ts';
import { touchesNetworkFile } from '../network-touch.ts';
import { type ArchiveFormat, readArchive } from './archive.ts';
import { ArchiveError, type Member } from './archive-member.ts';
import {
  ATTRIBUTE_PROPERTIES,
  type AttributeArgs,
  absoluteFilePath,
  ownership,
  type WantedAttributes,
  wantedAttributes,
} from './file-attributes.ts';
import { chmodSymbols, chmodWord } from './file-mode.ts';
import { sha256Of } from './file-probe.ts';
import { notAFile } from './managed-file.ts';
import {
  archiveFunctions,
  handoverScript,
  hostArchiveScript,
  membersScript,
  namesScript,
  type Unpacking,
} from './unarchive-script.ts';
import {
  type Difference,
  differencesDiff,
  foundMembers,
  handoverDifference,
  memberDifference,
} from './unarchive-state.ts';

export interface UnarchiveArgs extends AttributeArgs {
  readonly src: string;
  readonly dest: string;
  readonly remote_src?: boolean;
  readonly creates?: string;
  readonly extra_opts?: readonly string[];
}

type Source =
  | {
      readonly kind: 'controller';
      readonly bytes: Uint8Array;
      readonly format: ArchiveFormat;
      /** Undefined: only the host can tell. */
      readonly members: readonly Member[] | undefined;
    }
  | { readonly kind: 'host' };

export interface UnarchiveWanted extends Unpacking {
  readonly src: string;
  readonly source: Source;
  readonly creates: string | undefined;
  readonly attributes: WantedAttributes;
  /** As chmod(1) takes it. */
  readonly chmod: string | undefined;
}

export interface UnarchiveChanges {
  readonly unpack: 'yes' | 'no' | 'if-different';
}

const CREATES_HINT = 'say with creates which path shows that it is unpacked';

export const unarchive: HostModule<UnarchiveArgs, UnarchiveWanted, UnarchiveChanges> = {
  kind: 'host',
  name: 'unarchive',
  summary: 'Unpacks a tar or zip archive in a folder on the host.',
  touchesNetwork: touchesNetworkFile,
  returns: { src: 'The archive.', dest: 'The folder.' },
  schema: {
    type: 'object',
    properties: {
      src: {
        description:
          'The archive, in the files folder of the role or beside the playbook; with remote_src an absolute path on the host.',
        type: 'string',
        minLength: 1,
      },
      dest: {
        description: 'Absolute path of the folder to unpack it in, which has to be there.',
        type: 'string',
        minLength: 1,
      },
      remote_src: { description: 'The archive is on the host already.', type: 'boolean', default: false },
      creates: {
        description:
          'An absolute path: where it exists the task is done already. Needed where nobody can compare: zip archives on the host, and anything but tar, tar.gz and zip where tar is not GNU tar.',
        type: 'string',
        minLength: 1,
      },
      extra_opts: {
        description: 'Further options for tar or unzip. Beyond --strip-components=N the host has to compare.',
        type: 'array',
        items: { type: 'string' },
      },
      ...ATTRIBUTE_PROPERTIES,
      mode: {
        ...ATTRIBUTE_PROPERTIES.mode,
        description:
          'Permissions of everything in the archive, octal as text ("0644") or in symbols (u=rwX,go=rX). Unsaid: as in the archive.',
      },
    },
    required: ['src', 'dest'],
    additionalProperties: false,
  },
  prepare(args, controller) {
    const attributes = wantedAttributes(args);
    const { mode } = attributes;
    const options = args.extra_opts ?? [];
    return {
      src: args.remote_src ? remotePath(args.src) : args.src,
      source: args.remote_src ? { kind: 'host' } : ownSource(args.src, options, controller),
      dest: absoluteFilePath('dest', args.dest),
      creates: args.creates === undefined ? undefined : absoluteFilePath('creates', args.creates),
      options,
      attributes,
      modeIsSet: mode !== undefined,
      chmod: mode?.kind === 'exact' ? chmodWord(mode.bits) : mode && chmodSymbols(String(args.mode)),
    };
  },
  reads: ({ dest, creates, source, src }) => [
    `file:${dest}`,
    ...(creates === undefined ? [] : [`file:${creates}` as const]),
    ...(source.kind === 'host' ? [`file:${src}` as const] : []),
  ],
  writes: ({ dest }) => [`file:${dest}`],
  inspect(wanted) {
    const { dest, creates, source, src } = wanted;
    const files = [
      { path: dest, follow: 'target', depth: 'none' } as const,
      ...(creates === undefined ? [] : [{ path: creates, follow: 'link', depth: 'none' } as const]),
      ...(source.kind === 'host' ? [{ path: src, follow: 'target', depth: 'none' } as const] : []),
    ];
    const script = lookScript(wanted);
    if (script === undefined) return { files };
    if (creates === undefined) return { files, script };
    return {
      files,
      script: `if [ -e ${quote(creates)} ] || [ -L ${quote(creates)} ]; then exit 0; fi\n${script}`,
    };
  },
  decide(wanted, actual) {
    const { dest, creates, src, source } = wanted;
    const fields = { dest, src };
    if (creates !== undefined && actual.files.get(creates)?.kind !== 'absent') {
      return { kind: 'unchanged', message: `not unpacked: ${creates} exists`, fields };
    }
    const folder = actual.files.get(dest) ?? { kind: 'absent' };
    if (folder.kind === 'unreadable') return notAFile(dest, folder);
    if (folder.kind !== 'directory') {
      return {
        kind: 'failed',
        message: `${dest} ${folder.kind === 'absent' ? 'does not exist' : 'is not a folder'}`,
        hint: 'make the folder in a task before, with file and state: directory',
      };
    }
    if (source.kind === 'host') return decideHostArchive(wanted, actual);
    const { members } = source;
    if (members === undefined) {
      const unpack = creates === undefined ? 'if-different' : 'yes';
      const unless = unpack === 'yes' ? '' : ', unless it is there';
      return { kind: 'change', changes: { unpack }, message: `unpack ${src} in ${dest}${unless}`, fields };
    }
    const found = foundMembers(actual.output);
    return verdictOn(
      wanted,
      members.flatMap((member) => memberDifference(member, found.get(member.path), wanted.attributes) ?? []),
    );
  },
  change: changeProgram,
  rehearse({ source }) {
    if (source.kind === 'host' || source.format !== 'zip') return undefined;
    return "command -v unzip >/dev/null || { echo 'unzip is not on this host' >&2; exit 1; }";
  },
  conclude: concludeUnarchive,
};

function ownSource(src: string, options: readonly string[], controller: Controller): Source {
  const bytes = controller.readFile(src, 'files');
  try {
    const archive = readArchive(bytes);
    if (archive === undefined) {
      throw new ArgumentError('src', `${src} is no archive that is known here: tar or zip`);
    }
    return { kind: 'controller', bytes, ...archive, members: unpacked(archive.members, options) };
  } catch (error) {
    if (!(error instanceof ArchiveError)) throw error;
    throw new ArgumentError('src', `${src} cannot be unpacked: ${error.message}`);
  }
}

/** The members where the options put them; undefined where that cannot be foreseen. */
function unpacked(
  members: readonly Member[] | undefined,
  options: readonly string[],
): readonly Member[] | undefined {
  if (options.length === 0) return members;
  const strip = /^--strip(?:-components)?[= ](\d+)$/.exec(options.join(' '));
  if (strip === null) return undefined;
  const count = Number(strip[1]);
  return members?.flatMap((member) => {
    const path = member.path.split('/').slice(count).join('/');
    return path === '' ? [] : [{ ...member, path }];
  });
}

function remotePath(src: string): string {
  if (/^\w+:\/\//.test(src)) {
    throw new ArgumentError('src', 'src is an address, not a path', 'fetch it first, with get_url');
  }
  return absoluteFilePath('src', src);
}

function lookScript(wanted: UnarchiveWanted): string | undefined {
  const { source, dest, src, attributes, creates } = wanted;
  if (source.kind === 'controller') return source.members && membersScript(dest, source.members);
  const attributesMatter = Object.keys(attributes).length > 0;
  return hostArchiveScript(src, wanted, { compare: creates === undefined, attributes: attributesMatter });
}

function decideHostArchive(wanted: UnarchiveWanted, { files, output }: Inspected): Verdict<UnarchiveChanges> {
  const { src } = wanted;
  const archive = files.get(src) ?? { kind: 'absent' };
  if (archive.kind === 'absent') return { kind: 'failed', message: `${src} does not exist` };
  if (archive.kind !== 'file') return notAFile(src, archive);
  const lines = output.stdout.split('\n');
  const cannot = lines.find((line) => line.startsWith('cannot:'));
  if (cannot !== undefined)
    return { kind: 'failed', message: `${src}: ${cannot.slice(7)}`, hint: CREATES_HINT };
  if (output.exitCode !== 0) {
    return { kind: 'failed', message: `${src} cannot be looked into: ${output.stderr.trim()}` };
  }
  const differing = lines.filter((line) => line.startsWith('D:')).map((line) => line.slice(2));
  const found = [...foundMembers(output)];
  return verdictOn(wanted, [
    ...differing.map(hostDifference),
    ...found.flatMap(([path, each]) => handoverDifference(path, each, wanted.attributes) ?? []),
  ]);
}

/** A line of `tar -d`: `tar: a/b: Warning: Cannot stat: No such file or directory`, `a/b: Contents differ`. */
function hostDifference(line: string): Difference {
  const parts = /^(?:tar: )?(.*?): (.*)$/.exec(line);
  const from = (parts?.[2] ?? line).replace(/^Warning: Cannot \w+: No such file.*$/, 'absent');
  return { path: parts?.[1] ?? '', from, to: 'as in the archive', needs: 'unpack' };
}

function verdictOn(
  { src, dest }: UnarchiveWanted,
  differences: readonly Difference[],
): Verdict<UnarchiveChanges> {
  const fields = { dest, src };
  if (differences.length === 0) return { kind: 'unchanged', fields };
  const unpack = differences.some(({ needs }) => needs === 'unpack') ? 'yes' : 'no';
  const count = differences.length === 1 ? '1 differs' : `${differences.length} differ`;
  return {
    kind: 'change',
    changes: { unpack },
    message: unpack === 'yes' ? `unpack ${src} in ${dest}: ${count}` : `${dest}: owner or mode of ${count}`,
    diffs: [differencesDiff(dest, differences)],
    fields,
  };
}

function changeProgram(wanted: UnarchiveWanted, { unpack }: UnarchiveChanges): ChangeProgram {
  const { source, dest, src, attributes, chmod } = wanted;
  const handover = { ownership: ownership(attributes.owner, attributes.group), chmod };
  if (source.kind === 'host') {
    const script = [
      `archive=${quote(src)}`,
      archiveFunctions(undefined, wanted),
      ...(unpack === 'no' ? [] : ['unpack']),
      ...handoverScript(dest, 'listed', handover),
    ];
    return { script: script.join('\n') };
  }
  const members = source.members;
  if (members !== undefined && unpack === 'no') {
    const names = [namesScript(members), ...handoverScript(dest, 'files; folders; links', handover)];
    return { script: names.join('\n') };
  }
  const hash = sha256Of(Buffer.concat([Buffer.from(`${dest}\0`), source.bytes])).slice(0, 16);
  const path = posix.join(dest, `.fairlead-upload.${hash}`);
  const isLarge = source.bytes.length > INLINE_LIMIT_BYTES;
  const script = [
    `archive=${quote(path)}`,
    'trap \'rm -f "$archive"\' EXIT',
    "trap 'exit 129' HUP",
    "trap 'exit 130' INT",
    "trap 'exit 143' TERM",
    ...(isLarge ? [] : [`rm -f "$archive"\n(\numask 077\nset -C\n{ ${emit(source.bytes)}\n} >"$archive"\n)`]),
    archiveFunctions(source.format, wanted),
    ...(unpack === 'if-different' ? unpackIfDifferent(dest, handover) : ['unpack']),
    ...(unpack === 'if-different'
      ? []
      : members === undefined
        ? handoverScript(dest, 'listed', handover)
        : [
            ...(Object.keys(attributes).length === 0 ? [] : [namesScript(members)]),
            ...handoverScript(dest, 'files; folders; links', handover),
          ]),
  ].join('\n');
  return { script, ...(isLarge && { uploads: [{ path, bytes: source.bytes }] }) };
}

/** Says `changed` where anything did, owners and modes included. */
function unpackIfDifferent(dest: string, handover: Parameters<typeof handoverScript>[2]): readonly string[] {
  const steps = handoverScript(dest, 'listed', handover);
  const facts = (name: string) =>
    `${name}=$(cd ${quote(dest)}; listed | tr '\\n' '\\0' | xargs -0 stat -c '%f:%u:%g' 2>/dev/null || :)`;
  return [
    'found=$(differing)',
    ...(steps.length === 0 ? [] : [facts('before')]),
    'if [ -n "$found" ]; then\n  unpack\n  echo changed\nfi',
    ...(steps.length === 0
      ? []
      : [...steps, facts('after'), 'if [ "$before" != "$after" ]; then echo changed; fi']),
  ];
}

function concludeUnarchive(
  wanted: UnarchiveWanted,
  { unpack }: UnarchiveChanges,
  output: Output,
): Conclusion {
  const { src, dest } = wanted;
  if (output.exitCode !== 0) {
    const reason = output.stderr.trim() || `exited ${output.exitCode}`;
    return {
      kind: 'failed',
      message: `${src} is not unpacked in ${dest}: ${reason}`,
      ...(output.exitCode === 3 && unpack === 'if-different' && { hint: CREATES_HINT }),
    };
  }
  if (unpack !== 'if-different') return { kind: 'changed' };
  return output.stdout.includes('changed')
    ? { kind: 'changed', message: `unpack ${src} in ${dest}` }
    : { kind: 'unchanged', message: `${src} is unpacked in ${dest}` };
}
