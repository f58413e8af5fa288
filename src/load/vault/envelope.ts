// The text form of a vaulted secret (Ansible Vault 1.1 and 1.2): what stands on its lines, without any key.
//
//   $ANSIBLE_VAULT;1.2;AES256;LABEL      1.1 has no label
//   hex of: hex SALT \n hex HMAC \n hex CIPHERTEXT, in lines of 80 characters
//
// https://docs.ansible.com/ansible/latest/vault_guide/vault_using_encrypted_content.html#ansible-vault-payload-format-1-1-1-2
import { Buffer } from 'node:buffer';

export interface Envelope {
  /** Undefined in the format 1.1. */
  readonly label: string | undefined;
  readonly salt: Uint8Array;
  /** HMAC-SHA256 of the ciphertext. */
  readonly mac: Uint8Array;
  readonly ciphertext: Uint8Array;
}

/** The label of whoever gave none: such envelopes have the format 1.1. */
export const DEFAULT_LABEL = 'default';

const MAGIC = '$ANSIBLE_VAULT;';
const LINE_LENGTH = 80;
const MAC_BYTES = 32;
const BLOCK_BYTES = 16;

/** Whether a file's text or bytes are vaulted. */
export function isVaulted(content: string | Uint8Array): boolean {
  if (typeof content === 'string') return content.startsWith(MAGIC);
  return Buffer.from(content.buffer, content.byteOffset, Math.min(MAGIC.length, content.length)).equals(
    Buffer.from(MAGIC),
  );
}

/** The parts, or the sentence that says what is broken. Blanks around lines and CRLF do no harm. */
export function parseEnvelope(text: string): Envelope | { readonly damage: string } {
  const [header = '', ...body] = text.trim().split(/\r?\n/);
  const [magic, version, cipher, label, ...more] = header.trim().split(';');
  if (`${magic};` !== MAGIC) return { damage: `the first line has to start with ${MAGIC}` };
  if (version !== '1.1' && version !== '1.2') {
    return { damage: `the format ${version || 'without a number'} is none of 1.1 and 1.2` };
  }
  if (cipher !== 'AES256') return { damage: `the cipher ${cipher || 'without a name'} is not AES256` };
  if (more.length > 0 || (version === '1.2') !== (label !== undefined && label !== '')) {
    return { damage: version === '1.2' ? 'the format 1.2 takes one label' : 'the format 1.1 takes no label' };
  }
  const inner = bytesOf(body.map((line) => line.trim()).join(''));
  if (inner === undefined) return { damage: 'below the first line there is something that is not hex' };
  const parts = inner.toString('latin1').split('\n').map(bytesOf);
  const [salt, mac, ciphertext] = parts;
  if (parts.length !== 3 || salt === undefined || mac === undefined || ciphertext === undefined) {
    return { damage: 'it does not hold salt, HMAC and ciphertext: lines may be missing' };
  }
  if (salt.length === 0 || mac.length !== MAC_BYTES || ciphertext.length === 0) {
    return { damage: 'salt, HMAC or ciphertext are too short: lines may be missing' };
  }
  if (ciphertext.length % BLOCK_BYTES !== 0) {
    return { damage: `the ciphertext is not in blocks of ${BLOCK_BYTES} bytes: lines may be missing` };
  }
  return { label, salt, mac, ciphertext };
}

/** The label in a vaulted text's first line, for messages; undefined where it has none. */
export function labelOf(text: string): string | undefined {
  return /^\$ANSIBLE_VAULT;1\.2;\w+;([^;\r\n]+)/.exec(text.trim())?.[1];
}

/** The text, with a newline at the end. The label `default` is left out, as Ansible does. */
export function printEnvelope({ label, salt, mac, ciphertext }: Envelope): string {
  const isNamed = label !== undefined && label !== DEFAULT_LABEL;
  const header = isNamed ? `${MAGIC}1.2;AES256;${label}` : `${MAGIC}1.1;AES256`;
  const inner = [salt, mac, ciphertext].map(hexOf).join('\n');
  const body = hexOf(Buffer.from(inner, 'latin1')).match(new RegExp(`.{1,${LINE_LENGTH}}`, 'g')) ?? [];
  return `${[header, ...body].join('\n')}\n`;
}

function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex');
}

function bytesOf(hex: string): Buffer | undefined {
  return /^(?:[0-9a-f]{2})*$/i.test(hex) ? Buffer.from(hex, 'hex') : undefined;
}
