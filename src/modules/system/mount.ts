// File systems: their line in fstab, and whether they are mounted now. The line is only kept where the mount succeeds,
// for one that cannot be mounted stops some hosts at boot. How fstab is edited is in fstab.ts.
import { Buffer } from 'node:buffer';
import { quote } from '../../shell.ts';
import { contentDiff } from '../file/content-diff.ts';
import { absoluteFilePath } from '../file/file-attributes.ts';
import type { FileState } from '../file/file-probe.ts';
import { backupPath, type FileWrite, writeFiles } from '../file/file-write.ts';
import { notAFile } from '../file/managed-file.ts';
import type { ChangeProgram, HostModule, Inspected, Resource, Verdict } from '../module.ts';
import { ArgumentError } from '../module.ts';
import { escaped, isSwap, type MountEntry, mountedAt, withEntry, withoutEntry } from './fstab.ts';

interface Args {
  readonly path: string;
  readonly state: 'mounted' | 'unmounted' | 'present' | 'absent' | 'remounted';
  readonly src?: string;
  readonly fstype?: string;
  readonly opts?: string;
  readonly dump?: string | number;
  readonly passno?: string | number;
  readonly boot?: boolean;
  readonly fstab?: string;
  readonly backup?: boolean;
}

export interface WantedMount {
  readonly state: Args['state'];
  readonly entry: MountEntry;
  readonly fstab: string;
  readonly isDefaultFstab: boolean;
  readonly backup: boolean;
  /** Of a remount; undefined: those of fstab. */
  readonly options: string | undefined;
}

export interface MountChanges {
  readonly write?: FileWrite;
  /** Puts fstab back as it was where the mount fails; null: there was none. */
  readonly restore?: FileWrite | null;
  readonly action?: 'mount' | 'remount' | 'unmount';
  readonly folder?: 'make' | 'remove';
}

export const mount: HostModule<Args, WantedMount, MountChanges> = {
  kind: 'host',
  name: 'mount',
  summary: 'Keeps a line in fstab and mounts or unmounts a file system.',
  returns: {
    name: 'The mount point.',
    src: 'What is mounted.',
    fstype: 'Its type.',
    opts: 'Its options.',
    dump: 'Fifth field of fstab.',
    passno: 'Sixth field of fstab.',
    fstab: 'The file.',
    backup_file: 'Path of the copy, with backup.',
  },
  schema: {
    type: 'object',
    properties: {
      path: {
        aliases: ['name'],
        type: 'string',
        minLength: 1,
        description: 'Mount point, absolute; none for swap.',
      },
      state: {
        enum: ['mounted', 'unmounted', 'present', 'absent', 'remounted'],
        description:
          'mounted: in fstab and mounted, its folder made. present: in fstab. unmounted: not mounted, fstab stays. absent: neither, and the empty folder removed. remounted: mounted anew, each time.',
      },
      src: {
        type: 'string',
        minLength: 1,
        description: 'Device, UUID=…, LABEL=…, or what the type asks for.',
      },
      fstype: { type: 'string', pattern: '^[^\\s#]+$', description: 'Type of the file system.' },
      opts: { type: 'string', minLength: 1, description: 'Options with commas between; defaults if unsaid.' },
      dump: { type: ['string', 'integer'], default: '0', description: 'Fifth field of fstab.' },
      passno: {
        type: ['string', 'integer'],
        default: '0',
        description: 'Sixth field of fstab: order of checks.',
      },
      boot: { type: 'boolean', default: true, description: 'false adds noauto: not mounted at boot.' },
      fstab: { type: 'string', default: '/etc/fstab', description: 'Another file than /etc/fstab.' },
      backup: {
        type: 'boolean',
        default: false,
        description: 'Keep a copy of the old fstab beside it, as NAME.HASH.DATE~.',
      },
    },
    required: ['path', 'state'],
    additionalProperties: false,
  },

  prepare,
  reads: resources,
  writes: resources,

  inspect: ({ entry, fstab, state }) => ({
    files: [{ path: fstab, follow: 'target', depth: 'content' }],
    ...(state !== 'present' && !isSwap(entry.path) && { script: inspectScript(entry.path) }),
  }),

  decide,
  change,
};

