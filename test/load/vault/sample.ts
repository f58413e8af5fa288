// Vaulted texts that other programs made: ansible-vault (ansible-core 2.14), and samples/make.py with hashlib and openssl.
import { Buffer } from 'node:buffer';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { VaultKey } from '../../../src/load/vault/vault.ts';
import { Secret } from '../../../src/secret.ts';

export const PASSWORD = 'correct horse';
export const VARIABLES = 'db_password: "p4ss: wörd"\nport: 5432\n';

export interface Sample {
  readonly file: string;
  readonly password: string;
  readonly label: string | undefined;
  readonly plain: Buffer;
}

export const SAMPLES: readonly Sample[] = [
  { file: 'ansible-1.1.txt', password: PASSWORD, label: undefined, plain: Buffer.from(VARIABLES) },
  { file: 'ansible-1.2.txt', password: 'pässword ☃', label: 'prod', plain: Buffer.from('0123456789abcdef') },
  { file: 'independent-1.1.txt', password: PASSWORD, label: undefined, plain: Buffer.from(VARIABLES) },
  {
    file: 'independent-1.2-binary.txt',
    password: 'pässword ☃',
    label: 'prod',
    plain: Buffer.from('\x00\xff\xfe binary \x80', 'latin1'),
  },
  { file: 'independent-empty.txt', password: 'x', label: undefined, plain: Buffer.alloc(0) },
];

export function sampleText(file: string): string {
  return readFileSync(join(import.meta.dirname, 'samples', file), 'utf8');
}

export function key(label: string, password: string): VaultKey {
  return { label, password: new Secret(Buffer.from(password).toString('latin1')) };
}
