// The members of a zip archive, by its central directory.
import { Buffer } from 'node:buffer';
import { inflateRawSync } from 'node:zlib';
import { ArchiveError, type Member } from './archive-member.ts';
import { sha256Of } from './file-probe.ts';

const END = 0x06054b50;
const ENTRY = 0x02014b50;
const LINK = 0o12;

/** Undefined where it is beyond this reader: 64 bit, encrypted, or packed by other methods. Throws ArchiveError. */
export function readZip(archive: Buffer): readonly Member[] | undefined {
  const end = archive.lastIndexOf(Buffer.from([0x50, 0x4b, 5, 6]));
  if (end < 0 || end + 22 > archive.length || archive.readUInt32LE(end) !== END) {
    throw new ArchiveError('it has no end');
  }
  const count = archive.readUInt16LE(end + 10);
  if (count === 0xffff) return undefined;
  const members: Member[] = [];
  let at = archive.readUInt32LE(end + 16);
  for (let index = 0; index < count; index++) {
    if (at + 46 > end || archive.readUInt32LE(at) !== ENTRY)
      throw new ArchiveError('its directory is damaged');
    const nameLength = archive.readUInt16LE(at + 28);
    const member = memberOf(archive, at, archive.subarray(at + 46, at + 46 + nameLength).toString('utf8'));
    if (member === undefined) return undefined;
    members.push(member);
    at += 46 + nameLength + archive.readUInt16LE(at + 30) + archive.readUInt16LE(at + 32);
  }
  return members;
}

function memberOf(archive: Buffer, entry: number, path: string): Member | undefined {
  const isEncrypted = (archive.readUInt16LE(entry + 8) & 1) !== 0;
  const madeByUnix = archive[entry + 5] === 3;
  const unixMode = madeByUnix ? archive.readUInt32LE(entry + 38) >>> 16 : 0;
  const mode = unixMode === 0 ? undefined : unixMode & 0o7777;
  if (path.endsWith('/')) return { path, kind: 'directory', mode };
  const bytes = isEncrypted ? undefined : contentOf(archive, entry);
  if (bytes === undefined) return undefined;
  if (unixMode >> 12 === LINK) return { path, kind: 'link', mode, target: bytes.toString('utf8') };
  return { path, kind: 'file', mode, sha256: sha256Of(bytes) };
}

function contentOf(archive: Buffer, entry: number): Buffer | undefined {
  const method = archive.readUInt16LE(entry + 10);
  const packed = archive.readUInt32LE(entry + 20);
  const local = archive.readUInt32LE(entry + 42);
  if (packed === 0xffffffff || local === 0xffffffff) return undefined;
  if (local + 30 > archive.length) throw new ArchiveError('its directory is damaged');
  const start = local + 30 + archive.readUInt16LE(local + 26) + archive.readUInt16LE(local + 28);
  const data = archive.subarray(start, start + packed);
  if (data.length < packed) throw new ArchiveError('it ends in the middle of a file');
  if (method === 0) return data;
  if (method !== 8) return undefined;
  try {
    return inflateRawSync(data);
  } catch {
    throw new ArchiveError('a file in it is damaged');
  }
}
