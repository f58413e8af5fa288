// What the file module makes of what it finds at a path: the verdict for each wanted state.
import { posix } from 'node:path';
import type { Diff, Inspected, ResultFields, Verdict } from '../module.ts';
import {
  type AttributeChange,
  attributeChanges,
  attributeDiff,
  attributeText,
  newMode,
  type WantedAttributes,
  wantedMode,
} from './file-attributes.ts';
import { modeText } from './file-mode.ts';
import type { Attributes, FileState } from './file-probe.ts';
import { differingBelow, type FolderTree } from './file-tree.ts';

export type Times = 'now' | 'preserve';

export interface FileWanted {
  readonly path: string;
  /** `present`: whatever it is, it has to be there. */
  readonly state: 'present' | 'file' | 'directory' | 'link' | 'absent' | 'touch';
  readonly attributes: WantedAttributes;
  /** Of a link: where it leads, as said. */
  readonly target: string;
  /** Everything below the folder shall have the attributes too. */
  readonly tree: FolderTree | undefined;
  readonly force: boolean;
  readonly times: { readonly access: Times; readonly modification: Times };
}

export type FileChanges =
  | { readonly kind: 'attributes'; readonly changes: readonly AttributeChange[]; readonly mode: number }
  | { readonly kind: 'tree'; readonly tree: FolderTree }
  | { readonly kind: 'folder'; readonly mode: number | undefined }
  | { readonly kind: 'link'; readonly inPlaceOf: FileState['kind']; readonly relink: boolean }
  | { readonly kind: 'remove'; readonly what: 'folder' | 'file' }
  | { readonly kind: 'create'; readonly mode: number }
  | { readonly kind: 'touch'; readonly changes: readonly AttributeChange[]; readonly mode: number };

type FileVerdict = Verdict<FileChanges>;

export function decideFile(wanted: FileWanted, actual: Inspected): FileVerdict {
  const state = actual.files.get(wanted.path) ?? { kind: 'absent' };
  if (state.kind === 'unreadable') {
    return { kind: 'failed', message: `${wanted.path} cannot be read: ${state.message}` };
  }
  switch (wanted.state) {
    case 'absent':
      return decideAbsent(wanted, state);
    case 'link':
      return decideLink(wanted, state, actual);
    case 'directory':
      return decideFolder(wanted, state, actual);
    case 'touch':
      return decideTouch(wanted, state);
    case 'file':
    case 'present':
      return decidePresent(wanted, state);
  }
}

/** What a link leads to, as an absolute path. */
export function linkEnd(wanted: Pick<FileWanted, 'path' | 'target'>): string {
  return posix.resolve(posix.dirname(wanted.path), wanted.target);
}

function decideAbsent({ path }: FileWanted, state: FileState): FileVerdict {
  const fields = { path, state: 'absent' };
  if (state.kind === 'absent') return { kind: 'unchanged', fields };
  const what = state.kind === 'directory' ? 'folder' : 'file';
  return {
    kind: 'change',
    changes: { kind: 'remove', what },
    message: what === 'folder' ? `remove ${path} and everything in it` : `remove ${path}`,
    diffs: [stateDiff(path, state.kind, 'absent')],
    fields,
  };
}

function decideLink(wanted: FileWanted, state: FileState, actual: Inspected): FileVerdict {
  const { path, target, force, attributes } = wanted;
  const fields = { dest: path, src: target, state: 'link' };
  const end = actual.files.get(linkEnd(wanted));
  if (!force && (end === undefined || end.kind === 'absent')) {
    return {
      kind: 'failed',
      message: `${linkEnd(wanted)} does not exist`,
      hint: 'force: true makes the link all the same',
    };
  }
  if (!force && state.kind !== 'absent' && state.kind !== 'link') {
    const what = state.kind === 'directory' ? 'folder' : state.kind;
    return {
      kind: 'failed',
      message: `${path} is a ${what}, not a link`,
      hint: 'force: true replaces a file or an empty folder',
    };
  }
  const changes = state.kind === 'link' ? attributeChanges(attributes, state, 'file') : [];
  const same = state.kind === 'link' && state.target === target;
  if (same && changes.length === 0) return { kind: 'unchanged', fields };
  const before = state.kind === 'link' ? `link to ${state.target}` : state.kind;
  return {
    kind: 'change',
    changes: { kind: 'link', inPlaceOf: state.kind, relink: !same },
    message: same ? `${path}: ${attributeText(changes)}` : `link ${path} to ${target}`,
    diffs: [same ? attributeDiff(path, changes) : stateDiff(path, before, `link to ${target}`)],
    fields,
  };
}

