// Sealing and opening with a password, as the formats 1.1 and 1.2 want it: 10,000 rounds of PBKDF2-HMAC-SHA256 give two
// keys and a counter; AES-256-CTR over padded blocks (PKCS7); an HMAC of the ciphertext, checked before anything else.
import { Buffer } from 'node:buffer';
import { createCipheriv, createDecipheriv, createHmac, pbkdf2Sync, timingSafeEqual } from 'node:crypto';
import type { Envelope } from './envelope.ts';

type Sealed = Omit<Envelope, 'label'>;

export const SALT_BYTES = 32;

const ROUNDS = 10_000;
const KEY_BYTES = 32;
const BLOCK_BYTES = 16;

/** Same input, same output: give each text a salt of its own, random and of SALT_BYTES. */
export function seal(plain: Uint8Array, password: Uint8Array, salt: Uint8Array): Sealed {
  const keys = deriveKeys(password, salt);
  const cipher = createCipheriv('aes-256-ctr', keys.cipher, keys.counter);
  const ciphertext = Buffer.concat([cipher.update(padded(plain)), cipher.final()]);
  return { salt, mac: macOf(ciphertext, keys.mac), ciphertext };
}

/** Undefined where the password does not fit, or a part was changed after sealing: nobody can tell which. */
export function unseal({ salt, mac, ciphertext }: Sealed, password: Uint8Array): Uint8Array | undefined {
  const keys = deriveKeys(password, salt);
  const expected = macOf(ciphertext, keys.mac);
  if (mac.length !== expected.length || !timingSafeEqual(mac, expected)) return undefined;
  const decipher = createDecipheriv('aes-256-ctr', keys.cipher, keys.counter);
  return unpadded(Buffer.concat([decipher.update(ciphertext), decipher.final()]));
}

interface Keys {
  readonly cipher: Uint8Array;
  readonly mac: Uint8Array;
  readonly counter: Uint8Array;
}

/** Costs some 5 ms. */
function deriveKeys(password: Uint8Array, salt: Uint8Array): Keys {
  const bytes = pbkdf2Sync(password, salt, ROUNDS, KEY_BYTES + KEY_BYTES + BLOCK_BYTES, 'sha256');
  return {
    cipher: bytes.subarray(0, KEY_BYTES),
    mac: bytes.subarray(KEY_BYTES, 2 * KEY_BYTES),
    counter: bytes.subarray(2 * KEY_BYTES),
  };
}

function macOf(ciphertext: Uint8Array, key: Uint8Array): Buffer {
  return createHmac('sha256', key).update(ciphertext).digest();
}

function padded(plain: Uint8Array): Buffer {
  const missing = BLOCK_BYTES - (plain.length % BLOCK_BYTES);
  return Buffer.concat([plain, Buffer.alloc(missing, missing)]);
}

function unpadded(bytes: Buffer): Uint8Array | undefined {
  const padding = bytes[bytes.length - 1] ?? 0;
  if (padding < 1 || padding > BLOCK_BYTES || padding > bytes.length) return undefined;
  const end = bytes.length - padding;
  return bytes.subarray(end).every((byte) => byte === padding) ? bytes.subarray(0, end) : undefined;
}
