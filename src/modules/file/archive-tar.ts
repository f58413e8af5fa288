// The members of a tar archive: ustar, with the long names of pax and of GNU tar.
import type { Buffer } from 'node:buffer';
import { ArchiveError, type Member } from './archive-member.ts';
import { sha256Of } from './file-probe.ts';

const BLOCK = 512;

interface Extended {
  path?: string;
  linkpath?: string;
  size?: string;
  sparse?: true;
}

/** Undefined where it holds other things than files, folders and links. Throws ArchiveError. */
export function readTar(archive: Buffer): readonly Member[] | undefined {
  const members: Member[] = [];
  const hashes = new Map<string, string>();
  let next: Extended = {};
  for (let at = 0; at + BLOCK <= archive.length && archive[at] !== 0; ) {
    const header = archive.subarray(at, at + BLOCK);
    checkHeader(header);
    const type = String.fromCharCode(header[156] ?? 0);
    const size = next.size === undefined ? number(header.subarray(124, 136)) : Number(next.size);
    const data = archive.subarray(at + BLOCK, at + BLOCK + size);
    if (data.length < size) throw new ArchiveError('it ends in the middle of a file');
    at += BLOCK + Math.ceil(size / BLOCK) * BLOCK;
    if (type === 'x') next = { ...next, ...paxRecords(data) };
    else if (type === 'L') next = { ...next, path: text(data) };
    else if (type === 'K') next = { ...next, linkpath: text(data) };
    else if (type !== 'g') {
      const member = memberOf(type, { header, data, next, hashes });
      if (member === undefined) return undefined;
      if (member.sha256 !== undefined) hashes.set(member.path, member.sha256);
      members.push(member);
      next = {};
    }
  }
  return members;
}

function memberOf(
  type: string,
  from: {
    readonly header: Buffer;
    readonly data: Buffer;
    readonly next: Extended;
    /** By the path of files so far, for hard links to them. */
    readonly hashes: ReadonlyMap<string, string>;
  },
): Member | undefined {
  const { header, data, next, hashes } = from;
  const prefix =
    header.subarray(257, 263).toString('latin1') === 'ustar\0' ? text(header.subarray(345, 500)) : '';
  const name = text(header.subarray(0, 100));
  const path = next.path ?? (prefix === '' ? name : `${prefix}/${name}`);
  const target = next.linkpath ?? text(header.subarray(157, 257));
  const mode = number(header.subarray(100, 108)) & 0o7777;
  if (next.sparse) return undefined;
  switch (type) {
    case '0':
    case '\0':
    case '7':
      if (path.endsWith('/')) return { path, kind: 'directory', mode };
      return { path, kind: 'file', mode, sha256: sha256Of(data) };
    case '1': {
      const sha256 = hashes.get(target);
      return sha256 === undefined ? undefined : { path, kind: 'file', mode, sha256 };
    }
    case '2':
      return { path, kind: 'link', mode, target };
    case '5':
      return { path, kind: 'directory', mode };
    default:
      return undefined;
  }
}

/** The sum of all bytes, with the field of the sum itself taken to be blanks. */
function checkHeader(header: Buffer): void {
  const sum = header.reduce((total, byte, index) => total + (index >= 148 && index < 156 ? 32 : byte), 0);
  if (sum !== number(header.subarray(148, 156))) throw new ArchiveError('a header in it is damaged');
}

/** Octal digits or, with the highest bit set, GNU's binary. */
function number(field: Buffer): number {
  const first = field[0] ?? 0;
  if (first < 0x80) return Number.parseInt(text(field).trim() || '0', 8);
  return field.subarray(1).reduce((total, byte) => total * 256 + byte, first & 0x7f);
}

function text(field: Buffer): string {
  const end = field.indexOf(0);
  return field.subarray(0, end < 0 ? undefined : end).toString('utf8');
}

/** `LENGTH KEY=VALUE\n`, the length that of the whole record. */
function paxRecords(data: Buffer): Extended {
  const records: Record<string, string> = {};
  for (let at = 0; at < data.length; ) {
    const blank = data.indexOf(0x20, at);
    const length = Number(data.subarray(at, blank).toString('latin1'));
    if (blank < 0 || !(length > 0)) throw new ArchiveError('a pax header in it is damaged');
    const record = data.subarray(blank + 1, at + length - 1).toString('utf8');
    const equals = record.indexOf('=');
    records[record.slice(0, equals)] = record.slice(equals + 1);
    at += length;
  }
  const { path, linkpath, size } = records;
  return {
    ...(path !== undefined && { path }),
    ...(linkpath !== undefined && { linkpath }),
    ...(size !== undefined && { size }),
    ...(Object.keys(records).some((key) => key.startsWith('GNU.sparse')) && { sparse: true as const }),
  };
}