function decideFolder(wanted: FileWanted, state: FileState, actual: Inspected): FileVerdict {
  const { path, attributes, tree } = wanted;
  if (state.kind === 'absent') {
    const mode = newMode(attributes, 'directory');
    return {
      kind: 'change',
      changes: { kind: 'folder', mode: attributes.mode === undefined ? undefined : mode },
      message: `create folder ${path}, mode ${modeText(mode)}`,
      diffs: [stateDiff(path, 'absent', 'directory')],
      fields: { path, state: 'directory', mode: modeText(mode) },
    };
  }
  if (state.kind !== 'directory')
    return { kind: 'failed', message: `${path} is a ${state.kind}, not a folder` };
  if (tree === undefined) return decideAttributes(wanted, state, 'directory');
  if (actual.output.exitCode !== 0) {
    return { kind: 'failed', message: `${path} cannot be looked through: ${actual.output.stderr.trim()}` };
  }
  const differing = differingBelow(tree, actual.output.stdout);
  const fields = { path, state: 'directory' };
  if (differing.length === 0) return { kind: 'unchanged', fields };
  return {
    kind: 'change',
    changes: { kind: 'tree', tree },
    message: `${path}: ${differing.join(', ')}`,
    fields,
  };
}

function decideTouch(wanted: FileWanted, state: FileState): FileVerdict {
  const { path, attributes } = wanted;
  if (state.kind === 'absent') {
    const mode = newMode(attributes, 'file');
    return {
      kind: 'change',
      changes: { kind: 'create', mode },
      message: `create ${path}, mode ${modeText(mode)}`,
      diffs: [stateDiff(path, 'absent', 'file')],
      fields: { dest: path, state: 'file', mode: modeText(mode) },
    };
  }
  if (!hasAttributes(state)) return { kind: 'failed', message: `${path} is a ${state.kind}` };
  const kind = state.kind === 'directory' ? 'directory' : 'file';
  const verdict = decideAttributes(wanted, state, kind);
  if (wanted.times.access === 'preserve' && wanted.times.modification === 'preserve') return verdict;
  const changes = attributeChanges(attributes, state, kind);
  return {
    kind: 'change',
    changes: { kind: 'touch', changes, mode: wantedMode(attributes, state, kind) },
    message: `touch ${path}${changes.length === 0 ? '' : `, ${attributeText(changes)}`}`,
    ...(changes.length > 0 && { diffs: [attributeDiff(path, changes)] }),
    fields: { dest: path, state: kind },
  };
}

function decidePresent(wanted: FileWanted, state: FileState): FileVerdict {
  const { path } = wanted;
  if (!hasAttributes(state)) {
    return {
      kind: 'failed',
      message: `${path} does not exist`,
      hint: 'state: touch makes an empty file, state: directory a folder',
    };
  }
  if (wanted.state === 'file' && state.kind === 'directory') {
    return { kind: 'failed', message: `${path} is a folder, not a file` };
  }
  return decideAttributes(wanted, state, state.kind === 'directory' ? 'directory' : 'file');
}

function decideAttributes(
  wanted: FileWanted,
  state: Extract<FileState, Attributes>,
  kind: 'file' | 'directory',
): FileVerdict {
  const { path, attributes } = wanted;
  const changes = attributeChanges(attributes, state, kind);
  const mode = wantedMode(attributes, state, kind);
  const fields: ResultFields = {
    path,
    state: kind,
    mode: modeText(mode),
    owner: attributes.owner ?? state.owner,
    group: attributes.group ?? state.group,
  };
  if (changes.length === 0) return { kind: 'unchanged', fields };
  return {
    kind: 'change',
    changes: { kind: 'attributes', changes, mode },
    message: `${path}: ${attributeText(changes)}`,
    diffs: [attributeDiff(path, changes)],
    fields,
  };
}

function hasAttributes(state: FileState): state is Extract<FileState, Attributes> {
  return state.kind !== 'absent' && state.kind !== 'unreadable';
}

function stateDiff(path: string, before: string, after: string): Diff {
  return { title: path, before: `state: ${before}\n`, after: `state: ${after}\n` };
}
