// What modules say of the fields they return is what they return in all cases of test/cases.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { parse } from 'yaml';
import { findModule, moduleNames } from '../../src/modules/registry.ts';

const CASES = join(import.meta.dirname, '../cases');

/** Their fields are named by the user. */
const FREE = new Set(['debug']);

function fieldsInCases(module: string): readonly string[] {
  const found = readdirSync(join(CASES, module)).flatMap((file) => {
    const { verdict, includes, conclusion } = parse(
      readFileSync(join(CASES, module, file), 'utf8'),
    ) as Record<string, { fields?: object } | undefined>;
    return [verdict, includes, conclusion].flatMap((each) => Object.keys(each?.fields ?? {}));
  });
  return [...new Set(found)].sort();
}

it.each(moduleNames().filter((name) => !FREE.has(name)))('%s', (name) => {
  const told = Object.keys(findModule(name)?.returns ?? {});
  expect(fieldsInCases(name).filter((field) => !told.includes(field))).toEqual([]);
});

it('there are such fields', () => {
  expect(moduleNames().flatMap(fieldsInCases).length).toBeGreaterThan(100);
});
