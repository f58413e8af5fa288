// vars_prompt of a play: variables whose values a person is asked for. The questions are read here; asking is left to
// whoever has a person at hand.
import type { Problems } from '../diagnostic.ts';
import { CODES, keywordsOf } from './check-keys.ts';
import { type Located, TaskKeys } from './located.ts';
import { isMapping } from './playbook-tasks.ts';
import type { Origin } from './source.ts';

export interface Prompt {
  readonly name: string;
  /** What the person is asked, without the colon behind it. */
  readonly question: string;
  /** For an empty answer, or where nobody can be asked. */
  readonly fallback: Located<unknown> | undefined;
  /** The answer is a secret. */
  readonly isPrivate: boolean;
  /** The answer is asked for twice. */
  readonly confirm: boolean;
  readonly origin: Origin;
}

/** Stands for the answer to a prompt until somebody has given it. */
export class Unanswered {
  readonly name: string;

  constructor(name: string) {
    this.name = name;
  }
}

const text = { type: 'string' } as const;
const flag = { type: 'boolean' } as const;

const KEYS = {
  name: {
    type: 'string',
    pattern: '^[A-Za-z_][A-Za-z0-9_]*$',
    hint: 'write a name of letters, digits and underscores',
  },
  prompt: text,
  default: {},
  private: flag,
  confirm: flag,
  unsafe: flag,
  encrypt: {},
  salt: {},
  salt_size: {},
} as const;

const SCHEMA = { type: 'object', properties: KEYS, required: ['name'], additionalProperties: false } as const;

/** The items of `vars_prompt`. */
export function readPrompts(data: unknown, origin: Origin, problems: Problems): readonly Prompt[] {
  if (!Array.isArray(data)) return [];
  return data.flatMap((item: unknown, index): readonly Prompt[] => {
    const at = origin.child(index);
    if (!isMapping(item)) {
      problems.add({ ...CODES.value, at: at.span(), details: ['a prompt is a mapping with "name"'] });
      return [];
    }
    // The default may hold templates, as any variable.
    const { default: _, ...read } = KEYS;
    const keys = new TaskKeys(
      keywordsOf({ data: item, origin: at, schema: SCHEMA, keys: read }, problems),
      at,
    );
    for (const key of ['encrypt', 'salt', 'salt_size']) refuse(keys.get(key), key, problems);
    const name = keys.get<string>('name')?.value;
    if (name === undefined) return [];
    return [
      {
        name,
        question: keys.get<string>('prompt')?.value ?? name,
        fallback: keys.get('default'),
        isPrivate: keys.get<boolean>('private')?.value ?? true,
        confirm: keys.get<boolean>('confirm')?.value ?? false,
        origin: at,
      },
    ];
  });
}

function refuse(found: Located<unknown> | undefined, key: string, problems: Problems): void {
  if (found === undefined) return;
  problems.add({
    code: 'key-unsupported',
    summary: "key of Ansible's that this version does not take",
    at: (found.keyOrigin ?? found.origin).span(),
    details: [`"${key}" would be ignored, and the password would go out as it was typed`],
    hint: 'ask for the hash, made by "openssl passwd -6"',
  });
}
