// Owner, group and mode: what a task wants, how a file differs from it, and the sh that makes it so.
// Also the rule for paths that all file modules share.
import { quote } from '../../shell.ts';
import { ArgumentError, type Diff, type PropertySchema } from '../module.ts';
import { applyMode, chmodWord, MODE_PROPERTY, type Mode, modeText, parseMode } from './file-mode.ts';
import type { Attributes } from './file-probe.ts';

export interface AttributeArgs {
  readonly mode?: string | number;
  readonly owner?: string | number;
  readonly group?: string | number;
}

/** Undefined: leave it as it is. */
export interface WantedAttributes {
  readonly mode?: Mode;
  /** Name or number. */
  readonly owner?: string;
  readonly group?: string;
}

export interface AttributeChange {
  readonly name: 'mode' | 'owner' | 'group';
  readonly from: string;
  readonly to: string;
}

export const ATTRIBUTE_PROPERTIES: Readonly<Record<string, PropertySchema>> = {
  mode: MODE_PROPERTY,
  owner: {
    description:
      'Name or number of the user who shall own it. Unsaid: the owner it has, or whoever runs the task.',
    type: ['string', 'integer'],
  },
  group: {
    description: 'Name or number of its group. Unsaid: the group it has, or that of whoever runs the task.',
    type: ['string', 'integer'],
  },
};

export function wantedAttributes(args: AttributeArgs): WantedAttributes {
  return {
    ...(args.mode !== undefined && { mode: parseMode(args.mode) }),
    ...(args.owner !== undefined && { owner: ownerName('owner', args.owner) }),
    ...(args.group !== undefined && { group: ownerName('group', args.group) }),
  };
}

/** The path without doubled slashes and `/./`; throws an ArgumentError where it is not absolute. */
export function absolutePath(argument: string, path: string): string {
  if (path.includes('\0')) throw new ArgumentError(argument, `${argument} has a NUL byte in it`);
  if (!path.startsWith('/')) {
    throw new ArgumentError(
      argument,
      `${JSON.stringify(path)} is not an absolute path`,
      'write the whole path, from / on',
    );
  }
  return path.replace(/\/(\.?\/)+/g, '/');
}

/** As absolutePath, and without slashes at the end. */
export function absoluteFilePath(argument: string, path: string): string {
  const clean = absolutePath(argument, path).replace(/(?:\/\.?)+$/, '');
  return clean === '' ? '/' : clean;
}

/** In the order in which they have to be made: a change of owner clears set-user-ID bits. */
export function attributeChanges(
  wanted: WantedAttributes,
  actual: Attributes,
  kind: 'file' | 'directory',
): readonly AttributeChange[] {
  const changes: AttributeChange[] = [];
  if (wanted.owner !== undefined && wanted.owner !== actual.owner && wanted.owner !== String(actual.uid)) {
    changes.push({ name: 'owner', from: actual.owner, to: wanted.owner });
  }
  if (wanted.group !== undefined && wanted.group !== actual.group && wanted.group !== String(actual.gid)) {
    changes.push({ name: 'group', from: actual.group, to: wanted.group });
  }
  const mode = wantedMode(wanted, actual, kind);
  if (mode !== actual.mode) {
    changes.push({ name: 'mode', from: modeText(actual.mode), to: modeText(mode) });
  }
  return changes;
}

/** The mode that something that is there shall have. */
export function wantedMode(wanted: WantedAttributes, actual: Attributes, kind: 'file' | 'directory'): number {
  return wanted.mode === undefined ? actual.mode : applyMode(wanted.mode, { bits: actual.mode, kind });
}

/** The mode that something new shall have: as said, on top of 0644 or 0755. */
export function newMode(wanted: WantedAttributes, kind: 'file' | 'directory'): number {
  const bits = kind === 'directory' ? 0o755 : 0o644;
  return wanted.mode === undefined ? bits : applyMode(wanted.mode, { bits, kind });
}

/** The word that chown(1) takes: `root:adm`, `root`, `:adm`; undefined where neither is said. */
export function ownership(owner: string | undefined, group: string | undefined): string | undefined {
  if (owner === undefined && group === undefined) return undefined;
  return `${owner ?? ''}${group === undefined ? '' : `:${group}`}`;
}

/** `mode 0644 → 0600, owner root → web`. */
export function attributeText(changes: readonly AttributeChange[]): string {
  return changes.map(({ name, from, to }) => `${name} ${from} → ${to}`).join(', ');
}

export function attributeDiff(path: string, changes: readonly AttributeChange[]): Diff {
  return {
    title: path,
    before: changes.map(({ name, from }) => `${name}: ${from}\n`).join(''),
    after: changes.map(({ name, to }) => `${name}: ${to}\n`).join(''),
  };
}

/** sh that makes the changes, after which the path has this mode; empty where there are none. */
export function attributeScript(path: string, changes: readonly AttributeChange[], mode: number): string {
  const to = (name: AttributeChange['name']) => changes.find((change) => change.name === name)?.to;
  const owners = ownership(to('owner'), to('group'));
  const lines = owners === undefined ? [] : [`chown ${quote(owners)} ${quote(path)}`];
  // A change of owner takes set-ID bits away, so they are given again.
  if (to('mode') !== undefined || (owners !== undefined && (mode & 0o6000) !== 0)) {
    lines.push(`chmod ${chmodWord(mode)} ${quote(path)}`);
  }
  return lines.join('\n');
}

function ownerName(argument: 'owner' | 'group', value: string | number): string {
  const name = String(value);
  if (!/^[^\s:\0-][^:\0\n]*$/.test(name)) {
    throw new ArgumentError(
      argument,
      `${JSON.stringify(name)} is not the name of a ${argument === 'owner' ? 'user' : 'group'}`,
    );
  }
  return name;
}
