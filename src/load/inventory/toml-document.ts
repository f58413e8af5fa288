// A TOML text as data with places. The only file that knows the library; what an inventory is, toml.ts knows.
import { createRequire } from 'node:module';
import type * as Library from 'smol-toml';
import type { Problems } from '../../diagnostic.ts';
import type { Origin, SourceFile } from '../source.ts';
import { tomlOrigin } from './toml-places.ts';

const load = createRequire(import.meta.url);

/** Few inventories are TOML: who has none does not wait for it. */
function library(): typeof Library {
  return load('smol-toml') as typeof Library;
}

export interface TomlDocument {
  readonly data: Readonly<Record<string, unknown>>;
  readonly origin: Origin;
}

/** Undefined where the text is no TOML, which is a problem. */
export function parseToml(source: SourceFile, problems: Problems): TomlDocument | undefined {
  const { parse, TomlError } = library();
  try {
    const data = parse(source.text, { integersAsBigInt: 'asNeeded' });
    return { data: plainTable(data), origin: tomlOrigin(source, keyName) };
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    const { line, column } = error;
    const reason = error.message.split('\n')[0]?.replace('Invalid TOML document: ', '') ?? '';
    problems.add({
      code: 'inventory-syntax',
      summary: 'inventory is not well formed',
      at: source.span(source.lineStart(line) + column - 1),
      details: [`it is no TOML: ${reason}`],
    });
    return undefined;
  }
}

function plainTable(table: object): Readonly<Record<string, unknown>> {
  const plain: Record<string, unknown> = Object.create(null);
  for (const [key, value] of Object.entries(table)) plain[key] = plainValue(value);
  return plain;
}

/** As YAML would have it: dates in the form in which Ansible prints them, whole numbers beyond 2^53 as text. */
function plainValue(value: unknown): unknown {
  if (typeof value === 'bigint') return String(value);
  if (value instanceof library().TomlDate) return isoText(value);
  if (Array.isArray(value)) return value.map(plainValue);
  return typeof value === 'object' && value !== null ? plainTable(value) : value;
}

function isoText(date: Library.TomlDate): string {
  const fraction = (_all: string, digits: string): string => (digits === '000' ? '' : `.${digits}000`);
  return date
    .toISOString()
    .replace(/\.(\d{3})/, fraction)
    .replace(/Z$/, '+00:00');
}

/** What a quoted key with escapes means. */
function keyName(quoted: string): string {
  return Object.keys(library().parse(`${quoted} = 0`))[0] ?? quoted;
}
