// Extra variables of the command line: `-e key=value`, `-e '{"key": …}'`, `-e @file.yml`. They win over all others.
import type { Problems } from '../diagnostic.ts';
import { type Located, locatedEntries, replace } from './located.ts';
import { loadVariablesFile } from './role.ts';
import { fixedOrigin, SourceFile } from './source.ts';
import type { Vault } from './vault/vault.ts';
import { parseYaml } from './yaml-document.ts';

/** Later arguments win over earlier ones. As in Ansible, `key=value` gives text. */
export function parseExtraVars(
  texts: readonly string[],
  problems: Problems,
  vault?: Vault,
): ReadonlyMap<string, Located<unknown>> {
  const variables = new Map<string, Located<unknown>>();
  for (const text of texts) {
    for (const [name, value] of parseOne(text, problems, vault)) replace(variables, name, value);
  }
  return variables;
}

function parseOne(
  text: string,
  problems: Problems,
  vault: Vault | undefined,
): ReadonlyMap<string, Located<unknown>> {
  if (text.startsWith('@')) return loadVariablesFile(text.slice(1), problems, undefined, vault);
  const source = new SourceFile('-e', text, vault);
  const whole = source.span(0, text.length);
  if (/^\s*\{/.test(text)) {
    const document = parseYaml(source, problems);
    return document === undefined ? new Map() : locatedEntries(document.data, document.origin);
  }
  const pairs = [...text.trim().matchAll(/([A-Za-z_]\w*)=("(?:[^"\\]|\\.)*"|'[^']*'|\S*)(?:\s+|$)/g)];
  if (pairs.length > 0 && pairs.map(([pair]) => pair).join('') === text.trim()) {
    const origin = fixedOrigin(whole);
    return new Map(pairs.map(([, name = '', value = '']) => [name, { value: unquoted(value), origin }]));
  }
  problems.add({
    code: 'usage',
    summary: 'command line cannot be used',
    at: whole,
    details: ['extra variables are key=value, JSON or @FILE'],
  });
  return new Map();
}

function unquoted(value: string): string {
  const [, quote, inner] = /^(["'])([\s\S]*)\1$/.exec(value) ?? [];
  if (inner === undefined) return value;
  return quote === '"' ? inner.replace(/\\(["\\])/g, '$1') : inner;
}
