import { Buffer } from 'node:buffer';
import { createCipheriv, createHmac, pbkdf2Sync } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SALT_BYTES, seal, unseal } from '../../../src/load/vault/cipher.ts';
import { type Envelope, parseEnvelope, printEnvelope } from '../../../src/load/vault/envelope.ts';
import { SAMPLES, sampleText } from './sample.ts';

function read(file: string): Envelope {
  const envelope = parseEnvelope(sampleText(file));
  if ('damage' in envelope) throw new Error(envelope.damage);
  return envelope;
}

describe.each(SAMPLES)('$file', ({ file, password, label, plain }) => {
  const envelope = read(file);

  it('opens with its password, and with no other', () => {
    expect(unseal(envelope, Buffer.from(password))).toEqual(plain);
    for (const wrong of [`${password} `, password.slice(1), '']) {
      expect(unseal(envelope, Buffer.from(wrong))).toBeUndefined();
    }
  });

  it('is made again from its plain text and its salt', () => {
    const again = seal(plain, Buffer.from(password), envelope.salt);
    expect(printEnvelope({ label, ...again })).toBe(sampleText(file));
  });
});

describe('one bit', () => {
  const envelope = read('independent-1.1.txt');

  it.each(['salt', 'mac', 'ciphertext'] as const)('flipped anywhere in the %s keeps it closed', (part) => {
    const length = envelope[part].length;
    for (const at of [0, Math.floor(length / 2), length - 1]) {
      const changed = Buffer.from(envelope[part]);
      changed[at] = (changed[at] ?? 0) ^ (1 << (at % 8));
      expect(unseal({ ...envelope, [part]: changed }, Buffer.from('correct horse'))).toBeUndefined();
    }
  });
});

it('padding that is none keeps it closed, although the HMAC fits', () => {
  const password = Buffer.from('p');
  const salt = new Uint8Array(SALT_BYTES);
  const keys = pbkdf2Sync(password, salt, 10_000, 80, 'sha256');
  for (const [padding, expected] of [
    ['\x02\x02', Buffer.alloc(14)],
    ['\x00\x00', undefined],
    ['\x01\x02', undefined],
    ['\x02\x11', undefined],
  ] as const) {
    const block = Buffer.concat([Buffer.alloc(14), Buffer.from(padding, 'latin1')]);
    const ciphertext = createCipheriv('aes-256-ctr', keys.subarray(0, 32), keys.subarray(64)).update(block);
    const mac = createHmac('sha256', keys.subarray(32, 64)).update(ciphertext).digest();
    expect(unseal({ salt, mac, ciphertext }, password)).toEqual(expected);
  }
});

it('what was sealed comes back, in whole blocks that are longer than it', () => {
  const binary = fc.uint8Array({ maxLength: 70 });
  const salts = fc.uint8Array({ minLength: SALT_BYTES, maxLength: SALT_BYTES });
  fc.assert(
    fc.property(binary, binary, salts, (plain, password, salt) => {
      const sealed = seal(plain, password, salt);
      expect(sealed.ciphertext.length % 16).toBe(0);
      expect(sealed.ciphertext.length).toBeGreaterThan(plain.length);
      expect(unseal(sealed, password)).toEqual(Buffer.from(plain));
    }),
    { numRuns: 30 },
  );
});
