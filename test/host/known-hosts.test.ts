import { Buffer } from 'node:buffer';
import { createHmac } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type HostKeyVerdict, KnownHosts } from '../../src/host/ssh/known-hosts.ts';
import { newKey } from './ssh-server.ts';

const key = newKey();
const otherKey = newKey();
const rsaKey = newKey('rsa');
const bytesOf = (of: { public: string }) => Buffer.from(of.public.split(' ')[1] ?? '', 'base64');

function hashed(name: string): string {
  const salt = Buffer.from('0123456789abcdefghij');
  return `|1|${salt.toString('base64')}|${createHmac('sha1', salt).update(name).digest('base64')}`;
}

function verdict(text: string, host = 'web.example', port = 22): HostKeyVerdict['kind'] {
  return new KnownHosts([{ path: 'kh', text }]).lookup(host, port).verify(bytesOf(key)).kind;
}

test.each([
  ['a plain name', `web.example ${key.public}`, 'match'],
  ['a name in capitals', `WEB.Example ${key.public} comment here`, 'match'],
  ['one of several names', `10.0.0.1,web.example ${key.public}`, 'match'],
  ['another name', `db.example ${key.public}`, 'unknown'],
  ['a star', `*.example ${key.public}`, 'match'],
  ['a question mark for exactly one', `we?.example ${key.public}`, 'match'],
  ['a question mark too many', `web?.example ${key.public}`, 'unknown'],
  ['a dot that is a dot', `web?example ${key.public}\nwebxexampl? ${otherKey.public}`, 'match'],
  ['a negation behind a star', `*.example,!web.example ${key.public}`, 'unknown'],
  ['a negation alone', `!db.example ${key.public}`, 'unknown'],
  ['a hashed name', `${hashed('web.example')} ${key.public}`, 'match'],
  ['a hash of another name', `${hashed('db.example')} ${key.public}`, 'unknown'],
  ['another key of the same type', `web.example ${otherKey.public}`, 'changed'],
  [
    'another key of the same type under a hashed name',
    `${hashed('web.example')} ${otherKey.public}`,
    'changed',
  ],
  ['both keys', `web.example ${otherKey.public}\nweb.example ${key.public}`, 'match'],
  ['a key of another type', `web.example ${rsaKey.public}`, 'unknown'],
  ['a revoked key', `@revoked * ${key.public}\nweb.example ${key.public}`, 'revoked'],
  ['another revoked key', `@revoked * ${otherKey.public}\nweb.example ${key.public}`, 'match'],
  ['a certificate authority alone', `@cert-authority *.example ${otherKey.public}`, 'unknown'],
  [
    'a comment, an empty line, rubbish',
    `# web.example ${key.public}\n\nrubbish\n@odd web.example ${key.public}`,
    'unknown',
  ],
  ['blanks and tabs', `  web.example\t${key.public}\r`, 'match'],
])('%s', (_, text, expected) => {
  expect(verdict(text)).toBe(expected);
});

describe('with another port', () => {
  test.each([
    ['its own entry', `[web.example]:2222 ${key.public}`, 'match'],
    ['its own entry, hashed', `${hashed('[web.example]:2222')} ${key.public}`, 'match'],
    ['an entry of another port', `[web.example]:2223 ${key.public}`, 'unknown'],
    ['the same key known without the port', `web.example ${key.public}`, 'match'],
    ['another key known without the port', `web.example ${otherKey.public}`, 'unknown'],
    [
      'a changed key, though the new one is known without',
      `[web.example]:2222 ${otherKey.public}\nweb.example ${key.public}`,
      'changed',
    ],
    ['a pattern', `[*.example]:2222 ${key.public}`, 'match'],
  ])('%s', (_, text, expected) => {
    expect(verdict(text, 'web.example', 2222)).toBe(expected);
  });
});

test('a changed key and a certificate authority say where they stand', () => {
  const known = new KnownHosts([
    { path: 'a', text: `\nweb.example ${otherKey.public}` },
    { path: 'b', text: `@cert-authority *.org ${otherKey.public}` },
  ]);
  expect(known.lookup('web.example', 22).verify(bytesOf(key))).toEqual({
    kind: 'changed',
    at: 'a:2',
    oldKey: bytesOf(otherKey),
  });
  expect(known.lookup('x.org', 22).verify(bytesOf(key))).toEqual({
    kind: 'unknown',
    certificateAuthority: 'b:1',
  });
});

test('key types come in the order of the files, each once, without authorities and revoked keys', () => {
  const known = new KnownHosts([
    {
      path: 'a',
      text: `web ${rsaKey.public}\n@revoked * ${newKey('ecdsa').public}\n${hashed('web')} ${otherKey.public}`,
    },
    { path: 'b', text: `w* ${key.public}` },
  ]);
  expect(known.lookup('web', 22).keyTypes).toEqual(['ssh-rsa', 'ssh-ed25519']);
  expect(known.lookup('nobody', 22).keyTypes).toEqual([]);
});

test('many keys added at once are all there, one per line, behind a last line without its newline', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'known-hosts-'));
  try {
    const path = join(folder, 'known_hosts');
    writeFileSync(path, `old ${otherKey.public}`);
    const known = await KnownHosts.read([path, join(folder, 'absent')]);
    await Promise.all(Array.from({ length: 20 }, (_, i) => known.add(`host-${i}`, 2200 + i, bytesOf(key))));
    await known.add('host-1', 2201, bytesOf(key));
    const lines = readFileSync(path, 'utf8').split('\n');
    expect(lines.length).toBe(22);
    expect(lines[0]).toBe(`old ${otherKey.public}`);
    expect(lines[20]).toBe(`[host-19]:2219 ${key.public}`);
    expect(known.lookup('host-7', 2207).verify(bytesOf(key)).kind).toBe('match');
    const reread = await KnownHosts.read([path]);
    expect(reread.lookup('host-7', 2207).verify(bytesOf(key)).kind).toBe('match');
  } finally {
    rmSync(folder, { recursive: true });
  }
});
