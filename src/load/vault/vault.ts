// The keys of one run, and what was opened with them: each vaulted text once, its plain text noted as secret.
// Where keys come from is the business of keys.ts; how a text that stays closed is told, that of closed.ts.
import { Buffer } from 'node:buffer';
import { randomBytes } from 'node:crypto';
import type { Secret } from '../../secret.ts';
import { SecretTexts } from '../../secret-texts.ts';
import { SALT_BYTES, seal, unseal } from './cipher.ts';
import { DEFAULT_LABEL, parseEnvelope, printEnvelope } from './envelope.ts';

/** A password under a label. */
export interface VaultKey {
  readonly label: string;
  /** The password's bytes, as latin1 text. */
  readonly password: Secret;
}

export type Opened =
  | {
      readonly kind: 'open';
      readonly bytes: Uint8Array;
      readonly key: VaultKey;
      /** The label that it carries itself. */
      readonly label: string | undefined;
    }
  | Closed;

export type Closed =
  /** `passedOver`: labels of keys that were not tried, for the label has to match. */
  | {
      readonly kind: 'no-key';
      readonly label: string | undefined;
      readonly passedOver?: readonly string[];
    }
  /** None of the keys fits, or the text was changed after it was sealed. */
  | { readonly kind: 'no-fit'; readonly label: string | undefined; readonly tried: readonly string[] }
  | { readonly kind: 'damaged'; readonly damage: string };

/** Of several keys: those of the text's label first, then the others; or none but those. */
export type TriedKeys = 'all' | 'matching';

export class Vault {
  readonly keys: readonly VaultKey[];
  /** Whatever came out of it, to be masked wherever something is printed. */
  readonly secrets = new SecretTexts();
  readonly #opened = new Map<string, Opened>();

  readonly #tries: TriedKeys;

  constructor(keys: readonly VaultKey[] = [], tries: TriedKeys = 'all') {
    this.keys = keys;
    this.#tries = tries;
  }

  /** Opens a vaulted text; costs some 5 ms for each key that is tried, and nothing the second time. */
  open(text: string): Opened {
    let opened = this.#opened.get(text);
    if (opened === undefined) {
      opened = this.#open(text);
      this.#opened.set(text, opened);
    }
    return opened;
  }

  #open(text: string): Opened {
    const envelope = parseEnvelope(text);
    if ('damage' in envelope) return { kind: 'damaged', damage: envelope.damage };
    const { label } = envelope;
    if (this.keys.length === 0) return { kind: 'no-key', label };
    // As Ansible does it: labels say which key to try first, not which key it has to be.
    const wanted = this.#tries === 'matching' ? (label ?? DEFAULT_LABEL) : label;
    const isNamed = (key: VaultKey): boolean => key.label === wanted;
    const others = this.keys.filter((key) => !isNamed(key));
    const keys = [...this.keys.filter(isNamed), ...(this.#tries === 'all' ? others : [])];
    if (keys.length === 0) return { kind: 'no-key', label, passedOver: others.map((key) => key.label) };
    for (const key of keys) {
      const bytes = unseal(envelope, passwordBytes(key));
      if (bytes !== undefined) return { kind: 'open', bytes, key, label };
    }
    return { kind: 'no-fit', label, tried: keys.map((key) => key.label) };
  }
}

/** The vaulted text of `plain`, with the key's label. */
export function sealText(
  plain: Uint8Array,
  key: VaultKey,
  salt: Uint8Array = randomBytes(SALT_BYTES),
): string {
  return printEnvelope({ label: key.label, ...seal(plain, passwordBytes(key), salt) });
}

function passwordBytes({ password }: VaultKey): Uint8Array {
  return Buffer.from(password.reveal(), 'latin1');
}