function prepare(args: Args): WantedMount {
  const { state } = args;
  if (state === 'mounted' || state === 'present') {
    for (const name of ['src', 'fstype'] as const) {
      if (args[name] === undefined)
        throw new ArgumentError(name, `${name} is missing`, `${state} needs src and fstype`);
    }
  }
  for (const name of ['path', 'src', 'opts'] as const) {
    if (/[\0\n]/.test(args[name] ?? '')) throw new ArgumentError(name, `${name} has a line break in it`);
  }
  for (const name of ['dump', 'passno'] as const) {
    if (!/^[0-9]+$/.test(String(args[name] ?? '0'))) throw new ArgumentError(name, `${name} is a number`);
  }
  const swap = isSwap(args.path);
  if (swap && state !== 'present' && state !== 'absent') {
    throw new ArgumentError('state', `swap cannot be ${state}`, 'present and absent keep its line in fstab');
  }
  if (swap && args.src === undefined) throw new ArgumentError('src', 'src is missing', 'swap is found by it');
  const fstab = absoluteFilePath('fstab', args.fstab ?? '/etc/fstab');
  return {
    state,
    entry: {
      source: args.src ?? '',
      path: swap ? args.path : absoluteFilePath('path', args.path),
      type: args.fstype ?? '',
      options: optionsOf(args),
      dump: String(args.dump ?? '0'),
      pass: String(args.passno ?? '0'),
    },
    fstab,
    isDefaultFstab: fstab === '/etc/fstab',
    backup: args.backup ?? false,
    options: args.opts,
  };
}

function resources({ entry, fstab }: WantedMount): readonly Resource[] {
  return isSwap(entry.path) ? [`file:${fstab}`] : [`file:${fstab}`, `file:${entry.path}`];
}

function optionsOf({ opts = 'defaults', boot = true }: Args): string {
  return boot || opts.split(',').includes('noauto') ? opts : `${opts},noauto`;
}

/**
 * Prints what is mounted. Only where the path is not among it are links in the path looked through: a look at a file
 * system whose server is gone would not end.
 */
function inspectScript(path: string): string {
  return `set +eu
mounts=$(cat /proc/mounts)
printf '%s\\n' "$mounts"
path=${quote(path)}
name=${quote(escaped(path))}
case $mounts in
  *" $name "*) ;;
  *)
    echo '== path'
    readlink -f "$path"
    if [ -d "$path" ]; then echo '== folder'; fi
    ;;
esac
exit 0`;
}

interface Live {
  readonly isMounted: boolean;
  readonly hasFolder: boolean;
}

function liveOf({ entry }: WantedMount, { output }: Inspected): Live {
  const [mounts = '', rest = ''] = output.stdout.split('== path\n');
  const real = rest.split('\n')[0] ?? '';
  const isMounted =
    mountedAt(mounts, entry.path) !== undefined ||
    (real !== '' && !real.startsWith('==') && mountedAt(mounts, real) !== undefined);
  return { isMounted, hasFolder: isMounted || rest.includes('== folder') };
}

function decide(wanted: WantedMount, actual: Inspected): Verdict<MountChanges> {
  const { state, entry } = wanted;
  const fstab = actual.files.get(wanted.fstab) ?? { kind: 'absent' };
  if (fstab.kind !== 'absent' && fstab.kind !== 'file') return notAFile(wanted.fstab, fstab);
  if (fstab.kind === 'file' && fstab.content === undefined) {
    return { kind: 'failed', message: `${wanted.fstab} is too large to be edited` };
  }
  const live = liveOf(wanted, actual);
  const before = Buffer.from(fstab.kind === 'file' ? (fstab.content ?? []) : []).toString('latin1');
  const edit = editOf(wanted, before);
  const steps = stepsOf(wanted, live, edit.isChanged);
  const fields = fieldsOf(wanted);
  if (!edit.isChanged && steps.action === undefined && steps.folder === undefined) {
    return { kind: 'unchanged', fields };
  }
  if (state === 'remounted' && !live.isMounted) {
    return { kind: 'failed', message: `${entry.path} is not mounted`, hint: 'state: mounted mounts it' };
  }
  const write = edit.isChanged ? fstabWrite(wanted, fstab, edit.text) : undefined;
  const { backupPath: backup } = write ?? {};
  return {
    kind: 'change',
    changes: {
      ...steps,
      ...(write !== undefined && { write, restore: restoreOf(wanted, fstab) }),
    },
    message: [
      ...(edit.isChanged ? [`${state === 'absent' ? 'remove from' : 'write'} ${wanted.fstab}`] : []),
      ...(steps.action === undefined ? [] : [`${steps.action} ${entry.path}`]),
      ...(steps.folder === 'remove' ? [`remove the folder ${entry.path}`] : []),
    ].join(', '),
    diffs: [
      ...(write === undefined ? [] : [contentDiff(wanted.fstab, Buffer.from(before, 'latin1'), write.bytes)]),
      ...(steps.action === undefined || steps.action === 'remount'
        ? []
        : [liveDiff(entry.path, live.isMounted)]),
    ],
    fields: { ...fields, ...(backup !== undefined && { backup_file: backup }) },
  };
}

