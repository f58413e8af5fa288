// What is in an archive that the controller has: tar, tar.gz and zip. Others are told apart and not looked into.
// Formats: POSIX pax(1) for tar with its ustar and GNU relatives, PKWARE's APPNOTE.TXT for zip.
import { Buffer } from 'node:buffer';
import { posix } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { ArchiveError, type Member } from './archive-member.ts';
import { readTar } from './archive-tar.ts';
import { readZip } from './archive-zip.ts';

export type ArchiveFormat = 'tar' | 'gzip' | 'bzip2' | 'xz' | 'zstd' | 'zip';

export interface Archive {
  readonly format: ArchiveFormat;
  /** In order, the last of each path; undefined where it holds what only its own tool understands. */
  readonly members: readonly Member[] | undefined;
}

/** By its first bytes; undefined where it is no archive. */
export function archiveFormat(bytes: Uint8Array): ArchiveFormat | undefined {
  const head = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.byteLength, 512));
  const hex = head.subarray(0, 6).toString('hex');
  if (hex.startsWith('1f8b')) return 'gzip';
  if (hex.startsWith('425a68')) return 'bzip2';
  if (hex === 'fd377a585a00') return 'xz';
  if (hex.startsWith('28b52ffd')) return 'zstd';
  if (/^504b(0304|0506)/.test(hex)) return 'zip';
  return head.subarray(257, 262).toString('latin1') === 'ustar' ? 'tar' : undefined;
}

const read = new WeakMap<Uint8Array, Archive | undefined>();

/** Undefined where it is no archive; throws ArchiveError. Looked into once, however many hosts it is for. */
export function readArchive(bytes: Uint8Array): Archive | undefined {
  if (!read.has(bytes)) read.set(bytes, look(bytes));
  return read.get(bytes);
}

function look(bytes: Uint8Array): Archive | undefined {
  const format = archiveFormat(bytes);
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  switch (format) {
    case 'zip':
      return { format, members: cleaned(readZip(buffer)) };
    case 'tar':
      return { format, members: cleaned(readTar(buffer)) };
    case 'gzip':
      return { format, members: cleaned(readTar(gunzipped(buffer))) };
    default:
      return format && { format, members: undefined };
  }
}

function gunzipped(bytes: Buffer): Buffer {
  try {
    return gunzipSync(bytes);
  } catch {
    throw new ArchiveError('its gzip data is damaged');
  }
}

/** Names as tar(1) would use them; undefined where one cannot be a line of text. */
function cleaned(members: readonly Member[] | undefined): readonly Member[] | undefined {
  const byPath = new Map<string, Member>();
  for (const member of members ?? []) {
    if (member.path.split('/').includes('..')) {
      throw new ArchiveError(`it has ${member.path} in it, which leads out of the folder`);
    }
    const path = posix.normalize(member.path.replace(/^\/+/, '')).replace(/\/$/, '');
    if (/[\n\r\\\ufffd]/.test(path + (member.target ?? ''))) return undefined;
    byPath.delete(path);
    if (path !== '.' && path !== '') byPath.set(path, { ...member, path });
  }
  return members && [...byPath.values()];
}
