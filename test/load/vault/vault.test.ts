import { Buffer } from 'node:buffer';
import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { closedDiagnostic } from '../../../src/load/vault/closed.ts';
import { type Closed, sealText, Vault } from '../../../src/load/vault/vault.ts';
import { key, PASSWORD, sampleText, VARIABLES } from './sample.ts';

const PLAIN = Buffer.from('plain');
const dev = key('dev', 'd');
const prod = key('prod', 'p');

const labelOfKey = (vault: Vault, text: string): string => {
  const opened = vault.open(text);
  return opened.kind === 'open' ? opened.key.label : opened.kind;
};

/** What a person reads. */
const told = (closed: Closed): readonly (string | undefined)[] => {
  const { code, details = [], hint } = closedDiagnostic(closed);
  return [code, ...details, hint];
};

describe('a vault', () => {
  it('tries keys of the label first, then all others', () => {
    const misnamed = key('prod', 'd');
    expect(labelOfKey(new Vault([dev, prod]), sealText(PLAIN, prod))).toBe('prod');
    expect(labelOfKey(new Vault([dev]), sealText(PLAIN, misnamed))).toBe('dev');
    expect(labelOfKey(new Vault([dev, misnamed]), sealText(PLAIN, misnamed))).toBe('prod');
    expect(labelOfKey(new Vault([dev, prod]), sealText(PLAIN, key('default', 'p')))).toBe('prod');
  });

  it('says why a text stays closed', () => {
    const labelled = sealText(PLAIN, prod);
    const plain = sampleText('ansible-1.1.txt');
    const closed = (vault: Vault, text: string) => vault.open(text) as Closed;
    expect(told(closed(new Vault(), plain))).toEqual([
      'vault-key',
      'no vault key was given',
      'give --vault-password-file FILE, or -J to be asked for it',
    ]);
    expect(told(closed(new Vault(), labelled))).toEqual([
      'vault-key',
      'no vault key was given, and it is labelled "prod"',
      'give --vault-id prod@FILE, or -J to be asked for it',
    ]);
    expect(told(closed(new Vault([dev]), plain))).toEqual([
      'vault-key',
      'the key "dev" does not fit, or the text was changed later',
      undefined,
    ]);
    expect(told(closed(new Vault([dev, key('prod', 'x')]), labelled))).toEqual([
      'vault-key',
      'none of the keys fits ("prod", "dev"), and it is labelled "prod", or the text was changed later',
      undefined,
    ]);
    expect(told(closed(new Vault([dev]), '$ANSIBLE_VAULT;1.1;AES256\n31\n'))).toEqual([
      'vault-damaged',
      'it does not hold salt, HMAC and ciphertext: lines may be missing',
      undefined,
    ]);
  });

  it('derives the keys of a text once, also of one that stays closed', () => {
    for (const vault of [new Vault([key('default', PASSWORD)]), new Vault([dev])]) {
      const first = vault.open(sampleText('ansible-1.1.txt'));
      expect(vault.open(sampleText('ansible-1.1.txt'))).toBe(first);
    }
  });

  it('shows no password', () => {
    const vault = new Vault([key('default', PASSWORD)]);
    for (const text of [
      JSON.stringify(vault),
      inspect(vault, { depth: 9 }),
      String(vault.keys[0]?.password),
    ]) {
      expect(text).not.toContain(PASSWORD);
      expect(text).toContain('***');
    }
  });
});

describe('sealing', () => {
  it('takes a new salt each time, and the one it is given', () => {
    const again = () => sealText(PLAIN, prod);
    expect(again()).not.toBe(again());
    const salt = new Uint8Array(32).fill(7);
    expect(sealText(PLAIN, prod, salt)).toBe(sealText(PLAIN, prod, salt));
  });

  it('writes a label, but for the default one', () => {
    expect(sealText(PLAIN, prod).split('\n')[0]).toBe('$ANSIBLE_VAULT;1.2;AES256;prod');
    expect(sealText(PLAIN, key('default', 'x')).split('\n')[0]).toBe('$ANSIBLE_VAULT;1.1;AES256');
  });

  it('is undone by opening', () => {
    const opened = new Vault([prod]).open(sealText(Buffer.from(VARIABLES), prod));
    expect(opened.kind === 'open' && Buffer.from(opened.bytes).toString()).toBe(VARIABLES);
  });
});
