// Texts under one of Ansible's tags, as values of a document: `!unsafe` is never a template, `!vault` is still sealed.
import { Buffer } from 'node:buffer';
import type { Closed, Vault } from './vault/vault.ts';

export class TaggedText {
  readonly tag: 'unsafe' | 'vault';
  readonly text: string;

  constructor(tag: 'unsafe' | 'vault', text: string) {
    this.tag = tag;
    this.text = text;
  }

  toString(): string {
    return this.text;
  }

  /** As Ansible's JSON has it. */
  toJSON(): Record<string, string> {
    return { [`__ansible_${this.tag}`]: this.text };
  }
}

/** `text` is the vaulted one; what it holds is had from `open` alone. */
export class VaultedText extends TaggedText {
  readonly #vault: Vault;

  constructor(text: string, vault: Vault) {
    super('vault', text);
    this.#vault = vault;
  }

  /** Its plain text, which is a secret from then on. */
  open(): { readonly kind: 'open'; readonly text: string } | Closed {
    const opened = this.#vault.open(this.text);
    if (opened.kind !== 'open') return opened;
    const text = Buffer.from(opened.bytes).toString('utf8');
    this.#vault.secrets.add(text);
    return { kind: 'open', text };
  }
}

/** The value that an object of Ansible's JSON stands for, where it is one of a tagged text. */
export function fromAnsibleJson(
  object: Readonly<Record<string, unknown>>,
  vault: Vault,
): TaggedText | undefined {
  const [[key, text] = [], ...others] = Object.entries(object);
  if (others.length > 0 || typeof text !== 'string') return undefined;
  if (key === '__ansible_vault') return new VaultedText(text, vault);
  return key === '__ansible_unsafe' ? new TaggedText('unsafe', text) : undefined;
}
