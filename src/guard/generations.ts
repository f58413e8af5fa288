// The generations of a host: confirmed changes, as templates/guard/ask.sh lists them.
import { createHash } from 'node:crypto';

export interface Generation {
  readonly number: number;
  /** `user@machine`. */
  readonly owner: string;
  readonly playbook: string;
  readonly play: string;
  /** ISO 8601: began by the controller's clock, was confirmed by the host's. */
  readonly started: string;
  readonly confirmed: string;
  readonly files: readonly string[];
  readonly services: readonly string[];
  /** Of what it left in these files: the same on two hosts means the same files. Empty where it left none. */
  readonly hash: string;
}

const HASH_LENGTH = 12;

/** Oldest first. */
export function parseGenerations(text: string): readonly Generation[] {
  return text
    .split(/^(?=generation=)/m)
    .filter((block) => block.startsWith('generation='))
    .map(parseGeneration);
}

function parseGeneration(block: string): Generation {
  const value = (key: string) => new RegExp(`^${key}=(.*)$`, 'm').exec(block)?.[1] ?? '';
  return {
    number: Number(value('generation')),
    owner: value('owner'),
    playbook: value('playbook'),
    play: value('play'),
    started: value('started'),
    confirmed: value('confirmed'),
    files: after(block, 'file'),
    services: after(block, 'service'),
    hash: hashOf(after(block, 'sum')),
  };
}

function hashOf(sums: readonly string[]): string {
  if (sums.length === 0) return '';
  return createHash('sha256').update(sums.toSorted().join('\n')).digest('hex').slice(0, HASH_LENGTH);
}

/** What stands behind the word, of the lines that begin with it. */
export function after(text: string, word: string): readonly string[] {
  return [...text.matchAll(new RegExp(`^${word} (.*)$`, 'gm'))].map(([, rest = '']) => rest);
}
