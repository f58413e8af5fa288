// What the host said of an archive's members, and how that differs from the archive. Pure.
import type { Diff, Output } from '../module.ts';
import type { Member } from './archive-member.ts';
import { attributeChanges, type WantedAttributes } from './file-attributes.ts';
import { modeText } from './file-mode.ts';
import type { Attributes } from './file-probe.ts';

interface Found extends Attributes {
  readonly kind: Member['kind'] | 'other';
  readonly sha256: string | undefined;
  readonly target: string | undefined;
}

export interface Difference {
  readonly path: string;
  /** What is there, and what will be: `absent`, `file, mode 0644`. */
  readonly from: string;
  readonly to: string;
  /** `unpack`: the archive has to be unpacked for it; `hand-over`: owner or mode is enough. */
  readonly needs: 'unpack' | 'hand-over';
}

const KINDS: Readonly<Record<number, Found['kind']>> = { 4: 'directory', 8: 'file', 10: 'link' };

/** By the members' paths; what is not there has no entry. */
export function foundMembers({ stdout }: Output): ReadonlyMap<string, Found> {
  const hashes = new Map<string, string>();
  const targets = new Map<string, string>();
  const lines = stdout.split('\n');
  lines.forEach((line, index) => {
    const hash = /^([0-9a-f]{64}) [ *]\.\/(.*)$/.exec(line);
    if (hash) hashes.set(hash[2] ?? '', hash[1] ?? '');
    else if (line.startsWith('L:./')) targets.set(line.slice(4), lines[index + 1] ?? '');
  });
  const found = new Map<string, Found>();
  for (const line of lines) {
    const parts = /^S:([0-9a-f]+):(\d+):(\d+):([^:]*):([^:]*):\.\/(.*)$/.exec(line);
    if (parts === null) continue;
    const [, rawMode = '', uid, gid, owner = '', group = '', name = ''] = parts;
    const bits = Number.parseInt(rawMode, 16);
    const path = name.replace(/^(?:\.\/)+|\/$/g, '');
    found.set(path, {
      kind: KINDS[bits >> 12] ?? 'other',
      mode: bits & 0o7777,
      owner,
      group,
      uid: Number(uid),
      gid: Number(gid),
      sha256: hashes.get(path),
      target: targets.get(path),
    });
  }
  return found;
}

export function memberDifference(
  member: Member,
  found: Found | undefined,
  attributes: WantedAttributes,
): Difference | undefined {
  const { path, kind, mode, sha256, target } = member;
  const differs = (from: string, to: string): Difference => ({ path, from, to, needs: 'unpack' });
  if (found === undefined) return differs('absent', kind);
  if (found.kind !== kind) return differs(found.kind, kind);
  if (kind === 'file' && found.sha256 !== sha256) return differs('file with other content', 'file');
  if (kind === 'link' && found.target !== target) return differs(`→ ${found.target}`, `→ ${target}`);
  if (attributes.mode === undefined && kind !== 'link' && mode !== undefined && mode !== found.mode) {
    return differs(`mode ${modeText(found.mode)}`, `mode ${modeText(mode)}`);
  }
  return handoverDifference(path, found, attributes);
}

/** Owner, group and mode alone. */
export function handoverDifference(
  path: string,
  found: Found,
  attributes: WantedAttributes,
): Difference | undefined {
  const changes = attributeChanges(
    attributes,
    found,
    found.kind === 'directory' ? 'directory' : 'file',
  ).filter(({ name }) => name !== 'mode' || found.kind !== 'link');
  if (changes.length === 0) return undefined;
  return {
    path,
    from: changes.map(({ name, from }) => `${name} ${from}`).join(', '),
    to: changes.map(({ name, to }) => `${name} ${to}`).join(', '),
    needs: 'hand-over',
  };
}

/** Longer lists are cut off: nobody reads them. */
const DIFF_LINES = 200;

export function differencesDiff(title: string, differences: readonly Difference[]): Diff {
  const shown = differences.slice(0, DIFF_LINES);
  const rest = differences.length - shown.length;
  const more = rest === 0 ? '' : `and ${rest} more\n`;
  const lines = (side: 'from' | 'to') => shown.map((each) => `${each.path}: ${each[side]}\n`).join('');
  return { title, before: lines('from') + more, after: lines('to') + more };
}