function editOf({ state, entry }: WantedMount, text: string) {
  const bytes = (part: string) => Buffer.from(part, 'utf8').toString('latin1');
  const { source, path, options } = entry;
  const own = { ...entry, source: bytes(source), path: bytes(path), options: bytes(options) };
  if (state === 'mounted' || state === 'present') return withEntry(text, own);
  return state === 'absent' ? withoutEntry(text, own) : { text, isChanged: false };
}

/** What is done beside the edit of fstab. */
function stepsOf(
  { state, entry }: WantedMount,
  { isMounted, hasFolder }: Live,
  fstabChanges: boolean,
): Pick<MountChanges, 'action' | 'folder'> {
  switch (state) {
    case 'mounted':
      if (isMounted) return fstabChanges ? { action: 'remount' } : {};
      return { action: 'mount', ...(!hasFolder && { folder: 'make' }) };
    case 'unmounted':
      return isMounted ? { action: 'unmount' } : {};
    case 'absent':
      if (isSwap(entry.path)) return {};
      return {
        ...(isMounted && { action: 'unmount' }),
        ...(hasFolder && (isMounted || fstabChanges) && { folder: 'remove' }),
      };
    case 'remounted':
      return { action: 'remount' };
    case 'present':
      return {};
  }
}

function fstabWrite({ fstab, backup }: WantedMount, state: FileState, text: string): FileWrite {
  const isThere = state.kind === 'file';
  return {
    path: fstab,
    bytes: Buffer.from(text, 'latin1'),
    mode: isThere ? state.mode : 0o644,
    links: 'follow',
    ...(isThere && { ownership: `${state.uid}:${state.gid}` }),
    ...(isThere && backup && { backupPath: backupPath(fstab, state) }),
  };
}

function restoreOf({ fstab }: WantedMount, state: FileState): FileWrite | null {
  if (state.kind !== 'file') return null;
  const { mode, uid, gid, content = new Uint8Array() } = state;
  return { path: fstab, bytes: content, mode, links: 'follow', ownership: `${uid}:${gid}` };
}

function change(wanted: WantedMount, { write, restore, action, folder }: MountChanges): ChangeProgram {
  const path = quote(wanted.entry.path);
  const writing = write === undefined ? [] : [`(\n${writeFiles([write]).script}\n)`];
  if (action === undefined || action === 'unmount') {
    return {
      script: [
        ...(action === 'unmount' ? [`umount ${path}`] : []),
        ...writing,
        ...(folder === 'remove' ? [`if [ -d ${path} ]; then rmdir ${path}; fi`] : []),
      ].join('\n'),
    };
  }
  return {
    script: [
      ...(folder === 'make' ? [`mkdir -p ${path}`] : []),
      ...writing,
      'status=0',
      `${action === 'mount' ? mountLine(wanted) : remountLine(wanted)} || status=$?`,
      'if [ "$status" -ne 0 ]; then',
      ...(restore === undefined
        ? []
        : [restore === null ? `  rm -f ${quote(wanted.fstab)}` : `(\n${writeFiles([restore]).script}\n)`]),
      ...(folder === 'make' ? [`  rmdir ${path} || :`] : []),
      '  exit "$status"',
      'fi',
    ].join('\n'),
  };
}

function mountLine({ entry, fstab, isDefaultFstab }: WantedMount): string {
  return isDefaultFstab ? `mount ${quote(entry.path)}` : `mount -T ${quote(fstab)} ${quote(entry.path)}`;
}

/** Some file systems cannot be remounted; without options of its own, unmounting and mounting is the same. */
function remountLine(wanted: WantedMount): string {
  const { entry, state, options } = wanted;
  const path = quote(entry.path);
  if (state === 'remounted') {
    const remount = `mount -o ${quote(['remount', ...(options === undefined ? [] : [options])].join(','))} ${path}`;
    return options === undefined
      ? `{ ${remount} 2>/dev/null || { umount ${path} && mount ${path}; }; }`
      : remount;
  }
  const wished = quote(`remount,${entry.options}`);
  return `{ mount -o ${wished} ${path} 2>/dev/null || { umount ${path} && ${mountLine(wanted)}; }; }`;
}

function liveDiff(path: string, isMounted: boolean) {
  const text = (mounted: boolean) => (mounted ? 'mounted\n' : 'not mounted\n');
  return { title: path, before: text(isMounted), after: text(!isMounted) };
}

function fieldsOf({ entry, fstab, state, options }: WantedMount) {
  if (state !== 'mounted' && state !== 'present') {
    return { name: entry.path, fstab, ...(options !== undefined && { opts: options }) };
  }
  const { source: src, path: name, type: fstype, options: opts, dump, pass: passno } = entry;
  return { name, src, fstype, opts, dump, passno, fstab };
}
